//! One engine's stream, over a real connection: how it begins, what it may carry, how it ends.

mod bench;
mod orders;
mod publishing;
mod telling;

use std::time::Duration;

use bench::{Bench, NOW, Published, batch, granted, hello, line};
use footplate::core::{Ending, Input};
use footplate::engine::pb::attach_request::Message as Say;
use footplate::engine::pb::attach_response::Message as Told;
use footplate::engine::pb::{GoodbyeReason, LaneErrorCode};
use footplate::engine::{Limits, convert, pb};
use footplate::model::{LinkId, ProducerEpoch, Pseq, RejectionCode};
use footplate::shard::{Message, ToEngine};
use futures_util::FutureExt as _;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};
use tonic::Code;
use tonic::codec::CompressionEncoding;

fn small_window() -> Limits {
    Limits { window_events: 4, ..Limits::default() }
}

#[tokio::test]
async fn what_comes_before_hello_ends_the_stream() {
    let mut bench = Bench::start().await;
    let mut engine = bench.dial().await;
    engine.says_events(vec![batch("x1", 1, 1)]).await;
    let (goodbye, status) = engine.hears_goodbye().await;
    assert_eq!(goodbye.reason(), GoodbyeReason::Protocol);
    assert_eq!(goodbye.retry_delay, None, "coming back would do it again");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(bench.shard.messages.recv().now_or_never().is_none(), "the shard has heard of nobody");
}

#[tokio::test(start_paused = true)]
async fn hello_has_to_come_within_ten_seconds() {
    let mut bench = Bench::start().await;
    let dialled = Instant::now();
    let mut engine = bench.dial().await;
    let (goodbye, status) = engine.hears_goodbye().await;
    assert_eq!(goodbye.reason(), GoodbyeReason::Protocol);
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(dialled.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_status_waits_for_an_engine_to_end_its_side_but_not_for_ever() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    engine.say(hello(vec![])).await;
    let Told::Goodbye(_) = engine.hears().await else { panic!("no goodbye") };
    let told = Instant::now();
    for _ in 0..100 {
        engine.says_events(vec![batch("x1", 1, 1)]).await;
    }
    assert_eq!(engine.heard.message().await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(told.elapsed().as_secs(), 1);
}

#[tokio::test]
async fn a_hello_without_a_name_or_an_epoch_is_none() {
    for (id, epoch, field) in [
        ("", 1, "producer.producer_id"),
        ("w/1", 1, "producer.producer_id"),
        ("w1", 0, "producer.producer_epoch"),
    ] {
        let mut bench = Bench::start().await;
        let mut engine = bench.dial().await;
        let producer = pb::Producer { producer_id: id.into(), producer_epoch: epoch };
        let hello = pb::Hello { producer: Some(producer), ..Default::default() };
        engine.say(Say::Hello(hello)).await;
        let (goodbye, status) = engine.hears_goodbye().await;
        assert!(goodbye.message.starts_with(field), "{}", goodbye.message);
        assert_eq!(status.code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_second_hello_ends_the_stream() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    engine.say(hello(vec![])).await;
    let (goodbye, status) = engine.hears_goodbye().await;
    assert_eq!(goodbye.reason(), GoodbyeReason::Protocol);
    assert_eq!(status.code(), Code::InvalidArgument);
    bench.shard.detached().await;
}

#[tokio::test]
async fn a_message_of_no_kind_ends_the_stream() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    engine.tell.as_ref().unwrap().send(pb::AttachRequest { message: None }).await.unwrap();
    let (goodbye, _) = engine.hears_goodbye().await;
    assert_eq!(goodbye.reason(), GoodbyeReason::Protocol);
    bench.shard.detached().await;
}

#[tokio::test]
async fn the_welcome_states_the_terms() {
    let mut bench = Bench::start().await;
    let mut engine = bench.dial().await;
    let claim = |id: &str| pb::Claim { execution_id: id.into(), ..Default::default() };
    engine.say(hello(vec![claim("x1"), claim("no/name")])).await;
    let hello = bench.shard.greeted().await;
    assert_eq!((hello.producer.as_str(), hello.epoch), ("w1", ProducerEpoch(7)));
    assert_eq!(&*hello.identity.0, "tester", "it is the connection's, not the engine's word");
    assert!(hello.listens);
    assert_eq!(hello.claims.len(), 1, "what names nothing is not for the core");
    assert_eq!(hello.claims[0].first_unacked, Pseq(1), "0 means 1");
    bench.shard.tell(ToEngine::Welcome { grants: vec![granted("x1", 5)] });

    let Told::Welcome(welcome) = engine.hears().await else { panic!("no welcome") };
    let limits = welcome.limits.unwrap();
    assert_eq!(welcome.boot_id, "b007");
    assert_eq!(welcome.durability(), pb::Durability::Local);
    assert_eq!(welcome.relay_time.unwrap().seconds, NOW.0 / 1_000_000);
    assert_eq!(welcome.revision, 1);
    assert_eq!((limits.max_event_bytes, limits.max_batch_events), (256 << 10, 256));
    assert_eq!((limits.max_message_bytes, limits.max_json_depth), (1 << 20, 64));
    assert_eq!((limits.max_open_gates, limits.max_nodes), (1_000, 10_000));
    let window = welcome.window.unwrap();
    assert_eq!((window.max_unacked_events, window.max_unacked_bytes), (16_384, 8 << 20));
    let [granted, refused] = &*welcome.grants else { panic!("{:?}", welcome.grants) };
    assert_eq!((&*granted.execution_id, granted.next_pseq), ("x1", 5));
    assert_eq!(granted.epoch, "b007-1");
    assert_eq!(refused.execution_id, "no/name");
    assert_eq!(refused.error.as_ref().unwrap().code(), LaneErrorCode::InvalidId);
}

#[tokio::test]
async fn who_is_not_verified_is_of_this_machine() {
    let mut bench = Bench::open(Limits::default(), None).await;
    let engine = bench.dial().await;
    engine.say(hello(vec![])).await;
    assert_eq!(&*bench.shard.greeted().await.identity.0, "loopback");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_heard_before_the_welcome_went_out() {
    let mut bench = Bench::start().await;
    let mut engine = bench.dial().await;
    engine.say(hello(vec![])).await;
    engine.says_events(vec![batch("x1", 1, 1)]).await;
    bench.shard.greeted().await;
    bench.shard.hears_nothing().await;
    bench.shard.tell(ToEngine::Welcome { grants: vec![] });
    assert!(matches!(engine.hears().await, Told::Welcome(_)));
    assert_eq!(bench.shard.published().await.first, Some(Pseq(1)));
}

#[tokio::test]
async fn row_27_a_bad_event_costs_itself_and_neither_its_batch_nor_its_stream() {
    let mut bench = Bench::start().await;
    let engine = bench.attach().await;
    let events = vec![line("one").into(), vec![0xff; 3].into(), line("three").into()];
    let batch =
        pb::EventBatch { execution_id: "x1".into(), first_pseq: 1, events, ..Default::default() };
    engine.says_events(vec![batch]).await;
    let Published { events, .. } = bench.shard.published().await;
    assert!(events[0].event.is_ok() && events[2].event.is_ok());
    assert_eq!(events[1].event.as_ref().unwrap_err().code, RejectionCode::Malformed);
}

#[tokio::test]
async fn a_batch_that_names_no_lane_is_answered_and_the_stream_lives() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    let named = |execution: &str, workflow: &str| pb::EventBatch {
        execution_id: execution.into(),
        workflow_id: workflow.into(),
        batch_ref: 9,
        ..batch("", 1, 1)
    };
    let bad = [named("", ""), named("x1", "flow"), named("../x1", ""), named("", "a flow")];
    engine.says_events([&bad[..], &[named("x1", "")]].concat()).await;
    let results = engine.hears_results().await;
    assert_eq!(results.len(), bad.len());
    for (result, bad) in results.iter().zip(&bad) {
        assert_eq!(result.error.as_ref().unwrap().code(), LaneErrorCode::InvalidId);
        assert_eq!(result.execution_id, bad.execution_id);
        assert_eq!((&result.workflow_id, result.batch_ref), (&bad.workflow_id, 9));
    }
    assert_eq!(bench.shard.published().await.execution.as_str(), "x1");
}

#[tokio::test]
async fn a_batch_too_large_ends_the_stream() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    engine.says_events(vec![batch("x1", 1, 256)]).await;
    assert_eq!(bench.shard.published().await.events.len(), 256);
    engine.says_events(vec![batch("x1", 257, 257)]).await;
    let (goodbye, status) = engine.hears_goodbye().await;
    assert_eq!(goodbye.reason(), GoodbyeReason::Protocol);
    assert_eq!(status.code(), Code::InvalidArgument);
    bench.shard.detached().await;
}

#[tokio::test]
async fn a_message_too_large_ends_the_stream_also_when_it_came_compressed() {
    for compressed in [false, true] {
        let mut bench = Bench::start().await;
        if compressed {
            let client = bench.client.clone();
            bench.client = client.send_compressed(CompressionEncoding::Gzip);
        }
        let mut engine = bench.attach().await;
        let text = "x".repeat(200 << 10);
        let events = (0..6).map(|_| line(&text).into()).collect();
        engine.says_events(vec![pb::EventBatch { events, ..batch("x1", 1, 0) }]).await;
        let (goodbye, status) = engine.hears_goodbye().await;
        assert_eq!(goodbye.reason(), GoodbyeReason::Protocol, "compressed: {compressed}");
        assert_eq!(status.code(), Code::InvalidArgument);
        bench.shard.detached().await;
    }
}

#[tokio::test]
async fn a_half_close_waits_for_every_acknowledgement() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    engine.says_events(vec![batch("x1", 1, 2), batch("x2", 1, 1)]).await;
    drop(engine.tell.take());
    let (one, two) = (bench.shard.published().await, bench.shard.published().await);
    bench.shard.ack(&one, 2);
    assert_eq!(engine.hears_ack().await, 2);
    assert!(bench.shard.messages.recv().now_or_never().is_none(), "still attached");
    bench.shard.ack(&two, 1);
    assert_eq!(engine.hears_results().await[0].execution_id, "x2");
    assert!(engine.heard.message().await.unwrap().is_none(), "the status is OK");
    bench.shard.detached().await;
}

#[tokio::test]
async fn who_is_superseded_is_told_after_its_last_acknowledgement() {
    for (why, reason) in
        [(Ending::Fenced, GoodbyeReason::Fenced), (Ending::Replaced, GoodbyeReason::Replaced)]
    {
        let mut bench = Bench::start().await;
        let mut engine = bench.attach().await;
        engine.says_events(vec![batch("x1", 1, 1)]).await;
        let batch = bench.shard.published().await;
        bench.shard.ack(&batch, 1);
        bench.shard.tell(ToEngine::End(why));
        assert_eq!(engine.hears_ack().await, 1);
        let (goodbye, status) = engine.hears_goodbye().await;
        assert_eq!((goodbye.reason(), goodbye.retry_delay), (reason, None));
        assert_eq!(status.code(), Code::FailedPrecondition);
        bench.shard.detached().await;
    }
}

#[tokio::test]
async fn who_was_fenced_before_it_came_is_not_welcomed() {
    let mut bench = Bench::start().await;
    let mut engine = bench.dial().await;
    engine.say(hello(vec![])).await;
    bench.shard.greeted().await;
    bench.shard.tell(ToEngine::End(Ending::Fenced));
    assert_eq!(engine.hears_goodbye().await.0.reason(), GoodbyeReason::Fenced);
}

#[tokio::test]
async fn twice_the_window_ends_the_stream() {
    let mut bench = Bench::with(small_window()).await;
    let mut engine = bench.attach().await;
    engine.says_events(vec![batch("x1", 1, 5), batch("x1", 6, 3)]).await;
    let first = bench.shard.published().await;
    bench.shard.published().await;
    // What is acknowledged counts no longer: there is room for five again, and not for six.
    bench.shard.ack(&first, 5);
    engine.hears_results().await;
    engine.says_events(vec![batch("x1", 9, 5)]).await;
    assert_eq!(bench.shard.published().await.first, Some(Pseq(9)));
    engine.says_events(vec![batch("x1", 14, 1)]).await;
    let (goodbye, status) = engine.hears_goodbye().await;
    assert_eq!(goodbye.reason(), GoodbyeReason::WindowExceeded);
    assert_eq!(goodbye.retry_delay.unwrap().seconds, 1);
    assert_eq!(status.code(), Code::ResourceExhausted);
    bench.shard.detached().await;
}

#[tokio::test]
async fn the_window_counts_bytes_and_empty_batches_too() {
    let limits = Limits { window_bytes: 100, ..small_window() };
    let mut bench = Bench::with(limits).await;
    let mut engine = bench.attach().await;
    let long = pb::EventBatch { events: vec![line(&"x".repeat(201)).into()], ..batch("x1", 1, 0) };
    engine.says_events(vec![long]).await;
    assert_eq!(engine.hears_goodbye().await.0.reason(), GoodbyeReason::WindowExceeded);

    let mut bench = Bench::with(limits).await;
    let mut engine = bench.attach().await;
    engine.says_events(vec![batch("x1", 1, 0); 9]).await;
    assert_eq!(engine.hears_goodbye().await.0.reason(), GoodbyeReason::WindowExceeded);
}

#[tokio::test(start_paused = true)]
async fn a_drain_sends_engines_away_once_they_have_their_answers() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    engine.says_events(vec![batch("x1", 1, 1)]).await;
    let taken = bench.shard.published().await;
    bench.drain.cancel();
    bench.shard.hears_nothing().await;
    engine.says_events(vec![batch("x1", 2, 1)]).await;
    bench.shard.ack(&taken, 1);
    assert_eq!(engine.hears_ack().await, 1);
    let (goodbye, status) = engine.hears_goodbye().await;
    assert_eq!(goodbye.reason(), GoodbyeReason::Draining);
    assert_eq!(goodbye.retry_delay.unwrap().seconds, 1);
    assert_eq!(status.code(), Code::Unavailable);
    bench.shard.detached().await;
    bench.shard.hears_nothing().await;
    bench.tasks.close();
    bench.tasks.wait().await;
}

#[tokio::test]
async fn an_engine_that_vanishes_is_detached() {
    let mut bench = Bench::start().await;
    let engine = bench.attach().await;
    drop(engine);
    bench.shard.detached().await;
    let engine = bench.attach().await;
    assert_eq!(bench.shard.link, LinkId(2), "each stream is a link of its own");
    drop(engine);
}

#[tokio::test(start_paused = true)]
async fn a_full_outbox_ends_the_stream() {
    let mut bench = Bench::start().await;
    let mut engine = bench.attach().await;
    // What the shard does to an engine whose outbox is full.
    bench.shard.outbox = None;
    let (goodbye, status) = engine.hears_goodbye().await;
    assert_eq!(goodbye.reason(), GoodbyeReason::Overloaded);
    assert_eq!(status.code(), Code::ResourceExhausted);
    bench.shard.detached().await;
}

/// h2 ends a connection on which too many small frames wait to be read.
#[tokio::test(start_paused = true)]
async fn a_stalled_reader_does_not_cost_an_engine_its_connection() {
    const LINES: u64 = 20_000;
    let mut bench = Bench::start().await;
    let engine = bench.attach().await;
    bench.hold.send(true).unwrap();
    let tell = engine.tell.clone().unwrap();
    let mut sender = tokio::task::JoinSet::new();
    sender.spawn(async move {
        for pseq in 1..=LINES {
            let events = pb::Events { batches: vec![batch("x1", pseq, 1)] };
            let message = pb::AttachRequest { message: Some(Say::Events(events)) };
            tell.send(message).await.unwrap();
            // So that each message is a frame of its own.
            tokio::task::yield_now().await;
        }
    });
    // The clock only moves once nobody can do anything: the sender has come as far as it can.
    let stalled = timeout(Duration::from_millis(1_500), sender.join_next()).await;
    assert!(stalled.is_err(), "the reader was not held");
    // The reader had begun to wait for the first one before it was held.
    assert_eq!(bench.shard.published().await.first, Some(Pseq(1)));
    bench.shard.hears_nothing().await;
    bench.hold.send(false).unwrap();
    for pseq in 2..=LINES {
        assert_eq!(bench.shard.published().await.first, Some(Pseq(pseq)));
    }
    sender.join_next().await.unwrap().unwrap();
}

#[test]
fn the_terms_are_those_of_the_contract() {
    assert_eq!(convert::EVENT_BYTES, 256 << 10);
    assert_eq!(convert::BATCH_EVENTS, 256);
    assert_eq!(convert::MESSAGE_BYTES, 1 << 20);
    assert_eq!(convert::JSON_DEPTH, 64);
}

/// As the shard's inbox has it (`shard/fair.rs`), at the door: what an engine says waits behind itself.
#[tokio::test]
async fn row_30_an_engine_whose_batches_nobody_takes_holds_up_no_other() {
    let mut bench = Bench::start().await;
    let busy = bench.attach().await;
    let link = bench.shard.link;
    busy.says_events((1..=1_000).map(|n| batch("x1", n, 1)).collect()).await;
    let depth = |bench: &Bench| bench.shards.upgrade().unwrap().depth();
    while depth(&bench) < 256 {
        yield_now().await;
    }
    let quiet = bench.dial().await;
    quiet.say(hello(vec![])).await;
    while depth(&bench) < 258 {
        yield_now().await;
    }
    let mut before = 0;
    loop {
        match bench.shard.messages.recv().await.unwrap() {
            Message::Engine { link: other, .. } => break assert_ne!(other, link),
            Message::Input(Input::Published { link: of, .. }) if of == link => before += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(before <= 1, "{before} of another's messages were taken first");
    assert!(254 <= depth(&bench), "the busy one is still waiting");
}
