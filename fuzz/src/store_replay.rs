//! A store that is not what was written: rows changed, moved, lost or put in their places, pages scratched,
//! torn and doubled, a file that is too short or too long. The relay opens it in its usual way. Whatever
//! it finds in there is what was written, or it says that there is damage; and nothing ends it.
//!
//! Only who can work out a checksum can make it take what was never written: such stores are opened too,
//! and must be survived, but may hold anything. Each file of the corpus is named after what was done.

mod life;
mod sheet;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use footplate::core::Relay;
use footplate::model::{Position, Seq};
use footplate::store::{Backend, Commit, Damage, Fault, Opened, Reader};
use redb::Database;

use super::draw::Draw;
use super::quiet::fenced;
use life::{
    FENCES, FOLDS, HEADS, Life, NAMES, NUMBERED, Place, RECORDS, TOMBSTONES, at_once, life, open,
    states,
};
use sheet::{PAGE, Sheet};

/// Changes of one file.
const CHANGES: usize = 8;

/// What may be asked of a store after what was done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    /// What is found was written at some time; else anything may be found.
    written: bool,
    /// It is all that was written last, and not what was written before.
    newest: bool,
}

/// One go.
pub fn run(data: &[u8]) {
    let mut draw = Draw::new(data);
    let life = life();
    let (sheet, asked) = match draw.below(4) {
        0 => pages(life, &mut draw),
        _ => rows(life, &mut draw),
    };
    let aside = draw.one_in(2);
    let opened = fenced(|| open(&sheet, life.now, aside));
    match opened {
        Ok((relay, opened)) => {
            is_sound(life, asked, &sheet, &relay, &opened);
            fenced(|| goes_on(relay, opened));
        }
        Err(Fault::Damaged { .. }) => assert!(!aside, "what is damaged is put aside"),
        // The version stands under no checksum.
        Err(Fault::Newer { .. }) => {}
        Err(other) => panic!("it is not that: {other}"),
    }
}

fn is_sound(life: &Life, asked: Asked, sheet: &Sheet, relay: &Relay, opened: &Opened) {
    let damage: &[Damage] = &opened.loaded.damage;
    assert_eq!(sheet.aside(), damage.len(), "what is damaged is kept");
    if !asked.written {
        return;
    }
    let found = states(relay);
    for (id, state) in &found {
        let newest = life.known.get(id) == Some(state);
        let known = newest || life.before.iter().any(|it| it.get(id) == Some(state));
        assert!(known, "a state that never was: {id}");
        assert!(newest || !asked.newest, "an old state, as if it were new: {id}");
    }
    let lost = life.known.keys().filter(|id| !found.contains_key(*id)).count();
    let told = lost <= damage.len() || damage.iter().any(|it| it.execution.is_none());
    assert!(told, "{lost} are lost, and nobody is told: {damage:?}");
    for (id, (at, _)) in &found {
        for after in [0, at.seq.0 / 2] {
            reads(life, &opened.reader, *at, id.as_str(), Seq(after));
        }
    }
}

/// What can't be read is not shown.
fn reads(life: &Life, reader: &Reader, at: Position, execution: &str, after: Seq) {
    let id = execution.parse().expect("it is a name");
    // Whoever reads does so on a thread that may fall.
    let read = || catch_unwind(AssertUnwindSafe(|| reader.piece(&id, at.epoch, after, 1 << 20)));
    let Ok(Ok(Some(piece))) = fenced(read) else { return };
    let from = piece.checkpoint.map_or(0, |it| it.at.0) as usize;
    let all = &life.records[&id];
    let to = from + piece.records.len();
    assert!(from <= after.0 as usize, "{execution}: not before what is wanted");
    assert_eq!(all.get(from..to), Some(&piece.records[..]), "{execution}: a record that never was");
}

/// The relay that has started writes down what followed from that, or says why it can't.
fn goes_on(mut relay: Relay, opened: Opened) {
    let mut keeper = opened.keeper;
    drop(opened.reader);
    let effects: Vec<_> = std::iter::from_fn(|| relay.poll_effect()).collect();
    let commit = Commit::of(&relay, &effects, Default::default());
    if let Err(fault) = at_once(keeper.append_batch(commit)) {
        assert!(matches!(fault, Fault::Damaged { .. }), "it is not that: {fault}");
    }
    // Its thread may fall over what it puts away: it has nothing else to do.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(keeper)));
}

/// A file with some of its bytes changed.
fn pages(life: &Life, draw: &mut Draw<'_>) -> (Sheet, Asked) {
    let killed = draw.one_in(2);
    let image = if killed { &life.killed } else { &life.stopped };
    let sheet = Sheet::of(Arc::clone(image));
    let mut head = false;
    for _ in 0..=draw.below(CHANGES) {
        let page = life.used[draw.wide() % life.used.len()];
        let at = page * PAGE + draw.wide() % PAGE;
        let at = if draw.one_in(8) { at % 512 } else { at };
        head |= at < PAGE;
        let room = sheet.length().saturating_sub(at);
        if room == 0 {
            break;
        }
        match draw.below(8) {
            0..=2 => {
                let mut byte = [0];
                sheet.read_at(at, &mut byte);
                sheet.write_at(at, &[byte[0] ^ (1 << draw.below(8))]);
            }
            3 => {
                let many = (1 + draw.below(8)).min(room);
                let bytes: Vec<u8> = draw.bytes(many).iter().copied().map(bearable).collect();
                sheet.write_at(at, &bytes);
            }
            4 => sheet.write_at(at, &vec![0; (1 + draw.wide() % PAGE).min(room)]),
            5 => {
                // A page that was written in another's place; or half of it.
                let from = life.used[draw.wide() % life.used.len()] * PAGE;
                let mut bytes = vec![0; if draw.one_in(2) { PAGE / 2 } else { PAGE }];
                sheet.read_at(from, &mut bytes);
                head |= page == 0;
                let room = sheet.length().saturating_sub(page * PAGE).min(bytes.len());
                sheet.write_at(page * PAGE, &bytes[..room]);
            }
            6 => {
                // Too short; mostly by little.
                let less = if draw.one_in(2) { draw.wide() * 64 } else { 1 + draw.below(64) };
                sheet.cut(sheet.length().saturating_sub(less));
            }
            _ => {
                let more = draw.bytes(16);
                let at = sheet.length();
                sheet.write_at(at, more);
            }
        }
    }
    // A file that was not closed goes back to what was written before, where its last turn is not whole.
    let newest = !killed && !head;
    (sheet, Asked { written: true, newest })
}

/// A file whose pages are whole, and some of its rows are not.
fn rows(life: &Life, draw: &mut Draw<'_>) -> (Sheet, Asked) {
    let sheet = Sheet::of(Arc::clone(&life.stopped));
    let database = Database::builder().set_cache_size(1 << 20).create_with_backend(sheet.clone());
    let database = database.expect("it is sound");
    let write = database.begin_write().expect("it is sound");
    let mut asked = Asked { written: true, newest: true };
    for _ in 0..=draw.below(3) {
        let at = draw.wide() % life.rows.len();
        let (place, row) = life.rows.iter().nth(at).expect("it is one of them");
        let (mut place, mut row) = (place.clone(), row.clone());
        match draw.below(12) {
            0..=3 => scratch(&mut row, draw),
            4 => row.truncate(draw.wide() % (row.len() + 1)),
            5 => row.extend(draw.bytes(32)),
            6 => row = draw.bytes(256).to_vec(),
            7 => {
                let other = life.rows.values().nth(draw.wide() % life.rows.len());
                row.clone_from(other.expect("it is one of them"));
            }
            8 => place = elsewhere(&place, draw),
            9 => {
                remove(&write, &place);
                continue;
            }
            10 => {
                let name = draw.pick(&["x1", "x2", "x4", "x9"]);
                let number = draw.number();
                let mut names = write.open_table(NAMES).expect("it is there");
                names.insert(name, number).expect("it can be written");
                continue;
            }
            _ => {
                let (name, number) = (draw.pick(&["schema", "next_log", "other"]), draw.number());
                let mut numbers = write.open_table(NUMBERED).expect("it is there");
                numbers.insert(name, number).expect("it can be written");
                continue;
            }
        }
        if draw.one_in(6) {
            sign(&place, &mut row);
        }
        asked.written &= life.rows.get(&place) == Some(&row) || !is_signed(&place, &row);
        insert(&write, &place, &row);
    }
    write.commit().expect("it can be written");
    (sheet, asked)
}

/// The highest byte of a page's number says how large the page is. For one that says it has gigabytes redb
/// makes room before it sees that the file has not: no machine that runs tests has that room.
fn bearable(byte: u8) -> u8 {
    if (17 << 3..21 << 3).contains(&byte) { byte & 0x7F } else { byte }
}

fn scratch(row: &mut [u8], draw: &mut Draw<'_>) {
    let at = draw.wide() % row.len();
    let bytes = draw.bytes(1 + at % 4);
    for (to, by) in row[at..].iter_mut().zip(bytes) {
        *to ^= by;
    }
}

/// A place of the same table.
fn elsewhere(place: &Place, draw: &mut Draw<'_>) -> Place {
    match place {
        Place::Head(log) => Place::Head(log.wrapping_add(draw.number())),
        Place::Record(log, seq) if draw.one_in(2) => Place::Record(log ^ draw.number(), *seq),
        Place::Record(log, seq) => Place::Record(*log, seq.wrapping_add(draw.number())),
        Place::Fold(log, seq) => Place::Fold(*log, seq.wrapping_add(draw.number())),
        Place::Fence(name) => Place::Fence(format!("{name}{}", draw.below(9))),
        Place::Tombstone(name) => Place::Tombstone(format!("{name}{}", draw.below(9))),
    }
}

/// What the checksum is over beside the row itself.
fn key(place: &Place) -> Vec<u8> {
    match place {
        Place::Head(log) => log.to_be_bytes().to_vec(),
        Place::Record(log, seq) | Place::Fold(log, seq) => {
            [log.to_be_bytes(), seq.to_be_bytes()].concat()
        }
        Place::Fence(name) | Place::Tombstone(name) => name.as_bytes().to_vec(),
    }
}

/// CRC-32, bit by bit: said once more, so that the relay is not asked whether it is right.
fn checksum(parts: &[&[u8]]) -> [u8; 4] {
    let mut sum = u32::MAX;
    for byte in parts.iter().copied().flatten() {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
        }
    }
    (!sum).to_be_bytes()
}

fn is_signed(place: &Place, row: &[u8]) -> bool {
    row.split_first_chunk().is_some_and(|(sum, rest)| *sum == checksum(&[&key(place), rest]))
}

fn sign(place: &Place, row: &mut Vec<u8>) {
    row.resize(row.len().max(4), 0);
    let sum = checksum(&[&key(place), &row[4..]]);
    row[..4].copy_from_slice(&sum);
}

fn insert(write: &redb::WriteTransaction, place: &Place, row: &[u8]) {
    let done = match place {
        Place::Head(log) => write.open_table(HEADS).map(|mut it| it.insert(*log, row).is_ok()),
        Place::Record(log, seq) => {
            write.open_table(RECORDS).map(|mut it| it.insert((*log, *seq), row).is_ok())
        }
        Place::Fold(log, seq) => {
            write.open_table(FOLDS).map(|mut it| it.insert((*log, *seq), row).is_ok())
        }
        Place::Fence(name) => {
            write.open_table(FENCES).map(|mut it| it.insert(&**name, row).is_ok())
        }
        Place::Tombstone(name) => {
            write.open_table(TOMBSTONES).map(|mut it| it.insert(&**name, row).is_ok())
        }
    };
    assert!(done.expect("it is there"), "it can be written");
}

fn remove(write: &redb::WriteTransaction, place: &Place) {
    let done = match place {
        Place::Head(log) => write.open_table(HEADS).map(|mut it| it.remove(*log).is_ok()),
        Place::Record(log, seq) => {
            write.open_table(RECORDS).map(|mut it| it.remove((*log, *seq)).is_ok())
        }
        Place::Fold(log, seq) => {
            write.open_table(FOLDS).map(|mut it| it.remove((*log, *seq)).is_ok())
        }
        Place::Fence(name) => write.open_table(FENCES).map(|mut it| it.remove(&**name).is_ok()),
        Place::Tombstone(name) => {
            write.open_table(TOMBSTONES).map(|mut it| it.remove(&**name).is_ok())
        }
    };
    assert!(done.expect("it is there"), "it can be written");
}
