//! Does a value fit a JSON Schema? For the subset of JSON Schema that stands in
//! `docs/protocol/native.md`, and nothing beyond it: a schema that asks for more can't be checked here,
//! and what can't be checked must never pass.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    JsonText,
    formats::Format,
    tree::{Number, Value},
};

/// Where names and values are repeated to a person: at most so many bytes of each.
const SHOWN: usize = 120;
/// Values that a schema may list, all `enum`s together: each is compared with all that stands there.
const LISTED: usize = 500;

/// Why a value is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The schema asks for what the relay can't check.
    #[error("the gate's payload_schema asks for what this relay can't check: {}{what}", place(at))]
    Unchecked {
        /// Where in the schema, as a JSON Pointer; empty is the whole.
        at: String,
        /// What.
        what: String,
    },
    /// The value is not what the schema asks for.
    #[error("the modification does not fit: {}{what}", place(at))]
    Wrong {
        /// Where in the value, as a JSON Pointer; empty is the whole.
        at: String,
        /// What is wrong with it.
        what: String,
    },
}

/// Whether `value` fits `schema`. All of the schema is looked at, also where the value gives no cause.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn check(schema: &JsonText, value: &JsonText) -> Result<(), Misfit> {
    let schema = Value::read(schema);
    let schema = schema.or_else(|err| Path::default().unchecked(&err.to_string()))?;
    let mut at = Path::default();
    let rule = Rule::read(&schema, &mut at)?;
    if LISTED < at.listed {
        return Path::default().unchecked(&format!("more than {LISTED} values to choose from"));
    }
    let value = Value::read(value);
    let value = value.or_else(|err| Path::default().wrong(&err.to_string()))?;
    rule.check(&value, &mut Path::default())
}

/// What one schema says.
#[derive(Debug, Default)]
struct Rule<'a> {
    /// Nothing fits.
    never: bool,
    types: Option<Vec<Type>>,
    /// One of these. `const` is a list of one.
    among: Vec<&'a [Value<'a>]>,
    least: Option<(Number<'a>, bool)>,
    most: Option<(Number<'a>, bool)>,
    length: Range,
    items: Range,
    format: Option<Format>,
    each: Option<Box<Rule<'a>>>,
    members: BTreeMap<&'a str, Rule<'a>>,
    required: Vec<&'a str>,
    others: Option<Box<Rule<'a>>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Range {
    least: Option<usize>,
    most: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl Type {
    const ALL: [(&'static str, Self); 7] = [
        ("null", Self::Null),
        ("boolean", Self::Boolean),
        ("integer", Self::Integer),
        ("number", Self::Number),
        ("string", Self::String),
        ("array", Self::Array),
        ("object", Self::Object),
    ];

    fn is_of(self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Null, Value::Null)
            | (Self::Boolean, Value::Bool(_))
            | (Self::Number, Value::Number(_))
            | (Self::String, Value::Text(_))
            | (Self::Array, Value::List(_))
            | (Self::Object, Value::Object(_)) => true,
            (Self::Integer, Value::Number(it)) => it.is_whole(),
            _ => false,
        }
    }
}

impl<'a> Rule<'a> {
    fn read(schema: &'a Value<'a>, at: &mut Path<'a>) -> Result<Self, Misfit> {
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            Value::Bool(anything) => return Ok(Self { never: !anything, ..Self::default() }),
            Value::Null | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                return at.unchecked("what is neither an object nor true or false");
            }
        };
        let mut rule = Self::default();
        for (keyword, said) in keywords {
            at.below(&**keyword, |at| rule.keyword(keyword, said, at))?;
        }
        Ok(rule)
    }

    fn keyword(
        &mut self,
        keyword: &'a str,
        said: &'a Value<'a>,
        at: &mut Path<'a>,
    ) -> Result<(), Misfit> {
        match (keyword, said) {
            // Said to people.
            ("$comment" | "$schema" | "default" | "description" | "examples" | "title", _) => {}
            ("type", Value::Text(_)) => self.types = Some(vec![type_of(said, at)?]),
            ("type", Value::List(names)) => {
                let types = names.iter().map(|name| type_of(name, at));
                self.types = Some(types.collect::<Result<_, _>>()?);
            }
            ("enum", Value::List(values)) => {
                at.listed += values.len();
                self.among.push(values);
            }
            ("const", value) => self.among.push(std::slice::from_ref(value)),
            ("minimum", Value::Number(it)) => tighten(&mut self.least, (*it, true), false),
            ("exclusiveMinimum", Value::Number(it)) => {
                tighten(&mut self.least, (*it, false), false)
            }
            ("maximum", Value::Number(it)) => tighten(&mut self.most, (*it, true), true),
            ("exclusiveMaximum", Value::Number(it)) => tighten(&mut self.most, (*it, false), true),
            ("minLength", _) => self.length.least = Some(count(said, at)?),
            ("maxLength", _) => self.length.most = Some(count(said, at)?),
            ("minItems", _) => self.items.least = Some(count(said, at)?),
            ("maxItems", _) => self.items.most = Some(count(said, at)?),
            ("format", Value::Text(name)) => match Format::named(name) {
                Some(format) => self.format = Some(format),
                None => return at.unchecked(&format!("the format `{}`", brief(name))),
            },
            ("items", schema @ (Value::Object(_) | Value::Bool(_))) => {
                self.each = Some(Box::new(Self::read(schema, at)?));
            }
            ("properties", Value::Object(members)) => {
                for (name, schema) in members {
                    let rule = at.below(&**name, |at| Self::read(schema, at))?;
                    self.members.insert(name, rule);
                }
            }
            ("required", Value::List(names)) => {
                for name in names {
                    let Value::Text(name) = name else {
                        return at.unchecked("a name that is none");
                    };
                    self.required.push(name);
                }
            }
            ("additionalProperties", schema) => {
                self.others = Some(Box::new(Self::read(schema, at)?));
            }
            (
                "type" | "enum" | "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum"
                | "format" | "items" | "properties" | "required",
                _,
            ) => return at.unchecked("a value that this keyword does not take"),
            (other, _) => return at.unchecked(&format!("the keyword `{}`", brief(other))),
        }
        Ok(())
    }

    fn check<'p>(&self, value: &'p Value<'p>, at: &mut Path<'p>) -> Result<(), Misfit> {
        if self.never {
            return at.wrong("nothing may be here");
        }
        if let Some(types) = &self.types
            && !types.iter().any(|it| it.is_of(value))
        {
            let names =
                Type::ALL.iter().filter(|(_, it)| types.contains(it)).map(|(name, _)| *name);
            return at.wrong(&format!("not of type {}", names.collect::<Vec<_>>().join(" or ")));
        }
        if self.among.iter().any(|values| !values.contains(value)) {
            return at.wrong("none of the values that are allowed here");
        }
        match value {
            Value::Null | Value::Bool(_) => Ok(()),
            Value::Number(it) => self.number(it, at),
            Value::Text(text) => {
                self.length.holds(text.chars().count(), "characters", at)?;
                match self.format {
                    Some(format) if !format.fits(text) => {
                        at.wrong(&format!("no {}", format.name()))
                    }
                    Some(_) | None => Ok(()),
                }
            }
            Value::List(items) => {
                self.items.holds(items.len(), "items", at)?;
                let Some(rule) = &self.each else { return Ok(()) };
                for (index, item) in items.iter().enumerate() {
                    at.below(index.to_string(), |at| rule.check(item, at))?;
                }
                Ok(())
            }
            Value::Object(members) => self.object(value, members, at),
        }
    }

    fn number(&self, it: &Number<'_>, at: &Path<'_>) -> Result<(), Misfit> {
        if let Some((least, may_be)) = &self.least
            && (it < least || it == least && !may_be)
        {
            let word = if *may_be { "at least" } else { "more than" };
            return at.wrong(&format!("it has to be {word} {}", brief(least.0)));
        }
        if let Some((most, may_be)) = &self.most
            && (most < it || it == most && !may_be)
        {
            let word = if *may_be { "at most" } else { "less than" };
            return at.wrong(&format!("it has to be {word} {}", brief(most.0)));
        }
        Ok(())
    }

    fn object<'p>(
        &self,
        whole: &Value<'p>,
        members: &'p [(Cow<'p, str>, Value<'p>)],
        at: &mut Path<'p>,
    ) -> Result<(), Misfit> {
        for name in &self.required {
            if whole.get(name).is_none() {
                return at.wrong(&format!("`{}` is missing", brief(name)));
            }
        }
        for (name, value) in members {
            let own = self.members.get(&**name);
            let other = self.others.as_deref();
            match own.or(other) {
                Some(rule) if own.is_none() && rule.never => {
                    return at.wrong(&format!("there may be no `{}`", brief(name)));
                }
                Some(rule) => at.below(&**name, |at| rule.check(value, at))?,
                None => {}
            }
        }
        Ok(())
    }
}

impl Range {
    fn holds(self, many: usize, what: &str, at: &Path<'_>) -> Result<(), Misfit> {
        match self {
            Self { least: Some(least), .. } if many < least => {
                at.wrong(&format!("it has {many} {what}, and needs at least {least}"))
            }
            Self { most: Some(most), .. } if most < many => {
                at.wrong(&format!("it has {many} {what}, and may have {most}"))
            }
            Self { .. } => Ok(()),
        }
    }
}

/// The stricter of two bounds, where `minimum` and `exclusiveMinimum` are both there.
fn tighten<'a>(bound: &mut Option<(Number<'a>, bool)>, new: (Number<'a>, bool), upper: bool) {
    let stricter = bound.is_none_or(|(known, may_be)| {
        let beyond = if upper { new.0 < known } else { known < new.0 };
        beyond || new.0 == known && may_be
    });
    if stricter {
        *bound = Some(new);
    }
}

fn type_of(name: &Value<'_>, at: &Path<'_>) -> Result<Type, Misfit> {
    let Value::Text(name) = name else { return at.unchecked("a type that is no name") };
    match Type::ALL.iter().find(|(known, _)| known == name) {
        Some((_, it)) => Ok(*it),
        None => at.unchecked(&format!("the type `{}`", brief(name))),
    }
}

fn count(said: &Value<'_>, at: &Path<'_>) -> Result<usize, Misfit> {
    let number = if let Value::Number(Number(digits)) = said { digits.parse().ok() } else { None };
    number.map_or_else(|| at.unchecked("a value that this keyword does not take"), Ok)
}

/// The place that is looked at: a JSON Pointer (RFC 6901).
#[derive(Debug, Default)]
struct Path<'a> {
    steps: Vec<Cow<'a, str>>,
    /// Values of `enum`s that were passed.
    listed: usize,
}

impl<'a> Path<'a> {
    fn below<T>(&mut self, step: impl Into<Cow<'a, str>>, look: impl FnOnce(&mut Self) -> T) -> T {
        self.steps.push(step.into());
        let seen = look(self);
        self.steps.pop();
        seen
    }

    fn wrong<T>(&self, what: &str) -> Result<T, Misfit> {
        Err(Misfit::Wrong { at: self.pointer(), what: what.to_owned() })
    }

    fn unchecked<T>(&self, what: &str) -> Result<T, Misfit> {
        Err(Misfit::Unchecked { at: self.pointer(), what: what.to_owned() })
    }

    fn pointer(&self) -> String {
        let step = |it: &Cow<'_, str>| format!("/{}", it.replace('~', "~0").replace('/', "~1"));
        let whole: String = self.steps.iter().map(step).collect();
        brief(&whole).into_owned()
    }
}

fn place(at: &str) -> String {
    if at.is_empty() { String::new() } else { format!("`{at}`: ") }
}

fn brief(text: &str) -> Cow<'_, str> {
    if text.len() <= SHOWN {
        return Cow::Borrowed(text);
    }
    let end = (0..=SHOWN).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    Cow::Owned(format!("{}…", &text[..end]))
}
