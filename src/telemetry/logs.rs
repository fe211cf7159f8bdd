//! Log lines, on standard error: standard output belongs to what the user asked for.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

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
    let log =
        tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(io::stderr);
    // It fails where somebody logs already, such as a test: then that is who is listened to.
    let _ = match format {
        Format::Text => log.with_ansi(io::stderr().is_terminal()).try_init(),
        Format::Json => {
            let log = log.json().flatten_event(true);
            // Each field once: of the spans around it in their order, the innermost last.
            log.with_current_span(false).with_span_list(true).try_init()
        }
    };
}
