//! What is written of what somebody has said.

use std::io::Write;

use footplate::telemetry::logs::Lines;

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
