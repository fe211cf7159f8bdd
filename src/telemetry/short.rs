//! No field of a log line is endless, whoever has filled it: what goes beyond is counted, and left out.
//! It knows no field by what it means.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

/// Characters of a field.
const FIELD: usize = 256;
/// Characters of a line's own words, in which a reason may stand.
const MESSAGE: usize = 1_024;

fn most(field: &str) -> usize {
    if field == "message" { MESSAGE } else { FIELD }
}

/// A text that takes so many characters, and counts the others.
struct Short {
    text: String,
    room: usize,
    left_out: usize,
}

impl Short {
    fn new(room: usize) -> Self {
        Self { text: String::new(), room, left_out: 0 }
    }

    fn end(mut self) -> String {
        if 0 < self.left_out {
            write!(self.text, "…(+{})", self.left_out).expect("a string takes all");
        }
        self.text
    }
}

impl fmt::Write for Short {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let fits = more.char_indices().nth(self.room);
        let (fits, beyond) = fits.map_or((more, ""), |(at, _)| more.split_at(at));
        self.text.push_str(fits);
        if !beyond.is_empty() {
            self.room = 0;
            self.left_out += beyond.chars().count();
        } else {
            self.room -= fits.chars().count();
        }
        Ok(())
    }
}

/// The fields of a line for people: those of the usual form, but none longer than it may be.
#[derive(Debug, Default)]
pub(super) struct Fields;

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Line { writer, first: true, done: Ok(()) };
        fields.record(&mut line);
        line.done
    }
}

struct Line<'w> {
    writer: Writer<'w>,
    first: bool,
    done: fmt::Result,
}

impl Line<'_> {
    fn put(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let name = field.name();
        // What the bridge to another way of logging says of itself.
        if self.done.is_err() || name.starts_with("log.") {
            return;
        }
        let mut short = Short::new(most(name));
        self.done = short.write_fmt(value).and_then(|()| self.write(name, &short.end()));
    }

    fn write(&mut self, name: &str, value: &str) -> fmt::Result {
        if !std::mem::take(&mut self.first) {
            self.writer.write_char(' ')?;
        }
        let name = name.strip_prefix("r#").unwrap_or(name);
        match (name, self.writer.has_ansi_escapes()) {
            ("message", _) => self.writer.write_str(value),
            (_, true) => write!(self.writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}"),
            (_, false) => write!(self.writer, "{name}={value}"),
        }
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.put(field, format_args!("{value}"));
        } else {
            self.put(field, format_args!("{value:?}"));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut all = value.to_string();
        let mut source = value.source();
        while let Some(err) = source {
            write!(all, ": {err}").expect("a string takes all");
            source = err.source();
        }
        self.put(field, format_args!("{all}"));
    }
}

/// A line for programs, one JSON object, with no text in it longer than it may be.
pub(super) fn json(line: &str) -> Cow<'_, str> {
    // Nothing can be too long in a short line.
    if line.len() <= FIELD {
        return line.into();
    }
    let (mut cut, mut rest, mut name) = (String::with_capacity(line.len()), line, "");
    while let Some(begin) = rest.find('"') {
        let (before, text) = rest.split_at(begin + 1);
        let end = end_of(text);
        let (text, behind) = text.split_at(end);
        cut.push_str(before);
        if behind.starts_with("\":") {
            name = text;
            cut.push_str(text);
        } else {
            shorten(text, most(name), &mut cut);
        }
        let quote = behind.len().min(1);
        cut.push_str(&behind[..quote]);
        rest = &behind[quote..];
    }
    cut.push_str(rest);
    cut.into()
}

/// Where a text ends that stands in quotes.
fn end_of(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().position(|it| {
        let ends = it == b'"' && !escaped;
        escaped = it == b'\\' && !escaped;
        ends
    });
    end.unwrap_or(text.len())
}

/// The first characters of a text with escapes, none of which is cut in two.
fn shorten(text: &str, most: usize, to: &mut String) {
    let mut chars = text.char_indices();
    let (mut seen, mut end) = (0, text.len());
    while let Some((at, it)) = chars.next() {
        if seen == most {
            end = at;
        }
        seen += 1;
        if it == '\\' && chars.next().is_some_and(|(_, it)| it == 'u') {
            // Four digits follow.
            chars.nth(3);
        }
    }
    to.push_str(&text[..end]);
    if most < seen {
        write!(to, "…(+{})", seen - most).expect("a string takes all");
    }
}
