//! Z4: where four eyes are asked for, whoever has begun an execution does not decide at its gates, in each
//! protocol, whichever way it was begun.

use footplate::auth::Pass;
use footplate::config::{Flags, GateFlags, TokenFlags};
use footplate::model::Principal;
use serde_json::{Value, json};

use super::bench::{Bench, Protocol, ROLES, pass, protocols};
use super::stand::Stand;

/// Somebody of the same tenant as [`pass`]'s `ada`, and with the same rights.
fn bob() -> Pass {
    let ada = pass(ROLES[3]);
    Pass::of(Principal { subject: "bob".into(), ..(*ada.principal).clone() })
}

/// What a protocol's client can say to decide; none has a decision id of its own twice.
fn decisions((_, _, messages): &Protocol) -> Vec<Value> {
    let decide = messages.iter().filter(|(needs, _)| *needs == "decide");
    decide.map(|(_, message)| message.clone()).collect()
}

fn about(message: &Value, name: &str) -> Value {
    serde_json::from_str(&message.to_string().replace('X', name)).unwrap()
}

const OPENS: &str = "node n running; gate g1 1 at n";

/// An execution that `ada` has started with a command; its name.
async fn started_by_ada(bench: &mut Bench) -> String {
    let mut ada = bench.come(protocols()[0].0, None, Some(pass(ROLES[3]))).await;
    ada.says(&json!({ "type": "start_execution", "command_id": "c-1", "workflow_id": "wf-acme" }))
        .await;
    let name = ada.awaits("receipt").await["execution_id"].as_str().unwrap().to_owned();
    bench.input(&format!("l1 says {name} 1 started of wf-acme command c-1; {OPENS}")).await;
    bench.quiet().await;
    assert_eq!(Bench::orders(&mut bench.ours), ["command"]);
    name
}

/// An execution of which its engine says that it runs for `ada`; its name.
async fn for_ada(bench: &mut Bench) -> String {
    bench.input(&format!("l1 says q7 1 started of wf for ada; {OPENS}")).await;
    bench.quiet().await;
    "q7".to_owned()
}

#[tokio::test(start_paused = true)]
async fn z4_whoever_has_begun_an_execution_does_not_decide_at_its_gates() {
    let mut tried = 0;
    for protocol in protocols() {
        for message in decisions(&protocol) {
            for by_command in [true, false] {
                let (dialect, in_path, _) = protocol;
                let mut bench = Bench::with_four_eyes().await;
                let name = match by_command {
                    true => started_by_ada(&mut bench).await,
                    false => for_ada(&mut bench).await,
                };
                let path = in_path.then_some(name.as_str());
                let said = about(&message, &name);
                let what = format!("{} {said} {by_command}", dialect.name());

                // Whatever her roles are.
                for roles in [ROLES[2], ROLES[4]] {
                    let mut ada = bench.come(dialect, path, Some(pass(roles))).await;
                    ada.settles(&bench).await;
                    ada.says(&said).await;
                    let (told, code) = ada.settles(&bench).await;
                    let text = json!(told).to_string();
                    assert!(code.is_none() && text.contains("four eyes"), "{what}: {text}");
                    assert_eq!(Bench::orders(&mut bench.ours), [""; 0], "{what}");
                }
                // A viewer of that name is told what any viewer is told.
                let mut viewer = bench.come(dialect, path, Some(pass(ROLES[1]))).await;
                viewer.settles(&bench).await;
                viewer.says(&said).await;
                let (told, _) = viewer.settles(&bench).await;
                assert!(!json!(told).to_string().contains("four eyes"), "{what}");

                let mut other = bench.come(dialect, path, Some(bob())).await;
                other.settles(&bench).await;
                other.says(&said).await;
                other.settles(&bench).await;
                assert_eq!(Bench::orders(&mut bench.ours), ["decision"], "{what}");
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 8, "native, windags and both ways of stage5");
}

/// What nobody has asked for is not so; and with it, nothing but deciding changes.
#[tokio::test(start_paused = true)]
async fn z4_without_four_eyes_one_may_decide_what_one_has_begun() {
    let native = &protocols()[0];
    let decide = about(&decisions(native)[0], "q7");
    let mut bench = Bench::start().await;
    for_ada(&mut bench).await;
    let mut ada = bench.come(native.0, None, Some(pass(ROLES[2]))).await;
    ada.says(&decide).await;
    assert_eq!(ada.awaits("receipt").await["stage"], "recorded");

    let mut bench = Bench::with_four_eyes().await;
    let name = for_ada(&mut bench).await;
    let mut ada = bench.come(native.0, None, Some(pass(ROLES[3]))).await;
    ada.says(&json!({ "type": "pause_execution", "command_id": "c-1", "execution_id": name }))
        .await;
    assert_eq!(ada.awaits("receipt").await["stage"], "recorded");
    // What runs in nobody's name, or in another's, is for her to decide.
    ada.says(&about(&decisions(native)[0], "x1")).await;
    assert_eq!(ada.awaits("receipt").await["stage"], "recorded");
}

/// However much happens in between, it is remembered who has begun it.
#[tokio::test(start_paused = true)]
async fn z4_a_crowd_of_commands_does_not_hide_who_has_begun() {
    let native = &protocols()[0];
    let mut bench = Bench::with_four_eyes().await;
    let name = started_by_ada(&mut bench).await;
    let mut pseq = 4;
    let mut outcome = async |bench: &Bench, id: &str| {
        bench.input(&format!("l1 says {name} {pseq} done {id} applied")).await;
        pseq += 1;
    };
    outcome(&bench, "c-1").await;
    let mut ada = bench.come(native.0, None, Some(pass(ROLES[3]))).await;
    for n in 0..300 {
        let id = format!("p-{n}");
        ada.says(&json!({ "type": "pause_execution", "command_id": id, "execution_id": name }))
            .await;
        ada.awaits("receipt").await;
        outcome(&bench, &id).await;
    }
    bench.quiet().await;
    Bench::orders(&mut bench.ours);
    ada.says(&about(&decisions(native)[0], &name)).await;
    loop {
        let receipt = ada.awaits("receipt").await;
        if receipt.get("decision_id").is_some() {
            assert_eq!(receipt["stage"], "forbidden");
            break;
        }
    }
    assert_eq!(Bench::orders(&mut bench.ours), [""; 0]);
}

/// The whole way, over HTTP, and in the audit log.
#[tokio::test(flavor = "multi_thread")]
async fn z4_who_is_refused_is_told_why_and_it_is_written_down() {
    use footplate::engine::pb;
    use prost::Message;
    let folder = tempfile::TempDir::new().unwrap();
    let audit = folder.path().join("audit.jsonl");
    let path = audit.display().to_string();
    let stand = Stand::start(&["--four-eyes", "true", "--audit", &path]).await;
    let started = pb::ExecutionStarted { requested_by: "ada".into(), ..Default::default() };
    let kind = pb::event::Kind::ExecutionStarted(started);
    let started = pb::Event { kind: Some(kind), ..Default::default() }.encode_to_vec();
    let events = vec![started, crate::whole::gate("g1")];
    let key = Some(("x-api-key", super::stand::NIGHTLY.to_owned()));
    stand.publishes_these(key, "x1", events).await.unwrap();
    let decide = async |who: &str, id: &str| {
        let bearer = format!("Bearer {}", stand.token(who, &["decider"], 600));
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = format!(r#"{{"decision_id":"{id}","gate_version":1,"option_id":"approve"}}"#);
        stand.ask("POST /v1/executions/x1/gates/g1/decisions", &headers, &body).await
    };
    let (status, answer) = decide("ada", "d1").await;
    assert!(status == 403 && answer.contains("four eyes"), "{answer}");
    assert_eq!(decide("bob", "d2").await.0, 202);
    stand.end().await;
    let lines = std::fs::read_to_string(&audit).unwrap();
    let lines: Vec<Value> = lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let of = |id: &str| {
        let text = |it: &&Value| it.to_string().contains(&format!("\"{id}\""));
        lines.iter().find(text).unwrap_or_else(|| panic!("{id} is not in {lines:?}")).to_string()
    };
    assert!(of("d1").contains("forbidden"), "{}", of("d1"));
    assert!(of("d1").contains("ada") && of("d2").contains("bob"));
}

#[test]
fn z4_four_eyes_need_tokens() {
    let flags = |four: &str, keys: Option<String>| Flags {
        gates: GateFlags { four_eyes: Some(four.to_owned()), ..GateFlags::default() },
        tokens: TokenFlags { api_keys: keys, ..TokenFlags::default() },
        ..Flags::default()
    };
    let Err(faults) = flags("true", None).check() else { panic!("nobody could decide") };
    assert!(faults.len() == 1 && faults[0].to_string().contains("same person"), "{faults:?}");
    assert!(!flags("false", None).check().unwrap().gates.four_eyes);
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(&path, format!("k engine * * {}\n", "ab".repeat(32))).unwrap();
    let config = flags("true", Some(path.display().to_string())).check().unwrap();
    assert!(config.gates.four_eyes);
}
