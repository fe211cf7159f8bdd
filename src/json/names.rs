//! Whether every object in a JSON text names each of its members once. Readers do not agree which of
//! two members of one name counts, so a text with two is refused where it comes in. One pass over the
//! bytes, without a tree.

use std::borrow::Cow;

use memchr::memchr2;
use smallvec::SmallVec;

use super::JsonText;

/// So much of a name is told, in characters.
const TOLD: usize = 64;
/// Up to so many names are compared each with each.
const FEW: usize = 8;
/// Up to so many names at once, and so many levels, take no memory of their own.
const MOST: usize = 16;

/// Why nobody can say which members an object has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// A name is there twice.
    #[error("`{0}` is there twice in one object: send it once")]
    Twice(String),
    /// A name is no text: it holds half of a surrogate pair.
    #[error("the name of a member holds half of a character: escape both of its halves")]
    Half,
}

/// Looks at every object of a text, however deep.
///
/// # Errors
/// The first object that is unclear.
pub fn check(text: &JsonText) -> Result<(), Unclear> {
    // Most texts are small, and many have no object at all.
    if !text.contains('{') {
        return Ok(());
    }
    let mut names: SmallVec<[Cow<'_, str>; MOST]> = SmallVec::new();
    // Of each object around: where its names begin.
    let mut around: SmallVec<[usize; MOST]> = SmallVec::new();
    let (bytes, mut at) = (text.as_bytes(), 0);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' => around.push(names.len()),
            b'}' => {
                let from = around.pop().unwrap_or_default();
                if let Some(name) = twice(&mut names[from..]) {
                    return Err(Unclear::Twice(name.chars().take(TOLD).collect()));
                }
                names.truncate(from);
            }
            b'"' => {
                let (length, escaped) = string(&bytes[at..]);
                let (name, rest) = (at..at + length, at + length + 1);
                // What a colon follows on is a name, and nothing else is.
                let mut behind = bytes.iter().skip(rest);
                if behind.find(|it| !it.is_ascii_whitespace()) == Some(&b':') {
                    let name = &text[name];
                    names.push(if escaped { unescaped(name)?.into() } else { name.into() });
                }
                at = rest;
            }
            _ => {}
        }
    }
    Ok(())
}

/// How long a string is whose opening quotation mark has been read, and whether something in it is
/// escaped.
fn string(bytes: &[u8]) -> (usize, bool) {
    let (mut length, mut escaped) = (0, false);
    while let Some(next) = bytes.get(length..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        length += next;
        if bytes[length] == b'"' {
            return (length, escaped);
        }
        escaped = true;
        length += 2;
    }
    (bytes.len(), escaped)
}

fn unescaped(name: &str) -> Result<String, Unclear> {
    serde_json::from_str(&format!("\"{name}\"")).map_err(|_| Unclear::Half)
}

/// A name that is there twice. They may change places.
fn twice<'a>(names: &'a mut [Cow<'_, str>]) -> Option<&'a str> {
    if names.len() <= FEW {
        let mut each = names.iter().enumerate();
        return each.find(|(at, name)| names[..*at].contains(name)).map(|(_, name)| &**name);
    }
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| &*pair[0])
}
