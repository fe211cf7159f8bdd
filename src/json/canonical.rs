//! The digest by which a decision is bound to what was shown: SHA-256 of the canonical form of RFC
//! 8785, so that whoever reads the same value computes the same digest, whatever its spelling. Two
//! values that differ must never have one digest.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::{
    JsonText,
    tree::{Number, Value},
};

/// SHA-256 of the canonical form. A value that has none without loss (an integer that no double
/// holds, a number beyond all doubles, a member that is there twice, half of a character) is taken as
/// it was written.
pub fn digest(text: &JsonText) -> [u8; 32] {
    let canonical = canonical(text);
    Sha256::digest(canonical.as_deref().unwrap_or(text)).into()
}

/// The form of RFC 8785; `None` where a value has none without loss.
pub fn canonical(text: &JsonText) -> Option<String> {
    let mut form = String::with_capacity(text.len());
    write(&Value::read(text).ok()?, &mut form)?;
    Some(form)
}

fn write(value: &Value<'_>, to: &mut String) -> Option<()> {
    match value {
        Value::Null => to.push_str("null"),
        Value::Bool(true) => to.push_str("true"),
        Value::Bool(false) => to.push_str("false"),
        Value::Number(it) => number(it, to)?,
        Value::Text(it) => text(it, to),
        Value::List(items) => {
            to.push('[');
            for (at, item) in items.iter().enumerate() {
                if 0 < at {
                    to.push(',');
                }
                write(item, to)?;
            }
            to.push(']');
        }
        Value::Object(members) => {
            to.push('{');
            for (at, (name, value)) in members.iter().enumerate() {
                if 0 < at {
                    to.push(',');
                }
                text(name, to);
                to.push(':');
                write(value, to)?;
            }
            to.push('}');
        }
    }
    Some(())
}

/// As ECMAScript quotes it (ECMA-262, `QuoteJSONString`).
fn text(text: &str, to: &mut String) {
    to.push('"');
    for it in text.chars() {
        match it {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\u{8}' => to.push_str("\\b"),
            '\u{c}' => to.push_str("\\f"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            '\0'..='\u{1f}' => drop(write!(to, "\\u{:04x}", u32::from(it))),
            _ => to.push(it),
        }
    }
    to.push('"');
}

/// As ECMAScript writes it (ECMA-262, `Number::toString`).
fn number(number: &Number<'_>, to: &mut String) -> Option<()> {
    let double: f64 = number.0.parse().ok().filter(|it: &f64| it.is_finite())?;
    let begins = to.len();
    if double == 0.0 {
        // -0 is 0 there.
        to.push('0');
    } else {
        let shortest = shortest(double.abs());
        let (mantissa, exponent) = shortest.split_once('e')?;
        let digits = mantissa.replace('.', "");
        // Where the point stands: `0.<digits>` times ten to its power.
        let point = exponent.parse::<i32>().ok()? + 1;
        let length = i32::try_from(digits.len()).ok()?;
        if double < 0.0 {
            to.push('-');
        }
        let zeros = |many: i32| "0".repeat(usize::try_from(many).unwrap_or(0));
        match point {
            1..=21 if length <= point => *to += &(digits + &zeros(point - length)),
            1..=21 => {
                let (whole, fraction) = digits.split_at_checked(usize::try_from(point).ok()?)?;
                *to += &format!("{whole}.{fraction}");
            }
            -5..=0 => *to += &format!("0.{}{digits}", zeros(-point)),
            _ => {
                let (first, rest) = digits.split_at_checked(1)?;
                let dot = if rest.is_empty() { "" } else { "." };
                *to += &format!("{first}{dot}{rest}e{:+}", point - 1);
            }
        }
    }
    // What is no fraction is a count or a name, of which no digit may get lost.
    let kept = !number.is_whole() || Number(&to[begins..]) == *number;
    kept.then_some(())
}

/// The fewest digits that mean this double, and of those the nearest to it; of two that are equally
/// near, the even ones. Rust finds the fewest, but of two the upper; where it is told how many there
/// are, it rounds as it should.
fn shortest(double: f64) -> String {
    let fewest = format!("{double:e}");
    let many = fewest.bytes().take_while(|it| *it != b'e').filter(u8::is_ascii_digit).count();
    let nearest = format!("{double:.*e}", many.saturating_sub(1));
    if nearest.parse() == Ok(double) { nearest } else { fewest }
}
