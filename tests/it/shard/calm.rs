//! Logs that are written calmly: the whole at most every 100 ms, log lines summed up where there are
//! too many, the end at once.

use serde_json::Value;

use super::*;

const PACE: Duration = Duration::from_millis(100);

/// Everything that is said within `span`, each frame as `level 3`, `line 4` or `summed 5`.
async fn heard(client: &mut Client, span: Duration) -> Vec<String> {
    let end = tokio::time::Instant::now() + span;
    let mut heard = vec![];
    while let Ok(frame) = tokio::time::timeout_at(end, client.next()).await {
        heard.extend(word(&frame));
    }
    heard
}

fn word(frame: &Value) -> Option<String> {
    let kinds = [("level", "level"), ("seq", "line"), ("summed", "summed"), ("state", "state")];
    kinds.iter().find_map(|(key, word)| Some(format!("{word} {}", frame.get(*key)?)))
}

async fn bench() -> (Bench, &'static Probe, Client, mpsc::Receiver<ToEngine>) {
    let mut bench = Bench::start();
    let engine = bench.engine(4_096).await;
    bench.says("started").await;
    let probe = Probe::new(Manners::Nebula);
    let mut client = bench.come(probe, Some("x1")).await;
    assert_eq!(client.next().await["watching"], "x1");
    assert_eq!(client.next().await["state"], 2);
    tokio::time::advance(PACE).await;
    (bench, probe, client, engine)
}

#[tokio::test(start_paused = true)]
async fn the_whole_is_said_at_most_ten_times_a_second_and_the_newest_at_last() {
    let (mut bench, _, mut client, _engine) = bench().await;
    let mut levels: Vec<String> = vec![];
    for n in 0..1_000 {
        bench.says(&format!("node n{} running", n % 7)).await;
        levels.extend(heard(&mut client, Duration::from_millis(1)).await);
    }
    levels.extend(heard(&mut client, PACE).await);
    levels.retain(|it| it.starts_with("level"));
    // A second, and the ends of it.
    assert!((10..=12).contains(&levels.len()), "{levels:?}");
    assert_eq!(levels.last().unwrap(), "level 1002");
}

#[tokio::test(start_paused = true)]
async fn the_first_change_is_said_at_once_and_the_end_too() {
    let (mut bench, _, mut client, _engine) = bench().await;
    bench.says("node n running").await;
    let at_once = heard(&mut client, MOMENT).await;
    assert_eq!(at_once, ["line 3", "level 3"]);
    bench.says("node n completed").await;
    assert_eq!(heard(&mut client, MOMENT).await, [""; 0]);
    bench.says("finished completed").await;
    assert_eq!(heard(&mut client, MOMENT).await, ["line 4", "line 5", "level 5"]);
}

#[tokio::test(start_paused = true)]
async fn log_lines_are_said_until_they_are_too_many() {
    let (mut bench, _, mut client, _engine) = bench().await;
    bench.says("log first").await;
    assert_eq!(heard(&mut client, MOMENT).await, ["line 3"]);
    for _ in 0..25 {
        bench.says("log .").await;
    }
    let mut expected: Vec<String> = (4..14).map(|seq| format!("line {seq}")).collect();
    expected.push("summed 15".to_owned());
    assert_eq!(heard(&mut client, PACE).await, expected);
}

#[tokio::test(start_paused = true)]
async fn who_comes_in_between_sees_no_state_that_is_older_than_what_it_has_seen() {
    let (mut bench, probe, mut client, _engine) = bench().await;
    bench.says("node n running").await;
    bench.quiet().await;
    bench.says("node n completed").await;
    bench.says("log .").await;
    bench.quiet().await;
    let mut late = bench.come(probe, Some("x1")).await;
    assert_eq!(late.next().await["watching"], "x1");
    // One state serves many; what follows makes it the newest.
    let mut seen = heard(&mut late, MOMENT).await;
    assert_eq!(seen.remove(0), "state 2");
    assert_eq!(seen, ["line 3", "level 3", "line 4", "line 5", "level 5"]);
    assert_eq!(heard(&mut client, MOMENT).await, seen, "it was said at once then");
    bench.says("log .").await;
    assert_eq!(heard(&mut late, 2 * PACE).await, ["line 6"]);
    assert_eq!(heard(&mut client, 2 * PACE).await, ["line 6"]);
}
