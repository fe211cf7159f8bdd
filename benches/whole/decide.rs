//! How long it takes from a person's click to the engine: from the frame that a dashboard sends to the
//! decision in the engine's hands, while another engine says much to the same relay. By the clock on
//! the wall, so the machine has to be idle; nothing is asserted.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use footplate::engine::pb;
use futures_util::{SinkExt, StreamExt};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::Scope;
use crate::audience::Audience;
use crate::durable::synced;
use crate::engine::Engine;
use crate::events::{event, json, log};
use crate::machine::Server;
use crate::report::{Quantiles, heading};

const BLOCKS: usize = 3;
/// Decisions in a block.
const DECISIONS: usize = 300;
/// Between two of them. Who decides may do so five times a second, so they take turns.
const EVERY: Duration = Duration::from_millis(31);
const PEOPLE: usize = 8;
/// What else is said: so many events in a message, so often: 5,000 a second.
const LOAD: (usize, Duration) = (25, Duration::from_millis(5));
/// And who is told of that.
const VIEWERS: usize = 10;
/// Of opaque JSON in an event, and in what a person is asked about.
const JSON: usize = 200;

type Person = WebSocketStream<TcpStream>;

pub(crate) async fn measure(scope: Scope) -> anyhow::Result<()> {
    heading(
        "From a click to the engine",
        &format!(
            "milliseconds on the wall from a dashboard's frame to the engine's handler, under 5,000 \
             events a second of another engine with {VIEWERS} viewers; all blocks together"
        ),
    );
    let beside = std::env::current_exe()?;
    let scratch = TempDir::new_in(beside.parent().context("the program is in a directory")?)?;
    println!("  one write of 32 KiB with its sync: {:.2} ms", synced(scratch.path())?);
    let store = scratch.path().join("decide");
    let relays = [
        ("memory", Server::start("relay", false)?),
        ("kept", Server::start_with("relay", false, Some(&store))?),
    ];
    let mut figures = [(); 2].map(|()| (Quantiles::default(), Quantiles::default()));
    for block in 0..scope.much(BLOCKS) {
        for ((_, relay), (clicks, loads)) in relays.iter().zip(&mut figures) {
            if !scope.is_over() {
                loads.add(run(relay, block, scope.much(DECISIONS), clicks).await?);
            }
        }
    }
    println!("  {:8}{:>16}   {:>8}{:>8}{:>8}", "relay", "events/s", "p50", "p99", "most");
    for ((name, _), (clicks, loads)) in relays.iter().zip(&figures) {
        let at = |share| 1e3 * clicks.at(share);
        println!(
            "  {name:8}{:>16.0}   {:>8.2}{:>8.2}{:>8.2}   of {} decisions",
            loads.at(0.5),
            at(0.5),
            at(0.99),
            at(1.0),
            clicks.len(),
        );
    }
    println!();
    Ok(())
}

/// So many decisions, each a question, a click and its effect. How many events a second were
/// acknowledged meanwhile.
async fn run(
    relay: &Server,
    block: usize,
    decisions: usize,
    clicks: &mut Quantiles,
) -> anyhow::Result<f64> {
    let mut load = Engine::attach(relay.feed, &format!("load-{block}")).await?;
    let audience = Audience::gather(relay, VIEWERS, Some(load.execution())).await?;
    let mut asker = Engine::attach(relay.feed, &format!("asks-{block}")).await?;
    let mut people = Vec::new();
    let mut tasks = JoinSet::new();
    for _ in 0..PEOPLE {
        let (said, mut heard) = person(relay, asker.execution()).await?.split();
        // What they are told is taken from the line, or it would be full.
        tasks.spawn_local(async move { while let Some(Ok(_)) = heard.next().await {} });
        people.push(said);
    }
    let ask = async {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for n in 0..decisions {
            let gate = format!("gate-{n}");
            asker.publish(vec![question(&gate, n)]).await?;
            asker.acknowledged().await?;
            tick.tick().await;
            let id = format!("decide-{block}-{n}");
            let click = Message::text(format!(
                r#"{{"type":"human_decision","decision_id":"{id}","execution_id":"{}","gate_id":"{gate}","gate_version":1,"option_id":"approve","comment":"looks good"}}"#,
                asker.execution(),
            ));
            let clicked = Instant::now();
            people[n % PEOPLE].send(click).await?;
            let (decision, at) = asker.decided().await?;
            if decision.decision_id != id {
                bail!("{} came, and {id} was sent", decision.decision_id);
            }
            clicks.add((at - clicked).as_secs_f64());
            asker.publish(vec![applied(&decision)]).await?;
        }
        asker.acknowledged().await
    };
    let acknowledged = Cell::new(0_usize);
    let begun = Instant::now();
    let talk = async {
        let (batch, every) = LOAD;
        let made: Vec<Bytes> = (0..256).map(|n| log(n, JSON)).collect();
        let mut made = made.iter().cycle().cloned();
        // What comes late is made up for, so that it is so many a second.
        let mut tick = interval(every);
        loop {
            tick.tick().await;
            load.publish(made.by_ref().take(batch).collect()).await?;
            acknowledged.set(usize::try_from(load.last_acknowledged())?);
        }
        #[expect(unreachable_code, reason = "it says what goes wrong, and never that it is done")]
        anyhow::Ok(())
    };
    tokio::select! {
        done = ask => done?,
        failed = talk => failed?,
    }
    let rate = acknowledged.get() as f64 / begun.elapsed().as_secs_f64();
    if audience.records() == 0 {
        bail!("nobody was told of the load");
    }
    Ok(rate)
}

async fn person(relay: &Server, execution: &str) -> anyhow::Result<Person> {
    let stream = TcpStream::connect(relay.viewers).await?;
    stream.set_nodelay(true)?;
    let mut request =
        format!("ws://localhost:{}/v1/stream", relay.viewers.port()).into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", "footplate.v1".parse()?);
    let (mut socket, _) = client_async(request, stream).await?;
    let subscribe = format!(r#"{{"type":"subscribe","execution_id":"{execution}"}}"#);
    socket.send(Message::text(subscribe)).await?;
    Ok(socket)
}

fn question(gate: &str, n: usize) -> Bytes {
    event(pb::event::Kind::GateOpened(pb::GateOpened {
        gate_id: gate.to_owned(),
        gate_version: 1,
        title: "Ship it?".to_owned(),
        payload: Some(json(n, JSON)),
        ..Default::default()
    }))
}

fn applied(decision: &pb::Decision) -> Bytes {
    event(pb::event::Kind::DecisionOutcome(pb::DecisionOutcome {
        decision_id: decision.decision_id.clone(),
        gate_id: decision.gate_id.clone(),
        gate_version: decision.gate_version,
        outcome: pb::OutcomeStatus::Applied.into(),
        ..Default::default()
    }))
}
