//! See `src/client_msg_json.rs`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| footplate_fuzz::client_msg_json::run(data));
