//! What is written of what somebody has said.

use std::fs::File;
use std::io::Write;
use std::sync::Mutex;

use footplate::telemetry::logs::{Format, Lines, log};
use tracing::dispatcher::with_default;
use tracing::{debug, debug_span, info, trace};

fn written(coloured: bool, event: &str) -> String {
    let mut to = Vec::new();
    Lines { to: &mut to, coloured }.write_all(event.as_bytes()).unwrap();
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
    Lines { to: &mut to, coloured: false }.write_all(&bytes).unwrap();
    assert_eq!(to, bytes);
}

#[test]
fn a5_libraries_do_not_say_what_they_are_sent_however_much_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    for format in [Format::Text, Format::Json] {
        for filter in ["trace", "h2=trace,tungstenite=trace,rustls=trace,footplate=trace,info"] {
            let to = Mutex::new(File::create(&path).unwrap());
            with_default(&log(filter, format, false, to), || {
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
            let said = std::fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = said.lines().collect();
            assert_eq!(lines.len(), 5, "{said}");
            for (n, line) in (1..).zip(lines) {
                assert!(line.contains(&format!("said {n}")) && !line.contains("canary"), "{line}");
            }
        }
    }
}
