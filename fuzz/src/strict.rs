//! JSON as a careful stranger reads it: by none of the relay's code, so that the two can be held against each
//! other. It takes what `JSON.parse` takes, and must never take an object that names something twice.

use std::collections::BTreeMap;

/// The deepest nesting that is read: more than the relay ever says.
const DEPTH: usize = 128;

/// A value in which no name is there twice.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    /// Half of a character, which JavaScript can hold, is U+FFFD here.
    Text(String),
    List(Vec<Tree>),
    Object(BTreeMap<String, Tree>),
}

impl Tree {
    /// Reads one value, and nothing behind it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|err| err.to_string())?;
        let mut reader = Reader { rest: text };
        let value = reader.value(0)?;
        reader.space();
        if reader.rest.is_empty() { Ok(value) } else { Err(format!("behind it: {}", reader.rest)) }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        if let Self::Object(members) = self { members.get(name) } else { None }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A whole number of up to 64 bits, written as digits alone.
    pub(super) fn whole(&self) -> Option<u64> {
        let Self::Number(digits) = self else { return None };
        digits.bytes().all(|it| it.is_ascii_digit()).then(|| digits.parse().ok())?
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Tree, String> {
        self.space();
        if DEPTH < depth {
            return Err("it is too deep".into());
        }
        Ok(match self.rest.bytes().next().ok_or("it ends")? {
            b'n' => self.word("null", Tree::Null)?,
            b't' => self.word("true", Tree::Bool(true))?,
            b'f' => self.word("false", Tree::Bool(false))?,
            b'"' => Tree::Text(self.text()?),
            b'[' => {
                let mut items = vec![];
                self.all(']', |it| {
                    items.push(it.value(depth + 1)?);
                    Ok(())
                })?;
                Tree::List(items)
            }
            b'{' => {
                let mut members = BTreeMap::new();
                self.all('}', |it| {
                    it.space();
                    let name = it.text()?;
                    it.space();
                    it.word(":", ())?;
                    let value = it.value(depth + 1)?;
                    match members.insert(name.clone(), value) {
                        None => Ok(()),
                        Some(_) => Err(format!("`{name}` is there twice")),
                    }
                })?;
                Tree::Object(members)
            }
            _ => Tree::Number(self.number()?),
        })
    }

    /// Everything up to `end`, with commas between.
    fn all(
        &mut self,
        end: char,
        mut one: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        self.rest = &self.rest[1..];
        self.space();
        if let Some(rest) = self.rest.strip_prefix(end) {
            self.rest = rest;
            return Ok(());
        }
        loop {
            one(self)?;
            self.space();
            if let Some(rest) = self.rest.strip_prefix(end) {
                self.rest = rest;
                return Ok(());
            }
            self.word(",", ())?;
        }
    }

    fn text(&mut self) -> Result<String, String> {
        self.word("\"", ())?;
        let mut text = String::new();
        loop {
            // Most of it stands for itself.
            let plain = |it: &u8| !matches!(it, b'"' | b'\\' | ..=0x1f);
            let length = self.rest.as_bytes().iter().take_while(|it| plain(it)).count();
            let (some, rest) = self.rest.split_at(length);
            text.push_str(some);
            self.rest = rest;
            let next = self.char()?;
            match next {
                '"' => return Ok(text),
                '\\' => text.push(self.escaped()?),
                '\0'..='\x1f' => return Err("a control character stands as it is".into()),
                _ => text.push(next),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, String> {
        Ok(match self.char()? {
            it @ ('"' | '\\' | '/') => it,
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let high = self.unit()?;
                let before = self.rest;
                if (0xd800..0xdc00).contains(&high)
                    && let Some(rest) = before.strip_prefix("\\u")
                {
                    self.rest = rest;
                    let low = self.unit()?;
                    if (0xdc00..0xe000).contains(&low) {
                        let whole = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                        return char::from_u32(whole).ok_or_else(|| "no character".into());
                    }
                    self.rest = before;
                }
                char::from_u32(high).unwrap_or('\u{fffd}')
            }
            other => return Err(format!("nothing is escaped as \\{other}")),
        })
    }

    fn unit(&mut self) -> Result<u32, String> {
        let mut unit = 0;
        for _ in 0..4 {
            unit = unit * 16 + self.char()?.to_digit(16).ok_or("four hexadecimal digits")?;
        }
        Ok(unit)
    }

    fn char(&mut self) -> Result<char, String> {
        let next = self.rest.chars().next().ok_or("it ends in a text")?;
        self.rest = &self.rest[next.len_utf8()..];
        Ok(next)
    }

    fn number(&mut self) -> Result<String, String> {
        let all = self.rest;
        self.skip(&["-"]);
        if !self.skip(&["0"]) && !self.digits() {
            return Err(format!("no value: {:.20}", self.rest));
        }
        if self.skip(&["."]) && !self.digits() {
            return Err("a fraction has digits".into());
        }
        if self.skip(&["e", "E"]) {
            self.skip(&["+", "-"]);
            if !self.digits() {
                return Err("an exponent has digits".into());
            }
        }
        Ok(all[..all.len() - self.rest.len()].to_owned())
    }

    fn digits(&mut self) -> bool {
        let rest = self.rest.trim_start_matches(|it: char| it.is_ascii_digit());
        let any = rest.len() < self.rest.len();
        self.rest = rest;
        any
    }

    fn skip(&mut self, any: &[&str]) -> bool {
        let rest = any.iter().find_map(|it| self.rest.strip_prefix(it));
        rest.map(|rest| self.rest = rest).is_some()
    }

    fn word<T>(&mut self, word: &str, value: T) -> Result<T, String> {
        let rest = self.rest.strip_prefix(word).ok_or_else(|| format!("no {word}"))?;
        self.rest = rest;
        Ok(value)
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }
}
