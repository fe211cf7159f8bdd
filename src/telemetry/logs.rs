//! Log lines, on standard error: standard output belongs to what the user asked for. Whatever somebody
//! calls himself, an event is one line, nothing in it steers a terminal or is endless, and what is said
//! again and again is counted. However much is asked for, it must never hold a token.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tracing::{Dispatch, Level, Metadata};
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use super::quiet::Quiet;
pub use super::quiet::{run, tell};
use super::short;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For a person.
    #[default]
    Text,
    /// For a program: one JSON object a line.
    Json,
}

/// A filter that can be given to [`init`]: a level, or a list such as `info,footplate=debug`.
pub fn filter(text: &str) -> Option<String> {
    let fine = !text.is_empty() && EnvFilter::try_new(text).is_ok();
    fine.then(|| text.to_owned())
}

/// Begins to log. The first call in a process counts; another one changes nothing.
pub fn init(filter: &str, format: Format) {
    let coloured = format == Format::Text && io::stderr().is_terminal();
    let quiet = Quiet::by_the_machine();
    // It fails where somebody logs already, such as a test: then that is who is listened to.
    let _ = dispatch(filter, format, coloured, io::stderr, quiet).try_init();
}

/// The same with another place for the lines, and another clock: `now` says how late it is, from
/// whichever beginning.
pub fn into<W: Write + 'static>(
    filter: &str,
    format: Format,
    to: impl Fn() -> W + Send + Sync + 'static,
    now: impl Fn() -> Duration + Send + Sync + 'static,
) -> Dispatch {
    dispatch(filter, format, false, to, Quiet::new(now))
}

fn dispatch<W: Write + 'static>(
    filter: &str,
    format: Format,
    coloured: bool,
    to: impl Fn() -> W + Send + Sync + 'static,
    quiet: Quiet,
) -> Dispatch {
    let lines = Writers { to, format, coloured };
    let log = fmt().with_env_filter(EnvFilter::new(filter)).with_writer(lines);
    match format {
        Format::Text => log
            .with_ansi(coloured)
            .fmt_fields(short::Fields)
            .finish()
            .with(quiet)
            .with(discreet())
            .into(),
        Format::Json => {
            let log = log.json().flatten_event(true);
            // Each field once: of the spans around it in their order, the innermost last.
            log.with_current_span(false)
                .with_span_list(true)
                .finish()
                .with(quiet)
                .with(discreet())
                .into()
        }
    }
}

/// What may be logged, whatever is asked for. Libraries say at their lower levels what they are sent:
/// tungstenite each message, h2 the addresses that are none; and there may be a token in either.
fn discreet() -> FilterFn {
    fn of(target: &str, name: &str) -> bool {
        target.strip_prefix(name).is_some_and(|it| it.is_empty() || it.starts_with("::"))
    }
    fn fine(what: &Metadata<'_>) -> bool {
        let most = match what.target() {
            target if of(target, "footplate") => Level::TRACE,
            // It has what is sent only in handshakes, before anything of a token.
            target if of(target, "rustls") => Level::DEBUG,
            _ => Level::INFO,
        };
        *what.level() <= most
    }
    filter_fn(fine as fn(&Metadata<'_>) -> bool)
}

/// Makes a [`Lines`] for each event.
struct Writers<F> {
    to: F,
    format: Format,
    coloured: bool,
}

impl<'a, W: Write + 'a, F: Fn() -> W> MakeWriter<'a> for Writers<F> {
    type Writer = Lines<W>;

    fn make_writer(&'a self) -> Lines<W> {
        Lines { to: (self.to)(), format: self.format, coloured: self.coloured }
    }
}

/// Writes each event, which comes whole, as one line. Most of what is logged by name is escaped before;
/// what the libraries of the relay say of what they are sent is not.
#[derive(Debug)]
pub struct Lines<W> {
    /// Where lines go.
    pub to: W,
    /// How they are written.
    pub format: Format,
    /// Whether escape sequences are the relay's own. What was logged has none left.
    pub coloured: bool,
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let (text, end) = match event {
            [text @ .., b'\n'] => (text, "\n"),
            text => (text, ""),
        };
        let short = match str::from_utf8(text) {
            Ok(text) if self.format == Format::Json => short::json(text),
            Ok(text) => text.into(),
            Err(_) => {
                self.to.write_all(event)?;
                return Ok(event.len());
            }
        };
        let unfit = |it: &char| is_unfit(*it) && !(self.coloured && *it == '\x1b');
        let mut line = String::with_capacity(short.len() + 64);
        for it in short.chars() {
            match it {
                '\n' => line.push_str("\\n"),
                it if unfit(&it) => line.push_str(&format!("\\u{:04x}", u32::from(it))),
                it => line.push(it),
            }
        }
        self.to.write_all((line + end).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What is no part of a line: control characters, and those that turn the direction of writing. In JSON
/// they stand in strings alone, where the escape means the same.
fn is_unfit(it: char) -> bool {
    it.is_control()
        || matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}
