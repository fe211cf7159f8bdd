//! The store by itself: what it finds of what it kept, and what it does when the disk does not play
//! along. Rows of the fault table are named where a test shows them.

mod again;
mod golden;
mod values;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use footplate::core::{Answer, Effect, Execution, Input, KeptRecord, Limits, Relay, Stage};
use footplate::model::{
    DecisionKind, DecisionSource, ExecutionId, Fact, Now, Position, Record, Resolution, Seq,
    Timestamp,
};
use footplate::seams::{Disk, Drive};
use footplate::store::{Backend, Commit, Fault, Keeper, Opened, Options};
use futures_util::FutureExt;
use redb::{Builder, Database, ReadableDatabase, TableDefinition, WriteTransaction};
use tempfile::TempDir;

use crate::dice::Dice;
use crate::kept::Kept;
use crate::laws::{Game, limits};
use crate::platter::Platter;
use crate::script;

type States = BTreeMap<ExecutionId, (Position, Execution)>;

const DIRECTORY: &str = "/store";

fn now() -> Now {
    Now { instant: Instant::now(), time: Timestamp(1_795_168_900_000_000) }
}

/// A store in which something has happened, as whoever had it open left it.
fn lived() -> Platter {
    let mut dice = Dice::seeded(5);
    let mut part = || dice.below(256) as u8;
    let mut moves = vec![(0, 0, 0, 2), (0, 1, 0, 2), (0, 2, 1, 2), (6, 1, 0, 0), (6, 2, 1, 1)];
    for n in 0..400_u32 {
        // Whoever is killed with the relay comes back.
        let which = (n / 3 % 3) as u8;
        let greets = (0, which, (n / 9 % 2) as u8, 2);
        moves.push(if n % 3 == 0 { greets } else { (part(), part(), part(), part()) });
    }
    let mut game = Game::play_with(&moves, Some(Kept::new()));
    let kept = game.store.take().unwrap();
    let platter = kept.platter.clone();
    drop(kept);
    assert!(game.records.values().all(|log| 60 < log.len()), "a life");
    platter
}

fn open(platter: &Platter, options: Options, aside: bool) -> Result<(Relay, Opened), Fault> {
    let disk: Arc<dyn Disk> = Arc::new(platter.clone());
    let fresh = || Relay::new(99, limits());
    Keeper::open(&disk, Path::new(DIRECTORY), options, now(), aside, fresh)
}

fn states(relay: &Relay) -> States {
    relay.executions().map(|(id, at, state)| (id.clone(), (at, state.clone()))).collect()
}

/// Every record that the store still has of each execution.
fn records(opened: &Opened, states: &States) -> BTreeMap<ExecutionId, Option<Vec<KeptRecord>>> {
    let read = |(id, (at, _)): (&ExecutionId, &(Position, Execution))| {
        let piece = opened.reader.piece(id, at.epoch, Seq(0), usize::MAX);
        (id.clone(), piece.ok().flatten().map(|piece| piece.records))
    };
    states.iter().map(read).collect()
}

/// What is found in a store with these bytes is what was kept, or is reported as damaged.
fn is_sound(
    bytes: Vec<u8>,
    known: &States,
    all: &BTreeMap<ExecutionId, Option<Vec<KeptRecord>>>,
) -> bool {
    let platter = Platter::of(bytes);
    let (relay, opened) = open(&platter, Options::default(), true).unwrap();
    let found = states(&relay);
    let damage = &opened.loaded.damage;
    for (id, state) in &found {
        assert_eq!(Some(state), known.get(id), "a state that never was");
    }
    let lost = known.keys().filter(|id| !found.contains_key(*id)).count();
    assert!(lost <= damage.len() || damage.iter().any(|it| it.execution.is_none()), "{damage:?}");
    assert_eq!(damage.len(), platter.aside().len(), "what is damaged is kept beside it");
    for (id, records) in records(&opened, &found) {
        // What can't be read is not shown.
        assert!(records.is_none() || records == all[&id], "a record that never was");
    }
    lost == 0
}

#[test]
fn row_09_a_flipped_bit_in_any_page_is_found_or_does_no_harm() {
    let bytes = lived().bytes();
    let (relay, opened) = open(&Platter::of(bytes.clone()), Options::default(), false).unwrap();
    let known = states(&relay);
    let all = records(&opened, &known);
    assert!(all.values().all(Option::is_some));
    let mut dice = Dice::seeded(7);
    let (mut harmless, mut found) = (0, 0);
    for page in 0..bytes.len() / 4_096 {
        let page = page * 4_096..(page + 1) * 4_096;
        if bytes[page.clone()].iter().all(|it| *it == 0) {
            continue;
        }
        let used: Vec<usize> = page.filter(|at| bytes[*at] != 0).collect();
        for _ in 0..2 {
            let mut scratched = bytes.clone();
            let at = used[dice.below(used.len() as u64) as usize];
            scratched[at] ^= 1 << dice.below(8);
            match is_sound(scratched, &known, &all) {
                true => harmless += 1,
                false => found += 1,
            }
        }
    }
    assert!(0 < found && 0 < harmless, "{harmless} did no harm, {found} were found");
}

#[test]
fn row_09_a_file_that_is_cut_short_is_found_to_be() {
    let bytes = lived().bytes();
    let (relay, opened) = open(&Platter::of(bytes.clone()), Options::default(), false).unwrap();
    let known = states(&relay);
    let all = records(&opened, &known);
    let tail = (0..64).map(|n| bytes.len() - n);
    let rest = (0..bytes.len()).step_by(bytes.len() / 200);
    for length in rest.chain(tail) {
        is_sound(bytes[..length].to_vec(), &known, &all);
    }
}

/// What no reader looks at leads a writer astray: a store whose free pages are not known would end the
/// relay with its first turn, at each start again.
#[test]
fn row_09_a_file_that_can_be_read_and_not_written_is_set_aside_at_the_start() {
    let platter = Platter::default();
    let (mut relay, opened) = open(&platter, Options::default(), false).unwrap();
    let mut keeper = opened.keeper;
    for text in ["w1/1@l1 greets x1", "l1 says x1 1 log a; gate g 1 asks A?", "l1 says x1 3 log b"]
    {
        relay.handle(now(), script::input(now().time, text));
        keep(&mut keeper, &mut relay);
    }
    drop((keeper, opened.reader));
    let bytes = platter.bytes();
    let (mut aside, mut written) = (0, 0);
    for at in (0..bytes.len()).step_by(61).filter(|at| bytes[at / 4_096 * 4_096] != 0) {
        let mut scratched = bytes.clone();
        scratched[at] ^= 1 << (at % 8);
        let (mut relay, opened) = open(&Platter::of(scratched), Options::default(), true).unwrap();
        let mut keeper = opened.keeper;
        aside += usize::from(opened.loaded.damage.iter().any(|it| it.execution.is_none()));
        drop(opened.reader);
        relay.handle(now(), script::input(now().time, "w1/2@l1 greets x1"));
        let effects: Vec<_> = std::iter::from_fn(|| relay.poll_effect()).collect();
        let commit = Commit::of(&relay, &effects, Default::default());
        match keeper.append_batch(commit).now_or_never().expect("it is inline") {
            Ok(_) => written += 1,
            // Where only a turn of its own comes.
            Err(fault) => assert!(matches!(fault, Fault::Damaged { .. }), "{fault}"),
        }
        // It may fall over what is no file of its own making when it is put away.
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(keeper))));
    }
    assert!(0 < aside && 0 < written, "{aside} were set aside, {written} were written to");
}

#[test]
fn a_damaged_execution_is_set_aside_by_itself_and_may_begin_anew() {
    let bytes = lived().bytes();
    let (relay, _) = open(&Platter::of(bytes.clone()), Options::default(), false).unwrap();
    let known = states(&relay);
    let mut dice = Dice::seeded(9);
    let lost = (0..2_000).find_map(|_| {
        let mut scratched = bytes.clone();
        scratched[dice.below(bytes.len() as u64) as usize] ^= 1;
        let platter = Platter::of(scratched);
        let (relay, opened) = open(&platter, Options::default(), true).ok()?;
        let alone = opened.loaded.damage.iter().find_map(|it| it.execution.clone())?;
        Some((platter, relay, opened, alone))
    });
    let (platter, mut relay, opened, id) = lost.expect("some bit is in a row");
    assert_eq!(states(&relay).len(), known.len() - 1, "the others don't notice");
    // Its engine comes back, and tells what it knows.
    let mut keeper = opened.keeper;
    for text in [&*format!("w1/9@l1 greets {id}"), &format!("l1 says {id} 1 log anew")] {
        relay.handle(now(), script::input(now().time, text));
    }
    keep(&mut keeper, &mut relay);
    let epoch = relay.snapshot(&id).unwrap().0.epoch;
    assert_ne!(epoch, known[&id].0.epoch, "it is another log");
    drop((keeper, opened.reader));
    let (relay, opened) = open(&platter, Options::default(), true).unwrap();
    assert!(opened.loaded.damage.is_empty());
    assert_eq!(relay.snapshot(&id).unwrap().0.epoch, epoch);
    assert_eq!(states(&relay).len(), known.len());
}

/// Commits what a relay has come to.
fn keep(keeper: &mut Keeper, relay: &mut Relay) {
    let effects: Vec<_> = std::iter::from_fn(|| relay.poll_effect()).collect();
    let commit = Commit::of(relay, &effects, Default::default());
    keeper.append_batch(commit).now_or_never().expect("it is inline").unwrap();
}

#[test]
fn row_10_a_write_that_fails_at_any_point_is_done_again_or_never_was() {
    let before = lived().bytes();
    for patience in 0..60 {
        let platter = Platter::of(before.clone());
        let (mut relay, opened) = open(&platter, Options::default(), false).unwrap();
        let mut keeper = opened.keeper;
        drop(opened.reader);
        keep(&mut keeper, &mut relay);
        relay.handle(now(), script::input(now().time, "w1/50@l1 greets x1"));
        let link = Input::Detached { link: footplate::model::LinkId(1) };
        relay.handle(now(), link);
        let effects: Vec<_> = std::iter::from_fn(|| relay.poll_effect()).collect();
        let commit = Commit::of(&relay, &effects, Default::default());
        assert!(!commit.is_empty());
        platter.breaks_after(Some(patience));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let blocked = keeper.trouble();
        let wants = runtime.block_on(async {
            let heal = async {
                tokio::time::sleep(Duration::from_secs(3)).await;
                platter.breaks_after(None);
            };
            let (wants, ()) = tokio::join!(keeper.append_batch(commit), heal);
            wants
        });
        wants.unwrap();
        assert!(blocked.borrow().is_none(), "it is over");
        let expected = states(&relay);
        drop(keeper);
        let (relay, opened) = open(&platter, Options::default(), false).unwrap();
        assert!(opened.loaded.damage.is_empty());
        assert_eq!(states(&relay), expected, "after {patience} writes");
    }
}

#[tokio::test(start_paused = true)]
async fn row_10_a_full_disk_holds_everything_up_until_there_is_space() {
    let platter = Platter::default();
    let (mut relay, opened) = open(&platter, Options::default(), false).unwrap();
    let mut keeper = opened.keeper;
    let mut trouble = keeper.trouble();
    relay.handle(now(), script::input(now().time, "w1/1@l1 greets x1"));
    let effects: Vec<_> = std::iter::from_fn(|| relay.poll_effect()).collect();
    let commit = Commit::of(&relay, &effects, Default::default());
    platter.fill(true);
    let watched = async {
        trouble.changed().await.unwrap();
        let why = trouble.borrow_and_update().clone().unwrap();
        assert!(why.contains("bytes are free"), "{why}");
        platter.fill(false);
    };
    let (wants, ()) = tokio::join!(keeper.append_batch(commit), watched);
    wants.unwrap();
    assert!(trouble.borrow().is_none());
}

#[test]
fn row_12_a_store_that_is_in_use_is_not_opened() {
    let dir = TempDir::new().unwrap();
    let disk = Drive::disk();
    let fresh = || Relay::new(1, Limits::default());
    let open = || Keeper::open(&disk, dir.path(), Options::default(), now(), true, fresh);
    let first = open().unwrap();
    let err = open().unwrap_err();
    assert!(matches!(err, Fault::InUse(_)) && err.to_string().contains("--store"), "{err}");
    let (_, opened) = first;
    drop(opened.reader);
    opened.keeper.close().now_or_never();
    // Its thread lets go of it in its own time.
    while matches!(open(), Err(Fault::InUse(_))) {
        std::thread::yield_now();
    }
}

/// A store as `platter` has it, but for what somebody else has done to it.
fn changed(platter: &Platter, change: impl FnOnce(&WriteTransaction)) -> Platter {
    let platter = Platter::of(platter.bytes());
    let database = platter.open(Path::new(DIRECTORY), &Builder::new()).unwrap().unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
    drop(database);
    platter
}

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// Numbers about the store itself stand under no checksum of their own.
fn numbered(platter: &Platter, name: &str, number: u64) -> Platter {
    changed(platter, |it| drop(it.open_table(META).unwrap().insert(name, number).unwrap()))
}

#[test]
fn a_newer_store_is_refused_and_left_as_it_is() {
    let platter = numbered(&lived(), "schema", 2);
    let err = open(&platter, Options::default(), true).unwrap_err();
    assert!(matches!(err, Fault::Newer { found: 2, known: 1, .. }), "{err}");
    assert!(platter.aside().is_empty());
}

/// redb takes a file whose newest turns are both scratched for one in which nothing ever was.
#[test]
fn a_store_in_which_nothing_is_left_is_damaged_and_not_new() {
    let empty = Platter::default();
    drop(empty.begin(Path::new(DIRECTORY), &Builder::new(), &|_| Ok(())).unwrap());
    for bytes in [empty.bytes(), vec![]] {
        let err = open(&Platter::of(bytes.clone()), Options::default(), false).unwrap_err();
        assert!(matches!(err, Fault::Damaged { .. }), "{err}");
        let (_, opened) = open(&Platter::of(bytes), Options::default(), true).unwrap();
        assert_eq!(opened.loaded.damage.len(), 1);
    }
}

#[test]
fn who_is_killed_while_a_store_begins_begins_again() {
    let folder = TempDir::new().unwrap();
    let there = |name| fs::exists(folder.path().join(name)).unwrap();
    let (how, fails) = (Builder::new(), |_: &Database| Err(redb::Error::PreviousIo));
    Drive.begin(folder.path(), &how, &fails).unwrap_err();
    assert!(there("footplate.redb.new") && !there("footplate.redb"));
    assert!(Drive.open(folder.path(), &how).unwrap().is_none(), "there is none yet");
    let disk: Arc<dyn Disk> = Drive::disk();
    let begin = || {
        let fresh = || Relay::new(99, limits());
        Keeper::open(&disk, folder.path(), Options::default(), now(), false, fresh)
    };
    begin().unwrap();
    assert!(!there("footplate.redb.new") && there("footplate.redb"));
    let again = Drive.begin(folder.path(), &how, &|_| Ok(())).unwrap_err();
    assert!(matches!(again, redb::Error::DatabaseAlreadyOpen), "never over one that is there");
}

#[test]
fn a_number_that_no_log_can_have_is_damage() {
    const HEADS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("heads");
    let alive = lived();
    for number in [1 << 49, u64::MAX - 1, u64::MAX] {
        let next = numbered(&alive, "next_log", number);
        let head = |it: &WriteTransaction| {
            drop(it.open_table(HEADS).unwrap().insert(number, &b"none"[..]).unwrap());
        };
        for damaged in [next, changed(&alive, head)] {
            let err = open(&damaged, Options::default(), false).unwrap_err();
            assert!(matches!(err, Fault::Damaged { .. }), "{err}");
            let (relay, opened) = open(&damaged, Options::default(), true).unwrap();
            assert!(states(&relay).is_empty());
            assert!(matches!(&opened.loaded.damage[..], [one] if one.execution.is_none()));
        }
    }
}

/// A log's rows are removed some time after it is forgotten, by its number.
#[test]
fn a_log_never_gets_the_number_of_one_that_is_yet_to_be_removed() {
    const DEAD: TableDefinition<'_, u64, ()> = TableDefinition::new("dead");
    const NAMES: TableDefinition<'_, &str, u64> = TableDefinition::new("names");
    let dead = changed(&lived(), |it| drop(it.open_table(DEAD).unwrap().insert(77, ()).unwrap()));
    let platter = numbered(&dead, "next_log", 1);
    let (mut relay, Opened { mut keeper, .. }) = open(&platter, Options::default(), false).unwrap();
    for text in ["w9/9@l9 greets anew", "l9 says anew 1 log begun"] {
        relay.handle(now(), script::input(now().time, text));
    }
    keep(&mut keeper, &mut relay);
    drop(keeper);
    let database = platter.open(Path::new(DIRECTORY), &Builder::new()).unwrap().unwrap();
    let names = database.begin_read().unwrap().open_table(NAMES).unwrap();
    assert_eq!(names.get("anew").unwrap().map(|it| it.value()), Some(78));
}

#[test]
fn what_is_no_store_is_set_aside_or_refused() {
    for bytes in [b"not a store".to_vec(), vec![0xFF; 9_000]] {
        let err = open(&Platter::of(bytes.clone()), Options::default(), false).unwrap_err();
        assert!(matches!(err, Fault::Damaged { .. }), "{err}");
        let platter = Platter::of(bytes.clone());
        let (relay, opened) = open(&platter, Options::default(), true).unwrap();
        assert!(states(&relay).is_empty());
        assert_eq!(opened.loaded.damage.len(), 1);
        assert_eq!(platter.aside()[0].1, bytes, "what was there is kept");
    }
}

#[test]
fn r3_a_start_folds_no_more_than_what_lies_behind_a_checkpoint() {
    let platter = Platter::default();
    let options = Options { checkpoint: 8_000, ..Options::default() };
    let (mut relay, opened) = open(&platter, options, false).unwrap();
    let mut keeper = opened.keeper;
    relay.handle(now(), script::input(now().time, "w1/1@l1 greets x1"));
    let mut wanted = Default::default();
    for n in 1..=2_000 {
        let text = format!("l1 says x1 {n} log some line that is as long as lines are, number {n}");
        relay.handle(now(), script::input(now().time, &text));
        let effects: Vec<_> = std::iter::from_fn(|| relay.poll_effect()).collect();
        let commit = Commit::of(&relay, &effects, std::mem::take(&mut wanted));
        let wants = keeper.append_batch(commit).now_or_never().unwrap().unwrap();
        wanted.extend(wants.checkpoints);
    }
    let expected = states(&relay);
    drop((keeper, opened.reader));
    let (relay, opened) = open(&platter, options, false).unwrap();
    assert!(opened.loaded.folded < 200, "{}", opened.loaded.folded);
    let (at, state) = &expected[&"x1".parse().unwrap()];
    let (head, found) = relay.snapshot(&"x1".parse().unwrap()).unwrap();
    // Only that its engine is not there.
    assert_eq!((head.epoch, head.seq.0), (at.epoch, at.seq.0 + 1));
    assert_eq!(found.nodes, state.nodes);
    let piece = opened.reader.piece(&"x1".parse().unwrap(), at.epoch, Seq(1_000), usize::MAX);
    let piece = piece.unwrap().unwrap();
    let from = piece.checkpoint.unwrap().at.0;
    assert!(800 < from && from <= 1_000, "{from}");
    assert_eq!(piece.records.len() as u64, at.seq.0 - from);
}

#[test]
fn a_store_that_is_too_large_loses_what_is_oldest_first_of_what_is_over() {
    let platter = Platter::default();
    let options = Options { checkpoint: 4_000, bytes: 60_000, ..Options::default() };
    let (mut relay, opened) = open(&platter, options, false).unwrap();
    let mut keeper = opened.keeper;
    let mut wanted = Default::default();
    let mut room = false;
    let mut turn = |relay: &mut Relay, text: &str| {
        relay.handle(now(), script::input(now().time, text));
        if std::mem::take(&mut room) {
            relay.shed(now());
        }
        let effects: Vec<_> = std::iter::from_fn(|| relay.poll_effect()).collect();
        let commit = Commit::of(relay, &effects, std::mem::take(&mut wanted));
        let wants = keeper.append_batch(commit).now_or_never().unwrap().unwrap();
        wanted.extend(wants.checkpoints);
        room = wants.room;
    };
    turn(&mut relay, "w1/1@l1 greets x1");
    turn(&mut relay, "l1 says x1 1 log a; log b; finished completed");
    turn(&mut relay, "l1 claims x2");
    for n in 1..=1_000 {
        turn(&mut relay, &format!("l1 says x2 {n} log a line of some length, number {n}"));
    }
    assert!(relay.snapshot(&"x1".parse().unwrap()).is_none(), "it was over, and went first");
    let (at, _) = relay.snapshot(&"x2".parse().unwrap()).unwrap();
    drop(keeper);
    drop(opened.reader);
    let (mut relay, opened) = open(&platter, options, false).unwrap();
    assert!(opened.loaded.bytes < 90_000, "{}", opened.loaded.bytes);
    let id: ExecutionId = "x2".parse().unwrap();
    let first = opened.reader.piece(&id, at.epoch, Seq(0), usize::MAX).unwrap();
    assert!(first.is_none(), "its beginning is gone");
    let last = opened.reader.piece(&id, at.epoch, Seq(at.seq.0 - 10), usize::MAX).unwrap();
    assert!(last.is_some(), "its end is there");
    // What is forgotten stays so.
    relay.handle(now(), script::input(now().time, "w1/1@l1 greets x1 from 9"));
    assert!(relay.snapshot(&"x1".parse().unwrap()).is_none());
}

/// What a relay that has started again does by itself, as of `later`.
fn again(platter: &Platter, later: Duration) -> (Relay, Vec<Arc<Record>>) {
    let now = Now { instant: now().instant + later, time: now().time.after(later) };
    let disk: Arc<dyn Disk> = Arc::new(platter.clone());
    let fresh = || Relay::new(99, limits());
    let options = Options::default();
    let (mut relay, _) =
        Keeper::open(&disk, Path::new(DIRECTORY), options, now, false, fresh).unwrap();
    relay.handle_timeout(now);
    let effects = std::iter::from_fn(|| relay.poll_effect());
    let records = effects.filter_map(|effect| match effect {
        Effect::Append(record) => Some(record),
        _ => None,
    });
    let records = records.collect();
    (relay, records)
}

fn after(texts: &[&str]) -> Platter {
    let platter = Platter::default();
    let (mut relay, opened) = open(&platter, Options::default(), false).unwrap();
    let mut keeper = opened.keeper;
    for text in texts {
        relay.handle(now(), script::input(now().time, text));
        keep(&mut keeper, &mut relay);
    }
    platter
}

#[test]
fn a_deadline_that_passed_while_nobody_was_there_is_told_as_that() {
    let platter =
        after(&["w1/1@l1 greets x1", "l1 says x1 1 gate g 1 at n within 20s else reject"]);
    let expired = |records: &[Arc<Record>]| {
        records.iter().find_map(|record| match &record.fact {
            Fact::Resolved { resolution: Resolution::Expired(decision), .. } => {
                Some((decision.source, decision.kind))
            }
            _ => None,
        })
    };
    let (_, records) = again(&platter, Duration::from_secs(10));
    assert_eq!(expired(&records), None, "there is time left");
    let (relay, records) = again(&platter, Duration::from_secs(30));
    assert_eq!(expired(&records), Some((DecisionSource::TimerAfterRestart, DecisionKind::Reject)));
    let (_, state) = relay.snapshot(&"x1".parse().unwrap()).unwrap();
    assert_eq!(state.progress().open_gates, 0);
}

#[test]
fn what_was_told_and_not_answered_is_told_again_to_who_comes_back() {
    let platter = after(&[
        "w1/1@l1 greets x1",
        "l1 says x1 1 gate g 1 at n; gate h 1 at m",
        "v1 ada decides x1 g 1 approve as d1",
        "v1 ada pauses x1 as c1",
        "l1 breaks",
        "v1 ada decides x1 h 1 reject as d2",
    ]);
    let (mut relay, _) = again(&platter, Duration::ZERO);
    relay.handle(now(), script::input(now().time, "w1/1@l5 greets x1 from 3 gates g@1,h@1"));
    let (mut decisions, mut commands) = (vec![], vec![]);
    while let Some(effect) = relay.poll_effect() {
        match effect {
            Effect::Deliver { decision, .. } => decisions.push(decision.id.to_string()),
            Effect::Order { command, .. } => commands.push(command.id.to_string()),
            _ => {}
        }
    }
    assert_eq!((decisions, commands), (vec!["d1".into(), "d2".into()], vec![String::from("c1")]));
    // Who asks again is answered as before, and told how it goes on.
    relay.handle(now(), script::input(now().time, "v7 ada decides x1 g 1 approve as d1"));
    relay.handle(now(), script::input(now().time, "l5 says x1 3 outcome d1 g applied"));
    let told: Vec<Stage> = std::iter::from_fn(|| relay.poll_effect())
        .filter_map(|effect| match effect {
            Effect::Answer { answer: Answer::Receipt(receipt), .. } => Some(receipt.stage),
            _ => None,
        })
        .collect();
    assert_eq!(told, [Stage::Recorded, Stage::Applied]);
}
