//! Whatever is done to a file afterwards is found, and told where.

use footplate::audit::{Bad, Digest, Flaw};
use proptest::prelude::*;

use super::{Desk, verify};

/// A file, line by line, with its ends of lines.
async fn file() -> Vec<Vec<u8>> {
    let mut desk = Desk::story().await;
    desk.ends().await;
    let bytes = std::fs::read(desk.path()).unwrap();
    bytes.split_inclusive(|it| *it == b'\n').map(<[u8]>::to_vec).collect()
}

/// The number of the first bad line, and what is wrong with it.
fn flaw(lines: &[Vec<u8>]) -> (u64, Flaw) {
    match verify(&lines.concat(), None) {
        Err(Bad::Line { number, flaw }) => (number, flaw),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_flipped_byte_is_found_on_its_line() {
    let lines = file().await;
    for number in 0..lines.len() {
        let mut changed = lines.clone();
        let at = changed[number].windows(6).position(|it| it == b"\"time\"").unwrap() + 10;
        changed[number][at] ^= 1;
        assert_eq!(flaw(&changed), (number as u64 + 1, Flaw::Altered));
    }
}

#[tokio::test]
async fn a_removed_line_is_found_where_it_stood() {
    let lines = file().await;
    for number in 1..lines.len() - 1 {
        let mut changed = lines.clone();
        changed.remove(number);
        let (expected, found) = (number as u64 + 1, number as u64 + 2);
        assert_eq!(flaw(&changed), (number as u64 + 1, Flaw::Number { expected, found }));
    }
    assert_eq!(flaw(&lines[1..]), (1, Flaw::Start));
}

#[tokio::test]
async fn a_swapped_pair_is_found() {
    let lines = file().await;
    for number in 1..lines.len() - 1 {
        let mut changed = lines.clone();
        changed.swap(number, number + 1);
        let (expected, found) = (number as u64 + 1, number as u64 + 2);
        assert_eq!(flaw(&changed), (number as u64 + 1, Flaw::Number { expected, found }));
    }
}

#[tokio::test]
async fn an_inserted_line_is_found_even_if_it_hashes_well() {
    let lines = file().await;
    let mut twice = lines.clone();
    twice.insert(5, lines[4].clone());
    assert_eq!(flaw(&twice), (6, Flaw::Number { expected: 6, found: 5 }));

    // Made by somebody who knows how: only then the next one gives it away.
    let mut other = Desk::story().await;
    other.does(&["v9 mallory decides x1 g 1 approve as d9"]).await;
    other.ends().await;
    let theirs = std::fs::read(other.path()).unwrap();
    let theirs: Vec<_> = theirs.split_inclusive(|it| *it == b'\n').map(<[u8]>::to_vec).collect();
    let mut forged = lines.clone();
    forged[11] = theirs[11].clone();
    forged.push(lines[11].clone());
    assert_eq!(flaw(&forged), (13, Flaw::Number { expected: 13, found: 12 }));
    let mut renumbered = lines.clone();
    // A line of another chain under the right number.
    let mut other = Desk::new();
    other.does(&["w1/1@l1 greets x1 from 1", "l1 says x1 1 gate other 1; gate another 1"]).await;
    other.ends().await;
    let theirs = std::fs::read(other.path()).unwrap();
    let theirs: Vec<_> = theirs.split_inclusive(|it| *it == b'\n').map(<[u8]>::to_vec).collect();
    renumbered[2] = theirs[2].clone();
    assert_eq!(flaw(&renumbered), (3, Flaw::Link));
}

#[tokio::test]
async fn lines_that_are_missing_at_the_end_are_found_by_a_head_that_was_kept() {
    let lines = file().await;
    let whole = verify(&lines.concat(), None).unwrap();
    for kept in 1..=lines.len() {
        let cut = lines[..kept].concat();
        let checked = verify(&cut, Some(whole.head)).unwrap();
        assert_eq!(checked.found.is_some(), kept == lines.len(), "without the head it looks whole");
        // And an older head is still found in what has grown since.
        let then = verify(&cut, None).unwrap().head;
        let grown = verify(&lines.concat(), Some(then)).unwrap();
        assert_eq!(grown.found, Some(kept as u64));
    }
    let foreign = verify(&lines.concat(), Some(Digest::of(b"another"))).unwrap();
    assert_eq!(foreign.found, None);
    assert!(matches!(verify(b"", None), Err(Bad::Empty)));
}

#[tokio::test]
async fn a_torn_tail_is_found() {
    let lines = file().await;
    let whole = lines.concat();
    for cut in 1..lines[11].len() {
        let number = lines.len() as u64;
        let torn = &whole[..whole.len() - cut];
        let Err(Bad::Line { number: at, flaw: Flaw::Unfinished }) = verify(torn, None) else {
            panic!("{cut} bytes less");
        };
        assert_eq!(at, number);
    }
    let endless = [&whole[..], &vec![b'x'; 2 * footplate::audit::LONGEST]].concat();
    let Err(Bad::Line { number: 13, flaw: Flaw::TooLong }) = verify(&endless, None) else {
        panic!("a line without end");
    };
}

#[test]
fn any_other_byte_anywhere_is_found() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let bytes = runtime.block_on(file()).concat();
    verify(&bytes, None).unwrap();
    // Each byte once, with one bit flipped.
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(verify(&changed, None).is_err(), "byte {at}");
    }
    proptest!(|(at in 0..bytes.len(), byte: u8)| {
        let mut changed = bytes.clone();
        changed[at] = byte;
        prop_assert_eq!(verify(&changed, None).is_ok(), bytes[at] == byte);
    });
}
