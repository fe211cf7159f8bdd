//! Text that is JSON, known by its type: whoever holds a [`JsonText`] may put it into a document as it
//! is and need not look at it again. There must be no way to make one of text that nobody has checked.

pub mod canonical;
mod formats;
pub mod names;
pub mod schema;
pub mod tree;

use std::{
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::value::RawValue;

/// Exactly one JSON value, as it was written, without white space around it. Clones share it.
#[derive(Clone)]
pub struct JsonText(Arc<RawValue>);

impl JsonText {
    /// Checks `text`. How deep it may be nested is not checked here, but recursion is bounded.
    ///
    /// # Errors
    /// Where and why it is not one JSON value.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<&RawValue>(text).map(Self::from)
    }

    /// The same, as a serializer of JSON takes it without looking at it.
    pub fn raw(&self) -> &RawValue {
        &self.0
    }
}

/// A reader has checked it.
impl From<&RawValue> for JsonText {
    fn from(raw: &RawValue) -> Self {
        Self(raw.to_owned().into())
    }
}

impl Deref for JsonText {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.get()
    }
}

/// As the text that it is: in the stored form it is one string among others.
impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

/// It is checked again: a store is a door as well.
impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let raw = RawValue::from_string(text).map_err(D::Error::custom)?;
        Ok(Self(raw.into()))
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for JsonText {}

impl Hash for JsonText {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (**self).hash(hasher);
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
