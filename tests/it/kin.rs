//! Connections of the same client: what one finds of another. Time is passed in.

use std::time::Duration;

use footplate::dialect::Manners;
use footplate::model::{Epoch, Position, Seq, Text};
use footplate::viewer::kin::{Kin, Likeness, Member};
use footplate::viewer::{Close, Rate};
use tokio::time::Instant;

fn client(agent: &str) -> Likeness {
    Likeness {
        dialect: "stage5",
        path: Some("run-1".into()),
        address: Some([192, 0, 2, 7].into()),
        agent: agent.into(),
        origin: "http://localhost:3000".into(),
        token: None,
    }
}

fn at(seq: u64) -> Position {
    Position { epoch: Epoch { boot: 7, nth: 1 }, seq: Seq(seq) }
}

fn place(seq: u64) -> Vec<(Text, Position)> {
    vec![("run-1".into(), at(seq))]
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// One that mutes others, and is not otherwise remarkable.
fn enters(kin: &Kin, now: Instant) -> Member {
    kin.enter(client("a"), true, now).0
}

#[test]
fn a_client_is_known_by_everything_that_it_shows() {
    let now = Instant::now();
    let same = client("a");
    let others = [
        Likeness { dialect: "windags", ..same.clone() },
        Likeness { path: None, ..same.clone() },
        Likeness { path: Some("run-2".into()), ..same.clone() },
        Likeness { address: None, ..same.clone() },
        Likeness { address: Some([192, 0, 2, 8].into()), ..same.clone() },
        Likeness { agent: "b".into(), ..same.clone() },
        Likeness { origin: "".into(), ..same.clone() },
        Likeness { token: Some([1; 32]), ..same.clone() },
    ];
    for other in others {
        let kin = Kin::default();
        let (member, _) = kin.enter(same.clone(), true, now);
        member.lost(place(3), now);
        let (stranger, _) = kin.enter(other.clone(), true, now);
        assert!(!member.is_muted(), "{other:?}");
        assert_eq!((stranger.left(now), kin.left(&other, now)), (None, vec![]), "{other:?}");
        assert_eq!((kin.living(&same), kin.living(&other), kin.len()), (1, 1, 2));
        assert_eq!(kin.left(&same, now), place(3));
    }
}

#[test]
fn a_lost_place_is_given_once_the_last_one_first() {
    let (kin, now) = (Kin::default(), Instant::now());
    let [one, two] = [1, 2].map(|seq| {
        let member = enters(&kin, now);
        member.lost(place(seq), now);
        member
    });
    // What nothing was watched on is no place.
    two.lost(vec![], now);
    drop((one, two));
    assert_eq!(kin.left(&client("a"), now), place(2));
    assert_eq!(kin.left(&client("a"), now), place(1));
    assert_eq!(kin.left(&client("a"), now), []);
}

#[test]
fn a_lost_place_is_kept_for_five_minutes() {
    let now = Instant::now();
    for (later, kept) in [(secs(299), true), (secs(300), false)] {
        let kin = Kin::default();
        enters(&kin, now).lost(place(1), now);
        let next = enters(&kin, now);
        assert_eq!(next.left(now + later), kept.then(|| at(1)));
        let expected = if kept { place(1) } else { vec![] };
        assert_eq!(kin.left(&client("a"), now + later), expected);
    }
}

#[test]
fn sixteen_lost_places_are_remembered_of_one_client() {
    let (kin, now) = (Kin::default(), Instant::now());
    for seq in 1..=20 {
        enters(&kin, now).lost(place(seq), now);
    }
    for seq in (5..=20).rev() {
        assert_eq!(kin.left(&client("a"), now), place(seq));
    }
    assert_eq!(kin.left(&client("a"), now), []);
}

/// A client that leaves its connections behind is told everything on one of them: the newest.
#[test]
fn who_shows_no_life_is_muted_by_who_comes_after_it() {
    let (kin, now) = (Kin::default(), Instant::now());
    let first = enters(&kin, now);
    assert!(!first.is_muted(), "there is nobody else");
    let second = enters(&kin, now + secs(2));
    assert!(first.is_muted() && !second.is_muted());
    // It was only thought to be left behind.
    first.lives(now + secs(30));
    assert!(!first.is_muted() && !second.is_muted(), "nobody mutes by living");
    let third = enters(&kin, now + secs(64));
    assert!(!first.is_muted() && second.is_muted() && !third.is_muted(), "34 s are no silence");
    let fourth = enters(&kin, now + secs(65));
    assert!(first.is_muted() && third.is_muted() && !fourth.is_muted(), "35 s are");
    // Those of other protocols mute nobody.
    let (fifth, _) = kin.enter(client("a"), false, now + secs(200));
    assert!(!fourth.is_muted() && !fifth.is_muted());
}

#[test]
fn who_comes_after_finds_what_was_sent_to_who_no_longer_listens() {
    let (kin, now) = (Kin::default(), Instant::now());
    let first = enters(&kin, now);
    first.sent(at(10));
    assert_eq!(first.left(now), None, "it is all there is");
    let second = enters(&kin, now + secs(2));
    assert_eq!(second.left(now), Some(at(10)), "the first one is muted");
    first.sent(at(12));
    second.sent(at(15));
    assert_eq!(second.left(now), Some(at(12)), "of one that lives nothing is taken over");
    let third = enters(&kin, now + secs(4));
    assert_eq!(third.left(now), Some(at(15)), "the furthest of all");
    second.lost(place(20), now + secs(5));
    drop(second);
    assert_eq!(third.left(now + secs(5)), Some(at(20)));
    // A later log counts more than a later record.
    let newer = Position { epoch: Epoch { boot: 7, nth: 2 }, seq: Seq(1) };
    first.sent(newer);
    assert_eq!(third.left(now + secs(5)), Some(newer));
    first.lives(now + secs(6));
    drop(first);
    assert_eq!(third.left(now + secs(305)), None, "nothing of that is true for ever");
}

#[test]
fn more_than_five_beginnings_in_a_minute_are_noted() {
    let now = Instant::now();
    let thrashes = |seconds: &[u64]| -> Vec<bool> {
        let kin = Kin::default();
        let enter = |it: &u64| kin.enter(client("a"), false, now + secs(*it)).1;
        seconds.iter().map(|it| enter(it).thrashes).collect()
    };
    // It has gone each time: that is remembered all the same.
    assert_eq!(thrashes(&[0, 1, 2, 3, 4, 5]), [false, false, false, false, false, true]);
    assert_eq!(thrashes(&[0, 1, 2, 3, 4, 59, 59]), [false, false, false, false, false, true, true]);
    assert_eq!(thrashes(&[0, 12, 24, 36, 48, 60, 72]), [false; 7]);
}

#[test]
fn more_than_five_at_once_are_noted() {
    let (kin, now) = (Kin::default(), Instant::now());
    let mut members = vec![];
    // An hour apart, so that nothing else is remarkable.
    for nth in 1..=7 {
        let (member, noted) = kin.enter(client("a"), false, now + secs(3_600 * nth));
        assert_eq!((noted.crowds, noted.thrashes), (nth > 5, false), "{nth}");
        members.push(member);
    }
    members.truncate(4);
    let (_, noted) = kin.enter(client("a"), false, now + secs(36_000));
    assert!(!noted.crowds, "those that have gone are no crowd");
    assert_eq!(kin.living(&client("a")), 4);
}

#[test]
fn what_a_client_may_say_it_may_say_with_all_its_connections_together() {
    let (kin, now) = (Kin::default(), Instant::now());
    let rate = Rate::per_minute(10);
    let [one, two] = [(), ()].map(|()| enters(&kin, now));
    let (other, _) = kin.enter(client("b"), true, now);
    for nth in 0..10 {
        let speaker = if nth % 2 == 0 { &one } else { &two };
        assert!(speaker.may_speak(rate, now), "{nth}");
    }
    assert!(!one.may_speak(rate, now) && !two.may_speak(rate, now));
    assert!(other.may_speak(rate, now), "another client's is its own");
    // To go and come back makes it no more.
    drop((one, two));
    let again = enters(&kin, now);
    assert!(!again.may_speak(rate, now));
    assert!(again.may_speak(rate, now + secs(6)));
}

#[test]
fn ten_thousand_clients_are_remembered() {
    let (kin, now) = (Kin::default(), Instant::now());
    let of = |nth: usize| client(&nth.to_string());
    let living = enters(&kin, now);
    for nth in 1..10_000 {
        let (member, _) = kin.enter(of(nth), true, now);
        // Half of them are worth it for longer.
        member.lost(place(1), if nth % 2 == 0 { now } else { now + secs(200) });
    }
    assert_eq!(kin.len(), 10_000);
    // Who is known needs no room.
    drop(kin.enter(of(1), true, now));
    assert_eq!(kin.len(), 10_000);
    // Then whose time is over goes, and who has a connection stays.
    let later = now + secs(400);
    kin.enter(of(10_001), true, later).0.lost(place(1), later);
    assert_eq!((kin.len(), kin.living(&client("a"))), (5_002, 1));
    assert_eq!(kin.left(&of(2), later), []);
    assert_eq!(kin.left(&of(1), later), place(1));
    // Where all are worth it, all go that have no connection.
    kin.enter(of(1), true, later).0.lost(place(1), later);
    for nth in 20_000..24_998 {
        kin.enter(of(nth), true, later).0.lost(place(1), later);
    }
    assert_eq!(kin.len(), 10_000);
    let newest = kin.enter(of(30_000), true, later);
    assert_eq!((kin.len(), kin.living(&client("a"))), (2, 1));
    drop((living, newest));
}

/// A place is taken over by who is meant to come back, and by nobody else.
#[test]
fn a_place_is_kept_for_who_is_meant_to_come_back() {
    use Close::{Lost, Overloaded, Silent, Slow, Stalled, TooMany, Unheard};
    for manners in Manners::ALL.into_iter().filter(|it| it.is_seed()) {
        let kept = Close::ALL.into_iter().filter(|it| it.keeps_its_place(manners));
        let expected = [Close::Drain, Slow, Overloaded, TooMany, Silent, Stalled, Unheard, Lost];
        assert_eq!(kept.collect::<Vec<_>>(), expected, "{manners:?}");
    }
}
