//! Events without a stream, for scripts: a link that lasts for one call and is told nothing but what
//! became of its batches.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::convert;
use super::end::End;
use super::link::Link;
use super::pb;
use super::service::Door;
use crate::core::Hello;
use crate::shard::ToEngine;

/// Publishes, and waits for what became of every batch. The answers stand in the batches' order.
pub(super) async fn published(
    door: Arc<Door>,
    hello: Hello,
    batches: Vec<convert::Batch>,
) -> Result<Vec<pb::LaneResult>, End> {
    let patience = door.limits().publish;
    let link = Link::new(door);
    let answers = timeout(patience, publish(&link, hello, batches)).await;
    link.detach().await;
    answers.unwrap_or(Err(End::Late))
}

async fn publish(
    link: &Link,
    hello: Hello,
    batches: Vec<convert::Batch>,
) -> Result<Vec<pb::LaneResult>, End> {
    let mut inbox = link.greet(hello).await?;
    while !matches!(hear(&mut inbox).await?, ToEngine::Welcome { .. }) {}
    let mut answers = vec![None; batches.len()];
    // Where the answer to the batch with this number belongs.
    let mut places = vec![];
    for (place, batch) in batches.into_iter().enumerate() {
        match link.publish(batch).await? {
            Ok(number) => {
                debug_assert_eq!(number, places.len() as u64, "a link numbers from 0");
                places.push(place);
            }
            Err(answer) => answers[place] = Some(answer),
        }
    }
    let mut missing = places.len();
    while 0 < missing {
        let ToEngine::Result(result) = hear(&mut inbox).await? else { continue };
        let place = usize::try_from(result.batch_ref).ok().and_then(|it| places.get(it));
        if let Some((&place, answer)) = place.zip(link.answer(result)) {
            answers[place] = Some(answer);
            missing -= 1;
        }
    }
    Ok(answers.into_iter().flatten().collect())
}

async fn hear(inbox: &mut mpsc::Receiver<ToEngine>) -> Result<ToEngine, End> {
    match inbox.recv().await {
        Some(ToEngine::End(why)) => Err(why.into()),
        Some(message) => Ok(message),
        None => Err(End::Overloaded),
    }
}
