//! What a client can say by these types is what the relay reads: no more, no less.

use footplate::dialect::native::Native;
use footplate::dialect::{Call, Dialect, Token};
use serde_json::{Value, json};

use super::client::*;
use super::coverage::is_required;
use super::generated::SCHEMA;
use super::proof::is_exactly;
use super::values::{Json, Sha256};

/// Each message with all of its fields, and with none that it can do without. A field that is added
/// to a type has to be added here.
pub(super) fn messages() -> Vec<Value> {
    let id = || "0191c0de-0000-7000-8000-000000000001".to_owned();
    let run = || "run-7".to_owned();
    let why = || Some("a hotfix comes".to_owned());
    let value = || Some(Json(json!({"level": ["debug", null, 9007199254740993_u64]})));
    let full = [
        ClientMessage::SubscribeMessage(SubscribeMessage {
            execution_id: run(),
            since: Some(Since { epoch: "19f2c4a7-1".to_owned(), seq: 40 }),
            at: None,
        }),
        ClientMessage::UnsubscribeMessage(UnsubscribeMessage { execution_id: run() }),
        ClientMessage::SubscribeExecutionsMessage(SubscribeExecutionsMessage {}),
        ClientMessage::UnsubscribeExecutionsMessage(UnsubscribeExecutionsMessage {}),
        ClientMessage::HumanDecisionMessage(HumanDecisionMessage {
            decision_id: id(),
            execution_id: run(),
            gate_id: "deploy:1".to_owned(),
            gate_version: 1,
            option_id: "modify".to_owned(),
            comment: why(),
            modification: value(),
            payload_sha256: Some(Sha256("1f".repeat(32))),
        }),
        ClientMessage::PauseExecutionMessage(PauseExecutionMessage {
            command_id: id(),
            execution_id: run(),
            reason: why(),
        }),
        ClientMessage::ResumeExecutionMessage(ResumeExecutionMessage {
            command_id: id(),
            execution_id: run(),
            reason: why(),
        }),
        ClientMessage::CancelExecutionMessage(CancelExecutionMessage {
            command_id: id(),
            execution_id: run(),
            reason: why(),
        }),
        ClientMessage::StartExecutionMessage(StartExecutionMessage {
            command_id: id(),
            workflow_id: "release".to_owned(),
            input: value(),
            reason: why(),
        }),
        ClientMessage::CustomCommandMessage(CustomCommandMessage {
            command_id: id(),
            execution_id: run(),
            custom_type: "set_log_level".to_owned(),
            payload: value(),
            reason: why(),
        }),
        ClientMessage::AuthenticateMessage(AuthenticateMessage { token: "a.b.c".to_owned() }),
        ClientMessage::RefreshMessage(RefreshMessage { token: "a.b.c".to_owned() }),
        ClientMessage::PingMessage(PingMessage {}),
    ];
    let full = full.map(|it| serde_json::to_value(&it).unwrap());
    let kinds: Vec<&Value> = full.iter().map(|it| &it["type"]).collect();
    let known = SCHEMA["$defs"]["ClientMessage"]["oneOf"].as_array().unwrap().len();
    assert_eq!(kinds.len(), known, "one of each: {kinds:?}");
    // It takes the place of `since`.
    let then = SubscribeMessage { execution_id: run(), since: None, at: Some(At { seq: 40 }) };
    let then = serde_json::to_value(ClientMessage::SubscribeMessage(then)).unwrap();
    let full = full.into_iter().chain([then]);
    full.flat_map(|it| [it.clone(), least(&it)]).collect()
}

/// A message without what it can do without.
fn least(message: &Value) -> Value {
    let mut least = message.clone();
    least.as_object_mut().unwrap().retain(|field, _| is_required(definition(message), field));
    least
}

fn definition(message: &Value) -> &'static Value {
    let all = SCHEMA["$defs"].as_object().unwrap();
    let own = |it: &&Value| it["properties"]["type"]["const"] == message["type"];
    all.values().find(own).unwrap()
}

/// The code of the fault that the relay finds, if it finds one.
fn read(message: &Value) -> Result<(), &'static str> {
    let call = Call { token: Token::Good, ..Call::default() };
    Native.converse(&call).read(&message.to_string()).map(drop).map_err(|it| it.code)
}

#[test]
fn what_a_client_can_say_is_read() {
    for message in messages() {
        is_exactly::<ClientMessage>(&message, "message");
        assert_eq!(read(&message), Ok(()), "{message}");
    }
}

#[test]
fn what_a_message_must_have_the_relay_asks_for() {
    for message in messages() {
        for field in message.as_object().unwrap().keys() {
            let mut without = message.clone();
            without.as_object_mut().unwrap().remove(field);
            let expected = if is_required(definition(&message), field) {
                Err("missing_field")
            } else {
                Ok(())
            };
            assert_eq!(read(&without), expected, "{message} without {field}");
        }
    }
}

#[test]
fn what_the_types_do_not_know_the_relay_refuses() {
    for mut message in messages() {
        message["surprise"] = true.into();
        assert_eq!(read(&message), Err("unknown_field"), "{message}");
    }
    let since = json!({"epoch": "19f2c4a7-1", "seq": 40, "surprise": true});
    let message = json!({"type": "subscribe", "execution_id": "run-7", "since": since});
    assert_eq!(read(&message), Err("unknown_field"));
}
