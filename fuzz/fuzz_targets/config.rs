//! See `src/config.rs`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| footplate_fuzz::config::run(data));
