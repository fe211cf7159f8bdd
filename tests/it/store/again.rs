//! A relay that has started again from a checkpoint, and what is then asked of it that it has to know
//! from before: who is fenced, what was said and decided already, what is asked now.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use footplate::core::{Answer, Effect, Ending, LaneResult, Receipt, Relay, Stage};
use footplate::model::{ExecutionId, Fact, Issue, Now, Pseq, Timestamp};
use footplate::seams::{Disk, Drive};
use footplate::store::{Backend, Commit, Fault, Keeper, Opened, Options};
use futures_util::FutureExt;
use tempfile::TempDir;

use super::{DIRECTORY, after, now, open, states};
use crate::laws::limits;
use crate::platter::Platter;
use crate::script;

/// What came of these, in a store with a checkpoint of all but the last few records.
fn before(texts: &[&str]) -> (Platter, Relay) {
    let platter = Platter::default();
    let options = Options { checkpoint: 1, ..Options::default() };
    let (mut relay, opened) = open(&platter, options, false).unwrap();
    let (mut keeper, mut wanted) = (opened.keeper, BTreeSet::new());
    for text in texts {
        relay.handle(now(), script::input(now().time, text));
        let effects: Vec<_> = std::iter::from_fn(|| relay.poll_effect()).collect();
        let commit = Commit::of(&relay, &effects, std::mem::take(&mut wanted));
        let wants = keeper.append_batch(commit).now_or_never().expect("it is inline").unwrap();
        wanted.extend(wants.checkpoints);
    }
    drop((keeper, opened.reader));
    (platter, relay)
}

/// The same relay, started again.
fn again(platter: &Platter) -> Relay {
    let (relay, Opened { loaded, .. }) = open(platter, Options::default(), false).unwrap();
    // A checkpoint comes only behind as much as it has itself; what is asked about is before it.
    assert!(loaded.damage.is_empty() && loaded.folded <= 5, "{loaded:?}");
    relay
}

fn hears(relay: &mut Relay, text: &str) -> Vec<Effect> {
    relay.handle(now(), script::input(now().time, text));
    std::iter::from_fn(|| relay.poll_effect()).collect()
}

/// What somebody who decides is answered.
fn stage(relay: &mut Relay, text: &str) -> Stage {
    let receipts = hears(relay, text).into_iter().filter_map(|effect| match effect {
        Effect::Answer { answer: Answer::Receipt(Receipt { stage, .. }), .. } => Some(stage),
        _ => None,
    });
    receipts.last().expect("it is answered")
}

fn result(relay: &mut Relay, text: &str) -> LaneResult {
    let results = hears(relay, text).into_iter().filter_map(|effect| match effect {
        Effect::Result { result, .. } => Some(result),
        _ => None,
    });
    results.last().expect("it is answered")
}

const ENDS: &str = "l1 breaks";

#[test]
fn e6_a_fence_outlives_the_relay() {
    let (platter, _) = before(&["w1/5@l1 greets x1", "l1 says x1 1 log a", ENDS]);
    let mut relay = again(&platter);
    let ends = |effects: Vec<Effect>| {
        effects.into_iter().find_map(|effect| match effect {
            Effect::End { why, .. } => Some(why),
            _ => None,
        })
    };
    assert_eq!(ends(hears(&mut relay, "w1/4@l1 greets x1")), Some(Ending::Fenced));
    assert_eq!(ends(hears(&mut relay, "w1/6@l2 greets x1 is bob")), Some(Ending::Forbidden));
    assert_eq!(ends(hears(&mut relay, "w1/5@l3 greets x1")), None);
}

/// With something of all that is counted, so that none of it can be left out.
#[test]
fn c5_what_a_checkpoint_holds_is_the_fold() {
    let (platter, before) = before(&[
        "w1/5@l1 greets x1",
        "l1 says x1 1 started name Nightly budget 5; node a running; bad; cost 0.5",
        "l1 says x1 5 gate g 1 at a quorum 2 asks Sure?; failure it broke; graph a b a>b",
        "v1 ada decides x1 g 1 approve as d1",
        "v1 ada pauses x1 as c1",
        ENDS,
        "v1 bob decides x1 g 1 reject as d2",
    ]);
    let (known, found) = (states(&before), states(&again(&platter)));
    assert_eq!(found, known);
    let (_, state) = &found[&"x1".parse::<ExecutionId>().unwrap()];
    assert_eq!((state.rejected, state.errors.len(), state.commands.len()), (1, 1, 1));
}

/// Without the checkpoint's votes it would be a new decision, or none of this person's any more.
#[test]
fn d4_who_asks_the_same_again_is_answered_the_same_behind_a_checkpoint() {
    let (platter, _) = before(&[
        "w1/5@l1 greets x1",
        "l1 says x1 1 gate g 1 quorum 2 asks Sure?; gate h 1 asks Sure?",
        "v1 ada decides x1 g 1 approve as d1 because fine",
        "v1 ada decides x1 h 1 reject as d2",
        "l1 says x1 3 log more",
        ENDS,
    ]);
    let mut relay = again(&platter);
    let voted = Stage::Voted { votes: 1, needed: 2 };
    assert_eq!(stage(&mut relay, "v2 ada decides x1 g 1 approve as d1 because fine"), voted);
    assert_eq!(stage(&mut relay, "v2 ada decides x1 h 1 reject as d2"), Stage::Recorded);
    // The same id with anything else in it names another decision.
    for other in [
        "ada decides x1 g 1 reject as d1 because fine",
        "ada decides x1 g 1 approve as d1 because not",
        "eve decides x1 g 1 approve as d1 because fine",
        "ada decides x1 h 1 approve as d1 because fine",
    ] {
        assert_eq!(stage(&mut relay, &format!("v2 {other}")), Stage::IdReused, "{other}");
    }
    let (_, state) = relay.snapshot(&"x1".parse().unwrap()).unwrap();
    assert_eq!(state.gates[&"g".parse().unwrap()].votes.len(), 1);
}

#[test]
fn row_04_other_content_under_a_number_is_a_conflict_behind_a_checkpoint_too() {
    let (platter, _) =
        before(&["w1/5@l1 greets x1", "l1 says x1 1 log a; log b", "l1 says x1 3 log c", ENDS]);
    let mut relay = again(&platter);
    hears(&mut relay, "w1/5@l2 greets x1 from 1");
    let told = result(&mut relay, "l2 says x1 1 log a; log B; log c");
    assert_eq!(told.issues, [(Pseq(2), 1, Issue::Conflict)]);
    let (pseq, at) = told.ack.unwrap();
    assert_eq!(pseq, Pseq(3), "the first stands");
    assert_eq!(result(&mut relay, "l2 says x1 1 log a; log b; log c").ack, Some((pseq, at)));
}

#[test]
fn a_decision_on_what_is_asked_no_longer_is_told_what_is_asked_now() {
    let (platter, _) = before(&[
        "w1/5@l1 greets x1",
        r#"l1 says x1 1 gate g 1 payload {"files":1} asks Delete?"#,
        r#"l1 says x1 2 gate g 3 payload {"files":1000} asks Delete?"#,
        "l1 says x1 3 log more",
        ENDS,
    ]);
    let mut relay = again(&platter);
    let changed = Stage::GateChanged { current: 3 };
    for (n, version) in [1, 2, 4].into_iter().enumerate() {
        let ask = format!("v1 ada decides x1 g {version} approve as d{n}");
        assert_eq!(stage(&mut relay, &ask), changed, "{ask}");
    }
    // The right number, but of something else that was shown.
    assert_eq!(stage(&mut relay, "v1 ada decides x1 g 3 approve as d8 seen 7"), changed);
    assert_eq!(stage(&mut relay, "v1 ada decides x1 g 3 approve as d9"), Stage::Recorded);
}

#[test]
fn a_modification_that_does_not_fit_its_schema_is_refused_and_nothing_of_it_stands() {
    let schema = r#"{"type":"object","required":["n"],"properties":{"n":{"maximum":9}}}"#;
    let asks = format!(r#"l1 says x1 1 gate g 1 payload {{"n":1}} schema {schema} asks Sure?"#);
    let (platter, _) = before(&["w1/5@l1 greets x1", &asks, "l1 says x1 2 log more", ENDS]);
    let mut relay = again(&platter);
    let head = relay.head(&"x1".parse().unwrap());
    for with in [r#"{"n":10}"#, "{}", "[]", r#"{"n":1,"n":2}"#] {
        let ask = format!("v1 ada decides x1 g 1 modify as d1 with {with}");
        assert_eq!(stage(&mut relay, &ask), Stage::Refused, "{with}");
    }
    assert_eq!(relay.head(&"x1".parse().unwrap()), head, "none of it is in the log");
    let fits = r#"v1 ada decides x1 g 1 modify as d1 with {"n":9}"#;
    assert_eq!(stage(&mut relay, fits), Stage::Recorded, "its id was not used up");
}

/// The calendar may have been set back or forth while the relay was not there: nothing of what is
/// kept is lost by it, and a deadline stands where it stood in the calendar.
#[test]
fn row_19_a_calendar_that_was_set_while_nobody_was_there_takes_nothing() {
    const HOUR: i64 = 3_600_000_000;
    let asks = "l1 says x1 1 gate g 1 at n within 20s else reject; log a";
    for (jump, expires) in [(-24 * HOUR, false), (-HOUR, false), (HOUR, true), (24 * HOUR, true)] {
        let platter = after(&["w1/1@l1 greets x1", asks, ENDS]);
        let time = Timestamp(now().time.0 + jump);
        let now = Now { time, ..now() };
        let disk: Arc<dyn Disk> = Arc::new(platter.clone());
        let fresh = || Relay::new(99, limits());
        let opened =
            Keeper::open(&disk, Path::new(DIRECTORY), Options::default(), now, false, fresh);
        let (mut relay, opened) = opened.unwrap();
        assert!(opened.loaded.damage.is_empty());
        relay.handle_timeout(now);
        let settled = std::iter::from_fn(|| relay.poll_effect()).any(|effect| {
            matches!(effect, Effect::Append(it) if matches!(it.fact, Fact::Resolved { .. }))
        });
        assert_eq!(settled, expires, "set by {jump} µs");
        // What was said is known, and what is new has its place behind it.
        relay.handle(now, script::input(now.time, "w1/1@l2 greets x1 from 1"));
        let soon = Now { instant: now.instant + Duration::from_secs(1), time: now.time };
        relay.handle(soon, script::input(soon.time, "l2 says x1 3 log b"));
        let acks = std::iter::from_fn(|| relay.poll_effect()).filter_map(|effect| match effect {
            Effect::Result { result, .. } => result.ack,
            _ => None,
        });
        assert_eq!(acks.map(|(pseq, _)| pseq).last(), Some(Pseq(3)));
    }
}

/// Where there is no directory to be had, a start says which and what to do; it does not go on in
/// memory. A file system that is mounted read-only is tried in `tests/e2e`, which can mount one.
#[test]
fn a_store_that_can_not_be_written_is_refused_with_its_path() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    let disk = Drive::disk();
    let fresh = || Relay::new(1, limits());
    let path = file.join("store");
    let err = Keeper::open(&disk, &path, Options::default(), now(), true, fresh).unwrap_err();
    assert!(matches!(err, Fault::Medium { .. }), "{err}");
    let said = err.to_string();
    assert!(said.contains(path.to_str().unwrap()) && said.contains("may write there"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "not a directory", "it is left as it was");
}

/// An engine that claims to be further than the log, and then reports a state that is older than it.
#[test]
fn e5_a_state_report_takes_no_acknowledgement_back() {
    let mut relay = Relay::new(7, limits());
    for text in ["w1/1@l1 greets x1", "l1 says x1 1 log a; log b; log c", "l1 claims x1 from 9"] {
        hears(&mut relay, text);
    }
    let ack = |result: LaneResult| result.ack.map(|(pseq, at)| (pseq, at.seq.0));
    let told = result(&mut relay, "l1 reports x1 1 log d");
    assert_eq!(ack(told), Some((Pseq(3), 5)));
    let told = result(&mut relay, "l1 says x1 2 log b; log c; log e");
    assert_eq!(ack(told), Some((Pseq(4), 6)), "what was taken before is not taken again");
}

/// The numbers just below the next one are not those of which something is remembered.
#[test]
fn what_was_said_before_a_state_report_is_not_taken_for_what_it_covers() {
    let said = ["w1/1@l1 greets x1", "l1 says x1 1 log a; log b; log c", "l1 claims x1 from 10"];
    let behind = ["l1 reports x1 9 log d", "l1 says x1 10 log e"];
    for many in 1..=behind.len() {
        let (platter, _) = before(&[&said, &behind[..many]].concat());
        let mut relay = again(&platter);
        hears(&mut relay, "w1/1@l2 greets x1");
        let told = result(&mut relay, "l2 says x1 7 log it; log knows; log nothing");
        assert_eq!(told.issues, [], "what is repeated here was never seen");
        let told = result(&mut relay, "l2 says x1 10 log other");
        let conflicts = many == 2;
        assert_eq!(!told.issues.is_empty(), conflicts, "{told:?}");
    }
}
