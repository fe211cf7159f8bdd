//! WinDAGs clients that acknowledge: what is sent again, when, and until when. Time is passed in.

use std::time::{Duration, Instant};

use footplate::core::{Answer, Start};
use footplate::dialect::windags::Windags;
use footplate::dialect::{Call, Conversation, Dialect, Notice, Parting, Said};
use footplate::frame::Frames;
use footplate::model::*;

use super::story::{Story, id, of_node, story};
use super::windags::PLAIN;
use super::{steering, texts, values};

const STAMPED: Windags = Windags { wire_extras: true };

struct Bench {
    talk: Box<dyn Conversation>,
    began: Instant,
}

impl Bench {
    /// One that has opted in with its address.
    fn wants() -> Self {
        Self::with("acks=1")
    }

    fn with(query: &str) -> Self {
        let call = Call { query: query.into(), ..Call::to("dag-1") };
        Self { talk: STAMPED.converse(&call), began: Instant::now() }
    }

    fn at(&mut self, millis: u64) {
        self.talk.at(self.began + Duration::from_millis(millis));
    }

    fn says(&mut self, frame: &str) {
        assert_eq!(self.talk.read(frame), Ok(Said::Nothing), "{frame}");
    }

    fn is_sent(&mut self, say: impl FnOnce(&mut Frames)) -> Vec<String> {
        let mut frames = Frames::default();
        say(&mut frames);
        self.talk.sent(frames.as_bytes());
        texts(|out| out.again(frames.as_bytes()))
    }

    /// What is sent again at its time, and when that was, in milliseconds.
    fn again(&mut self) -> Option<(u128, Vec<String>)> {
        let due = self.talk.due()?;
        self.talk.at(due);
        let told = texts(|out| self.talk.elapsed(out));
        Some((due.duration_since(self.began).as_millis(), told))
    }
}

/// A gate, as its record and as the state.
fn gate() -> Story {
    let mut story = Story::new();
    let asked = steering::asked();
    let gate = Gate {
        asked: std::sync::Arc::new(asked.clone()),
        producer: id("engine-1"),
        resolution: Resolution::Open,
        delivery: None,
        reason: None,
        votes: vec![],
        opened: story.time(),
        since: story.seq(),
    };
    let node = Node { status: NodeStatus::WaitingGate, ..Node::new(id("deploy")) };
    let after = After { gate: Some(std::sync::Arc::new(gate)), ..of_node(node) };
    story.said(Kind::GateOpened(Box::new(asked)), after);
    story
}

fn failure(story: &mut Story, message: &str) {
    let failure = Failure { message: message.into(), ..Failure::default() };
    let failure = FailureReported { failure, step_id: None };
    story.said(Kind::FailureReported(Box::new(failure)), After::default());
}

fn tell(story: &Story) -> impl Fn(&mut Frames) + '_ {
    |out| story.records.iter().for_each(|record| STAMPED.record(record, out))
}

#[test]
fn what_it_must_not_miss_is_sent_again_until_it_is_deaf() {
    let mut bench = Bench::wants();
    assert!(bench.talk.listens());
    bench.at(500);
    let sent = bench.is_sent(tell(&gate()));
    assert_eq!(sent.len(), 2, "the node is paused, and the gate asks");
    // The very same message, and only that.
    for tried in [2_500, 6_500, 14_500, 22_500] {
        assert_eq!(bench.again(), Some((tried, vec![sent[1].clone()])));
        assert_eq!(bench.talk.next(), None);
    }
    assert_eq!(bench.again(), Some((30_500, vec![])), "five times in all");
    assert_eq!(bench.talk.next(), Some(Said::Leave(Parting::Unheard)));
    assert_eq!((bench.talk.next(), bench.talk.due()), (None, None));
}

#[test]
fn what_it_has_is_not_sent_again() {
    for ack in [
        r#"{"type":"ack","event_id":"19f2c4a7-1:1"}"#,
        r#"{"type":"ack","seq":1}"#,
        r#"{"type":"ack","seq":9007199254740993}"#,
        r#"{"type":"ack","event_id":"19f2c4a7-1:1","seq":0,"priority":"high"}"#,
    ] {
        let mut bench = Bench::wants();
        bench.at(0);
        bench.is_sent(tell(&gate()));
        bench.at(1_000);
        bench.says(ack);
        assert_eq!(bench.talk.due(), None, "{ack}");
    }
    // Another one's number is no acknowledgement of this one.
    let mut bench = Bench::wants();
    bench.at(0);
    bench.is_sent(tell(&gate()));
    bench.says(r#"{"type":"ack","event_id":"19f2c4a7-1:2"}"#);
    bench.says(r#"{"type":"ack","seq":0}"#);
    assert!(bench.talk.due().is_some());
}

#[test]
fn an_event_id_is_for_one_and_a_seq_for_all_before_it() {
    let mut story = Story::new();
    ["one", "two", "three", "four"].iter().for_each(|it| failure(&mut story, it));
    let mut bench = Bench::wants();
    bench.at(0);
    let sent = bench.is_sent(tell(&story));
    bench.says(r#"{"type":"ack","event_id":"19f2c4a7-1:4"}"#);
    bench.says(r#"{"type":"ack","seq":2}"#);
    assert_eq!(bench.again(), Some((2_000, vec![sent[2].clone()])));
    // It has everything up to there, also what is replayed to it afterwards.
    let mut early = Story::new();
    failure(&mut early, "one");
    bench.is_sent(tell(&early));
    bench.says(r#"{"type":"ack","seq":3}"#);
    assert_eq!(bench.talk.due(), None);
}

/// What goes to everybody is counted, where it happens and is missed if it is missed.
#[test]
fn only_what_is_critical_and_happens_is_counted() {
    let story = story();
    let mut bench = Bench::wants();
    bench.at(0);
    bench.is_sent(tell(&story));
    let (_, again) = bench.again().unwrap();
    let kinds: Vec<String> = values(|out| {
        let frames: Vec<Box<serde_json::value::RawValue>> =
            again.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
        frames.iter().for_each(|frame| out.text(frame));
    })
    .iter()
    .map(|it| it["type"].as_str().unwrap().to_owned())
    .collect();
    assert_eq!(kinds, ["human_gate_waiting", "error", "execution_complete"]);

    // The state is said again with each opening; whoever it is that takes it in.
    let gate = gate();
    let mut bench = Bench::wants();
    bench.at(0);
    let sent = bench.is_sent(|out| STAMPED.state(&gate.id, gate.position(), &gate.state, out));
    assert!(sent.iter().any(|it| it.contains("human_gate_waiting")), "{sent:?}");
    assert_eq!(bench.talk.due(), None);
    // Without extras there is nothing to acknowledge it by.
    bench.is_sent(|out| gate.records.iter().for_each(|record| PLAIN.record(record, out)));
    assert_eq!(bench.talk.due(), None);
}

#[test]
fn nobody_is_sent_anything_again_who_does_not_want_it() {
    for query in ["", "acks=0", "acks=", "acks=true", "token=acks=1"] {
        let bench = Bench::with(query);
        assert!(!bench.talk.listens(), "{query}");
    }
    // With its first one it wants it, from then on.
    let mut bench = Bench::with("");
    bench.at(0);
    bench.says(r#"{"type":"ack","event_id":"whatever"}"#);
    assert!(bench.talk.listens());
    let sent = bench.is_sent(tell(&gate()));
    assert_eq!(bench.again(), Some((2_000, vec![sent[1].clone()])));
}

#[test]
fn an_acknowledgement_of_nothing_is_answered() {
    let mut bench = Bench::with("");
    let missing = r#"{"type":"error","message":"ack: missing event_id or seq"}"#;
    let fault = bench.talk.read(r#"{"type":"ack"}"#).unwrap_err();
    let told = texts(|out| bench.talk.notice(&Notice::Problem(&fault), out));
    assert_eq!(told, [missing]);
    for frame in [
        r#"{"type":"ack","seq":-1}"#,
        r#"{"type":"ack","seq":"7"}"#,
        r#"{"type":"ack","seq":1.5}"#,
        r#"{"type":"ack","event_id":7}"#,
        r#"{"type":"ack","event_id":["a"]}"#,
    ] {
        let fault = bench.talk.read(frame).unwrap_err();
        assert!(fault.message.starts_with("ack: "), "{fault:?}");
    }
    assert!(!bench.talk.listens(), "nor is it a wish for more");
}

#[test]
fn who_never_acknowledges_is_no_burden() {
    let mut many = Story::new();
    (0..256).for_each(|_| failure(&mut many, "x"));
    let mut bench = Bench::wants();
    bench.at(0);
    bench.is_sent(tell(&many));
    assert_eq!(bench.talk.next(), None);
    failure(&mut many, "one too many");
    bench.is_sent(|out| STAMPED.record(many.records.last().unwrap(), out));
    // At once.
    assert_eq!(bench.again(), Some((0, vec![])));
    assert_eq!(bench.talk.next(), Some(Said::Leave(Parting::Unheard)));

    let mut large = Story::new();
    (0..4).for_each(|_| failure(&mut large, &"x".repeat(256 << 10)));
    let mut bench = Bench::wants();
    bench.at(0);
    bench.is_sent(tell(&large));
    assert_eq!(bench.talk.next(), Some(Said::Leave(Parting::Unheard)));
}

#[test]
fn the_numbers_of_another_log_are_others() {
    let watching = |epoch| {
        let head = Position { epoch, seq: Seq(9) };
        let start = Start::After(head);
        Answer::Watching { execution: id("dag-1"), start, head }
    };
    let gate = gate();
    let epoch = gate.position().epoch;
    let mut bench = Bench::wants();
    bench.at(0);
    let nothing = texts(|out| bench.talk.answer(&watching(epoch), out));
    assert_eq!(nothing, [""; 0]);
    bench.is_sent(tell(&gate));
    texts(|out| bench.talk.answer(&watching(epoch), out));
    assert!(bench.talk.due().is_some(), "the same log");
    bench.says(r#"{"type":"ack","seq":1000}"#);
    bench.is_sent(tell(&gate));
    assert_eq!(bench.talk.due(), None, "it has that");
    texts(|out| bench.talk.answer(&watching(Epoch { nth: 2, ..epoch }), out));
    bench.is_sent(tell(&gate));
    assert!(bench.talk.due().is_some(), "it has nothing of this one");
    texts(|out| bench.talk.answer(&watching(epoch), out));
    assert_eq!(bench.talk.due(), None, "and never will of that one");
}
