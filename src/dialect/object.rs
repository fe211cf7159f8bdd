//! JSON objects as the dialects write them: field by field, straight into the frame, with opaque
//! JSON spliced in as the text that it is. Nothing is copied into a tree on the way.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::model::{Json, Timestamp};

/// What writes itself as the fields of an object.
pub(super) trait Fields {
    /// Writes them, in the order in which a person reads them.
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error>;
}

impl<T: Fields + ?Sized> Fields for &T {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        (**self).fields(to)
    }
}

/// An object with these fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object<T>(pub T);

impl<T: Fields> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.fields(&mut map)?;
        map.end()
    }
}

/// A list of what an iterator gives.
#[derive(Debug, Clone)]
pub(super) struct List<I>(pub I);

impl<I: Clone + IntoIterator<Item: Serialize>> Serialize for List<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

/// The ways to write a field.
pub(super) trait Put: SerializeMap {
    /// Always.
    fn put(&mut self, key: &str, value: &(impl Serialize + ?Sized)) -> Result<(), Self::Error> {
        self.serialize_entry(key, value)
    }

    /// Where there is something.
    fn maybe(&mut self, key: &str, value: Option<impl Serialize>) -> Result<(), Self::Error> {
        value.map_or(Ok(()), |value| self.serialize_entry(key, &value))
    }

    /// Where it is not empty.
    fn some<T: Serialize>(&mut self, key: &str, list: &[T]) -> Result<(), Self::Error> {
        if list.is_empty() { Ok(()) } else { self.serialize_entry(key, list) }
    }

    /// Opaque JSON under `key`; where that stands for a larger value, what there is to know of the
    /// larger one under `key` + `_ref`.
    fn json(&mut self, key: &str, json: Option<&Json>) -> Result<(), Self::Error> {
        let Some(json) = json else { return Ok(()) };
        self.serialize_entry(key, &Raw(json))?;
        let Json { text: _, truncated, full_size, uri, sha256 } = json;
        if *truncated || *full_size != 0 || uri.is_some() || sha256.is_some() {
            self.serialize_entry(&Shown(format_args!("{key}_ref")), &Object(Whole(json)))?;
        }
        Ok(())
    }

    /// An amount of money, twice: exact, as `key` + `_usd_nanos`, and as a number of dollars for
    /// whoever only shows it.
    fn money(&mut self, key: &str, dollars: &str, nanos: Option<i64>) -> Result<(), Self::Error> {
        let Some(nanos) = nanos else { return Ok(()) };
        self.serialize_entry(&Shown(format_args!("{key}_usd_nanos")), &nanos)?;
        self.serialize_entry(dollars, &usd(nanos))
    }
}

impl<M: SerializeMap> Put for M {}

/// Dollars.
pub(super) fn usd(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

/// What there is to know of a value that is only hinted at.
struct Whole<'a>(&'a Json);

impl Fields for Whole<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Json { text: _, truncated, full_size, uri, sha256 } = self.0;
        to.put("truncated", truncated)?;
        to.maybe("full_size", (*full_size != 0).then_some(full_size))?;
        to.maybe("uri", uri.as_ref())?;
        to.maybe("sha256", sha256.as_ref().map(Hex))
    }
}

/// Opaque JSON, as the text that it is: no number is rounded, no key moved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw<'a>(pub &'a Json);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.text.raw().serialize(serializer)
    }
}

/// A string, as it is displayed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<T>(pub T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// RFC 3339, in UTC, to the microsecond.
pub(super) fn time(time: Option<Timestamp>) -> Option<Shown<Timestamp>> {
    time.map(Shown)
}

/// A digest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hex<'a>(pub &'a [u8; 32]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
