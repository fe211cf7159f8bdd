//! Nobody has rejected what nobody has decided: in no protocol, whatever became of the question. And who
//! comes too late hears what became of it, where a protocol has an answer at all.

use std::sync::Arc;

use footplate::core::{Effect, Input, Limits, Relay};
use footplate::dialect::{Call, Dialects};
use footplate::model::{
    DecisionKind, Event, GateOpened, GateOption, Kind, LinkId, Now, Pseq, Received, TimeoutAction,
    Timestamp,
};

use super::texts;
use crate::script;

const START: &str = "w1/1@l1 greets x1";

/// What a question is asked with, what happens then, and the word for that.
const ENDS: [(TimeoutAction, &str, &str); 10] = [
    (TimeoutAction::Expire, "+", "expired"),
    (TimeoutAction::Reject, "+", "expired"),
    (TimeoutAction::Abort, "+", "expired"),
    (TimeoutAction::Escalate, "+", "expired"),
    (TimeoutAction::Expire, "l1 withdraws x1 g 1", "withdrawn"),
    (TimeoutAction::Expire, "l1 says x1 2 finished cancelled", "cancelled"),
    (TimeoutAction::Expire, "l1 says x1 2 closed g unreachable", "unreachable"),
    (TimeoutAction::Expire, "l1 says x1 2 closed g no_approver", "no_approver"),
    (TimeoutAction::Expire, "l1 says x1 2 closed g elsewhere", "decided_elsewhere"),
    (TimeoutAction::Expire, "asked anew", "gate_changed"),
];

/// What each protocol says: to all, to who joins, and to who comes too late.
fn played(on_timeout: TimeoutAction, end: &str) -> Vec<(&'static str, String, String)> {
    let mut now =
        Now { instant: std::time::Instant::now(), time: Timestamp(1_795_168_800_000_000) };
    let mut relay = Relay::new(7, Limits::default());
    let mut asked = GateOpened::of("g".parse().unwrap(), 1);
    let option = GateOption { style: Default::default(), ..GateOption::usual().remove(0) };
    asked.node_id = Some("n".parse().unwrap());
    asked.options = vec![option];
    (asked.on_timeout, asked.time_left) = (on_timeout, Some(script::span("5s")));
    relay.handle(now, script::input(now.time, START));
    relay.handle(now, opens(1, &asked));
    while relay.poll_effect().is_some() {}
    match end {
        "+" => {
            now.instant += script::span("5s");
            relay.handle_timeout(now);
        }
        "asked anew" => {
            asked.gate_version = 2;
            relay.handle(now, opens(2, &asked));
        }
        words => relay.handle(now, script::input(now.time, words)),
    }
    relay.handle(now, script::input(now.time, "v1 ada decides x1 g 1 approve as d1"));
    let effects: Vec<Effect> = std::iter::from_fn(|| relay.poll_effect()).collect();
    let id = "x1".parse().unwrap();
    let (at, state) = relay.snapshot(&id).unwrap();
    let all = Dialects::default();
    let said = all.all().map(|dialect| {
        let mut talk = dialect.converse(&Call::to("x1"));
        let told = texts(|out| {
            for effect in &effects {
                if let Effect::Append(record) = effect {
                    dialect.record(record, out);
                }
            }
            dialect.level(&id, at, state, out);
            dialect.state(&id, at, state, out);
        });
        let answered = texts(|out| {
            for effect in &effects {
                if let Effect::Answer { answer, .. } = effect {
                    talk.answer(answer, out);
                }
            }
        });
        (dialect.name(), told.concat(), answered.concat())
    });
    said.into_iter().collect()
}

fn opens(pseq: u64, asked: &GateOpened) -> Input {
    let kind = Kind::GateOpened(Box::new(asked.clone()));
    let event = Ok(Arc::new(Event { time: None, native_forms: vec![], kind }));
    Input::Published {
        link: LinkId(1),
        execution: "x1".parse().unwrap(),
        first: Some(Pseq(pseq)),
        batch_ref: 0,
        events: vec![Received { hash: pseq, size: 1, event }],
    }
}

#[test]
fn what_nobody_decided_nobody_rejected() {
    for (on_timeout, end, word) in ENDS {
        for (dialect, told, answered) in played(on_timeout, end) {
            // What the native protocol says of other things, or as what was to follow by itself.
            let named = [
                r#""required_rejections":1"#,
                r#""rejected":0"#,
                r#""on_timeout":"reject""#,
                r#""kind":"reject","option_id":"","source":"timer""#,
                r#""kind":"reject","resolution":"expired""#,
            ];
            let said = format!("{told}{answered}");
            let said = named.iter().fold(said, |said, it| said.replace(it, ""));
            let reject = said.to_lowercase().contains("reject");
            assert!(!reject, "{dialect}, {end} ({on_timeout:?}): {said}");
            match dialect {
                "native" => {
                    let says = answered.contains(&format!(r#""{word}""#));
                    assert!(says, "{dialect}, {end}: {answered}");
                }
                // In words of its own, but the same.
                "windags" | "stage5" => {
                    let own = match word {
                        "no_approver" => "no approver",
                        "decided_elsewhere" => "decided elsewhere",
                        "gate_changed" => "look again",
                        word => word,
                    };
                    assert!(answered.contains(own), "{dialect}, {end}: {answered}");
                }
                // Nobody decides anything there.
                _ => {}
            }
        }
    }
    assert_eq!(DecisionKind::of("reject"), DecisionKind::Reject, "what is looked for is the word");
}
