//! Every number is described, and none is dead: each moves in a real run, or in the test that is
//! named for it here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use footplate::engine::pb::attach_response::Message as Told;
use footplate::engine::pb::engine_service_client::EngineServiceClient;
use footplate::engine::pb::{self, event::Kind};
use footplate::http::{admin::Admin, health::Ready};
use footplate::shard::{self, Message};
use footplate::telemetry::Metrics;
use footplate::viewer::Close;
use http_body_util::BodyExt;
use serde_json::json;
use tokio::net::TcpStream;
use tonic::transport::Channel;

use super::rig::{request, say};
use crate::whole::{Relay, event, gate, line};

/// What no short run moves, and where it is moved instead.
const ELSEWHERE: &[(&str, &str)] = &[
    ("footplate_executions_fallen_total", "shard/fallen.rs: a turn that panics"),
    ("footplate_stalls_total", "edge/watchdog.rs: calls that block"),
    ("footplate_lag_seconds", "edge/watchdog.rs"),
    ("footplate_certificate_reloads_total", "edge/reload.rs: files that change"),
    ("footplate_certificate_expiry_timestamp_seconds", "edge/reload.rs"),
    ("footplate_revocation_expiry_timestamp_seconds", "auth/vouching.rs"),
    ("footplate_credentials_refused_total", "auth/forged.rs: tokens that somebody has forged"),
    ("footplate_too_much_refused_total", "auth/crowds.rs: people and addresses that ask for more"),
    ("footplate_executions_refused_total", "auth/crowds.rs: an engine that begins too many"),
    ("footplate_accept_errors_total", "edge/silence.rs: a listener that fails"),
    ("footplate_shard_inbox_depth", "below: a shard that does nothing"),
    ("footplate_store_commits_total", "store.rs: a relay that keeps what happens"),
    ("footplate_store_blocked", "store.rs: a disk that is full"),
    ("footplate_store_damaged_total", "store.rs: a flipped bit"),
    ("footplate_executions_forgotten_total", "shard.rs: a clock that runs ahead"),
    ("footplate_store_records_read_total", "replay.rs: viewers that were away for long"),
    ("footplate_store_unreadable_total", "replay.rs: a flipped bit"),
    ("footplate_memory_pressure", "replay/memory.rs: more than there is room for"),
    ("footplate_audit_failing", "tests/e2e/test_audit.py: a file that may not grow"),
    ("footplate_viewers_thrashing_total", "kin.rs: a client that comes again and again"),
    ("footplate_viewers_crowding_total", "kin.rs: as above"),
];

/// The samples of a scrape: their names with labels, and their values.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let split = lines.map(|line| line.rsplit_once(' ').unwrap());
    split.map(|(name, value)| (name, value.parse().unwrap())).collect()
}

fn name(sample: &str) -> &str {
    sample.split('{').next().unwrap()
}

#[test]
fn the_document_says_what_there_is() {
    let text = Metrics::new().encode();
    let mut rows = String::from("| name | type | labels | unit | |\n|---|---|---|---|---|\n");
    let mut names = BTreeSet::new();
    for block in text.split("# HELP ").skip(1) {
        let (mut kind, mut unit, mut shown, mut labels) = ("", "", "", BTreeMap::new());
        let (family, help) = block.lines().next().unwrap().split_once(' ').unwrap();
        for line in block.lines().skip(1).filter(|it| *it != "# EOF") {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                kind = rest.rsplit_once(' ').unwrap().1;
            } else if let Some(rest) = line.strip_prefix("# UNIT ") {
                unit = rest.rsplit_once(' ').unwrap().1;
            } else {
                let sample = line.rsplit_once(' ').unwrap().0;
                shown = name(sample);
                let label = sample.split_once('{').map(|it| it.1.trim_end_matches('}'));
                for (label, value) in label.into_iter().filter_map(|it| it.split_once('=')) {
                    labels.entry(label).or_insert_with(Vec::new).push(value.trim_matches('"'));
                }
            }
        }
        assert!(shown.starts_with(family), "{block}");
        assert!(family.ends_with(unit), "the unit belongs into the name: {family}");
        assert_eq!(kind == "counter", shown.ends_with("_total"), "{shown}");
        assert!(help.len() > 10 && help.ends_with('.') && !help.ends_with(".."), "{shown}: {help}");
        assert!(names.insert(shown), "{shown} twice");
        let labels: Vec<_> = labels
            .into_iter()
            .map(|(label, mut values)| {
                values.sort_unstable();
                // They would change with each release, with each line.
                let changes = ["version", "hash"].contains(&label);
                let all = values.iter().filter(|_| !changes).map(|it| format!("`{it}`"));
                format!("`{label}` {}", all.collect::<Vec<_>>().join(" ")).trim_end().to_owned()
            })
            .collect();
        writeln!(rows, "| `{shown}` | {kind} | {} | {unit} | {help} |", labels.join(", ")).unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let known = std::fs::read_to_string(path).unwrap();
    let (head, _) = known.split_once("| name |").unwrap();
    let words = head.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    for word in words.filter(|it| it.starts_with("footplate_") || it.starts_with("process_")) {
        assert!(names.contains(word), "the document speaks of {word}, which is not there");
    }
    let written = format!("{head}{rows}");
    #[expect(clippy::disallowed_methods, reason = "a test reads how it is to run")]
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(path, &written).unwrap();
    }
    let known = std::fs::read_to_string(path).unwrap();
    assert!(known == written, "docs/metrics.md is out of date: run make bless");
}

#[test]
fn every_close_has_a_number_of_its_own() {
    let metrics = Metrics::new();
    for close in Close::ALL {
        metrics.viewers_gone.of(close.word()).inc();
    }
    let text = metrics.encode();
    let all = samples(&text);
    let closes: Vec<_> =
        all.iter().filter(|it| name(it.0) == "footplate_viewers_gone_total").collect();
    assert_eq!(closes.len(), Close::ALL.len());
    assert!(closes.iter().all(|it| *it.1 == 1.0), "{closes:?}");
}

/// What has moved so far.
struct Watch<'a> {
    relay: &'a Relay,
    moved: BTreeSet<String>,
    all: BTreeSet<String>,
}

impl Watch<'_> {
    async fn look(&mut self) -> String {
        let port = Relay::port(&self.relay.app.admin_at);
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let answer = say(stream, &request("GET /metrics", &[], "")).await;
        let (_, text) = answer.split_once("\r\n\r\n").unwrap();
        for (sample, value) in samples(text) {
            self.all.insert(name(sample).to_owned());
            if value != 0.0 {
                self.moved.insert(sample.to_owned());
            }
        }
        text.to_owned()
    }
}

fn finished() -> Vec<u8> {
    event(Kind::ExecutionFinished(pb::ExecutionFinished {
        status: pb::ExecutionStatus::Completed.into(),
        ..Default::default()
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_number_moves() {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit.jsonl");
    let relay = Relay::with(&["--audit", &audit.display().to_string()]).await;
    let mut watch = Watch { relay: &relay, moved: BTreeSet::new(), all: BTreeSet::new() };

    let mut engine = relay.engine("w1", 1).await.welcome().await;
    engine.says("x1", 1, vec![line("one"), gate("g1")]).await;
    engine.result().await;
    // Again; with other bytes; and with a gap.
    for (first, text) in [(1, "one"), (1, "ONE"), (9, "nine")] {
        engine.says("x1", first, vec![line(text)]).await;
        engine.result().await;
    }
    let mut viewer = relay.viewer().await;
    viewer.says(&json!({ "type": "subscribe", "execution_id": "x1" })).await;
    viewer.awaits("snapshot").await;
    // A page that somebody else has made.
    let port = Relay::port(&relay.app.viewers_at);
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    say(stream, &request("GET /livez", &[("host", "evil.example")], "")).await;
    let text = watch.look().await;
    let now = samples(&text);
    let is = |sample: &str, value: f64| assert_eq!(now[sample], value, "{sample}");
    is("footplate_gates_open", 1.0);
    is("footplate_executions_retained", 1.0);
    is("footplate_engines_attached", 1.0);
    is("footplate_events_received_total", 5.0);
    is("footplate_events_duplicate_total", 2.0);
    is("footplate_events_conflicting_total", 1.0);
    is("footplate_events_refused_total", 1.0);
    is("footplate_records_appended_total{kind=\"event\"}", 2.0);
    is("footplate_viewer_snapshots_total{why=\"fresh\"}", 1.0);
    is("footplate_connections_refused_total{reason=\"host_not_allowed\"}", 1.0);

    let decision = json!({ "type": "human_decision", "decision_id": "d1", "execution_id": "x1",
        "gate_id": "g1", "gate_version": 1, "option_id": "approve" });
    viewer.says(&decision).await;
    assert_eq!(viewer.awaits("receipt").await["stage"], "recorded");
    let command = json!({ "type": "pause_execution", "command_id": "c1", "execution_id": "x1" });
    viewer.says(&command).await;
    assert_eq!(viewer.awaits("receipt").await["command_id"], "c1");
    // It comes back without having answered, and is told again.
    drop(engine);
    let mut engine = relay.engine("w1", 1).await.welcome().await;
    let claim = pb::Claim { execution_id: "x1".into(), ..Default::default() };
    let claims = pb::Claims { claims: vec![claim] };
    let message = Some(pb::attach_request::Message::Claims(claims));
    engine.tell.send(pb::AttachRequest { message }).await.unwrap();
    loop {
        if let Told::Decision(again) = engine.hears().await {
            assert_eq!(again.decision_id, "d1");
            break;
        }
    }
    engine.says("x1", 3, vec![finished()]).await;
    engine.result().await;
    drop(viewer);

    let uri = format!("http://127.0.0.1:{}", Relay::port(&relay.app.engines_at));
    let channel = Channel::from_shared(uri).unwrap().connect().await.unwrap();
    let mut script = EngineServiceClient::new(channel);
    let producer = pb::Producer { producer_id: "cron".into(), producer_epoch: 1 };
    let batch = pb::EventBatch {
        execution_id: "x2".into(),
        events: vec![line("by the way").into()],
        ..Default::default()
    };
    let publish = pb::PublishRequest { producer: Some(producer), batches: vec![batch] };
    script.publish(publish).await.unwrap();

    let gone = |text: &str| {
        let gone = |it: &(&str, f64)| name(it.0) == "footplate_viewers_gone_total" && it.1 > 0.0;
        samples(text).into_iter().any(|it| gone(&it))
    };
    // Each of the two ends when its connection is noticed to be gone.
    while !gone(&watch.look().await)
        || !watch.moved.iter().any(|it| name(it) == "footplate_engine_streams_ended_total")
    {}

    let moved: BTreeSet<_> = watch.moved.iter().map(|it| name(it)).collect();
    let elsewhere: BTreeSet<_> = ELSEWHERE.iter().map(|it| it.0).collect();
    let dead: Vec<_> =
        watch.all.iter().filter(|it| !moved.contains(it.as_str())).map(String::as_str).collect();
    assert!(dead.iter().all(|it| elsewhere.contains(it)), "dead: {dead:?}");
    assert!(elsewhere.iter().all(|it| watch.all.contains(*it)), "{elsewhere:?}");
    relay.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_does_nothing_is_seen_and_holds_nobody_up() {
    let (shards, _inbox) = shard::inbox(8);
    for _ in 0..3 {
        let (reply, _) = tokio::sync::oneshot::channel();
        assert!(shards.tell(Message::Measure { reply }).await);
    }
    let metrics = Arc::new(Metrics::new());
    let admin = Admin { shards: shards.downgrade(), ready: Ready::default(), metrics };
    let answer = Arc::new(admin).answer(&http::Method::GET, "/metrics").await;
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert_eq!(samples(&text)["footplate_shard_inbox_depth"], 3.0);
}
