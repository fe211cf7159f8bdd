//! The envelope that every message is in, and how opaque JSON is shown in it.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use crate::dialect::object::{Fields, Object, Put, Raw, Shown};
use crate::dialect::stamp::Teller;
use crate::model::{Json, Timestamp};

/// Says messages that have their time and their execution in common.
pub(super) struct Voice<'a> {
    pub(super) teller: Teller<'a>,
    pub(super) time: Timestamp,
    /// The execution.
    pub(super) run: &'a str,
    /// The session that its engine counts it to, where that is known.
    pub(super) session: Option<&'a str>,
}

impl Voice<'_> {
    /// One message. `data`: all its fields, also those that there is nothing to say of.
    pub(super) fn say(&mut self, event_type: &str, data: &impl Fields) {
        let Self { teller, time, run, session } = self;
        let (time, run, session) = (*time, *run, *session);
        teller.say(&Envelope { event_type, time, run, session, data });
    }
}

struct Envelope<'a, D> {
    event_type: &'a str,
    time: Timestamp,
    run: &'a str,
    session: Option<&'a str>,
    data: &'a D,
}

impl<D: Fields> Fields for Envelope<'_, D> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("event_type", self.event_type)?;
        to.put("timestamp", &Shown(self.time))?;
        to.put("run_id", self.run)?;
        to.put("session_id", &self.session)?;
        to.put("data", &Object(self.data))
    }
}

/// A message without particulars.
pub(super) struct Nothing;

impl Fields for Nothing {
    fn fields<M: SerializeMap>(&self, _: &mut M) -> Result<(), M::Error> {
        Ok(())
    }
}

/// A value where the protocol has an object: as it is if it is one, nothing as an empty one, anything
/// else under the name `under`.
pub(super) struct Obj<'a> {
    pub(super) json: Option<&'a Json>,
    pub(super) under: &'static str,
}

impl Serialize for Obj<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match some(self.json) {
            Some(json) if json.text.starts_with('{') => Raw(json).serialize(serializer),
            Some(json) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.put(self.under, &Raw(json))?;
                map.end()
            }
            None => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

/// A value where the protocol has a text: the text that it is, else its JSON.
pub(super) struct Plain<'a>(pub(super) Option<&'a Json>);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: Option<&RawValue> = some(self.0).map(|json| json.text.raw());
        match raw {
            Some(raw) if raw.get().starts_with('"') => raw.serialize(serializer),
            Some(raw) => serializer.serialize_str(raw.get()),
            None => serializer.serialize_none(),
        }
    }
}

fn some(json: Option<&Json>) -> Option<&Json> {
    json.filter(|json| &*json.text != "null")
}
