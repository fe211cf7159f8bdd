//! The native protocol once more, as types: what its renderer writes by hand for speed, and what
//! its reader takes. TypeScript and JSON Schema are made of them (`generated`).
//!
//! A second statement is worth something only where it is proven: `proof` holds it against
//! everything that the relay is known to say, `asking` against what its reader takes. These types
//! must never be used to say anything to anybody.

/// A struct of JSON. `field?: Type` may be absent, and is never null. The proof compares what was
/// read with what it is written as again, so a field that is not named here is noticed.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident { $($fields:tt)* }) => {
        object! { @field [$(#[$doc])*] $name [] $($fields)* }
    };
    (@field [$($head:tt)*] $name:ident [$($done:tt)*]) => {
        $($head)*
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema, ts_rs::TS)]
        #[ts(optional_fields)]
        pub(crate) struct $name { $($done)* }
    };
    (@field $head:tt $name:ident [$($done:tt)*]
        $(#[$doc:meta])* $field:ident ?: $type:ty, $($rest:tt)*) => {
        object! { @field $head $name [$($done)*
            $(#[$doc])*
            #[serde(
                default,
                deserialize_with = "crate::wire::stated",
                skip_serializing_if = "Option::is_none"
            )]
            pub(crate) $field: Option<$type>,
        ] $($rest)* }
    };
    (@field $head:tt $name:ident [$($done:tt)*]
        $(#[$doc:meta])* $field:ident : $type:ty, $($rest:tt)*) => {
        object! { @field $head $name [$($done)* $(#[$doc])* pub(crate) $field: $type,] $($rest)* }
    };
}

/// A frame that is a record: it has a place, and parts that it changed. (`generated` joins them
/// under their own names, where the derives would repeat them in each.)
macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($fields:tt)* }) => {
        object! { @field [$(#[$doc])*] $name [
            #[serde(flatten)]
            #[ts(skip)]
            #[schemars(skip)]
            pub(crate) place: crate::wire::records::RecordPlace,
            #[serde(flatten)]
            #[ts(skip)]
            #[schemars(skip)]
            pub(crate) parts: crate::wire::records::RecordParts,
        ] $($fields)* }
    };
}

/// Messages of which each has a `type`: that of its variant.
macro_rules! messages {
    ($(#[$doc:meta])* $name:ident { $($type:literal => $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema, ts_rs::TS)]
        #[serde(tag = "type")]
        #[allow(clippy::large_enum_variant, reason = "a test reads a few hundred of them")]
        #[expect(clippy::enum_variant_names, reason = "a variant bears the name of what is in it")]
        pub(crate) enum $name { $(#[serde(rename = $type)] $variant($variant),)* }
    };
}

mod asking;
mod client;
mod coverage;
mod gates;
mod generated;
mod notices;
mod parts;
mod proof;
mod records;
mod talk;
mod values;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;
use ts_rs::TS;

use notices::NoticeFrame;
use records::RecordFrame;

/// Everything that the relay says. Records have a place in an execution's log (`event_id` is there),
/// the others have none. Ignore a `type` that you don't know: later versions add some.
#[derive(Debug, Clone, Serialize, JsonSchema, TS)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "a test reads a few hundred of them")]
pub(crate) enum ServerFrame {
    Record(RecordFrame),
    Notice(NoticeFrame),
}

/// Two frames are called `error`: only its place tells the record.
impl<'de> Deserialize<'de> for ServerFrame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if value.get("event_id").is_some() {
            serde_json::from_value(value).map(Self::Record).map_err(D::Error::custom)
        } else {
            serde_json::from_value(value).map(Self::Notice).map_err(D::Error::custom)
        }
    }
}

/// A field that may be absent, and is not null where it is there. Opaque JSON may well be null.
fn stated<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
