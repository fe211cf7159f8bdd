//! The relay's HTTP API, as a fresh visitor asks it at the end.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::history::{Book, Entry, Op};
use crate::line::Line;
use crate::picture::{Picture, frame_hash};
use crate::{frames, watching::Heads};

const PATIENCE: Duration = Duration::from_secs(30);

/// One request.
pub(crate) async fn get(line: &Line, path: &str) -> anyhow::Result<Value> {
    let ask = async {
        let mut stream = line.connect().await.context("no connection")?;
        let request = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        // A peer that ends TLS without a word has said all by then.
        let _ = stream.read_to_end(&mut answer).await;
        anyhow::Ok(answer)
    };
    let answer = timeout(PATIENCE, ask).await.with_context(|| format!("{path}: no answer"))??;
    let answer = String::from_utf8(answer)?;
    let (head, body) =
        answer.split_once("\r\n\r\n").with_context(|| format!("{path}: {answer}"))?;
    if !head.contains(" 200 ") {
        bail!("{path}: {head}: {body}");
    }
    Ok(serde_json::from_str(body)?)
}

/// The place at which each execution stands.
pub(crate) async fn heads(line: &Line) -> anyhow::Result<Heads> {
    let all = get(line, "/v1/executions").await?;
    let items = all["items"].as_array().context("no items")?;
    let head = |item: &Value| {
        let text = |name| item[name].as_str().unwrap_or("").to_owned();
        (text("execution_id"), (text("epoch"), item["seq"].as_u64().unwrap_or(0)))
    };
    Ok(Some(items.iter().map(head).collect()))
}

/// Writes down one execution as it is: its state, its lanes, and all records that can be had.
pub(crate) async fn whole(line: &Line, book: &Book, exec: &str, epoch: &str) -> anyhow::Result<()> {
    let shown = get(line, &format!("/v1/executions/{exec}")).await?;
    let mut picture = Picture::default();
    picture.part(shown).map_err(anyhow::Error::msg)?;
    let place = |op| Entry {
        op,
        exec: exec.to_owned(),
        epoch: picture.epoch.clone(),
        seq: picture.seq,
        ..Entry::default()
    };
    book.add(Entry { state: picture.hash(), ..place(Op::LastState) });
    for (producer, pseq) in picture.lanes() {
        let producer = producer.to_owned();
        book.add(Entry { producer, pseq, ..place(Op::LastLane) });
    }
    let mut since = 0;
    loop {
        let path = format!("/v1/executions/{exec}/records?since={epoch}:{since}");
        let answer = get(line, &path).await?;
        let records = answer["records"].as_array().context("no records")?;
        for record in records {
            let frame = frame_hash(&record.to_string());
            book.add(Entry { op: Op::Last, frame, ..frames::entry(record) });
            since = since.max(record["seq"].as_u64().unwrap_or(0));
        }
        if records.is_empty() || since >= answer["head"].as_u64().unwrap_or(0) {
            return Ok(());
        }
    }
}
