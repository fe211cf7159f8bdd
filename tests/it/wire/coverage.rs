//! What of the types occurs in what was said: a walk along a value and its schema.

use std::collections::BTreeSet;

use serde_json::Value;

use super::generated::SCHEMA;

/// Which fields and words have been seen. A field is named `Type.field`, a word `Type=word`.
pub(super) struct Coverage {
    schema: &'static Value,
    seen: BTreeSet<String>,
    /// Fields that were absent where they could have been.
    absent: BTreeSet<String>,
}

impl Coverage {
    pub(super) fn new() -> Self {
        Self { schema: &SCHEMA, seen: BTreeSet::new(), absent: BTreeSet::new() }
    }

    /// Goes through a value of the named type.
    pub(super) fn walk(&mut self, name: &str, value: &Value) {
        let schema = &self.schema["$defs"][name];
        assert!(schema.is_object(), "there is no type {name}");
        self.along(name, schema, value);
    }

    /// Fields and words that nothing has said.
    pub(super) fn unseen(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for (name, schema) in self.schema["$defs"].as_object().unwrap() {
            all.extend(fields(schema).map(|(field, _)| format!("{name}.{field}")));
            let words = schema["enum"].as_array().into_iter().flatten();
            all.extend(words.map(|word| format!("{name}={}", word.as_str().unwrap())));
        }
        assert!(all.len() > 300, "the walk knows {}", all.len());
        all.difference(&self.seen).cloned().collect()
    }

    /// Fields that may be absent, and never are.
    pub(super) fn never_absent(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for (name, schema) in self.schema["$defs"].as_object().unwrap() {
            let may = fields(schema).filter(|(field, _)| !is_required(schema, field));
            all.extend(may.map(|(field, _)| format!("{name}.{field}")));
        }
        all.difference(&self.absent).cloned().collect()
    }

    fn along(&mut self, name: &str, schema: &Value, value: &Value) {
        if let Some(inner) = reference(schema) {
            return self.walk(inner, value);
        }
        for branches in ["oneOf", "anyOf"].iter().filter_map(|it| schema[it].as_array()) {
            let branch = branches.iter().find(|it| self.fits(it, value));
            let branch = branch.unwrap_or_else(|| panic!("{name} is never {value}"));
            self.along(name, branch, value);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.along(name, part, value);
        }
        if schema["enum"].is_array() {
            self.seen.insert(format!("{name}={}", value.as_str().unwrap()));
        }
        for (field, schema) in fields(schema) {
            match value.get(field) {
                Some(value) => {
                    self.seen.insert(format!("{name}.{field}"));
                    self.along(&format!("{name}.{field}"), schema, value);
                }
                None => {
                    self.absent.insert(format!("{name}.{field}"));
                }
            }
        }
        if let Some(item) = schema.get("items") {
            value.as_array().unwrap().iter().for_each(|it| self.along(name, item, it));
        }
    }

    /// Which branch it is: messages are told apart by their `type`, and by what they must have.
    fn fits(&self, schema: &Value, value: &Value) -> bool {
        if let Some(inner) = reference(schema) {
            return self.fits(&self.schema["$defs"][inner], value);
        }
        if let Some(branches) = schema["oneOf"].as_array() {
            return branches.iter().any(|it| self.fits(it, value));
        }
        let kind = &schema["properties"]["type"]["const"];
        let mut required = schema["required"].as_array().into_iter().flatten();
        kind == &value["type"] && required.all(|it| value.get(it.as_str().unwrap()).is_some())
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str().map(|it| it.strip_prefix("#/$defs/").unwrap())
}

fn fields(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    schema["properties"].as_object().into_iter().flatten().map(|(name, it)| (name.as_str(), it))
}

pub(super) fn is_required(schema: &Value, field: &str) -> bool {
    schema["required"].as_array().is_some_and(|it| it.iter().any(|it| it == field))
}
