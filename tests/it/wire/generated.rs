//! What is made of the types for others: TypeScript, and a JSON Schema. Both are committed;
//! `UPDATE=1` writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::{env, fmt::Write as _, fs, sync::LazyLock};

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use ts_rs::{Config, TS, TypeVisitor};

use super::ServerFrame;
use super::client::ClientMessage;
use super::records::{RecordParts, RecordPlace};
use super::talk::{CapturedEvent, WorkflowChange};

/// The unions of messages, each of which has a `type`. Those of records have a place as well.
const MESSAGES: [&str; 3] = ["RecordFrame", "NoticeFrame", "ClientMessage"];
/// What a reader looks for first.
const UNIONS: [&str; 4] = ["ServerFrame", "RecordFrame", "NoticeFrame", "ClientMessage"];

#[test]
fn the_committed_files_are_what_the_types_say() {
    let schema = serde_json::to_string_pretty(&*SCHEMA).unwrap() + "\n";
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
pub(super) static SCHEMA: LazyLock<Value> = LazyLock::new(schema);

fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    generator.subschema_for::<ServerFrame>();
    generator.subschema_for::<RecordPlace>();
    generator.subschema_for::<RecordParts>();
    generator.subschema_for::<ClientMessage>();
    generator.subschema_for::<CapturedEvent>();
    generator.subschema_for::<WorkflowChange>();
    let mut definitions = generator.take_definitions(true);
    for union in MESSAGES {
        // Each message by itself, with its type, which schemars would leave to the union.
        let mut branches = vec![];
        for (kind, name) in variants(union) {
            branches.push(json!({"$ref": format!("#/$defs/{name}")}));
            let message = definitions.get_mut(&name).unwrap();
            message["properties"]["type"] = json!({"const": kind});
            match &mut message["required"] {
                Value::Array(required) => required.insert(0, "type".into()),
                none => *none = json!(["type"]),
            }
            if union == "RecordFrame" {
                let every = ["RecordPlace", "RecordParts"];
                message["allOf"] = every.map(|it| json!({"$ref": format!("#/$defs/{it}")})).into();
            }
            if union == "ClientMessage" {
                message["additionalProperties"] = false.into();
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
            (#/$defs/ClientMessage) on /v1/stream, subprotocol footplate.v1. Made by `make bless` \
            of the types in tests/it/wire; not to be edited.",
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
    let mut text =
        "// Made by `make bless` of the types in tests/it/wire; not to be edited.\n".to_owned();
    let kinds: BTreeMap<String, (&str, String)> = MESSAGES
        .into_iter()
        .flat_map(|union| {
            variants(union).into_iter().map(move |(kind, name)| (name, (union, kind)))
        })
        .collect();
    for Declared { name, docs, body } in declared() {
        write!(text, "\n{}export type {name} =", comment(&docs, "")).unwrap();
        if MESSAGES.contains(&&*name) {
            let names: Vec<String> = variants(&name).into_iter().map(|(_, name)| name).collect();
            text += &union(names.iter().map(String::as_str));
        } else if let Some((whose, kind)) = kinds.get(&name) {
            write!(text, " {{\n  type: \"{kind}\";\n{}}}", fields(&body)).unwrap();
            text += if *whose == "RecordFrame" { " & RecordPlace & RecordParts" } else { "" };
        } else if body.starts_with('{') {
            write!(text, " {{\n{}}}", fields(&body)).unwrap();
        } else {
            text += &union(body.split(" | "));
        }
        text += ";\n";
    }
    for (constant, union, docs) in [
        ("recordTypes", "RecordFrame", "The types of records."),
        ("noticeTypes", "NoticeFrame", "The types of all other frames."),
    ] {
        let kinds: Vec<String> =
            variants(union).into_iter().map(|(kind, _)| format!("  \"{kind}\",\n")).collect();
        let kinds = kinds.concat();
        write!(text, "\n/** {docs} */\nexport const {constant} = [\n{kinds}] as const;\n").unwrap();
    }
    text
}

/// The fields of `{ /** … */ field?: type, … }`, each on its line under what is said of it.
fn fields(body: &str) -> String {
    let (mut text, mut docs, mut inside) = (String::new(), vec![], false);
    for line in body.trim_start_matches('{').lines().map(str::trim).filter(|it| !it.is_empty()) {
        match line {
            "/**" => inside = true,
            "*/" => inside = false,
            _ if inside => docs.push(line.trim_start_matches('*').trim()),
            _ => {
                let field = line.trim_end_matches('}').trim_end().trim_end_matches(',');
                if field.is_empty() {
                    continue;
                }
                writeln!(text, "{}  {field};", comment(&docs.join("\n"), "  ")).unwrap();
                docs.clear();
            }
        }
    }
    text
}

fn union<'a>(members: impl Iterator<Item = &'a str> + Clone) -> String {
    let length: usize = members.clone().map(|it| it.len() + 3).sum();
    let members: Vec<&str> = members.collect();
    if length < 80 {
        format!(" {}", members.join(" | "))
    } else {
        format!("\n  | {}", members.join("\n  | "))
    }
}

fn comment(docs: &str, indent: &str) -> String {
    let lines: Vec<&str> = docs.lines().collect();
    match &lines[..] {
        [] => String::new(),
        [line] => format!("{indent}/** {line} */\n"),
        lines => {
            let lines: Vec<String> = lines.iter().map(|it| format!("{indent} * {it}\n")).collect();
            format!("{indent}/**\n{}{indent} */\n", lines.concat())
        }
    }
}

/// `type` and name of each of a union's messages, which ts-rs puts as
/// `{ "type": "log" } & LogFrame | …`.
fn variants(union: &str) -> Vec<(String, String)> {
    let declared = declared();
    let union = declared.iter().find(|it| it.name == union).unwrap();
    let variant = |text: &str| {
        let (kind, name) = text.split_once(" & ").unwrap();
        let kind = kind.strip_prefix("{ \"type\": \"").and_then(|it| it.strip_suffix("\" }"));
        (kind.unwrap().to_owned(), name.to_owned())
    };
    union.body.split(" | ").map(variant).collect()
}

/// A type as ts-rs puts it.
struct Declared {
    name: String,
    docs: String,
    body: String,
}

/// Every type that is part of the protocol: the unions, then the others by name.
fn declared() -> Vec<Declared> {
    let config = Config::new().with_large_int("number");
    let mut gather = Gather { config: &config, seen: BTreeSet::new(), declared: vec![] };
    gather.visit::<ServerFrame>();
    gather.visit::<RecordPlace>();
    gather.visit::<RecordParts>();
    gather.visit::<ClientMessage>();
    gather.visit::<CapturedEvent>();
    gather.visit::<WorkflowChange>();
    let mut declared = gather.declared;
    // In which order types come upon each other, ts-rs leaves to chance.
    let place = |it: &Declared| UNIONS.iter().position(|name| it.name == *name);
    declared.sort_by_key(|it| (place(it).unwrap_or(UNIONS.len()), it.name.clone()));
    declared
}

struct Gather<'a> {
    config: &'a Config,
    seen: BTreeSet<String>,
    declared: Vec<Declared>,
}

impl TypeVisitor for Gather<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        let name = T::ident(self.config);
        if T::output_path().is_none() || !self.seen.insert(name.clone()) {
            return;
        }
        let docs = T::docs().unwrap_or_default();
        let docs: Vec<&str> = docs
            .lines()
            .map(|it| it.trim_matches(['/', '*', ' ']))
            .filter(|it| !it.is_empty())
            .collect();
        let body = T::decl(self.config);
        let body = body.split_once(" = ").unwrap().1.trim_end_matches(';');
        // What has no fields.
        let body = if body == "Record<symbol, never>" { "{ }" } else { body };
        let body = body.to_owned();
        self.declared.push(Declared { name, docs: docs.join("\n"), body });
        T::visit_dependencies(self);
    }
}
