//! A JSON text taken apart, for those few who have to look inside: the check of a modification and the
//! digest of a payload. It must never lose what was written: numbers stay the digits that they are.

use std::{borrow::Cow, cmp::Ordering};

use super::JsonText;

/// The deepest nesting that is read: what the doors let in.
const DEPTH: usize = 64;

/// A value. Two are equal where JSON Schema says so: numbers by what they amount to, objects whatever
/// the order of their members.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Number(Number<'a>),
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    /// In the order of their names' UTF-16 code units, no name twice.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// Why a text that is JSON can't be taken apart without guessing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Unclear {
    #[error("it is nested more than {DEPTH} deep")]
    Depth,
    #[error("an object in it has the same member twice")]
    Twice,
    #[error("a text in it holds half of a character")]
    Half,
}

impl<'a> Value<'a> {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// What it means is not clear.
    pub fn read(text: &'a JsonText) -> Result<Self, Unclear> {
        Reader { rest: text }.value(0)
    }

    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        let at = members.binary_search_by(|(known, _)| utf16(known, name)).ok()?;
        members.get(at).map(|(_, value)| value)
    }
}

/// Reads what is known to be JSON: what could only be there if it were not is passed over.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>, Unclear> {
        Ok(match self.peek() {
            b'n' => self.word(4, Value::Null),
            b't' => self.word(4, Value::Bool(true)),
            b'f' => self.word(5, Value::Bool(false)),
            b'"' => Value::Text(self.text()?),
            b'[' | b'{' if depth == DEPTH => return Err(Unclear::Depth),
            b'[' => Value::List(self.list(depth)?),
            b'{' => Value::Object(self.object(depth)?),
            _ => Value::Number(Number(self.number())),
        })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Value<'a>>, Unclear> {
        let mut items = vec![];
        self.skip(1);
        while !matches!(self.peek(), b']' | 0) {
            items.push(self.value(depth + 1)?);
            self.comma();
        }
        self.skip(1);
        Ok(items)
    }

    fn object(&mut self, depth: usize) -> Result<Vec<(Cow<'a, str>, Value<'a>)>, Unclear> {
        let mut members = vec![];
        self.skip(1);
        while !matches!(self.peek(), b'}' | 0) {
            let name = self.text()?;
            if self.peek() == b':' {
                self.skip(1);
            }
            members.push((name, self.value(depth + 1)?));
            self.comma();
        }
        self.skip(1);
        members.sort_by(|(one, _), (other, _)| utf16(one, other));
        let twice = members.windows(2).any(|pair| pair[0].0 == pair[1].0);
        if twice { Err(Unclear::Twice) } else { Ok(members) }
    }

    fn text(&mut self) -> Result<Cow<'a, str>, Unclear> {
        self.peek();
        let mut bytes = self.rest.bytes().enumerate().skip(1);
        let mut plain = true;
        let end = loop {
            match bytes.next() {
                Some((_, b'\\')) => {
                    plain = false;
                    bytes.next();
                }
                Some((at, b'"')) => break at + 1,
                Some(_) => {}
                None => break self.rest.len(),
            }
        };
        let written = self.take(end);
        if plain {
            return Ok(Cow::Borrowed(written.trim_matches('"')));
        }
        serde_json::from_str(written).map(Cow::Owned).map_err(|_| Unclear::Half)
    }

    fn number(&mut self) -> &'a str {
        let part = |it: char| it.is_ascii_digit() || matches!(it, '+' | '-' | '.' | 'e' | 'E');
        let end = self.rest.find(|it| !part(it)).unwrap_or(self.rest.len());
        self.take(end.max(1))
    }

    fn word(&mut self, length: usize, value: Value<'a>) -> Value<'a> {
        self.skip(length);
        value
    }

    fn comma(&mut self) {
        if self.peek() == b',' {
            self.skip(1);
        }
    }

    /// The next byte that is no white space; 0 at the end.
    fn peek(&mut self) -> u8 {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.bytes().next().unwrap_or(0)
    }

    fn skip(&mut self, bytes: usize) {
        self.take(bytes);
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }
}

/// The order of RFC 8785: by UTF-16 code units. That is the order of the bytes, except that what lies
/// beyond U+FFFF comes before U+E000 to U+FFFF, which begin with 0xEE or 0xEF.
fn utf16(one: &str, other: &str) -> Ordering {
    match one.bytes().zip(other.bytes()).find(|(one, other)| one != other) {
        Some((one, other)) if one.min(other) < 0xEE => one.cmp(&other),
        Some(_) => one.encode_utf16().cmp(other.encode_utf16()),
        None => one.len().cmp(&other.len()),
    }
}

/// A number, as it was written.
#[derive(Debug, Clone, Copy)]
pub struct Number<'a>(pub &'a str);

impl Number<'_> {
    /// Whether it is a whole one, however it is written: `1.0` and `1e2` are.
    pub fn is_whole(&self) -> bool {
        let Exact { digits, point, .. } = self.exact();
        i64::try_from(digits.len()).is_ok_and(|length| length <= point)
    }

    /// No digit is lost on the way: `0.<digits>` times ten to the power of `point`.
    fn exact(&self) -> Exact {
        let (minus, text) = match self.0.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, self.0),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        // An exponent that is beyond all numbers is beyond all others, too.
        let far = if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
        let exponent = exponent.parse::<i64>().unwrap_or(far).clamp(i64::MIN / 2, i64::MAX / 2);
        let all = whole.bytes().chain(fraction.bytes()).collect::<Vec<u8>>();
        let zeros = all.iter().take_while(|it| **it == b'0').count();
        let mut digits = all[zeros..].to_vec();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        if digits.is_empty() {
            return Exact { minus: false, point: 0, digits };
        }
        let point = exponent.saturating_add(whole.len() as i64).saturating_sub(zeros as i64);
        Exact { minus, point, digits }
    }
}

/// Zero has no digits, no sign and no power.
struct Exact {
    minus: bool,
    point: i64,
    digits: Vec<u8>,
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number<'_> {}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.0 == other.0 {
            return Ordering::Equal;
        }
        let (one, other) = (self.exact(), other.exact());
        // Nothing is further from zero than another with a higher power, but zero itself has none.
        let far = |it: &Exact| if it.digits.is_empty() { i64::MIN } else { it.point };
        let size = || far(&one).cmp(&far(&other)).then_with(|| one.digits.cmp(&other.digits));
        match (one.minus, other.minus) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => size(),
            (true, true) => size().reverse(),
        }
    }
}
