//! See `src/jwt_verify.rs`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| footplate_fuzz::jwt_verify::run(data));
