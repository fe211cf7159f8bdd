//! Log lines, on standard error: standard output belongs to what the user asked for. Whatever somebody
//! calls himself, an event is one line, and nothing in it steers a terminal. However much is asked for, it
//! must never hold a token.

use std::io::{self, IsTerminal, Write};

use tracing::{Dispatch, Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

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
    let log = log(filter, format, coloured, move || Lines { to: io::stderr(), coloured });
    // It fails where somebody logs already, such as a test: then that is who is listened to.
    let _ = log.try_init();
}

/// A log that is written there. `coloured`: for a terminal, where it is for a person.
pub fn log<W>(filter: &str, format: Format, coloured: bool, to: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(to);
    match format {
        Format::Text => log.with_ansi(coloured).finish().with(discreet()).into(),
        Format::Json => {
            let log = log.json().flatten_event(true);
            // Each field once: of the spans around it in their order, the innermost last.
            let log = log.with_current_span(false).with_span_list(true);
            log.finish().with(discreet()).into()
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

/// Writes each event, which comes whole, as one line. Most of what is logged by name is escaped before;
/// what the libraries of the relay say of what they are sent is not.
#[derive(Debug)]
pub struct Lines<W> {
    /// Where lines go.
    pub to: W,
    /// Whether escape sequences are the relay's own. What was logged has none left.
    pub coloured: bool,
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let (text, end) = match event {
            [text @ .., b'\n'] => (text, "\n"),
            text => (text, ""),
        };
        let unfit = |it: &char| is_unfit(*it) && !(self.coloured && *it == '\x1b');
        match str::from_utf8(text) {
            Ok(text) if text.chars().any(|it| unfit(&it)) => {
                let mut line = String::with_capacity(text.len() + 64);
                for it in text.chars() {
                    match it {
                        '\n' => line.push_str("\\n"),
                        it if unfit(&it) => line.push_str(&format!("\\u{:04x}", u32::from(it))),
                        it => line.push(it),
                    }
                }
                self.to.write_all((line + end).as_bytes())?;
            }
            _ => self.to.write_all(event)?,
        }
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
