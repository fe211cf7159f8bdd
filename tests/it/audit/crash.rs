//! What a crash, a second process and a file that is moved away do to the log.

use std::fs;
use std::io::Write as _;

use footplate::audit::{Fault, Opened, Verifier};
use footplate::model::Timestamp;
use footplate::seams::Clock;
use serde_json::{Value, json};

use super::{Desk, kinds, lines, open, verify};

fn try_open(desk: &Desk) -> Result<Opened, Fault> {
    Opened::open(&desk.path(), Clock::new(|| Timestamp(0)), desk.metrics.clone())
}

/// Without what a line has of its place in the file, and of the connection, which no record knows.
fn said(line: &Value) -> Value {
    let mut line = line.clone();
    for key in ["seq", "prev_hash", "hash", "session"] {
        line.as_object_mut().unwrap().remove(key);
    }
    line
}

#[tokio::test]
async fn a_torn_tail_is_moved_aside_and_the_chain_goes_on() {
    let mut desk = Desk::story().await;
    desk.ends().await;
    let whole = fs::read(desk.path()).unwrap();
    let last = desk.lines().pop().unwrap();
    let pieces: [&[u8]; 4] = [
        b"{",
        b"{\"seq\":13,\"prev_hash\":\"00",
        // Lines of which the power failed to take pages to the disk.
        &[0; 9_000],
        &[&[0; 4_096][..], b"\"}\n{\"seq\":14,\"prev_hash\":\"ab\"}\n"].concat(),
    ];
    for (n, piece) in pieces.iter().enumerate() {
        fs::write(desk.path(), [&whole[..], piece].concat()).unwrap();
        drop(desk.open());
        let aside = desk.path().with_extension(format!("jsonl.torn-{}", n + 1));
        assert_eq!(fs::read(aside).unwrap(), *piece, "nothing is thrown away");
        let lines = desk.lines();
        let resumed = &lines[12];
        assert_eq!(
            (&resumed["kind"], &resumed["torn_bytes"]),
            (&json!("resumed"), &json!(piece.len()))
        );
        assert_eq!((lines.len(), &resumed["prev_hash"]), (13, &last["hash"]));
        verify(&fs::read(desk.path()).unwrap(), None).unwrap();
    }
}

#[tokio::test]
async fn a_first_line_that_was_not_finished_begins_again() {
    for piece in [&b"{\"seq\":1,\"prev_ha"[..], b"{\"se", &[0; 512]] {
        let mut desk = Desk::new();
        desk.ends().await;
        fs::write(desk.path(), piece).unwrap();
        drop(desk.open());
        assert_eq!(kinds(&desk.lines()), ["begun"]);
        assert_eq!(desk.lines()[0]["seq"], 1);
    }
}

#[tokio::test]
async fn what_somebody_has_changed_is_not_gone_on_with() {
    let mut desk = Desk::story().await;
    desk.ends().await;
    let whole = fs::read(desk.path()).unwrap();
    let mut changed = whole.clone();
    let at = whole.len() - 400;
    changed[at] ^= 1;
    fs::write(desk.path(), &changed).unwrap();
    let fault = try_open(&desk).unwrap_err();
    assert!(matches!(fault, Fault::Broken(..)), "{fault}");
    assert!(fault.to_string().contains("audit verify"), "{fault}");
    assert_eq!(fs::read(desk.path()).unwrap(), changed, "it stays as it is");

    for foreign in ["my diary\n", "{\"seq\":1}\n", "no end"] {
        fs::write(desk.path(), foreign).unwrap();
        assert!(matches!(try_open(&desk), Err(Fault::Foreign(_))), "{foreign}");
        assert_eq!(fs::read_to_string(desk.path()).unwrap(), foreign);
    }
    fs::remove_file(desk.path()).unwrap();
    fs::create_dir(desk.path()).unwrap();
    assert!(matches!(try_open(&desk), Err(Fault::Unusable(..))));
}

#[tokio::test]
async fn a_second_writer_is_refused() {
    let desk = Desk::story().await;
    let fault = try_open(&desk).unwrap_err();
    assert!(matches!(fault, Fault::Taken(_)), "{fault}");
}

/// A crash may come between the commit of a turn and its lines: at any line.
#[tokio::test]
async fn what_was_committed_and_not_written_down_is_made_up_for_once() {
    let mut desk = Desk::story().await;
    desk.ends().await;
    let bytes = fs::read(desk.path()).unwrap();
    let whole: Vec<_> = bytes.split_inclusive(|it| *it == b'\n').collect();
    let own = |lines: &[Value]| -> Vec<Value> {
        lines.iter().filter(|it| it.get("record").is_some()).map(said).collect()
    };
    let all = own(&desk.lines());
    assert_eq!(all.len(), 8);
    for kept in 1..=whole.len() {
        fs::write(desk.path(), whole[..kept].concat()).unwrap();
        let mut opened = desk.open();
        opened.look_back().unwrap();
        let known = own(&desk.lines()).len();
        let missing = desk.records.iter().filter(|it| opened.resume(it).unwrap()).count();
        assert_eq!(missing, all.len() - known);
        // Who resumes twice has said nothing new.
        assert!(!desk.records.iter().any(|it| opened.resume(it).unwrap()));
        let last = desk.records.iter().rfind(|it| {
            let position = it.position;
            opened.last(&it.execution, position.epoch) == Some(position.seq)
        });
        assert!(last.is_some());
        let (audit, scribe) = opened.start().unwrap();
        drop(audit);
        scribe.ended().await;
        assert_eq!(own(&desk.lines()), all);
        verify(&fs::read(desk.path()).unwrap(), None).unwrap();
    }
}

#[tokio::test]
async fn a_file_that_was_moved_away_goes_on_in_a_new_one() {
    let mut desk = Desk::story().await;
    let old = desk.path().with_extension("jsonl.1");
    // Where nothing was moved, nothing happens.
    desk.written.as_ref().unwrap().1.reopen();
    desk.does(&["l1 says x1 5 gate again 1"]).await;
    fs::rename(desk.path(), &old).unwrap();
    desk.written.as_ref().unwrap().1.reopen();
    desk.does(&["v1 ada decides x1 again 1 approve as d7"]).await;
    desk.ends().await;

    let (before, after) = (lines(&old), desk.lines());
    let ended = before.last().unwrap();
    assert_eq!((&ended["kind"], &ended["outcome"]), (&json!("ended"), &json!("continued")));
    let begun = &after[0];
    assert_eq!((&begun["kind"], &begun["prev_hash"]), (&json!("begun"), &ended["hash"]));
    assert_eq!(begun["seq"].as_u64(), ended["seq"].as_u64().map(|it| it + 1));
    // Both files as one chain, and each by itself.
    let mut verifier = Verifier::new(Some(begun["prev_hash"].as_str().unwrap().parse().unwrap()));
    for path in [&old, &desk.path()] {
        verifier.file(&fs::read(path).unwrap()[..], |_| ()).unwrap();
    }
    assert_eq!(verifier.checked().lines, (before.len() + after.len()) as u64);
    let alone = verify(&fs::read(desk.path()).unwrap(), None).unwrap();
    assert_eq!(alone.continues.unwrap().to_string(), ended["hash"].as_str().unwrap());
    // What the new one says of the old is enough to know what has been written down.
    let mut opened = open(&desk.path(), &desk.metrics);
    opened.look_back().unwrap();
    assert!(!desk.records.iter().any(|it| opened.resume(it).unwrap()));
}

#[tokio::test]
async fn a_file_that_somebody_cuts_or_writes_to_goes_on_and_shows_it() {
    let mut desk = Desk::story().await;
    let mut file = fs::OpenOptions::new().append(true).open(desk.path()).unwrap();
    file.write_all(b"hello\n").unwrap();
    desk.does(&["l1 says x1 5 gate again 1"]).await;
    desk.ends().await;
    let bytes = fs::read(desk.path()).unwrap();
    assert!(verify(&bytes, None).unwrap_err().to_string().contains("no line of an audit log"));
    assert!(bytes.ends_with(b"\"}\n") && bytes.windows(7).any(|it| it == b"\"again\""));
}
