//! A5, for all tests of this binary: what its relays log at their most talkative is looked through for
//! every token that a test makes. It must never let one pass because of which test it belongs to.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{LazyLock, Once, PoisonError, RwLock};
use std::time::Instant;
use std::{process, thread};

use footplate::telemetry::logs::{self, Format};
use tracing_subscriber::util::SubscriberInitExt;

/// So much of a token is too much, in bytes.
const TELLING: usize = 20;

type Piece = [u8; TELLING];

/// Pieces of what is secret, and the tests that have made it.
#[derive(Debug, Default)]
pub(crate) struct Secrets(RwLock<HashMap<Piece, String>>);

static SECRETS: LazyLock<Secrets> = LazyLock::new(Secrets::default);

/// From now on whatever is logged is looked through.
pub(crate) fn begin() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // As the program logs, down to the last word that it would let through.
        let (begun, to) = (Instant::now(), || Looked { secrets: &SECRETS, alarm: give_up });
        logs::into("trace", Format::Text, to, move || begun.elapsed())
            .try_init()
            .expect("no test listens to all of them");
    });
}

/// This is secret: each part of a token but its header, or all of what has no parts. What is short is
/// what a forger has left out.
pub(crate) fn know(token: &str) {
    begin();
    SECRETS.know(token);
}

/// A line with a token in it ends all tests: nobody could tell which of them waits for the thread that
/// has written it. What a test says is kept from whom it does not concern, this is not.
fn give_up(line: &str, whose: &str) {
    let here = thread::current().name().unwrap_or("?").to_owned();
    let _ = writeln!(
        io::stderr(),
        "\na token that {whose} has made is logged, on the thread {here}:\n{line}"
    );
    process::exit(101);
}

impl Secrets {
    pub(crate) fn know(&self, token: &str) {
        let whose = thread::current().name().unwrap_or("a test's task").to_owned();
        let parts = token.split_once('.').map_or(token, |(_, rest)| rest).split('.');
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for part in parts {
            let ends = [part.as_bytes().first_chunk(), part.as_bytes().last_chunk()];
            known.extend(ends.into_iter().flatten().map(|it: &Piece| (*it, whose.clone())));
        }
    }

    /// Whose token stands in a line, and the line without it.
    pub(crate) fn found(&self, line: &[u8]) -> Option<(String, String)> {
        let plain = |it: &u8| it.is_ascii_alphanumeric() || b"-_".contains(it);
        // Most lines have no word that is long enough.
        let mut words = line.split(|it| !plain(it)).filter(|it| TELLING <= it.len()).peekable();
        words.peek()?;
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let secret = |word: &[u8]| {
            let mut pieces = word.windows(TELLING).map(|it| Piece::try_from(it).unwrap());
            pieces.find_map(|it| known.get(&it)).cloned()
        };
        let whose = words.find_map(secret)?;
        let mut shown = String::new();
        for word in line.split_inclusive(|it| !plain(it)) {
            let word = if secret(word).is_some() { b"<TOKEN> " } else { word };
            shown += &String::from_utf8_lossy(word);
        }
        Some((whose, shown))
    }
}

/// Where lines are looked through and go no further.
#[derive(Debug)]
struct Looked<'a> {
    secrets: &'a Secrets,
    alarm: fn(&str, &str),
}

impl Write for Looked<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some((whose, line)) = self.secrets.found(line) {
            (self.alarm)(&line, &whose);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
