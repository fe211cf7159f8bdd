//! Plain values: time, opaque JSON, labels.

use std::{fmt, str::FromStr, sync::Arc, time::Duration, time::Instant};

use serde::{Deserialize, Serialize};

use crate::json::JsonText;

/// Text that many records share.
pub type Text = Arc<str>;

/// Wall-clock time in microseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// How long from here until `later`; nothing if that is past.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_micros(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// This time, `by` later.
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// RFC 3339 in UTC with microseconds, as in `2026-11-20T10:00:00.123456Z`. The calendar is that of
/// Howard Hinnant's `civil_from_days`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000));
        let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
        if !(0..=9_999).contains(&year) {
            return write!(
                f,
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
            );
        }
        // Each record shows one or two times: digit by digit this takes a tenth of what `write!`
        // does.
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let places = [(0..4, year), (5..7, month), (8..10, day), (11..13, hour)];
        let places =
            places.into_iter().chain([(14..16, minute), (17..19, second), (20..26, micros)]);
        for (place, mut number) in places {
            for digit in text[place].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        f.write_str(str::from_utf8(&text).expect("digits"))
    }
}

/// A text that is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time looks like 2026-11-20T10:00:00.123Z")]
pub struct NoTime;

/// RFC 3339, and nothing that is only like it: with a `T` between date and time and an offset at the
/// end. What is finer than a microsecond is cut off. There is no second 60, as on the relay's clock.
impl FromStr for Timestamp {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, NoTime> {
        let (date, rest) = text.split_at_checked(10).ok_or(NoTime)?;
        let (time, rest) = rest.split_at_checked(9).ok_or(NoTime)?;
        let [year, month, day] = numbers(date, ["", "-", "-"], [4, 2, 2])?;
        let time = time.strip_prefix(['T', 't']).ok_or(NoTime)?;
        let [hour, minute, second] = numbers(time, ["", ":", ":"], [2, 2, 2])?;
        let (micros, offset) = match rest.strip_prefix('.') {
            Some(rest) => fraction(rest)?,
            None => (0, rest),
        };
        let offset = minutes_east(offset)?;
        let leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return Err(NoTime),
        };
        if !(1..=days).contains(&day) || 24 <= hour || 60 <= minute || 60 <= second {
            return Err(NoTime);
        }
        let minutes = 60 * (24 * days_before(year, month, day) + hour) + minute - offset;
        Ok(Self(1_000_000 * (60 * minutes + second) + micros))
    }
}

/// Microseconds, and what follows them.
fn fraction(text: &str) -> Result<(i64, &str), NoTime> {
    let end = text.find(|it: char| !it.is_ascii_digit()).filter(|it| 0 < *it);
    let (fraction, rest) = text.split_at(end.ok_or(NoTime)?);
    let digits = fraction.bytes().map(|it| i64::from(it - b'0'));
    let six = digits.chain(std::iter::repeat(0)).take(6);
    Ok((six.fold(0, |micros, digit| micros * 10 + digit), rest))
}

fn minutes_east(offset: &str) -> Result<i64, NoTime> {
    if offset == "Z" || offset == "z" {
        return Ok(0);
    }
    let far = offset.strip_prefix(['+', '-']).ok_or(NoTime)?;
    let [hours, minutes] = numbers(far, ["", ":"], [2, 2])?;
    if 24 <= hours || 60 <= minutes {
        return Err(NoTime);
    }
    Ok((60 * hours + minutes) * if offset.starts_with('-') { -1 } else { 1 })
}

/// Numbers of so many digits each, each behind its mark, and nothing else.
fn numbers<const N: usize>(
    mut text: &str,
    marks: [&str; N],
    digits: [usize; N],
) -> Result<[i64; N], NoTime> {
    let mut numbers = [0; N];
    for ((mark, digits), number) in marks.into_iter().zip(digits).zip(&mut numbers) {
        let rest = text.strip_prefix(mark).and_then(|it| it.split_at_checked(digits));
        let (these, rest) = rest.ok_or(NoTime)?;
        // A sign would be read as well.
        let plain = these.bytes().all(|it| it.is_ascii_digit());
        *number = these.parse().ok().filter(|_| plain).ok_or(NoTime)?;
        text = rest;
    }
    if text.is_empty() { Ok(numbers) } else { Err(NoTime) }
}

/// Days from 1970-01-01 to a date: Howard Hinnant's `days_from_civil`.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The time that is passed in with every input: the core reads no clock.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For what has to happen later: it never jumps.
    pub instant: Instant,
    /// For what is told to people.
    pub time: Timestamp,
}

/// JSON whose meaning is the engine's own, kept as the text that it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Json {
    /// One JSON value. Its door has also checked its depth (at most 64) and its size.
    pub text: JsonText,
    /// Whether `text` stands for a larger value.
    pub truncated: bool,
    /// Bytes of the larger value.
    pub full_size: u64,
    /// Where the larger value can be had. Never opened by the relay.
    pub uri: Option<Text>,
    /// SHA-256 of the larger value.
    pub sha256: Option<[u8; 32]>,
}

impl Json {
    /// A whole value.
    pub fn of(text: JsonText) -> Self {
        Self { text, truncated: false, full_size: 0, uri: None, sha256: None }
    }

    /// A whole value that stands in the program itself.
    ///
    /// # Panics
    /// If `text` is not JSON.
    pub fn whole(text: &str) -> Self {
        Self::of(JsonText::read(text).expect("the program's own JSON is JSON"))
    }
}

/// A name with a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The name.
    pub key: Text,
    /// The value.
    pub value: Text,
}

/// How durable something is once the relay has said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Durability {
    /// In memory: survives a lost connection.
    #[default]
    Memory,
    /// On disk, synced: survives the relay and the power.
    Local,
    /// On a quorum of nodes.
    Replicated,
}

/// What an engine says that it can be told to do. What it can't do is refused, not tried.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Capabilities {
    /// It can pause.
    pub pause: bool,
    /// It can go on after a pause.
    pub resume: bool,
    /// It can cancel.
    pub cancel: bool,
    /// The custom commands that it knows.
    pub custom_types: Vec<Text>,
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn times_are_written_as_rfc_3339_says() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (1_709_210_096_000_007, "2024-02-29T12:34:56.000007Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
            (-62_167_219_200_000_000, "0000-01-01T00:00:00.000000Z"),
            (253_402_300_800_000_000, "10000-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(Timestamp(micros).to_string(), text);
        }
    }
}
