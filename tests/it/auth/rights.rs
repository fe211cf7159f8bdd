//! Z1 to Z4, C8, D5: what may be seen and done, in every protocol, by every role, of one's own and of
//! others. What one may not see can't be told from what is not there.

use footplate::auth::Pass;
use footplate::auth::access::{Action, Target, may};
use footplate::model::{ExecutionId, Identity, Principal, Role};
use serde_json::{Value, json};

use super::bench::{Bench, ROLES, limited, pass, protocols};
use super::mint::now;

/// Without what has to differ: names, and the times at which it was said.
fn bare(told: &[Value], name: &str) -> Vec<String> {
    let blank = |text: String| {
        let text = text.replace(name, "X");
        let mut value: Value = serde_json::from_str(&text).unwrap();
        for field in ["timestamp", "relay_time", "at", "ts"] {
            value.as_object_mut().unwrap().remove(field);
        }
        value.to_string()
    };
    told.iter().map(|it| blank(it.to_string())).collect()
}

fn about(message: &Value, name: &str) -> Value {
    serde_json::from_str(&message.to_string().replace('X', name)).unwrap()
}

#[test]
fn z2_roles_allow_what_they_say() {
    let (mine, owner): (ExecutionId, _) =
        ("x1".parse().unwrap(), Identity::of("key:w", Some("acme")));
    let theirs = Identity::of("key:v", Some("other"));
    for (rank, roles) in ROLES.into_iter().enumerate() {
        let pass = pass(roles);
        for action in Action::ALL {
            let needs = match action {
                Action::Watch | Action::List => 1,
                Action::Decide => 2,
                Action::Command => 3,
                Action::Attach => usize::MAX,
            };
            let to = |owner| Some(Target { execution: &mine, owner });
            assert_eq!(
                may(&pass, action, to(&owner), now()),
                needs <= rank,
                "{roles:?} {action:?}"
            );
            assert_eq!(may(&pass, action, None, now()), needs <= rank);
            assert!(!may(&pass, action, to(&theirs), now()), "{roles:?} {action:?} elsewhere");
            let over = Pass { expires: Some(now()), ..pass.clone() };
            assert!(!may(&over, action, to(&owner), now()), "it counts no longer");
            let engine = Pass { engine: true, ..pass.clone() };
            assert_eq!(
                may(&engine, action, None, now()),
                needs <= rank || action == Action::Attach
            );
        }
    }
    // An engine without a tenant begins what only those see who see all tenants.
    let nobodys = Identity("uid:0".into());
    assert!(!may(
        &pass(ROLES[4]),
        Action::Watch,
        Some(Target { execution: &mine, owner: &nobodys }),
        now()
    ));
    assert!(may(
        &Pass::local(),
        Action::Watch,
        Some(Target { execution: &mine, owner: &nobodys }),
        now()
    ));
}

/// Role × message × own, foreign and missing, in each protocol.
#[tokio::test(start_paused = true)]
async fn z1_z2_what_is_foreign_can_not_be_told_from_what_is_not_there() {
    for (dialect, in_path, messages) in protocols() {
        for (rank, roles) in ROLES.into_iter().enumerate() {
            let mut bench = Bench::start().await;
            let mut answers: Vec<Vec<Vec<String>>> = vec![];
            for name in ["y1", "z9", "x1"] {
                let path = in_path.then_some(name);
                let mut client = bench.come(dialect, path, Some(pass(roles))).await;
                let (opening, code) = client.settles(&bench).await;
                assert_eq!(code, None);
                let mut all = vec![bare(&opening, name)];
                for (needs, message) in &messages {
                    client.says(&about(message, name)).await;
                    let (told, code) = client.settles(&bench).await;
                    assert_eq!(code, None, "{message}");
                    all.push(bare(&told, name));
                    let orders = Bench::orders(&mut bench.ours);
                    let wanted = match *needs {
                        "decide" => 2,
                        "command" => 3,
                        _ => usize::MAX,
                    };
                    let role = format!("{} {roles:?} {name} {message}", dialect.name());
                    assert!(Bench::orders(&mut bench.theirs).is_empty(), "{role}");
                    if name != "x1" || rank < wanted {
                        assert_eq!(orders, [""; 0], "{role}");
                    }
                }
                answers.push(all);
            }
            let name = dialect.name();
            assert_eq!(answers[0], answers[1], "{name} {roles:?}");
            let shown = answers[2].concat().join("\n");
            if rank == 0 {
                assert_eq!(answers[2][0], answers[1][0], "{name}: who has no role sees nothing");
            } else if !messages.is_empty() || in_path {
                assert_ne!(answers[2], answers[1], "{name}: one's own is there: {shown}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn z2_who_may_decide_or_command_does() {
    for (dialect, in_path, messages) in protocols() {
        for (needs, message) in messages.iter().filter(|(needs, _)| *needs != "watch") {
            let wanted = if *needs == "decide" { 2 } else { 3 };
            for (rank, roles) in ROLES.into_iter().enumerate() {
                let mut bench = Bench::start().await;
                let path = in_path.then_some("x1");
                let mut client = bench.come(dialect, path, Some(pass(roles))).await;
                client.says(&about(message, "x1")).await;
                client.settles(&bench).await;
                let orders = Bench::orders(&mut bench.ours);
                // A run that is not paused need not be resumed; its engine is asked all the same.
                let expected = if wanted <= rank { 1 } else { 0 };
                assert_eq!(orders.len(), expected, "{} {roles:?} {message}", dialect.name());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn d5_a_decision_is_judged_by_what_is_known_when_it_is_recorded() {
    let native = protocols()[0].0;
    let decide = json!({ "type": "human_decision", "decision_id": "d-1", "execution_id": "x1", "gate_id": "g1",
        "gate_version": 1, "option_id": "approve" });
    let mut bench = Bench::start().await;
    let mut viewer = bench.come(native, None, Some(pass(&[Role::Viewer]))).await;
    viewer.says(&decide).await;
    let receipt = viewer.awaits("receipt").await;
    assert_eq!((&receipt["stage"], receipt.get("execution_id")), (&json!("forbidden"), None));
    // A pass that runs out between two messages.
    let soon =
        Pass { expires: Some(now().after(std::time::Duration::from_secs(5))), ..pass(ROLES[2]) };
    let mut brief = bench.come(native, None, Some(soon)).await;
    brief.settles(&bench).await;
    tokio::time::advance(std::time::Duration::from_secs(6)).await;
    // It may be closed already.
    let _ = futures_util::SinkExt::send(
        &mut brief.socket,
        tokio_tungstenite::tungstenite::Message::text(decide.to_string()),
    )
    .await;
    bench.quiet().await;
    assert!(Bench::orders(&mut bench.ours).is_empty(), "nothing was decided");
    let mut decider = bench.come(native, None, Some(pass(ROLES[2]))).await;
    decider.says(&decide).await;
    assert_eq!(decider.awaits("receipt").await["stage"], "recorded");
}

/// Z4: nothing that a client says makes it somebody else.
#[tokio::test(start_paused = true)]
async fn z4_the_actor_is_whom_the_token_names() {
    let mut bench = Bench::start().await;
    let windags = protocols()[1].0;
    let mut client = bench.come(windags, Some("x1"), Some(pass(ROLES[2]))).await;
    client
        .says(&json!({ "type": "human_decision", "node_id": "n", "decision": "approve", "user": "mallory",
            "actor": "mallory", "subject": "mallory", "roles": ["admin"] }))
        .await;
    client.settles(&bench).await;
    let mut native = bench.come(protocols()[0].0, None, Some(pass(ROLES[1]))).await;
    native.says(&json!({ "type": "subscribe", "execution_id": "x1" })).await;
    let snapshot = native.awaits("snapshot").await;
    let text = snapshot.to_string();
    assert!(text.contains("\"subject\":\"ada\"") && !text.contains("mallory"), "{text}");
    native
        .says(&json!({ "type": "human_decision", "decision_id": "d-2", "execution_id": "x1", "gate_id": "g1",
            "gate_version": 1, "option_id": "approve", "user": "mallory" }))
        .await;
    assert_eq!(native.awaits("error").await["code"], "unknown_field");
}

/// Z3: the list holds what one sees, also what comes later, and each sees their own.
#[tokio::test(start_paused = true)]
async fn z3_the_list_is_what_one_sees() {
    let mut bench = Bench::start().await;
    let native = protocols()[0].0;
    let list = json!({ "type": "subscribe_executions" });
    let mut sees = vec![];
    for (who, expected) in [
        (pass(ROLES[1]), vec!["x1"]),
        (limited(ROLES[1], &["x*"]), vec!["x1"]),
        (limited(ROLES[1], &["q*"]), vec![]),
        (Pass::of(Principal::named("root")), vec!["x1", "y1"]),
        (pass(ROLES[0]), vec![]),
    ] {
        let none = who.principal.roles.is_empty();
        let mut client = bench.come(native, None, Some(who)).await;
        client.says(&list).await;
        if none {
            client.settles(&bench).await;
            continue;
        }
        let told = client.awaits("executions").await;
        let ids: Vec<&str> = told["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["execution_id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, expected);
        sees.push(client);
    }
    // Executions that come later.
    bench.input("l1 says q7 1 started").await;
    bench.input("l2 says r7 1 started").await;
    bench.quiet().await;
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    bench.quiet().await;
    for (client, expected) in
        sees.iter_mut().zip([vec!["q7"], vec![], vec!["q7"], vec!["q7", "r7"]])
    {
        let (told, _) = client.settles(&bench).await;
        let mut ids: Vec<&str> = told
            .iter()
            .filter(|it| it["type"] == "execution_summary")
            .map(|it| it["item"]["execution_id"].as_str().unwrap())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids, expected, "{told:?}");
    }
}

/// Z3: a viewer that waits for a name is not given another tenant's execution of that name.
#[tokio::test(start_paused = true)]
async fn z3_what_comes_later_is_looked_at_then() {
    for (dialect, _, _) in protocols().into_iter().filter(|(_, in_path, _)| *in_path) {
        let mut bench = Bench::start().await;
        let mut client = bench.come(dialect, Some("r7"), Some(pass(ROLES[1]))).await;
        let (_, code) = client.settles(&bench).await;
        assert_eq!(code, None);
        bench.input("l2 says r7 1 started; node secret running; log theirs").await;
        let (told, code) = client.settles(&bench).await;
        let text = json!(told).to_string();
        assert!(code.is_none() && !text.contains("secret") && !text.contains("theirs"), "{text}");
        let mut own = bench.come(dialect, Some("q7"), Some(pass(ROLES[1]))).await;
        own.settles(&bench).await;
        bench.input("l1 says q7 1 started; node ours running; log ours").await;
        let (told, _) = own.settles(&bench).await;
        assert!(!told.is_empty(), "{}: it is shown its own", dialect.name());
    }
}

/// A start goes to an engine of one's own tenant, under a name that one sees.
#[tokio::test(start_paused = true)]
async fn z2_a_start_stays_with_its_tenant() {
    let mut bench = Bench::start().await;
    let native = protocols()[0].0;
    let start = |id: &str, workflow: &str| json!({ "type": "start_execution", "command_id": id, "workflow_id": workflow });
    let mut ada = bench.come(native, None, Some(pass(ROLES[3]))).await;
    ada.says(&start("c-1", "wf-other")).await;
    let theirs = ada.awaits("receipt").await;
    ada.says(&start("c-2", "wf-nowhere")).await;
    let nowhere = ada.awaits("receipt").await;
    assert_eq!((&theirs["stage"], &theirs["reason"]), (&nowhere["stage"], &nowhere["reason"]));
    assert!(Bench::orders(&mut bench.theirs).is_empty());
    ada.says(&start("c-3", "wf-acme")).await;
    assert_eq!(ada.awaits("receipt").await["stage"], "recorded");
    bench.quiet().await;
    assert_eq!(Bench::orders(&mut bench.ours), ["command"]);
    // The id of somebody else's start leads nowhere.
    let other = Principal { tenant: Some("other".into()), ..Principal::named("oscar") };
    let mut oscar = bench.come(native, None, Some(Pass::of(other))).await;
    oscar.says(&start("c-3", "wf-acme")).await;
    let told = oscar.awaits("receipt").await;
    assert_eq!((&told["stage"], told.get("execution_id")), (&json!("refused"), None));
    // Who sees only some names can't start under one that they would not see.
    let mut some = bench.come(native, None, Some(limited(ROLES[3], &["x*"]))).await;
    some.says(&start("c-4", "wf-acme")).await;
    assert_eq!(some.awaits("receipt").await["stage"], "forbidden");
}
