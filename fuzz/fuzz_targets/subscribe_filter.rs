//! See `src/subscribe_filter.rs`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| footplate_fuzz::subscribe_filter::run(data));
