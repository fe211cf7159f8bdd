//! What every dialect asks of a text frame before it looks for meaning: that it is one JSON object,
//! names no key twice, and is not nested so deeply that reading it would be an attack.

use std::{collections::BTreeSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Unintelligible;

/// The deepest nesting of a value inside a message, as on the engines' side.
const DEPTH: usize = 64;

/// The longest sentence about a fault, in bytes. It may quote what was sent, which may be long.
const SENTENCE: usize = 512;

/// A sentence about a fault, cut where it quotes too much.
pub(super) fn brief(mut sentence: String) -> String {
    if SENTENCE < sentence.len() {
        let end = (0..=SENTENCE).rev().find(|at| sentence.is_char_boundary(*at));
        sentence.truncate(end.unwrap_or(0));
        sentence.push('…');
    }
    sentence
}

/// Checks one text frame.
pub(super) fn sound(frame: &str) -> Result<(), Unintelligible> {
    if let Some(first) = frame.trim_start().chars().next()
        && first != '{'
    {
        let message = "A message is a JSON object with a `type`".to_owned();
        return Err(Unintelligible { code: "not_an_object", message, about: None });
    }
    let mut fault = None;
    let mut reader = serde_json::Deserializer::from_str(frame);
    let walk = Walk { depth: 0, fault: &mut fault };
    let read = walk.deserialize(&mut reader).and_then(|()| reader.end());
    match (fault, read) {
        (Some((code, message)), _) => {
            Err(Unintelligible { code, message: brief(message), about: None })
        }
        (None, Err(err)) => {
            let message = format!("That is not JSON: {err}. Send one object in each text frame");
            Err(Unintelligible { code: "bad_json", message, about: None })
        }
        (None, Ok(())) => Ok(()),
    }
}

/// Goes through a value and keeps nothing of it.
struct Walk<'a> {
    depth: usize,
    /// What serde's own error has no room for.
    fault: &'a mut Option<(&'static str, String)>,
}

impl Walk<'_> {
    fn deeper<E: Error>(&mut self) -> Result<Walk<'_>, E> {
        if DEPTH < self.depth {
            let message = format!("Values are nested at most {DEPTH} deep: send less structure");
            return Err(self.fail("too_deep", message));
        }
        Ok(Walk { depth: self.depth + 1, fault: self.fault })
    }

    fn fail<E: Error>(&mut self, code: &'static str, message: String) -> E {
        *self.fault = Some((code, message));
        E::custom(code)
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self.deeper()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        // Here and not only below: an object without keys is nested as deeply as one with.
        self.deeper::<A::Error>()?;
        let mut keys = BTreeSet::new();
        loop {
            let key: Option<String> = map.next_key()?;
            let Some(key) = key else { return Ok(()) };
            if keys.contains(&key) {
                return Err(
                    self.fail("duplicate_key", format!("`{key}` is there twice: send it once"))
                );
            }
            keys.insert(key);
            map.next_value_seed(self.deeper()?)?;
        }
    }
}
