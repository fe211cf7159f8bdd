//! See `src/event_proto_to_json.rs`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| footplate_fuzz::event_proto_to_json::run(data));
