//! What is made of the types for others: TypeScript, and a JSON Schema. Both are committed;
//! `UPDATE=1` writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::{env, fs};

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use ts_rs::{Config, TS, TypeVisitor};

use super::ServerFrame;
use super::client::ClientMessage;
use super::records::{CapturedEvent, RecordPlace, WorkflowChange};

/// The unions of messages, each of which has a `type`. Those of records have a place as well.
const MESSAGES: [&str; 3] = ["RecordFrame", "NoticeFrame", "ClientMessage"];

#[test]
fn the_committed_files_are_what_the_types_say() {
    let schema = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    check("docs/schema/native.schema.json", &schema);
    check("clients/typescript/src/generated/protocol.ts", &typescript());
}

fn check(file: &str, actual: &str) {
    let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == actual, "{file}: run `make bless`, and read the diff");
}

/// Server frames and client messages, as two of the definitions.
///
/// Frames are open: later versions add fields, and a reader ignores what it does not know. Messages
/// of clients are closed: the relay refuses what it does not know.
pub(super) fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    generator.subschema_for::<ServerFrame>();
    generator.subschema_for::<ClientMessage>();
    generator.subschema_for::<CapturedEvent>();
    generator.subschema_for::<WorkflowChange>();
    let types: BTreeMap<String, String> =
        MESSAGES.into_iter().flat_map(|union| variants(union, &declarations())).collect();
    let mut definitions = generator.take_definitions(true);
    for union in MESSAGES {
        let mut branches = vec![];
        for branch in definitions[union]["oneOf"].as_array().unwrap().clone() {
            let name = &types[branch["properties"]["type"]["const"].as_str().unwrap()];
            // Two frames are called `error`.
            let name = if union == "RecordFrame" && name == "ProblemFrame" { "ErrorFrame" } else { name };
            let closed = union == "ClientMessage";
            branches.push(json!({"$ref": format!("#/$defs/{name}")}));
            definitions.insert(name.to_owned(), branch);
            if closed {
                definitions[name]["additionalProperties"] = false.into();
            }
        }
        definitions[union]["oneOf"] = branches.into();
    }
    definitions["Since"]["additionalProperties"] = false.into();
    let mut definitions = Value::Object(definitions);
    never_null(&mut definitions);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Footplate's native protocol",
        "description": "What the relay says (#/$defs/ServerFrame) and what a client says \
            (#/$defs/ClientMessage) on /v1/stream, subprotocol footplate.v1. Made of the types in \
            tests/it/wire by `make bless`; not to be edited.",
        "$defs": definitions,
    })
}

/// What may be absent is not null where it is there, other than serde's `Option`.
fn never_null(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Array(types)) = fields.get_mut("type") {
                types.retain(|it| it != "null");
                if let [single] = &types[..] {
                    let single = single.clone();
                    fields.insert("type".to_owned(), single);
                }
            }
            if let Some(Value::Array(any)) = fields.get_mut("anyOf") {
                any.retain(|it| it["type"] != "null");
                if let [Value::Object(single)] = &any[..] {
                    let single = single.clone();
                    fields.remove("anyOf");
                    fields.extend(single);
                }
            }
            fields.values_mut().for_each(never_null);
        }
        Value::Array(items) => items.iter_mut().for_each(never_null),
        _ => (),
    }
}

fn typescript() -> String {
    let declared = declarations();
    for (name, text) in &declared {
        println!("{name}: {text}");
    }
    String::new()
}

/// `type` and name of each of a union's messages: `{ "type": "log" } & LogFrame | …`.
fn variants(union: &str, declared: &[(String, String)]) -> Vec<(String, String)> {
    vec![]
}

fn declarations() -> Vec<(String, String)> {
    let config = Config::new().with_large_int("number");
    let mut gather = Gather { config: &config, seen: BTreeSet::new(), declared: vec![] };
    gather.visit::<ServerFrame>();
    gather.visit::<RecordPlace>();
    gather.visit::<ClientMessage>();
    gather.visit::<CapturedEvent>();
    gather.visit::<WorkflowChange>();
    gather.declared
}

struct Gather<'a> {
    config: &'a Config,
    seen: BTreeSet<String>,
    declared: Vec<(String, String)>,
}

impl TypeVisitor for Gather<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        let name = T::ident(self.config);
        if T::output_path().is_some() && self.seen.insert(name.clone()) {
            let docs = T::docs().unwrap_or_default();
            self.declared.push((name, format!("{docs}export {}", T::decl(self.config))));
            T::visit_dependencies(self);
        }
    }
}
