//! What Nebula dashboards say, and what one of them alone is told.

use std::time::{Duration, Instant};

use footplate::core::{Answer, NO_STARTER, Receipt, Reference, Stage, Start, Why};
use footplate::dialect::nebula::Nebula;
use footplate::dialect::{
    Begin, Call, Conversation, Dialect, Group, Notice, Parting, Point, Said, Token, Unintelligible,
};
use footplate::frame::Frames;
use footplate::model::*;

use super::story::{ada, id, json, text};
use super::texts;

/// A connection as its talk knows it: what it does, and what it is told.
pub(super) struct Desk {
    talk: Box<dyn Conversation>,
    now: Instant,
    pub(super) said: Vec<Said>,
    pub(super) told: Vec<String>,
}

pub(super) fn read(frame: &str) -> Result<Said, Unintelligible> {
    let call = Call { token: Token::Good, ..Call::default() };
    Nebula::default().converse(&call).read(frame)
}

impl Desk {
    pub(super) fn of(call: &Call) -> Self {
        let talk = Nebula::default().converse(call);
        let mut desk = Self { talk, now: Instant::now(), said: vec![], told: vec![] };
        desk.turn(|talk, _| assert_eq!(talk.opening(), None));
        desk
    }

    pub(super) fn known() -> Self {
        Self::of(&Call { token: Token::Good, ..Call::default() })
    }

    /// As the connection does it: the time, what there is, what follows from it, and timers.
    fn turn(&mut self, act: impl FnOnce(&mut dyn Conversation, &mut Frames)) {
        let Self { talk, now, said, told } = self;
        talk.at(*now);
        told.extend(texts(|out| act(&mut **talk, out)));
        loop {
            while let Some(next) = talk.next() {
                if let Said::Unwatch { name } = &next {
                    let notice = Notice::Unwatched { name };
                    told.extend(texts(|out| talk.notice(&notice, out)));
                }
                said.push(next);
            }
            if talk.due().is_none_or(|due| *now < due) {
                return;
            }
            told.extend(texts(|out| talk.elapsed(out)));
        }
    }

    pub(super) fn hears(&mut self, frame: &str) -> &mut Self {
        self.talk.at(self.now);
        match self.talk.read(frame) {
            Ok(Said::Nothing) => self.turn(|_, _| ()),
            Ok(Said::Ping) => {
                self.turn(|talk, out| talk.notice(&Notice::Pong { time: Timestamp(0) }, out));
            }
            Ok(said) => {
                self.said.push(said);
                self.turn(|_, _| ());
            }
            Err(fault) => self.turn(|talk, out| talk.notice(&Notice::Problem(&fault), out)),
        }
        self
    }

    pub(super) fn notice(&mut self, notice: &Notice<'_>) -> &mut Self {
        self.turn(|talk, out| talk.notice(notice, out));
        self
    }

    pub(super) fn answer(&mut self, answer: &Answer) -> &mut Self {
        self.turn(|talk, out| talk.answer(answer, out));
        self
    }

    /// What it watches under `name` is this.
    pub(super) fn seated(&mut self, name: &str, execution: &str) -> &mut Self {
        let head = Position { epoch: Epoch { boot: 7, nth: 1 }, seq: Seq(4) };
        let start = Start::Snapshot { at: head, why: Why::Fresh };
        let execution = match execution.strip_prefix('*') {
            Some(workflow) => ExecutionId::of_workflow(&id(workflow)),
            None => id(execution),
        };
        self.turn(|talk, out| {
            talk.about(&name.into());
            talk.answer(&Answer::Watching { execution, start, head }, out);
        });
        self
    }

    pub(super) fn unknown(&mut self, name: &str) -> &mut Self {
        self.turn(|talk, out| {
            talk.about(&name.into());
            talk.answer(&Answer::Unknown { execution: id(name) }, out);
        });
        self
    }

    pub(super) fn pass(&mut self, span: Duration) -> &mut Self {
        self.now += span;
        self.turn(|_, _| ());
        self
    }

    fn found(&mut self, group: &Group, logs: &[&str]) -> &mut Self {
        let logs: Vec<ExecutionId> = logs
            .iter()
            .map(|log| match log.strip_prefix('*') {
                Some(workflow) => ExecutionId::of_workflow(&id(workflow)),
                None => id(log),
            })
            .collect();
        self.notice(&Notice::Found { group, logs: &logs })
    }

    /// Since it was asked last.
    #[track_caller]
    fn said(&mut self, expected: &[Said]) -> &mut Self {
        assert_eq!(std::mem::take(&mut self.said), expected);
        self
    }

    #[track_caller]
    fn told(&mut self, expected: &[&str]) -> &mut Self {
        assert_eq!(std::mem::take(&mut self.told), expected);
        self
    }
}

fn watch(name: &str, from: Begin) -> Said {
    Said::Watch { name: name.into(), from }
}

fn unwatch(name: &str) -> Said {
    Said::Unwatch { name: name.into() }
}

const FRESH: Begin = Begin::After(None);
const AGAIN: Begin = Begin::Replayed { behind: Point::Here, gaps: true };
const ALL: Begin = Begin::Replayed { behind: Point::Oldest, gaps: true };
const SECOND: Duration = Duration::from_secs(1);

fn subscribe(resource: &str, id: &str) -> String {
    format!(r#"{{"type":"subscribe","resource":"{resource}","id":"{id}"}}"#)
}

fn unsubscribe(resource: &str, id: &str) -> String {
    format!(r#"{{"type":"unsubscribe","resource":"{resource}","id":"{id}"}}"#)
}

fn subscribed(resource: &str, id: &str) -> String {
    format!(r#"{{"type":"subscribed","resource":"{resource}","id":"{id}"}}"#)
}

fn unsubscribed(resource: &str, id: &str) -> String {
    format!(r#"{{"type":"unsubscribed","resource":"{resource}","id":"{id}"}}"#)
}

fn error(code: &str, message: &str) -> String {
    format!(r#"{{"type":"error","code":"{code}","message":"{message}"}}"#)
}

#[test]
fn with_a_good_token_the_first_word_is_subscribed() {
    let mut desk = Desk::known();
    desk.told(&[]).said(&[]);
    desk.hears(&subscribe("execution", "x1")).told(&[]).said(&[watch("x1", FRESH)]);
    desk.seated("x1", "x1").told(&[&subscribed("execution", "x1")]).said(&[]);
}

#[test]
fn who_has_no_token_says_first_who_it_is() {
    let first = error("UNAUTHORIZED", r#"Send {\"type\":\"authenticate\",\"token\":…} first"#);
    let mut desk = Desk::of(&Call { query: "subscribe=execution:x1".into(), ..Call::default() });
    desk.hears(&subscribe("execution", "x2")).told(&[&first]).said(&[]);
    desk.hears(r#"{"type":"ping","request_id":"r"}"#);
    assert!(desk.told.remove(0).contains(r#""request_id":"r""#));
    for frame in ["{", "[]", r#"{"type":"authenticate"}"#, r#"{"type":"authenticate","token":7}"#] {
        desk.hears(frame).told(&[&first]).said(&[]);
    }
    let long = format!(r#"{{"type":"authenticate","token":"{}"}}"#, "x".repeat(9_000));
    desk.hears(&long).told(&[&first]).said(&[]);
    desk.hears(r#"{"type":"authenticate","token":"t"}"#);
    desk.told(&[]).said(&[Said::Authenticate { token: "t".into() }]);
    let principal = ada();
    desk.notice(&Notice::Authenticated { principal: &principal, expires: None });
    desk.told(&[r#"{"type":"authenticated","user_id":"ada","roles":["viewer","decider"]}"#]);
    // What its address asks for was waiting for that, and the time is no longer running.
    desk.said(&[watch("x1", FRESH)]);
    desk.pass(60 * SECOND).told(&[]).said(&[]);
    desk.hears(r#"{"type":"ping"}"#).told(&[r#"{"type":"pong"}"#]);
}

#[test]
fn who_does_not_say_who_it_is_in_ten_seconds_has_to_go() {
    let leave = Said::Leave(Parting::Unauthenticated);
    let mut desk = Desk::of(&Call::default());
    desk.pass(9 * SECOND).hears("{}");
    assert_eq!(desk.told.len(), 1, "it is told, and stays");
    desk.told.clear();
    desk.said(&[]).pass(SECOND);
    desk.told(&[&error("UNAUTHORIZED", "Nobody has authenticated in time")]);
    desk.said(std::slice::from_ref(&leave));

    let mut desk = Desk::of(&Call::default());
    desk.hears(r#"{"type":"authenticate","token":"t","request_id":"r1"}"#).said.clear();
    desk.notice(&Notice::Unauthenticated { expired: false });
    desk.told(&[
        r#"{"type":"error","code":"UNAUTHORIZED","message":"The token is not valid: get another one","request_id":"r1"}"#,
    ]);
    desk.said(std::slice::from_ref(&leave));

    let mut desk = Desk::known();
    desk.notice(&Notice::Unauthenticated { expired: true });
    desk.told(&[&error("UNAUTHORIZED", "Token expired")]).said(&[leave]);
}

#[test]
fn what_is_unknown_is_waited_for_and_then_refused() {
    let mut desk = Desk::known();
    let frame = r#"{"type":"subscribe","resource":"execution","id":"x9","request_id":"r1"}"#;
    desk.hears(frame).said(&[watch("x9", FRESH)]);
    desk.unknown("x9").told(&[]).pass(4 * SECOND).told(&[]);
    let failed = r#"{"type":"error","code":"SUBSCRIPTION_FAILED","message":"Cannot subscribe to execution 'x9': not found","request_id":"r1"}"#;
    desk.pass(SECOND).told(&[failed]).said(&[unwatch("x9")]);
    // Once more, and now it comes: with all that has happened in it, and the whole behind that.
    desk.hears(&subscribe("execution", "x9")).said(&[watch("x9", FRESH)]);
    desk.unknown("x9").pass(2 * SECOND).told(&[]);
    desk.seated("x9", "x9").told(&[&subscribed("execution", "x9")]).said(&[watch("x9", AGAIN)]);
    desk.seated("x9", "x9").told(&[]).said(&[]).pass(9 * SECOND).told(&[]).said(&[]);
    // Once it is forgotten there is nothing to wait for.
    desk.unknown("x9").told(&[]).said(&[unwatch("x9")]);
    // A name that no execution could have, but an alias might.
    desk.hears(&subscribe("execution", "task[1]")).said(&[watch("task[1]", FRESH)]);
    let problem = Unintelligible {
        code: "not_found",
        message: "no such execution".to_owned(),
        about: Some("task[1]".to_owned()),
    };
    desk.notice(&Notice::Problem(&problem)).told(&[]).pass(5 * SECOND);
    desk.told(&[&error(
        "SUBSCRIPTION_FAILED",
        "Cannot subscribe to execution 'task[1]': not found",
    )]);
}

#[test]
fn who_subscribes_twice_is_shown_the_whole_again() {
    let mut desk = Desk::known();
    desk.hears(&subscribe("execution", "x1")).hears(&subscribe("execution", "x1"));
    desk.said(&[watch("x1", FRESH)]).seated("x1", "x1");
    let word = subscribed("execution", "x1");
    desk.told(&[&word, &word]).said(&[]);
    desk.hears(&subscribe("execution", "x1")).told(&[]).said(&[watch("x1", AGAIN)]);
    desk.seated("x1", "x1").told(&[&word]).said(&[]);
}

#[test]
fn an_execution_is_watched_once_by_whatever_name() {
    let mut desk = Desk::known();
    desk.hears(&subscribe("execution", "x1")).seated("x1", "x1").said.clear();
    desk.told.clear();
    desk.hears(&subscribe("execution", "task_1")).said(&[watch("task_1", FRESH)]);
    desk.seated("task_1", "x1").told(&[&subscribed("execution", "task_1")]);
    desk.said(&[unwatch("task_1"), watch("x1", AGAIN)]).seated("x1", "x1").told(&[]).said(&[]);
    let group = Group::Executions("wf".into());
    desk.hears(&subscribe("workflow_executions", "wf")).said(&[Said::Follow(group.clone())]);
    desk.found(&group, &["x1"]).told(&[&subscribed("workflow_executions", "wf")]).said(&[]);
    // It goes when the last of them goes.
    desk.hears(&unsubscribe("execution", "x1")).said(&[]);
    desk.hears(&unsubscribe("workflow_executions", "wf")).said(&[Said::Unfollow(group)]);
    desk.told.clear();
    desk.hears(&unsubscribe("execution", "task_1")).said(&[unwatch("x1")]);
    desk.told(&[&unsubscribed("execution", "task_1")]);
}

#[test]
fn logs_are_another_name_for_the_execution() {
    let mut desk = Desk::known();
    desk.hears(&subscribe("logs", "x1")).said(&[watch("x1", FRESH)]);
    desk.seated("x1", "x1").told(&[&subscribed("logs", "x1")]);
    desk.hears(&subscribe("execution", "x1")).seated("x1", "x1").said.clear();
    desk.told.clear();
    desk.hears(&unsubscribe("logs", "x1")).told(&[&unsubscribed("logs", "x1")]).said(&[]);
    // The original's own clients do this without having subscribed.
    desk.hears(&unsubscribe("logs", "x1")).told(&[&unsubscribed("logs", "x1")]).said(&[]);
    desk.hears(&unsubscribe("execution", "x1")).said(&[unwatch("x1")]);
    desk.told(&[&unsubscribed("execution", "x1")]);
    desk.hears(&unsubscribe("execution", "x1")).said(&[]);
    desk.told(&[&unsubscribed("execution", "x1")]);
}

#[test]
fn a_workflows_executions_are_found_and_let_go_once_they_are_over() {
    let mut desk = Desk::known();
    let group = Group::Executions("wf".into());
    desk.hears(&subscribe("workflow_executions", "wf")).told(&[]);
    desk.said(&[Said::Follow(group.clone())]);
    desk.found(&group, &["x1", "x2"]).told(&[&subscribed("workflow_executions", "wf")]);
    desk.said(&[watch("x1", FRESH), watch("x2", FRESH)]);
    desk.seated("x1", "x1").seated("x2", "x2").said(&[]).told(&[]);
    // One that begins is shown with everything, and the whole behind that.
    desk.found(&group, &["x3"]).said(&[watch("x3", ALL)]);
    desk.seated("x3", "x3").said(&[watch("x3", AGAIN)]).seated("x3", "x3").said(&[]);
    desk.found(&group, &["x3"]).said(&[]);
    desk.hears(&subscribe("workflow_executions", "wf"));
    desk.told(&[&subscribed("workflow_executions", "wf")]);
    desk.said(&[watch("x1", AGAIN), watch("x2", AGAIN), watch("x3", AGAIN)]);
    desk.seated("x1", "x1").seated("x2", "x2").seated("x3", "x3");
    // What it has been sent says which are over.
    assert!(desk.talk.listens());
    desk.hears(&subscribe("execution", "x2")).seated("x2", "x2").said.clear();
    desk.told.clear();
    let mut frames = Frames::default();
    for (name, status) in [("x1", "running"), ("x2", "completed"), ("x3", "failed")] {
        let execution = serde_json::json!({ "status": status, "progress": {}, "id": name });
        frames.text(&serde_json::json!({ "type": "execution_update", "execution": execution }));
        frames.text(&serde_json::json!({ "type": "log", "log": { "execution_id": "x1" } }));
    }
    desk.turn(|talk, _| talk.sent(frames.as_bytes()));
    desk.told(&[]).said(&[unwatch("x3")]);
    desk.hears(&unsubscribe("workflow_executions", "wf"))
        .said(&[Said::Unfollow(group.clone()), unwatch("x1")]);
    assert!(!desk.talk.listens());
    desk.told(&[&unsubscribed("workflow_executions", "wf")]);
    // What is found too late is not wanted any more.
    desk.found(&group, &["x4"]).said(&[]).told(&[]);
}

#[test]
fn definitions_of_workflows_are_watched_one_by_one_or_all() {
    let mut desk = Desk::known();
    desk.hears(&subscribe("workflows", "wf")).told(&[&subscribed("workflows", "wf")]);
    desk.said(&[watch("*wf", FRESH)]);
    // Nobody has defined it yet: it is waited for, however long.
    let problem = |code, name: &str| Unintelligible {
        code,
        message: "no such execution".to_owned(),
        about: Some(name.to_owned()),
    };
    desk.notice(&Notice::Problem(&problem("not_found", "*wf"))).pass(60 * SECOND).told(&[]);
    desk.said(&[]).seated("*wf", "*wf").told(&[]).said(&[]);
    desk.hears(&subscribe("workflow", "wf")).told(&[&subscribed("workflow", "wf")]).said(&[]);
    desk.hears(&subscribe("workflows", "all")).told(&[]).said(&[Said::Follow(Group::Workflows)]);
    desk.found(&Group::Workflows, &["*wf", "*other"]).told(&[&subscribed("workflows", "all")]);
    desk.said(&[watch("*other", FRESH)]).seated("*other", "*other");
    desk.found(&Group::Workflows, &["*third"]).said(&[watch("*third", ALL)]);
    desk.seated("*third", "*third").said(&[]).told(&[]);
    desk.hears(&subscribe("workflow", "all")).told(&[&subscribed("workflow", "all")]).said(&[]);
    desk.hears(&unsubscribe("workflows", "all")).told(&[&unsubscribed("workflows", "all")]);
    desk.said(&[]).hears(&unsubscribe("workflow", "all"));
    desk.said(&[Said::Unfollow(Group::Workflows), unwatch("*other"), unwatch("*third")]);
    desk.told.clear();
    desk.hears(&unsubscribe("workflows", "wf")).said(&[]);
    desk.hears(&unsubscribe("workflow", "wf")).said(&[unwatch("*wf")]);
}

#[test]
fn who_watches_too_much_is_told() {
    let mut desk = Desk::known();
    let problem = |name: &str| Unintelligible {
        code: "too_many_subscriptions",
        message: "unsubscribe from something".to_owned(),
        about: Some(name.to_owned()),
    };
    let frame = r#"{"type":"subscribe","resource":"execution","id":"x1","request_id":"r1"}"#;
    desk.hears(frame).said(&[watch("x1", FRESH)]);
    desk.notice(&Notice::Problem(&problem("x1"))).said(&[]);
    desk.told(&[r#"{"type":"error","code":"SUBSCRIPTION_FAILED","message":"Cannot subscribe to execution 'x1': there are too many: unsubscribe from something","request_id":"r1"}"#]);
    let group = Group::Executions("wf".into());
    desk.hears(&subscribe("workflow_executions", "wf")).found(&group, &["x2"]).told.clear();
    desk.notice(&Notice::Problem(&problem("x2")));
    let message =
        "Cannot subscribe to execution 'x2': there are too many: unsubscribe from something";
    desk.told(&[&error("SUBSCRIPTION_FAILED", message)]);
}

#[test]
fn f4_so_many_groups_are_followed_and_no_more() {
    let mut desk = Desk::known();
    for n in 0..128 {
        desk.hears(&subscribe("workflow_executions", &format!("wf-{n}")));
    }
    desk.said.clear();
    desk.told.clear();
    desk.hears(&subscribe("workflow_executions", "one-more")).said(&[]);
    let message =
        "Cannot subscribe to execution 'one-more': there are too many: unsubscribe from something";
    desk.told(&[&error("SUBSCRIPTION_FAILED", message)]);
    // One that is followed may be asked for again, and one that is left makes room.
    desk.hears(&subscribe("workflow_executions", "wf-7")).said(&[]);
    let left = Group::Executions("wf-7".into());
    desk.hears(&unsubscribe("workflow_executions", "wf-7")).said(&[Said::Unfollow(left)]);
    desk.told.clear();
    let more = Group::Executions("one-more".into());
    desk.hears(&subscribe("workflow_executions", "one-more")).said(&[Said::Follow(more)]);
}

#[test]
fn f4_what_was_refused_is_not_remembered() {
    let mut desk = Desk::known();
    let said = |it: &Desk| format!("{:?}", it.talk).len();
    let mut refuse = |name: &str| {
        desk.hears(&subscribe("workflow", name));
        desk.notice(&Notice::Problem(&Unintelligible {
            code: "too_many_subscriptions",
            message: "unsubscribe from something".to_owned(),
            about: Some(format!("*{name}")),
        }));
        desk.said.clear();
        desk.told.clear();
        said(&desk)
    };
    let once = refuse("wf-1");
    assert_eq!(refuse("wf-2"), once);
}

#[test]
fn what_was_too_much_was_not_said() {
    let mut desk = Desk::known();
    desk.talk.at(desk.now);
    let frame = r#"{"type":"subscribe","resource":"execution","id":"x1","request_id":"r1"}"#;
    assert_eq!(desk.talk.read(frame), Ok(Said::Nothing));
    let problem = Unintelligible {
        code: "rate_limited",
        message: "too much at once".to_owned(),
        about: None,
    };
    desk.notice(&Notice::Problem(&problem)).said(&[]);
    desk.told(&[r#"{"type":"error","code":"RATE_LIMIT_EXCEEDED","message":"too much at once","request_id":"r1"}"#]);
    desk.pass(SECOND).said(&[]).told(&[]);
}

/// A client that comes back without a word goes on where it was, silently.
#[test]
fn a_lost_connections_places_are_taken_over() {
    let at = |seq| Position { epoch: Epoch { boot: 7, nth: 1 }, seq: Seq(seq) };
    let left = vec![("x1".into(), at(7)), ("*wf".into(), at(2)), ("gone".into(), at(3))];
    let back = |seq| Begin::Replayed { behind: Point::Record(at(seq)), gaps: true };
    let call = Call { token: Token::Good, left: left.clone(), ..Call::default() };
    let mut desk = Desk::of(&call);
    desk.said(&[watch("x1", back(7)), watch("*wf", back(2)), watch("gone", back(3))]);
    desk.seated("x1", "x1").seated("*wf", "*wf").told(&[]).said(&[]);
    desk.unknown("gone").told(&[]).said(&[unwatch("gone")]);
    // Who subscribes again nevertheless is answered, and sent nothing twice.
    desk.hears(&subscribe("execution", "x1")).said(&[watch("x1", AGAIN)]);
    desk.seated("x1", "x1").told(&[&subscribed("execution", "x1")]);
    desk.hears(&unsubscribe("execution", "x1")).said(&[unwatch("x1")]);
    desk.hears(&unsubscribe("workflows", "wf")).said(&[unwatch("*wf")]);
    // Whose token has not been seen is nobody that anything was left by.
    let mut desk = Desk::of(&Call { left: left.clone(), ..Call::default() });
    desk.said(&[]);
    // Both at once: what its address asks for is answered, and gone on with.
    let query = "token=t&subscribe=execution:x1,execution:x2".into();
    let mut desk = Desk::of(&Call { query, token: Token::Good, left, ..Call::default() });
    let expected =
        [watch("x1", back(7)), watch("*wf", back(2)), watch("gone", back(3)), watch("x2", FRESH)];
    desk.said(&expected).seated("x1", "x1").told(&[&subscribed("execution", "x1")]).said(&[]);
}

#[test]
fn an_address_can_subscribe() {
    let query = "subscribe=execution:x1,workflows:wf,rooms:7,nothing".into();
    let mut desk = Desk::of(&Call { query, token: Token::Good, ..Call::default() });
    desk.said(&[watch("x1", FRESH), watch("*wf", FRESH)]);
    let told = std::mem::take(&mut desk.told);
    assert_eq!(told[0], subscribed("workflows", "wf"));
    assert!(told[1].contains(r#""code":"INVALID_RESOURCE""#), "{}", told[1]);
    assert!(told[2].contains(r#""code":"VALIDATION_ERROR""#), "{}", told[2]);
    assert_eq!(told.len(), 3);
    desk.seated("x1", "x1").told(&[&subscribed("execution", "x1")]);
}

fn receipt(command: &str, stage: Stage, reason: Option<Text>) -> Answer {
    Answer::Receipt(Receipt {
        about: Reference::Command(id(command)),
        execution: (command != "none").then(|| id("run-7-1")),
        gate: None,
        node: None,
        stage,
        resolution: None,
        reason,
        by: None,
        at: None,
    })
}

#[test]
fn a_start_is_watched_from_its_first_record_on() {
    let mut desk = Desk::known();
    desk.hears(r#"{"type":"execute_workflow","workflow_id":"wf","input":{"n":1.0}}"#);
    let kind = CommandKind::Start { workflow: id("wf"), input: json(r#"{"n":1.0}"#) };
    let ask = CommandAsk { id: None, execution: None, kind, reason: None };
    desk.said(&[Said::Command(ask)]).told(&[]);
    desk.answer(&receipt("c1", Stage::Recorded, None)).said(&[watch("run-7-1", ALL)]).told(&[]);
    desk.seated("run-7-1", "run-7-1").told(&[&subscribed("execution", "run-7-1")]);
    desk.said(&[watch("run-7-1", AGAIN)]);
    for stage in [Stage::Delivered, Stage::InProgress, Stage::Applied] {
        desk.answer(&receipt("c1", stage, None)).told(&[]).said(&[]);
    }
    // Receipts of what others have asked for are no affair of this client's.
    desk.answer(&receipt("c1", Stage::Failed, None)).told(&[]);
}

#[test]
fn a_start_that_comes_to_nothing_is_an_error_with_its_senders_name_for_it() {
    let frame = |request: &str| {
        format!(r#"{{"type":"execute_workflow","workflow_id":"wf","request_id":"{request}"}}"#)
    };
    let mut desk = Desk::known();
    desk.hears(&frame("r1")).hears(&frame("r2"));
    // In the order in which they were asked for.
    desk.answer(&receipt("none", Stage::Refused, text(NO_STARTER)));
    desk.told(&[r#"{"type":"error","code":"NOT_FOUND","message":"Workflow 'wf' can't be executed: no attached engine has named this workflow as one that it can start","request_id":"r1"}"#]);
    desk.answer(&receipt("c2", Stage::Recorded, None)).told(&[]);
    desk.answer(&receipt("c2", Stage::Waiting, text("the engine sleeps")));
    desk.told(&[r#"{"type":"error","code":"INTERNAL_ERROR","message":"Workflow 'wf' has not begun yet: the engine sleeps","request_id":"r2"}"#]);
    desk.answer(&receipt("c2", Stage::Refused, text("no quota")));
    desk.told(&[r#"{"type":"error","code":"CONFLICT","message":"Workflow 'wf' can't be executed: no quota","request_id":"r2"}"#]);
    for (stage, code) in [
        (Stage::Forbidden, "FORBIDDEN"),
        (Stage::Failed, "INTERNAL_ERROR"),
        (Stage::OutcomeUnknown, "INTERNAL_ERROR"),
    ] {
        desk.hears(&frame("r3")).answer(&receipt("none", stage, None));
        let told = desk.told.remove(0);
        assert!(told.contains(&format!(r#""code":"{code}""#)), "{told}");
        assert!(told.contains(r#""request_id":"r3""#), "{told}");
    }
}

#[test]
fn what_a_dashboard_says_wrong_is_answered() {
    let long = "x".repeat(300);
    let cases = [
        ("x".to_owned(), "VALIDATION_ERROR"),
        ("[]".to_owned(), "VALIDATION_ERROR"),
        ("{}".to_owned(), "VALIDATION_ERROR"),
        (r#"{"type":7}"#.to_owned(), "VALIDATION_ERROR"),
        (r#"{"type":"ping","type":"ping"}"#.to_owned(), "VALIDATION_ERROR"),
        (r#"{"type":"dance"}"#.to_owned(), "NOT_SUPPORTED"),
        (r#"{"type":"control"}"#.to_owned(), "NOT_SUPPORTED"),
        (r#"{"type":"subscribe","id":"x1"}"#.to_owned(), "VALIDATION_ERROR"),
        (r#"{"type":"subscribe","resource":"execution"}"#.to_owned(), "VALIDATION_ERROR"),
        (r#"{"type":"unsubscribe","resource":"execution","id":7}"#.to_owned(), "VALIDATION_ERROR"),
        (subscribe("rooms", "1"), "INVALID_RESOURCE"),
        (subscribe("execution", ""), "VALIDATION_ERROR"),
        (subscribe("execution", "a\u{202e}b"), "VALIDATION_ERROR"),
        (subscribe("execution", &long), "VALIDATION_ERROR"),
        (subscribe("workflow_executions", "a b"), "VALIDATION_ERROR"),
        (subscribe("workflows", "*"), "VALIDATION_ERROR"),
        (r#"{"type":"execute_workflow","input":{}}"#.to_owned(), "VALIDATION_ERROR"),
        (r#"{"type":"execute_workflow","workflow_id":"a b"}"#.to_owned(), "VALIDATION_ERROR"),
        (format!(r#"{{"type":"ping","request_id":"{long}"}}"#), "VALIDATION_ERROR"),
        (
            format!(r#"{{"type":"ping","x":{}1{}}}"#, "[".repeat(70), "]".repeat(70)),
            "VALIDATION_ERROR",
        ),
    ];
    for (frame, code) in cases {
        let mut desk = Desk::known();
        desk.hears(&frame).said(&[]);
        assert_eq!(desk.told.len(), 1, "{frame}");
        let told: serde_json::Value = serde_json::from_str(&desk.told[0]).unwrap();
        assert_eq!((&told["type"], &told["code"]), (&"error".into(), &code.into()), "{frame}");
        assert!(!told["message"].as_str().unwrap().is_empty());
        // It is heard as before.
        desk.told.clear();
        desk.hears(r#"{"type":"ping","colour":"red"}"#).told(&[r#"{"type":"pong"}"#]);
    }
    let large = format!(
        r#"{{"type":"execute_workflow","workflow_id":"w","input":"{}"}}"#,
        "x".repeat(300 << 10)
    );
    assert_eq!(read(&large).unwrap_err().code, "too_long");
    let about = r#"{"type":"subscribe","resource":"rooms","id":"1","request_id":"r1"}"#;
    let mut desk = Desk::known();
    desk.hears(about);
    assert!(desk.told[0].ends_with(r#","request_id":"r1"}"#), "{}", desk.told[0]);
}
