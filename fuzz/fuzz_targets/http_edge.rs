//! See `src/http_edge.rs`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| footplate_fuzz::http_edge::run(data));
