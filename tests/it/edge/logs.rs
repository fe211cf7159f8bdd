//! What is written of what somebody has said, and how often.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use footplate::telemetry::logs::{self, Format, Lines};
use serde_json::Value;
use tracing::{debug, debug_span, dispatcher, error, info, info_span, trace, warn};

fn written(coloured: bool, event: &str) -> String {
    let mut to = Vec::new();
    Lines { to: &mut to, format: Format::Text, coloured }.write_all(event.as_bytes()).unwrap();
    String::from_utf8(to).unwrap()
}

#[test]
fn an_event_is_one_line_and_steers_no_terminal() {
    let table = [
        ("INFO plain\n", "INFO plain\n"),
        ("é 😀 \"\\n\" {}\n", "é 😀 \"\\n\" {}\n"),
        ("INFO a\nFAKE level=info\n", "INFO a\\nFAKE level=info\n"),
        (
            "a\r\n\x1b[2Jb\u{9b}2J\x07\0\x7f\n",
            "a\\u000d\\n\\u001b[2Jb\\u009b2J\\u0007\\u0000\\u007f\n",
        ),
        ("\u{202e}a\u{2066}b\u{2028}c\n", "\\u202ea\\u2066b\\u2028c\n"),
        ("no end", "no end"),
    ];
    for (event, expected) in table {
        assert_eq!(written(false, event), expected);
        let line: String = expected.replace("\\u001b", "\x1b");
        assert_eq!(written(true, event), line, "colours are the relay's own");
    }
    let bytes = [b'a', 0xFF, b'\n'];
    let mut to = Vec::new();
    Lines { to: &mut to, format: Format::Json, coloured: false }.write_all(&bytes).unwrap();
    assert_eq!(to, bytes);
}

/// A log whose lines are kept, and whose time stands still until it is moved.
#[derive(Clone, Default)]
struct Log {
    lines: Arc<Mutex<Vec<u8>>>,
    now: Arc<Mutex<Duration>>,
}

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.lines.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Does this, and gives the lines that it has led to.
    fn of(&self, format: Format, filter: &str, does: impl FnOnce()) -> Vec<String> {
        let (to, now) = (self.clone(), Arc::clone(&self.now));
        let log = logs::into(filter, format, move || to.clone(), move || *now.lock().unwrap());
        dispatcher::with_default(&log, does);
        let lines = std::mem::take(&mut *self.lines.lock().unwrap());
        String::from_utf8(lines).unwrap().lines().map(str::to_owned).collect()
    }

    fn passes(&self, seconds: u64) {
        *self.now.lock().unwrap() += Duration::from_secs(seconds);
    }
}

/// L1: whoever fills a field, and with whatever.
#[test]
fn l1_no_field_is_longer_than_it_may_be() {
    let long = ["a".repeat(257), "é😀".repeat(5_000), "\"\\\n\u{1b}".repeat(300), "x".repeat(256)];
    for name in &long {
        let says = || {
            let span = info_span!("engine", identity = name, producer = tracing::field::Empty);
            let _in = span.enter();
            span.record("producer", name.as_str());
            let io = io::Error::other(name.clone());
            let err: &(dyn std::error::Error + 'static) = &io;
            warn!(subject = name, shown = %name, debug = ?name, err, number = 7, "{name}: {name}");
        };
        let all = name.chars().count();
        let text = Log::default().of(Format::Text, "info", says);
        assert_eq!(text.len(), 1, "{text:?}");
        // The one behind has as many characters as it may have; in quotes it has two more.
        let marks = text[0].matches("…(+").count();
        assert!(if all == 256 { 2 <= marks } else { 6 <= marks }, "{text:?}");
        assert!(text[0].contains("number=7") && text[0].len() < 30_000, "{text:?}");

        let lines = Log::default().of(Format::Json, "info", says);
        assert_eq!(lines.len(), 1);
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!((&line["number"], &line["level"]), (&7.into(), &"WARN".into()));
        assert_eq!(line["spans"][0]["name"], "engine");
        for of in [&line["subject"], &line["shown"], &line["spans"][0]["producer"]] {
            let of = of.as_str().unwrap();
            let Some((kept, more)) = of.split_once("…(+") else {
                assert_eq!((of, all), (name.as_str(), 256), "only what is short is whole");
                continue;
            };
            assert!(name.starts_with(kept) && kept.chars().count() == 256, "{of}");
            assert_eq!(more, format!("{})", all - 256));
        }
        let message = line["message"].as_str().unwrap();
        assert!(message.chars().count() <= 1_024 + 16, "{message}");
    }
    // What is short is what it was.
    let lines = Log::default().of(Format::Json, "info", || info!(path = "/a\"b", "said"));
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&line["path"], &line["message"]), (&"/a\"b".into(), &"said".into()));
    let lines = Log::default().of(Format::Text, "info", || info!(path = "/a\"b", at = %1, "said"));
    assert!(lines[0].ends_with(r#"said path="/a\"b" at=1"#), "{lines:?}");
}

/// L1: what anybody can cause at will fills no disk, and is counted.
#[test]
fn l1_what_is_said_again_and_again_is_counted() {
    let log = Log::default();
    let flood = |reason: &'static str| warn!(reason, "sent away");
    let lines = log.of(Format::Text, "debug", || {
        for n in 0..10_000 {
            flood("protocol");
            if n < 3 {
                flood("fenced");
                warn!("said at another place");
            }
        }
        logs::tell(false);
        log.passes(9);
        flood("protocol");
        logs::tell(false);
        log.passes(1);
        logs::tell(false);
    });
    let count = |words: &str| lines.iter().filter(|it| it.contains(words)).count();
    assert_eq!(count("sent away reason=\"protocol\""), 10 + 1, "{lines:?}");
    assert_eq!((count("fenced"), count("another place")), (3, 3));
    let told = "9991 times more in the last 10 s: sent away reason=\"protocol\"";
    assert!(lines.last().unwrap().ends_with(told), "{lines:?}");
    assert!(lines.last().unwrap().contains("WARN"));
    assert_eq!(lines.len(), 10 + 3 + 3 + 1);

    // The next window begins anew, and what the end leaves over is told.
    let lines = log.of(Format::Text, "debug", || {
        for _ in 0..2 {
            for _ in 0..15 {
                flood("protocol");
            }
            log.passes(10);
        }
        logs::tell(true);
    });
    assert_eq!(lines.len(), 10 + 10 + 1, "{lines:?}");
    assert!(lines[20].contains("10 times more in the last 20 s"), "{lines:?}");
}

/// L1: neither do reasons that somebody makes up, and an error is never only left out.
#[test]
fn l1_reasons_are_bounded_and_no_error_is_left_out_silently() {
    let log = Log::default();
    let lines = log.of(Format::Text, "info", || {
        for n in 0..50_000 {
            warn!(why = format!("reason {n}"), "made up");
        }
        log.passes(10);
        logs::tell(false);
    });
    assert_eq!(lines.len(), 16 + 10 + 1, "one each, then all others as one: {lines:?}");
    assert!(lines.last().unwrap().contains("any other"), "{lines:?}");

    let lines = log.of(Format::Text, "info", || {
        for n in 0..1_000 {
            error!(execution = n, "damaged: set aside");
            info!(viewer = n, "viewer connected");
            debug!(target: "footplate", "nobody asked");
        }
        logs::tell(true);
    });
    let of = |level: &str| lines.iter().filter(|it| it.contains(level)).count();
    assert_eq!((of("ERROR"), of(" INFO"), of("DEBUG")), (101, 101, 0));
    let told: Vec<_> = lines.iter().filter(|it| it.contains("900 times more")).collect();
    assert!(told.len() == 2 && told.iter().any(|it| it.contains("ERROR")), "{told:?}");
    // What happens at one door hides nothing that happens at another.
    let lines = log.of(Format::Text, "info", || {
        for door in ["viewer", "engine"] {
            (0..1_000).for_each(|_| warn!(door, reason = "tls", "refused"));
        }
    });
    let of = |door: &str| lines.iter().filter(|it| it.contains(door)).count();
    assert_eq!((of("viewer"), of("engine")), (10, 10));
    // Who looks for a fault is shown all.
    let lines = log.of(Format::Text, "debug", || {
        (0..1_000).for_each(|n| debug!(target: "footplate", n, "looked for"))
    });
    assert_eq!(lines.len(), 1_000);
}

#[test]
fn a5_libraries_do_not_say_what_they_are_sent_however_much_is_asked_for() {
    for format in [Format::Text, Format::Json] {
        for filter in ["trace", "h2=trace,tungstenite=trace,rustls=trace,footplate=trace,info"] {
            let lines = Log::default().of(format, filter, || {
                trace!(target: "footplate::viewer", "said 1");
                debug!(target: "rustls::server::hs", "said 2");
                info!(target: "h2::server", "said 3");
                info!(target: "footplates", "said 4");
                debug!(target: "h2::server", "canary");
                trace!(target: "tungstenite::protocol", "canary");
                trace!(target: "rustls::server::hs", "canary");
                debug!(target: "footplates", "canary");
                let _span = debug_span!(target: "h2", "frame", canary = 1).entered();
                info!(target: "footplate", "said 5");
            });
            assert_eq!(lines.len(), 5, "{lines:?}");
            for (n, line) in (1..).zip(lines) {
                assert!(line.contains(&format!("said {n}")) && !line.contains("canary"), "{line}");
            }
        }
    }
}
