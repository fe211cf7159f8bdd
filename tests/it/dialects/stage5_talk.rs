//! What stage-5 dashboards say, what one of them alone is told, and when.

use std::time::{Duration, Instant};

use footplate::core::{Answer, Receipt, Reference, Stage, Start};
use footplate::dialect::{Begin, Call, Conversation, Dialect, Notice, Point, Said, Unintelligible};
use footplate::model::*;
use serde_json::{Value, json};

use super::stage5::PLAIN;
use super::story::{ada, id, text};
use super::{texts, values};

/// 2026-11-20T10:00:00Z.
const NOW: Timestamp = Timestamp(1_795_168_800_000_000);
const WINDOW: Duration = Duration::from_millis(200);

/// A connection to `run-9` that has just been opened.
struct Bench {
    talk: Box<dyn Conversation>,
    then: Instant,
}

impl Bench {
    fn open() -> Self {
        let mut talk = PLAIN.converse(&Call::to("run-9"));
        let then = Instant::now();
        talk.at(then);
        let welcome = Notice::Welcome {
            time: NOW,
            boot: 7,
            durability: Durability::Memory,
            principal: &Principal::local(),
            max_message: 1 << 20,
            rate: (10, 600),
        };
        let told = values(|out| talk.notice(&welcome, out));
        let expected = json!({ "event_type": "connected",
            "timestamp": "2026-11-20T10:00:00.000000Z", "run_id": "run-9", "session_id": null,
            "data": { "message": "Connected to workflow" } });
        assert_eq!(told, [expected]);
        assert_eq!(talk.opening(), Some(watch(Begin::Held)));
        assert_eq!(talk.next(), None);
        assert_eq!(talk.due(), Some(then + WINDOW));
        Self { talk, then }
    }

    /// As the connection does it: what follows from what is said is asked for at once.
    fn read(&mut self, frame: &str) -> Said {
        let said = self.talk.read(frame).unwrap();
        assert_eq!(self.talk.next(), None);
        said
    }

    fn answer(&mut self, answer: &Answer) -> (Vec<Value>, Option<Said>) {
        let told = values(|out| self.talk.answer(answer, out));
        (told, self.talk.next())
    }

    fn watching(&mut self) -> Option<Said> {
        let head = Position { epoch: Epoch { boot: 7, nth: 1 }, seq: Seq(5) };
        let start = Start::After(head);
        let (told, said) = self.answer(&Answer::Watching { execution: id("run-9"), start, head });
        assert_eq!(told, [Value::Null; 0]);
        said
    }

    fn unknown(&mut self) -> (Vec<Value>, Option<Said>) {
        self.answer(&Answer::Unknown { execution: id("run-9") })
    }

    fn pass(&mut self, span: Duration) -> (Vec<Value>, Option<Said>) {
        self.then += span;
        self.talk.at(self.then);
        let due = self.talk.due().is_some_and(|due| due <= self.then);
        let told = values(|out| {
            if due {
                self.talk.elapsed(out)
            }
        });
        (told, self.talk.next())
    }

    /// The type and the text of what it is told of a command or a decision.
    fn receipt(
        &mut self,
        about: Reference,
        stage: Stage,
        reason: Option<&str>,
    ) -> Vec<(String, String)> {
        let answer = Answer::Receipt(Receipt {
            about,
            execution: Some(id("run-9")),
            gate: Some(id("a1")),
            node: None,
            stage,
            resolution: None,
            reason: reason.map(Into::into),
            by: Some(ada()),
            at: None,
        });
        let (told, said) = self.answer(&answer);
        assert_eq!(said, None);
        told.iter().map(fault).collect()
    }
}

/// What an `error_occurred` says.
fn fault(message: &Value) -> (String, String) {
    assert_eq!(message["event_type"], "error_occurred");
    assert_eq!(message["run_id"], "run-9");
    let data = &message["data"];
    assert_eq!(data.as_object().unwrap().len(), 4, "{data}");
    let text = |key: &str| data[key].as_str().unwrap().to_owned();
    (text("error_type"), text("message"))
}

fn watch(from: Begin) -> Said {
    Said::Watch { name: "run-9".into(), from }
}

fn error(error_type: &str, message: &str) -> (String, String) {
    (error_type.to_owned(), message.to_owned())
}

pub(super) fn read(frame: &str) -> Result<Said, Unintelligible> {
    PLAIN.converse(&Call::to("run-9")).read(frame)
}

fn moment(micros: i64) -> Point {
    Point::Moment { time: Timestamp(micros), left: None }
}

const NOTHING: &[Value] = &[];

#[test]
fn who_asks_for_nothing_is_shown_all_that_is_retained_a_moment_later() {
    let mut bench = Bench::open();
    assert_eq!(bench.watching(), None, "the state goes out, and the rest waits");
    assert_eq!(bench.pass(WINDOW - Duration::from_millis(1)), (vec![], None));
    let (told, said) = bench.pass(Duration::from_millis(1));
    assert_eq!((&told[..], said), (NOTHING, Some(watch(Begin::Behind(Point::Oldest)))));
    assert_eq!(bench.talk.due(), None);
    assert_eq!(bench.watching(), None);
}

#[test]
fn who_says_since_when_is_shown_what_came_since() {
    let ms = NOW.0 / 1_000;
    for (since, point) in [
        (format!(r#","since":{}"#, ms - 5_000), moment(NOW.0 - 4_999_001)),
        (format!(r#","since":{}.5"#, ms - 5_000), moment(NOW.0 - 4_999_500)),
        // In seconds.
        (format!(r#","since":{}"#, ms / 1_000 - 5), moment(NOW.0 - 4_000_001)),
        // Its clock is ahead: by ours it was 100 ms after the opening.
        (format!(r#","since":{}"#, ms + 60_000), moment(NOW.0 + 100_000)),
        (r#","since":1e300"#.to_owned(), moment(NOW.0 + 100_000)),
        (r#","since":-1e300"#.to_owned(), moment(i64::MIN)),
        (r#","since":0"#.to_owned(), moment(999_999)),
        (r#","since":null"#.to_owned(), Point::Oldest),
        (String::new(), Point::Oldest),
    ] {
        let frame = format!(r#"{{"type":"request_state"{since}}}"#);
        // The state is on its way, so only what is retained is missing: it comes with the window's
        // end, when it is clear that its client means this connection,
        let mut bench = Bench::open();
        assert_eq!(bench.watching(), None);
        assert_eq!(bench.pass(Duration::from_millis(100)), (vec![], None));
        assert_eq!(bench.read(&frame), Said::Nothing, "{frame}");
        let behind = Some(watch(Begin::Behind(point)));
        assert_eq!(bench.pass(Duration::from_millis(100)), (vec![], behind.clone()), "{frame}");
        // and later it is the state that is asked for.
        assert_eq!(bench.watching(), None);
        assert_eq!(bench.read(&frame), watch(Begin::Shown(Point::Here)), "{frame}");
        // So it is where nobody knows the run before the window is over.
        let mut bench = Bench::open();
        bench.pass(Duration::from_millis(100));
        assert_eq!(bench.read(&frame), Said::Nothing, "{frame}");
        bench.pass(Duration::from_millis(100));
        assert_eq!((bench.talk.due(), bench.watching()), (None, behind), "{frame}");
    }
}

#[test]
fn a_run_that_nobody_knows_is_waited_for() {
    let mut bench = Bench::open();
    assert_eq!(bench.unknown(), (vec![], None), "perhaps it is about to be started");
    let (told, said) = bench.pass(WINDOW);
    assert_eq!(said, None);
    assert_eq!(fault(&told[0]), error("NotFound", "Run run-9 not found"));
    let at = "2026-11-20T10:00:00.200000Z";
    assert_eq!(told[0]["timestamp"], at, "by the relay's clock");
    // Asked again it is the same.
    let frame = r#"{"type":"request_state","since":0}"#;
    assert_eq!(bench.read(frame), watch(Begin::Shown(moment(999_999))));
    assert_eq!(bench.unknown().0.len(), 1);
    assert_eq!(bench.watching(), None, "it is shown all there is");

    // It comes after the window: what is retained is still to be asked for.
    let mut bench = Bench::open();
    bench.unknown();
    bench.pass(WINDOW);
    assert_eq!(bench.watching(), Some(watch(Begin::Behind(Point::Oldest))));
    assert_eq!(bench.watching(), None);
    // It is forgotten.
    assert_eq!(bench.unknown().0.len(), 1);

    // What can be no run's name is unknown as well.
    let mut bench = Bench::open();
    let problem = Unintelligible { code: "not_found", message: "no such".into(), about: None };
    assert_eq!(texts(|out| bench.talk.notice(&Notice::Problem(&problem), out)), [""; 0]);
    assert_eq!(bench.pass(WINDOW).0.len(), 1);
}

fn start(input: &str, workflow: &str) -> CommandAsk {
    let kind = CommandKind::Start { workflow: id(workflow), input: Some(Json::whole(input)) };
    CommandAsk { id: Some(id("start-run-9")), execution: text("run-9"), kind, reason: None }
}

const TASK: &str = r#"{"task":"Plan a trip","config":{"model":"small-1","n":1e2}}"#;

#[test]
fn a_task_begins_its_run_unless_that_is_there() {
    let ask = start(TASK, "default");
    // Before anybody knows.
    let mut bench = Bench::open();
    assert_eq!(bench.read(TASK), Said::Nothing);
    assert_eq!(bench.read(TASK), Said::Nothing, "the same again");
    let other = bench.talk.read(r#"{"task":"Another"}"#).unwrap_err();
    assert_eq!(other.code, "bad_start");
    assert_eq!(bench.unknown(), (vec![], Some(Said::Command(ask.clone()))));
    assert_eq!(bench.pass(WINDOW), (vec![], None), "it is not missed any longer");
    // It has begun: all of it is news.
    assert_eq!(bench.watching(), Some(watch(Begin::Behind(Point::Oldest))));

    // After it is clear that nobody knows it.
    let mut bench = Bench::open();
    bench.unknown();
    assert_eq!(bench.read(TASK), Said::Command(ask.clone()));
    assert_eq!(bench.pass(WINDOW), (vec![], None));
    // It is the same command, however often it is sent.
    assert_eq!(bench.read(TASK), Said::Command(ask));

    // A run that is there is attached to, whichever task is sent.
    let mut bench = Bench::open();
    assert_eq!(bench.read(TASK), Said::Nothing);
    assert_eq!(bench.watching(), None);
    assert_eq!(bench.read(r#"{"task":"Another"}"#), Said::Nothing);
}

#[test]
fn a_task_may_name_its_workflow() {
    for (frame, workflow) in [
        (r#"{"task":"x","config":{"workflow_id":"release"}}"#, "release"),
        (r#"{"task":"x","config":{"workflow_id":null}}"#, "default"),
        (r#"{"task":"x"}"#, "default"),
    ] {
        let mut bench = Bench::open();
        bench.unknown();
        assert_eq!(bench.read(frame), Said::Command(start(frame, workflow)));
    }
    // A long name makes no bad one.
    let name = "r".repeat(128);
    let mut talk = PLAIN.converse(&Call::to(&*name));
    talk.answer(&Answer::Unknown { execution: id(&name) }, &mut Default::default());
    let Ok(Said::Command(ask)) = talk.read(TASK) else { panic!("a command") };
    assert!(ask.id.is_some_and(|id| id.as_str().len() < 32));
    for frame in [
        r#"{"task":7}"#,
        r#"{"task":"x","config":[]}"#,
        r#"{"task":"x","config":{"workflow_id":7}}"#,
        r#"{"task":"x","config":{"workflow_id":"a b"}}"#,
        &format!(r#"{{"task":"{}"}}"#, "x".repeat(256 << 10)),
    ] {
        let mut bench = Bench::open();
        let fault = bench.talk.read(frame).unwrap_err();
        let told = values(|out| bench.talk.notice(&Notice::Problem(&fault), out));
        assert_eq!(super::stage5_talk::fault(&told[0]).0, "StartError", "{frame}");
    }
}

#[test]
fn commands_are_read_and_their_failures_told() {
    let orders = [
        ("pause", CommandKind::Pause, "PauseError"),
        ("resume", CommandKind::Resume, "ResumeError"),
        ("cancel", CommandKind::Cancel, "CancelError"),
    ];
    let mut bench = Bench::open();
    bench.watching();
    for (name, kind, _) in &orders {
        // With what clients put there and nobody needs.
        let frame = format!(r#"{{"type":"{name}","run_id":"db-17","session_id":null,"x":[]}}"#);
        let execution = text("run-9");
        let ask = CommandAsk { id: None, execution, kind: kind.clone(), reason: None };
        assert_eq!(bench.read(&frame), Said::Command(ask));
    }
    // They are answered in their order; each has its own name from then on.
    let about = |n: usize| Reference::Command(id(&format!("c{n}")));
    for n in 0..3 {
        assert_eq!(bench.receipt(about(n), Stage::Recorded, None), []);
    }
    for (n, (name, _, error_type)) in orders.iter().enumerate().rev() {
        let waits = bench.receipt(about(n), Stage::Waiting, Some("no answer"));
        let message = format!("The {name} has not taken effect yet: no answer");
        assert_eq!(waits, [error(error_type, &message)]);
        let failed = bench.receipt(about(n), Stage::Failed, None);
        assert_eq!(failed, [error(error_type, &format!("The {name} failed"))]);
    }
    for (stage, said) in [
        (Stage::Refused, "The pause was refused"),
        (Stage::OutcomeUnknown, "Nobody knows whether the pause took effect"),
        (Stage::Forbidden, "The pause is not allowed to you"),
    ] {
        bench.read(r#"{"type":"pause"}"#);
        let told = bench.receipt(Reference::Command(CommandId::none()), stage, None);
        assert_eq!(told, [error("PauseError", said)]);
    }
    for stage in [Stage::Recorded, Stage::Delivered, Stage::InProgress, Stage::Applied] {
        bench.read(r#"{"type":"pause"}"#);
        assert_eq!(bench.receipt(about(9), stage, None), []);
        bench.receipt(about(9), Stage::Applied, None);
    }
}

/// One that the relay would not hear at all is none, or the next one's answer would be its.
#[test]
fn what_was_too_much_was_not_said() {
    let mut bench = Bench::open();
    bench.talk.read(r#"{"type":"pause"}"#).unwrap();
    let limited = Unintelligible {
        code: "rate_limited",
        message: "too much at once".to_owned(),
        about: None,
    };
    let told = values(|out| bench.talk.notice(&Notice::Problem(&limited), out));
    assert_eq!(fault(&told[0]), error("RateLimited", "too much at once"));
    bench.read(r#"{"type":"cancel"}"#);
    let told = bench.receipt(Reference::Command(id("c1")), Stage::Refused, None);
    assert_eq!(told, [error("CancelError", "The cancel was refused")]);
    // Nor was what is retained asked for.
    bench.watching();
    bench.talk.read(r#"{"type":"request_state","since":0}"#).unwrap();
    bench.talk.notice(&Notice::Problem(&limited), &mut Default::default());
    assert_eq!(bench.pass(WINDOW).1, Some(watch(Begin::Behind(Point::Oldest))));
}

#[test]
fn what_an_engine_can_not_do_is_not_available() {
    use footplate::core::{Effect, Limits, Relay};
    // In the core's own words.
    let mut relay = Relay::new(7, Limits::default());
    let now = Now { instant: Instant::now(), time: NOW };
    for line in ["w1/1@l1 greets can nothing", "l1 says run-9 1 started", "v1 ada pauses run-9"] {
        relay.handle(now, crate::script::input(NOW, line));
    }
    let mut bench = Bench::open();
    bench.read(r#"{"type":"pause"}"#);
    let mut told = vec![];
    while let Some(effect) = relay.poll_effect() {
        if let Effect::Answer { answer, .. } = effect {
            told.extend(bench.answer(&answer).0);
        }
    }
    let message = "The pause was refused: the engine has not said that it can do this";
    assert_eq!(told.iter().map(fault).collect::<Vec<_>>(), [error("FeatureNotAvailable", message)]);
}

#[test]
fn a_start_that_nobody_takes_is_told_and_one_that_was_made_is_not() {
    let about = || Reference::Command(id("start-run-9"));
    let mut bench = Bench::open();
    bench.unknown();
    for _ in 0..2 {
        bench.read(TASK);
        let told = bench.receipt(about(), Stage::Refused, Some("nobody can"));
        assert_eq!(told, [error("StartError", "The start was refused: nobody can")]);
    }
    bench.read(TASK);
    // By another dashboard, with another task.
    assert_eq!(bench.receipt(about(), Stage::IdReused, Some("another")), []);
    bench.read(TASK);
    assert_eq!(bench.receipt(about(), Stage::Recorded, None), []);
    let told = bench.receipt(about(), Stage::Waiting, None);
    assert_eq!(told, [error("StartError", "The start has not taken effect yet")]);
}

fn decision(option: &str, comment: Option<Text>, modification: Option<&str>) -> Said {
    Said::Decide(DecisionAsk {
        id: None,
        execution: "run-9".into(),
        target: Target::Newest(id("a1")),
        option: option.into(),
        comment,
        modification: modification.map(Json::whole),
        payload_sha256: None,
    })
}

#[test]
fn approvals_are_resolved_in_the_clients_own_word() {
    for (fields, said) in [
        (r#""resolution":"allow_session""#, decision("allow_session", None, None)),
        (r#""resolution":"reject","feedback":"no""#, decision("reject", text("no"), None)),
        (
            r#""resolution":"approve","feedback":"","modifications":"""#,
            decision("approve", None, None),
        ),
        (
            r#""resolution":"approve","feedback":null,"modifications":null"#,
            decision("approve", None, None),
        ),
        (
            r#""resolution":"modify","modifications":"use staging""#,
            decision("modify", None, Some("\"use staging\"")),
        ),
        (
            r#""resolution":"modify","modifications":{"n":9007199254740993}"#,
            decision("modify", None, Some(r#"{"n":9007199254740993}"#)),
        ),
    ] {
        let frame = format!(r#"{{"type":"resolve_approval","approval_id":"a1",{fields}}}"#);
        assert_eq!(read(&frame), Ok(said), "{frame}");
    }
    for (fields, said) in [
        (r#""approved":true"#, decision("approve", None, None)),
        (r#""approved":false,"feedback":"no""#, decision("reject", text("no"), None)),
        (r#""approved":true,"modifications":{}"#, decision("modify", None, Some("{}"))),
        (r#""approved":true,"modifications":"""#, decision("approve", None, None)),
    ] {
        let frame = format!(r#"{{"type":"approval_response","approval_id":"a1",{fields}}}"#);
        assert_eq!(read(&frame), Ok(said), "{frame}");
    }
}

#[test]
fn an_approval_that_is_not_pending_is_told_of_as_it_always_was() {
    let message = "Approval a1 not found or already resolved";
    let gone = [error("ApprovalNotPending", message)];
    // And how it was settled, where that was by nobody here.
    let why = [error("ApprovalNotPending", &format!("{message}: it has expired"))];
    let mut bench = Bench::open();
    let about = || Reference::Decision(id("d1"));
    let first = Stage::AlreadyDecided { kind: None, option: text("approve") };
    for stage in [first, Stage::GateUnknown, Stage::GateClosed] {
        assert_eq!(bench.receipt(about(), stage.clone(), None), gone);
        assert_eq!(bench.receipt(about(), stage, Some("it has expired")), why);
    }
    let voted = Stage::Voted { votes: 1, needed: 2 };
    for stage in [voted, Stage::Recorded, Stage::Delivered, Stage::InProgress, Stage::Applied] {
        assert_eq!(bench.receipt(about(), stage, None), []);
    }
    for (stage, said) in [
        (Stage::Refused, "The decision on approval a1 was refused: so"),
        (Stage::IdReused, "The decision on approval a1 was refused: so"),
        (Stage::Failed, "The decision on approval a1 failed: so"),
        (Stage::Waiting, "The decision on approval a1 has not taken effect yet: so"),
        (Stage::OutcomeUnknown, "Nobody knows whether the decision on approval a1 took effect: so"),
        (Stage::Forbidden, "Approval a1 is not yours to decide: so"),
        (Stage::GateChanged { current: 2 }, "Approval a1: look again, then decide: so"),
    ] {
        assert_eq!(bench.receipt(about(), stage, Some("so")), [error("ApprovalError", said)]);
    }
    // What can be no approval's name is none.
    let frame = r#"{"type":"resolve_approval","approval_id":"a 1","resolution":"approve"}"#;
    let problem = bench.talk.read(frame).unwrap_err();
    let told = values(|out| bench.talk.notice(&Notice::Problem(&problem), out));
    let message = "Approval a 1 not found or already resolved";
    assert_eq!(fault(&told[0]), error("ApprovalNotPending", message));
}

#[test]
fn a_ping_is_answered_to_who_sent_it() {
    for frame in [r#"{"type":"ping"}"#, r#"{"type":"ping","timestamp":1795168800000}"#] {
        assert_eq!(read(frame), Ok(Said::Ping));
    }
    let mut bench = Bench::open();
    let told = values(|out| bench.talk.notice(&Notice::Pong { time: NOW }, out));
    let expected = json!({ "event_type": "pong", "timestamp": "2026-11-20T10:00:00.000000Z",
        "run_id": "run-9", "session_id": null, "data": {} });
    assert_eq!(told, [expected]);
}

#[test]
fn what_is_not_understood_is_answered_and_closes_nothing() {
    let long = |field: &str, len: usize| {
        let long = "x".repeat(len);
        format!(
            r#"{{"type":"resolve_approval","approval_id":"a1","resolution":"r","{field}":"{long}"}}"#
        )
    };
    let (feedback, modifications) = (long("feedback", 16_385), long("modifications", 256 << 10));
    let id = "é".repeat(1_000);
    let id = format!(r#"{{"type":"resolve_approval","approval_id":"{id}","resolution":"r"}}"#);
    for frame in [
        "",
        "x",
        "[]",
        "7",
        "{}",
        r#"{"type":null}"#,
        r#"{"type":7}"#,
        r#"{"type":"reboot"}"#,
        r#"{"type":"ping","type":"pause"}"#,
        r#"{"type":"request_state","since":"yesterday"}"#,
        r#"{"type":"resolve_approval","resolution":"approve"}"#,
        r#"{"type":"resolve_approval","approval_id":"a1"}"#,
        r#"{"type":"resolve_approval","approval_id":"a1","resolution":""}"#,
        r#"{"type":"resolve_approval","approval_id":"a1","resolution":true}"#,
        r#"{"type":"resolve_approval","approval_id":7,"resolution":"approve"}"#,
        r#"{"type":"resolve_approval","approval_id":"a1","resolution":"approve","feedback":[]}"#,
        r#"{"type":"approval_response","approval_id":"a1"}"#,
        r#"{"type":"approval_response","approval_id":"a1","approved":"yes"}"#,
        r#"{"task":null}"#,
        &feedback,
        &modifications,
        &id,
    ] {
        let mut bench = Bench::open();
        let problem = bench.talk.read(frame).expect_err(frame);
        let told = values(|out| bench.talk.notice(&Notice::Problem(&problem), out));
        let (error_type, message) = fault(&told[0]);
        assert!(["InvalidMessage", "ApprovalNotPending"].contains(&&*error_type), "{frame}");
        assert!(!message.is_empty() && message.len() < 600, "{message}");
    }
    let problem = read(r#"{"type":"reboot"}"#).unwrap_err();
    assert_eq!(problem.message, "There is no message of type 'reboot'");
    // Without a path there is no run.
    assert_eq!(PLAIN.converse(&Call::default()).opening(), None);
    assert!(PLAIN.converse(&Call::default()).read(r#"{"type":"pause"}"#).is_err());
}
