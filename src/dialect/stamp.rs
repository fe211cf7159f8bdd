//! Where a message belongs, as fields beside its own: `seq` and `event_id` of a record, `as_of_seq` of
//! a state. The seed protocols' clients ignore them and others can use them. Nothing that is one
//! viewer's alone is stamped: it has no place in anybody's order.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::ser::SerializeMap;
use serde_json::value::RawValue;

use super::object::{Fields, Object, Put, Raw, Shown};
use crate::frame::Frames;
use crate::model::{Event, Json, Position, Timestamp};

/// Writes messages with the same stamp.
pub(super) struct Teller<'a> {
    pub(super) stamp: Option<Stamp>,
    pub(super) out: &'a mut Frames,
}

impl Teller<'_> {
    pub(super) fn say(&mut self, message: &impl Fields) {
        self.out.text(&Object(Stamped(message, self.stamp)));
    }

    /// A message as its engine has put it; stamped, unless it has a stamp of its own.
    pub(super) fn verbatim(&mut self, json: &Json) {
        let keys: Result<BTreeMap<String, IgnoredAny>, _> = serde_json::from_str(&json.text);
        let stamped = match (keys, self.stamp) {
            (Ok(keys), Some(stamp)) => splice(&json.text, &keys, stamp),
            (Ok(_), None) | (Err(_), _) => None,
        };
        match stamped {
            Some(stamped) => self.out.text(&stamped),
            None => self.out.text(&Raw(json)),
        }
    }

    /// An event as its engine puts it in this protocol, if it does. Nothing else is said of it then.
    pub(super) fn native(&mut self, event: &Event, protocol: &str) -> bool {
        let mut forms = event.native_forms.iter().filter(|form| &*form.protocol == protocol);
        let first = forms.next();
        first.into_iter().chain(forms).for_each(|form| self.verbatim(&form.json));
        first.is_some()
    }
}

/// An object's text with a stamp before its last brace; `None` if that adds nothing.
fn splice(
    object: &str,
    keys: &BTreeMap<String, IgnoredAny>,
    stamp: Stamp,
) -> Option<Box<RawValue>> {
    let stamp = serde_json::to_string(&Object(Lacking(stamp, keys))).ok()?;
    let stamp = stamp.strip_prefix('{').filter(|stamp| *stamp != "}")?;
    let open = object.trim_end().strip_suffix('}')?;
    let comma = if keys.is_empty() { "" } else { "," };
    RawValue::from_string(format!("{open}{comma}{stamp}")).ok()
}

/// Where a message belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    place: Place,
    /// Said as `timestamp`, in milliseconds, in protocols that have no such field of their own.
    time: Option<Timestamp>,
}

/// What is said of a state has no place of its own, only a moment.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// The messages of one record share its place.
    Record(Position),
    State(Position),
}

impl Stamp {
    /// Of what a record amounts to.
    pub(super) fn record(at: Position) -> Self {
        Self { place: Place::Record(at), time: None }
    }

    /// Of a state.
    pub(super) fn state(at: Position) -> Self {
        Self { place: Place::State(at), time: None }
    }

    /// With the time as well.
    pub(super) fn timed(self, time: Timestamp) -> Self {
        Self { time: Some(time), ..self }
    }

    fn write<M: SerializeMap>(
        &self,
        to: &mut M,
        lacks: impl Fn(&str) -> bool,
    ) -> Result<(), M::Error> {
        let (place, position, event_id) = match &self.place {
            Place::Record(position) => ("seq", position, Some(Shown(position))),
            Place::State(position) => ("as_of_seq", position, None),
        };
        to.maybe(place, lacks(place).then_some(position.seq.0))?;
        to.maybe("event_id", event_id.filter(|_| lacks("event_id")))?;
        let time = self.time.filter(|_| lacks("timestamp"));
        to.maybe("timestamp", time.map(|it| it.0.div_euclid(1_000)))
    }
}

/// What of a stamp an object with these keys lacks.
struct Lacking<'a>(Stamp, &'a BTreeMap<String, IgnoredAny>);

impl Fields for Lacking<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        self.0.write(to, |key| !self.1.contains_key(key))
    }
}

struct Stamped<'a, T>(&'a T, Option<Stamp>);

impl<T: Fields> Fields for Stamped<'_, T> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        self.0.fields(to)?;
        self.1.map_or(Ok(()), |stamp| stamp.write(to, |_| true))
    }
}
