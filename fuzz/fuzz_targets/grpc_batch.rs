#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| footplate_fuzz::grpc_batch::run(data));
