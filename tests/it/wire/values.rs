//! Plain values of the native protocol: time, digests, opaque JSON, labels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

/// RFC 3339 in UTC with microseconds: `2026-11-20T10:00:00.000000Z`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, TS)]
#[schemars(extend("format" = "date-time", "pattern" = "\\.[0-9]{6}Z$"))]
pub(crate) struct Time(String);

/// A SHA-256 in 64 hexadecimal digits.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, TS)]
#[schemars(extend("pattern" = "^[0-9a-f]{64}$"))]
pub(crate) struct Sha256(pub(crate) String);

/// JSON whose meaning is the engine's own: any value, null too.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, TS)]
#[ts(type = "unknown")]
pub(crate) struct Json(pub(crate) Value);

object! {
    /// What there is to know of a value that is too large for a frame: the field without `_ref`
    /// holds what stands for it.
    ValueRef {
        /// Whether that is not the whole value.
        truncated: bool,
        /// Bytes of the whole value.
        full_size?: u64,
        /// Where the whole value can be had. The relay never opens it.
        uri?: String,
        /// The whole value's digest.
        sha256?: Sha256,
    }
}

object! {
    /// A name with a value.
    Label {
        /// The name.
        key: String,
        /// The value.
        value: String,
    }
}

object! {
    /// Who did something, as verified by the relay.
    Principal {
        /// The verified name. Without authentication everybody is `local`.
        subject: String,
        /// Who vouches for it.
        issuer?: String,
        /// How it was verified: `none`, `jwt` and so on.
        method: String,
    }
}

object! {
    /// What failed.
    Failure {
        /// In words.
        message: String,
        /// The kind of failure, such as an exception's class.
        error_type?: String,
        /// Where it happened in the program.
        traceback?: String,
        /// At which node.
        node_id?: String,
    }
}
