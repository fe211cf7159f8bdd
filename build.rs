//! Compiles `proto/` into Rust without any tool to be installed.
//!
//! One thing is changed on the way: a batch's `repeated Event` becomes `repeated bytes`, which is
//! the same on the wire. So one event that can't be decoded costs that event and not its message,
//! and the bytes are at hand for the hash that tells a repeat from a conflict.

use std::path::Path;

use prost_types::field_descriptor_proto::Type;

/// The fields whose events are decoded one by one.
const AS_BYTES: [(&str, &str); 2] = [("EventBatch", "events"), ("StateReport", "events")];

fn main() -> anyhow::Result<()> {
    println!("cargo:rerun-if-changed=proto");
    let mut files = protox::compile(["footplate/v1/engine.proto"], [Path::new("proto")])?;
    for file in &mut files.file {
        for message in &mut file.message_type {
            let name = message.name().to_owned();
            for field in &mut message.field {
                if AS_BYTES.contains(&(name.as_str(), field.name())) {
                    field.set_type(Type::Bytes);
                    field.type_name = None;
                }
            }
        }
    }
    tonic_prost_build::configure()
        .bytes(".footplate.v1")
        .build_transport(true)
        .compile_fds(files)?;
    Ok(())
}
