#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| footplate_fuzz::ws_session::run(data));
