//! Connections, with a real WebSocket client at the other end of a pipe, and the test for a shard.
//! The clock stands still unless everybody waits.

use std::{sync::Arc, time::Duration};

use footplate::auth::Pass;
use footplate::auth::verifier::Loopback;
use footplate::core::{Answer, Input, Receipt, Reference, Stage, Start, Why};
use footplate::dialect::{Begin, Call, Dialect, Manners};
use footplate::model::{
    Durability, Epoch, ExecutionId, Position, Principal, Seq, Timestamp, ViewerId,
};
use footplate::room::{Bell, Keep, Line, Room};
use footplate::seams::Clock;
use footplate::shard::{self, Inbox, Join, Message};
use footplate::viewer::{
    Bucket, Close, Cursor, Departure, Letter, Options, Plan, Post, Rate, Seat, Topic,
};
use footplate::viewer::{Guest, House, connection};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message as Frame, Role};

use crate::probe::Probe;

const EPOCH: Epoch = Epoch { boot: 7, nth: 1 };

/// One connection, and the two who are at its ends.
struct Bench {
    probe: &'static Probe,
    inbox: Inbox,
    post: Option<Post>,
    departure: Departure,
    running: JoinSet<Close>,
    since: Instant,
}

impl Bench {
    async fn open(manners: Manners) -> (Self, WebSocketStream<DuplexStream>) {
        let (bench, socket) = Self::raw(manners, Options::default(), 1 << 20, 64).await;
        let mut client = WebSocketStream::from_raw_socket(socket, Role::Client, None).await;
        assert_eq!(say(&mut client).await["welcome"], "local");
        (bench, client)
    }

    /// `pipe`: bytes that are on their way at most. `inbox`: what the shard can have before it.
    async fn raw(
        manners: Manners,
        options: Options,
        pipe: usize,
        inbox: usize,
    ) -> (Self, DuplexStream) {
        let (ours, theirs) = duplex(pipe);
        let (shards, inbox) = shard::inbox(inbox);
        let probe = Probe::new(manners);
        let guest = Guest {
            viewer: ViewerId(5),
            dialect: probe,
            conversation: probe.converse(&Call::default()),
            pass: Some(Pass::local().into()),
            local: true,
            kin: None,
            entry: Box::default(),
        };
        let departure = Departure::default();
        let house = House {
            shards,
            clock: Clock::new(|| Timestamp(0)),
            boot: 7,
            durability: Durability::Memory,
            verifier: Arc::new(Loopback),
            options: Arc::new(options),
            crowd: footplate::viewer::crowd::Crowd::unbounded(),
            departure: departure.clone(),
        };
        let mut running = JoinSet::new();
        running.spawn(connection::run(ours, guest, house));
        let since = Instant::now();
        let mut bench = Self { probe, inbox, post: None, departure, running, since };
        match bench.told().await {
            Message::Viewer { answers, .. } => bench.post = Some(answers),
            other => panic!("{other:?}"),
        }
        (bench, theirs)
    }

    async fn told(&mut self) -> Message {
        self.inbox.recv().await.unwrap()
    }

    fn send(&self, letter: Letter) -> bool {
        self.post.as_ref().unwrap().send(letter)
    }

    fn bell(&self) -> Arc<Bell> {
        self.post.as_ref().unwrap().bell().clone()
    }

    /// The relay goes: this one's turn is at once, and it may stay for some seconds at most.
    fn leaves(&self) {
        let (from, over) = (Instant::now(), Duration::ZERO);
        self.departure.call(Plan { from, over, last: from + Duration::from_secs(8) });
    }

    /// How it ended, and after how long. The shard was told.
    async fn end(mut self) -> (Close, Duration) {
        let close = self.running.join_next().await.unwrap().unwrap();
        let after = self.since.elapsed();
        while let Some(message) = self.inbox.recv().await {
            if matches!(message, Message::Left { viewer: ViewerId(5) }) {
                return (close, after);
            }
        }
        panic!("nobody was told that it left");
    }
}

/// The next text.
async fn say(client: &mut WebSocketStream<DuplexStream>) -> Value {
    loop {
        match client.next().await.unwrap().unwrap() {
            Frame::Text(text) => return serde_json::from_str(&text).unwrap(),
            Frame::Ping(_) | Frame::Pong(_) => (),
            other => panic!("{other:?}"),
        }
    }
}

/// What it is told at the end, if anything; all else is not looked at.
async fn goodbye(client: &mut WebSocketStream<DuplexStream>) -> Option<(u16, String)> {
    loop {
        match client.next().await {
            Some(Ok(Frame::Close(Some(frame)))) => {
                return Some((frame.code.into(), frame.reason.to_string()));
            }
            Some(Ok(_)) => (),
            Some(Err(_)) | None => return None,
        }
    }
}

async fn tell(client: &mut WebSocketStream<DuplexStream>, text: &str) {
    client.send(Frame::text(text)).await.unwrap();
}

fn topic(name: &str) -> Topic {
    Topic::Execution(name.into())
}

fn receipt() -> Letter {
    let about = Reference::Decision("d1".parse().unwrap());
    let (execution, gate, node, resolution) = (None, None, None, None);
    let (stage, reason, by, at) = (Stage::Recorded, None, None, None);
    let receipt = Receipt { about, execution, gate, node, stage, resolution, reason, by, at };
    Letter::Answer(Box::new(Answer::Receipt(receipt)))
}

fn ticket(message: &Message) -> u32 {
    match message {
        Message::Join(Join { ticket, .. }) => *ticket,
        other => panic!("{other:?}"),
    }
}

/// A room with some large records, and a seat in it.
fn seat(bench: &Bench, ticket: u32, records: u64) -> Letter {
    let mut room = Room::new(Keep::default());
    let probe = bench.probe;
    let none: [(Seq, Duration, ()); 0] = [];
    let now = std::time::Instant::now();
    let shared = room.join(now, probe, ViewerId(5), bench.bell(), Seq(0), none, |_, (), _| ());
    for seq in 1..=records {
        room.append(
            now,
            Line::default(),
            |_| false,
            |_, out| {
                out.text(&json!({ "x": "x1", "seq": seq, "text": "x".repeat(1_000) }));
            },
        );
    }
    room.publish(now, 1, |_, _| (), |_, _, _| ());
    let execution: ExecutionId = "x1".parse().unwrap();
    let head = Position { epoch: EPOCH, seq: Seq(records) };
    let start = Start::Snapshot { at: head, why: Why::Fresh };
    Letter::Seat(Box::new(Seat {
        topic: topic("x1"),
        ticket,
        answer: Some(Answer::Watching { execution, start, head }),
        cursor: Some(Cursor::new(shared, Some(EPOCH), Some(Seq(0)))),
    }))
}

#[tokio::test(start_paused = true)]
async fn it_says_what_it_wants_and_is_told_before_it_is_shown() {
    let (mut bench, mut client) = Bench::open(Manners::Native).await;
    tell(&mut client, "watch x1 since 7-1:3").await;
    let join = bench.told().await;
    let Message::Join(Join { viewer, from: Begin::After(since), .. }) = &join else {
        panic!("{join:?}")
    };
    assert_eq!((viewer.0, since.unwrap().to_string()), (5, "7-1:3".to_owned()));
    assert!(bench.send(seat(&bench, ticket(&join), 2)));
    assert_eq!(say(&mut client).await["watching"], "x1");
    assert_eq!(say(&mut client).await["seq"], 1);
    assert_eq!(say(&mut client).await["seq"], 2);
    tell(&mut client, "decides x1 g 1 approve as d1").await;
    match bench.told().await {
        Message::Input(Input::Decided { viewer: ViewerId(5), principal, .. }) => {
            assert_eq!(principal, Principal::local());
        }
        other => panic!("{other:?}"),
    }
    assert!(bench.send(receipt()));
    assert_eq!(say(&mut client).await["receipt"], "Recorded");
    tell(&mut client, "unwatch x1").await;
    assert_eq!(say(&mut client).await["unwatched"], "x1");
    assert!(
        matches!(bench.told().await, Message::Leave { topic, .. } if topic == self::topic("x1"))
    );
    client.close(None).await.unwrap();
    assert_eq!(goodbye(&mut client).await, None, "its own words, which say nothing");
    assert_eq!(bench.end().await.0, Close::ByPeer);
}

/// Between a wish and the seat, the viewer may have changed its mind.
#[tokio::test(start_paused = true)]
async fn a_seat_that_nobody_wants_any_longer_is_not_taken() {
    let (mut bench, mut client) = Bench::open(Manners::Native).await;
    tell(&mut client, "watch x1").await;
    let first = ticket(&bench.told().await);
    tell(&mut client, "unwatch x1").await;
    bench.told().await;
    assert_eq!(say(&mut client).await["unwatched"], "x1");
    tell(&mut client, "watch x1").await;
    let second = ticket(&bench.told().await);
    assert!(bench.send(seat(&bench, first, 1)));
    assert!(bench.send(receipt()));
    assert!(bench.send(seat(&bench, second, 3)));
    assert_eq!(say(&mut client).await["receipt"], "Recorded");
    assert_eq!(say(&mut client).await["head"], 3);
    assert_eq!(say(&mut client).await["seq"], 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_no_subscription_unless_the_dialect_waits() {
    for (manners, waits) in [(Manners::Native, false), (Manners::Windags, true)] {
        let (mut bench, mut client) = Bench::open(manners).await;
        tell(&mut client, "watch x1").await;
        let ticket = ticket(&bench.told().await);
        let execution = "x1".parse().unwrap();
        let answer = Some(Answer::Unknown { execution });
        let (topic, cursor) = (topic("x1"), None);
        assert!(bench.send(Letter::Seat(Box::new(Seat { topic, ticket, answer, cursor }))));
        assert_eq!(say(&mut client).await["unknown"], "x1");
        // Later somebody has spoken of it.
        assert!(bench.send(seat(&bench, ticket, 1)));
        assert!(bench.send(receipt()));
        assert_eq!(say(&mut client).await.get("watching").is_some(), waits, "{manners:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_answers_pings_stays() {
    let (mut bench, mut client) = Bench::open(Manners::Native).await;
    let mut pings = 0;
    while bench.since.elapsed() < Duration::from_secs(300) {
        let next = tokio::time::timeout(Duration::from_secs(30), client.next()).await;
        assert!(matches!(next.unwrap().unwrap().unwrap(), Frame::Ping(_)));
        pings += 1;
    }
    assert_eq!(pings, 15, "every 20 s");
    assert!(bench.running.try_join_next().is_none());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_dropped() {
    let (bench, mut socket) = Bench::raw(Manners::Native, Options::default(), 1 << 20, 64).await;
    let (close, after) = bench.end().await;
    assert_eq!((close, after), (Close::Silent, Duration::from_secs(32)));
    let mut got = vec![];
    socket.read_to_end(&mut got).await.unwrap();
    assert!(got.ends_with(&[0x89, 0]), "the last thing is a ping, and no close frame");
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_is_dropped_but_who_takes_a_little_is_not() {
    for (pause, expected) in [(None, Close::Stalled), (Some(10), Close::ByPeer)] {
        let (mut bench, mut socket) =
            Bench::raw(Manners::Native, Options::default(), 256, 64).await;
        let mut frame = vec![0x81, 0x80 | 8, 0, 0, 0, 0];
        frame.extend(b"watch x1");
        socket.write_all(&frame).await.unwrap();
        let ticket = ticket(&bench.told().await);
        assert!(bench.send(seat(&bench, ticket, 10)));
        bench.since = Instant::now();
        if let Some(pause) = pause {
            let mut buffer = [0; 256];
            for _ in 0..30 {
                tokio::time::sleep(Duration::from_secs(pause)).await;
                assert_ne!(socket.read(&mut buffer).await.unwrap(), 0, "it was dropped");
            }
            socket.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
            let mut got = vec![];
            socket.read_to_end(&mut got).await.unwrap();
        }
        let (close, after) = bench.end().await;
        assert_eq!(close, expected);
        if expected == Close::Stalled {
            assert_eq!(after, Duration::from_secs(30));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_relay_goes_each_is_told_in_its_own_way() {
    let (bench, mut client) = Bench::open(Manners::Native).await;
    bench.leaves();
    assert_eq!(say(&mut client).await["going"], 1_000);
    assert_eq!(goodbye(&mut client).await, Some((1012, "the relay restarts".to_owned())));
    // The client's answer to that, and then the end.
    assert!(client.next().await.is_none());
    drop(client);
    let (close, after) = bench.end().await;
    assert_eq!(close, Close::Drain);
    assert!(after < Duration::from_secs(2), "{after:?}");

    let (bench, mut client) = Bench::open(Manners::Windags).await;
    bench.leaves();
    assert_eq!(goodbye(&mut client).await, None, "no close frame");
    assert_eq!(bench.end().await.0, Close::Drain);
}

/// A relay that goes takes nothing along that a viewer is still being sent, and waits for none that
/// takes nothing.
#[tokio::test(start_paused = true)]
async fn who_is_behind_may_stay_until_it_has_everything_or_the_time_is_over() {
    const RECORDS: u64 = 40;
    for reads in [true, false] {
        let (mut bench, socket) =
            Bench::raw(Manners::Native, Options::default(), 4 << 10, 64).await;
        let mut client = WebSocketStream::from_raw_socket(socket, Role::Client, None).await;
        say(&mut client).await;
        tell(&mut client, "watch x1").await;
        let ticket = ticket(&bench.told().await);
        assert!(bench.send(seat(&bench, ticket, RECORDS)));
        assert_eq!(say(&mut client).await["watching"], "x1");
        bench.since = Instant::now();
        bench.leaves();
        if reads {
            for seq in 1..=RECORDS {
                tokio::time::sleep(Duration::from_millis(150)).await;
                assert_eq!(say(&mut client).await["seq"], seq);
            }
            assert_eq!(say(&mut client).await["going"], 1_000);
            assert_eq!(goodbye(&mut client).await.map(|it| it.0), Some(1012));
            drop(client);
        }
        let (close, after) = bench.end().await;
        assert_eq!(close, Close::Drain);
        // Its time, and that of a goodbye that nobody takes.
        assert!(
            if reads { after < Duration::from_secs(7) } else { after == Duration::from_secs(10) },
            "{after:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn viewers_leave_evenly_over_the_time() {
    let (from, over) = (Instant::now(), Duration::from_secs(5));
    let plan = Plan { from, over, last: from + over };
    for first in [1, 77, 1_000_000_007] {
        let mut tenths = [0; 10];
        for viewer in first..first + 1_000 {
            let turn = plan.turn(ViewerId(viewer));
            assert!(from <= turn && turn < from + over);
            tenths[usize::try_from((turn - from).as_millis() / 500).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|it| (95..=105).contains(it)), "{tenths:?}");
    }
    assert_eq!(plan.retry_after(), Duration::from_secs(6));
    let departure = Departure::default();
    assert_eq!(departure.plan(), None);
    departure.call(plan);
    departure.call(Plan { over: Duration::ZERO, ..plan });
    assert_eq!(departure.plan(), Some(plan), "the first counts");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_text_or_too_much_of_it_ends_the_connection() {
    let masked = |first: u8, payload: &[u8]| {
        let len = u8::try_from(payload.len()).unwrap();
        [&[first, 0x80 | len, 0, 0, 0, 0], payload].concat()
    };
    let huge = [&[0x81, 0xFF][..], &(1u64 << 21).to_be_bytes(), &[0; 4]].concat();
    let cases = [
        (masked(0x82, b"bytes"), Close::Binary, 1003),
        (masked(0x81, &[0xC3, 0x28]), Close::Utf8, 1007),
        (huge, Close::TooBig, 1009),
        (vec![0x81, 2, b'h', b'i'], Close::Protocol, 1002),
        (masked(0xC1, b"reserved"), Close::Protocol, 1002),
    ];
    for (bytes, expected, code) in cases {
        let (bench, mut socket) =
            Bench::raw(Manners::Native, Options::default(), 1 << 20, 64).await;
        socket.write_all(&bytes).await.unwrap();
        // Whatever it goes on to say.
        socket.write_all(&[0; 10_000]).await.unwrap();
        let mut client = WebSocketStream::from_raw_socket(socket, Role::Client, None).await;
        assert_eq!(goodbye(&mut client).await.map(|it| it.0), Some(code), "{expected:?}");
        drop(client);
        assert_eq!(bench.end().await.0, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn what_means_nothing_is_answered_and_ends_nothing() {
    let (bench, mut client) = Bench::open(Manners::Native).await;
    tell(&mut client, "gibberish").await;
    let expected = json!({ "problem": "unknown_type", "about": "gibberish" });
    assert_eq!(say(&mut client).await, expected);
    tell(&mut client, "ping").await;
    assert_eq!(say(&mut client).await, "pong");
    drop(client);
    assert_eq!(bench.end().await.0, Close::Lost);
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_much_is_refused_and_in_the_end_sent_away() {
    let (mut bench, mut client) = Bench::open(Manners::Native).await;
    for _ in 0..5 {
        tell(&mut client, "decides x1 g 1 approve as d1").await;
        assert!(matches!(bench.told().await, Message::Input(Input::Decided { .. })));
    }
    let refused = |about| json!({ "problem": "rate_limited", "about": about });
    tell(&mut client, "decides x1 g 1 approve as d6").await;
    assert_eq!(say(&mut client).await, refused(json!("d6")));
    // It comes back with time.
    tokio::time::advance(Duration::from_millis(200)).await;
    tell(&mut client, "decides x1 g 1 approve as d6").await;
    assert!(matches!(bench.told().await, Message::Input(Input::Decided { .. })));
    // Other things have buckets of their own.
    for _ in 0..10 {
        tell(&mut client, "ping").await;
        assert_eq!(say(&mut client).await, "pong");
    }
    for _ in 0..99 {
        tell(&mut client, "ping").await;
        assert_eq!(say(&mut client).await, refused(Value::Null));
    }
    tell(&mut client, "nothing").await;
    tokio::time::advance(Duration::from_secs(10)).await;
    tell(&mut client, "ping").await;
    assert_eq!(say(&mut client).await, "pong", "it has behaved meanwhile");
    for _ in 0..1_000 {
        // It may be gone already.
        let _ = client.feed(Frame::text("nothing")).await;
    }
    let _ = client.flush().await;
    assert_eq!(goodbye(&mut client).await, Some((1008, "too much".to_owned())));
    drop(client);
    assert_eq!(bench.end().await.0, Close::Policy);
}

#[tokio::test(start_paused = true)]
async fn it_watches_so_much_and_no_more() {
    let (mut bench, mut client) = Bench::open(Manners::Native).await;
    for n in 0..128 {
        tell(&mut client, &format!("watch x{n}")).await;
        bench.told().await;
        tokio::time::advance(Duration::from_millis(50)).await;
    }
    tell(&mut client, "watch x128").await;
    let refused = json!({ "problem": "too_many_subscriptions", "about": "x128" });
    assert_eq!(say(&mut client).await, refused);
    tokio::time::advance(Duration::from_millis(50)).await;
    tell(&mut client, "watch x127 since 7-1:1").await;
    bench.told().await;
}

#[tokio::test(start_paused = true)]
async fn who_asks_faster_than_it_listens_is_let_go_of() {
    for (manners, expected) in
        [(Manners::Native, Some((1013, "too slow".to_owned()))), (Manners::Windags, None)]
    {
        let (mut bench, mut client) = Bench::open(manners).await;
        // What the shard does when a letter does not fit.
        while bench.send(receipt()) {}
        bench.post = None;
        assert_eq!(goodbye(&mut client).await, expected);
        drop(client);
        assert_eq!(bench.end().await.0, Close::Slow);
    }
}

#[tokio::test(start_paused = true)]
async fn for_lack_of_room_it_is_told_to_come_back() {
    let (bench, mut client) = Bench::open(Manners::Native).await;
    assert!(bench.send(Letter::Overloaded));
    assert_eq!(goodbye(&mut client).await, Some((1013, "overloaded".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn when_the_shard_is_gone_it_is_as_if_the_relay_went() {
    let (mut bench, mut client) = Bench::open(Manners::Native).await;
    drop(std::mem::replace(&mut bench.inbox, shard::inbox(1).1));
    bench.post = None;
    assert_eq!(goodbye(&mut client).await.map(|it| it.0), Some(1012));
    let close = bench.running.join_next().await.unwrap().unwrap();
    assert_eq!(close, Close::Drain);
}

/// What is read has to wait while the shard is busy. What is written need not.
#[tokio::test(start_paused = true)]
async fn a_busy_shard_keeps_nobody_from_seeing() {
    let (mut bench, socket) = Bench::raw(Manners::Native, Options::default(), 1 << 20, 1).await;
    let mut client = WebSocketStream::from_raw_socket(socket, Role::Client, None).await;
    say(&mut client).await;
    tell(&mut client, "watch x1").await;
    let ticket = ticket(&bench.told().await);
    for n in 0..4 {
        tell(&mut client, &format!("watch y{n}")).await;
    }
    assert!(bench.send(seat(&bench, ticket, 2)));
    assert_eq!(say(&mut client).await["watching"], "x1");
    assert_eq!(say(&mut client).await["seq"], 1);
    assert_eq!(say(&mut client).await["seq"], 2);
    for n in 0..4 {
        match bench.told().await {
            Message::Join(join) => assert_eq!(join.topic, topic(&format!("y{n}"))),
            other => panic!("{other:?}"),
        }
    }
    // It is heard as soon as there is room, and not when something else wakes it.
    assert!(bench.since.elapsed() < Duration::from_secs(1));
}

/// An idle connection is to cost little: this, tungstenite's 4 KiB, and what the kernel takes.
#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_small() {
    let (bench, _client) = Bench::open(Manners::Native).await;
    let (ours, _theirs) = duplex(64);
    let (shards, _inbox) = shard::inbox(1);
    let guest = Guest {
        viewer: ViewerId(6),
        dialect: bench.probe,
        conversation: bench.probe.converse(&Call::default()),
        pass: Some(Pass::local().into()),
        local: true,
        kin: None,
        entry: Box::default(),
    };
    let house = House {
        shards,
        clock: Clock::system(),
        boot: 7,
        durability: Durability::Memory,
        verifier: Arc::new(Loopback),
        options: Arc::default(),
        crowd: footplate::viewer::crowd::Crowd::unbounded(),
        departure: Departure::default(),
    };
    let size = size_of_val(&connection::run(ours, guest, house));
    assert!(size <= 2_640, "{size} bytes");
}

#[test]
fn every_close_has_its_words() {
    let said = |close: Close, manners| close.farewell(manners).frame.map(|it| it.0);
    for close in Close::ALL {
        let [native, seed] = [Manners::Native, Manners::Windags].map(|it| said(close, it));
        let back = |manners| close.farewell(manners).comes_back;
        assert!(![native, seed].contains(&Some(1001)), "never: two clients stop for good");
        if native == Some(1012) || native == Some(1013) {
            assert_eq!(seed, None, "{close:?}: all that come back do so after a lost connection");
            assert!(back(Manners::Native) && back(Manners::Windags));
        }
        if native == Some(1008) || native.is_some_and(|it| 4_000 <= it) {
            assert!(!back(Manners::Native), "{close:?}");
        }
    }
    assert_eq!(said(Close::Done, Manners::Native), Some(1000));
    assert_eq!(said(Close::Token, Manners::Native), Some(4401));
    assert_eq!(said(Close::Forbidden, Manners::Native), Some(4403));
    assert_eq!(said(Close::Gone, Manners::Native), Some(4404));
    assert_eq!([Close::Silent, Close::Stalled].map(|it| said(it, Manners::Native)), [None; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_gives_what_it_has_and_fills_again() {
    let (rate, start) = (Rate::per_second(50, 100), Instant::now());
    let mut bucket = Bucket::new(start);
    assert_eq!((0..200).filter(|_| bucket.take(rate, start)).count(), 100);
    let later = start + Duration::from_millis(100);
    assert_eq!((0..200).filter(|_| bucket.take(rate, later)).count(), 5);
    let much_later = start + Duration::from_secs(60);
    assert_eq!((0..200).filter(|_| bucket.take(rate, much_later)).count(), 100);
}
