//! What stands between one engine and the shard, whether it has a stream or not: nothing goes to the
//! shard under a link's name but through here.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::convert::{self, Setting};
use super::end::End;
use super::flight::{Batch, Flight, Load};
use super::pb;
use super::service::Door;
use crate::core::{Hello, Input, LaneResult};
use crate::model::{LinkId, Received, WorkflowId};
use crate::shard::{Line, Message, ToEngine};

/// One engine's way to the shard.
#[derive(Debug)]
pub(super) struct Link {
    id: LinkId,
    door: Arc<Door>,
    line: Line,
    flight: Flight,
}

impl Link {
    /// Nobody knows of it until it greets.
    pub(super) fn new(door: Arc<Door>) -> Self {
        Self { id: door.next_link(), line: door.shards().line(), door, flight: Flight::default() }
    }

    /// Its name.
    pub(super) fn id(&self) -> LinkId {
        self.id
    }

    /// Its door.
    pub(super) fn door(&self) -> &Door {
        &self.door
    }

    /// What is on its way.
    pub(super) fn flight(&self) -> &Flight {
        &self.flight
    }

    /// Makes itself known, and greets. What comes back comes out of what is returned.
    pub(super) async fn greet(&self, hello: Hello) -> Result<mpsc::Receiver<ToEngine>, End> {
        let (outbox, inbox) = mpsc::channel(self.door.limits().outbox());
        let link = self.id;
        self.tell(Message::Engine { link, outbox }).await?;
        self.input(Input::Greeted { link, hello }).await?;
        Ok(inbox)
    }

    /// Hands over a batch; returns the number under which its result will come.
    ///
    /// A batch that names no lane is answered by what stands in the error.
    pub(super) async fn publish(
        &self,
        batch: convert::Batch,
    ) -> Result<Result<u64, pb::LaneResult>, End> {
        let convert::Batch { lane, first, batch_ref, events } = batch;
        let convert::Lane { execution, workflow } = match lane {
            Ok(lane) => lane,
            Err(answer) => return Ok(Err(answer)),
        };
        let bytes = events.iter().map(|event| event.len() as u64).sum();
        // Nothing is free: an empty batch counts too.
        let load = Load { events: (events.len() as u64).max(1), bytes };
        let number = self
            .flight
            .depart(Batch { batch_ref, load }, self.door.limits())
            .ok_or(End::WindowExceeded)?;
        let events = self.read(&events, workflow.as_ref());
        let link = self.id;
        self.input(Input::Published { link, execution, first, batch_ref: number, events }).await?;
        Ok(Ok(number))
    }

    /// Reads the events of an execution, or of `workflow`.
    pub(super) fn read(&self, events: &[Bytes], workflow: Option<&WorkflowId>) -> Vec<Received> {
        let setting = Setting { now: self.door.now(), workflow };
        events.iter().map(|event| convert::event(event, setting)).collect()
    }

    /// The answer, in the wire's words, to one of this link's batches; `None` if it is to none.
    pub(super) fn answer(&self, result: LaneResult) -> Option<pb::LaneResult> {
        let Batch { batch_ref, load } = self.flight.answered(result.batch_ref)?;
        self.flight.land(load);
        Some(convert::lane_result(result, batch_ref, self.door.durability()))
    }

    /// The stream is over, however it ended.
    pub(super) async fn detach(&self) {
        // Where the shard has gone there is nobody to be told.
        drop(self.input(Input::Detached { link: self.id }).await);
    }

    /// Tells the shard's core.
    pub(super) async fn input(&self, input: Input) -> Result<(), End> {
        self.tell(Message::Input(input)).await
    }

    async fn tell(&self, message: Message) -> Result<(), End> {
        if self.line.tell(message).await { Ok(()) } else { Err(End::Draining) }
    }
}
