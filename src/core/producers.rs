//! Who may speak: one table for the whole process, for all executions alike.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use super::{Ending, Fence, Hello};
use crate::model::{
    Capabilities, ExecutionId, Identity, LinkId, ProducerEpoch, ProducerId, WorkflowId,
};

/// Every producer that any execution remembers, and every stream that may be heard.
#[derive(Debug, Default)]
pub(super) struct Producers {
    producers: BTreeMap<ProducerId, Producer>,
    links: BTreeMap<LinkId, Link>,
}

#[derive(Debug)]
struct Producer {
    epoch: ProducerEpoch,
    /// Who it is: the first to use the name has it, for as long as it is remembered.
    identity: Identity,
    /// The stream on which it listens.
    link: Option<LinkId>,
    /// The executions that it has spoken of.
    executions: BTreeSet<ExecutionId>,
}

/// One stream.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) producer: ProducerId,
    pub(super) epoch: ProducerEpoch,
    pub(super) identity: Identity,
    pub(super) listens: bool,
    pub(super) capabilities: Capabilities,
    pub(super) startable: Vec<WorkflowId>,
}

/// What a greeting amounts to.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    pub(super) admitted: bool,
    /// The streams that end by it.
    pub(super) ended: Vec<(LinkId, Ending)>,
    /// Whether a later start of the process has taken the place of an earlier one.
    pub(super) restarted: bool,
}

impl Producers {
    /// Of two starts of a process the later speaks; of two streams of one, the newer.
    pub(super) fn greet(&mut self, link: LinkId, hello: &Hello) -> Greeting {
        let fresh = || Producer {
            epoch: hello.epoch,
            identity: hello.identity.clone(),
            link: None,
            executions: BTreeSet::default(),
        };
        let producer = self.producers.entry(hello.producer.clone()).or_insert_with(fresh);
        if producer.identity != hello.identity {
            return Greeting { ended: vec![(link, Ending::Forbidden)], ..Greeting::default() };
        }
        let order = hello.epoch.cmp(&producer.epoch);
        if order == Ordering::Less {
            return Greeting { ended: vec![(link, Ending::Fenced)], ..Greeting::default() };
        }
        let mut greeting = Greeting { admitted: true, ..Greeting::default() };
        if order == Ordering::Greater {
            producer.epoch = hello.epoch;
            producer.link = None;
            greeting.restarted = true;
            let older = |(id, it): (&LinkId, &Link)| {
                (it.producer == hello.producer).then_some((*id, Ending::Fenced))
            };
            greeting.ended = self.links.iter().filter_map(older).collect();
        } else if hello.listens
            && let Some(old) = producer.link.replace(link)
        {
            greeting.ended.push((old, Ending::Replaced));
        }
        if hello.listens {
            producer.link = Some(link);
        }
        for (ended, _) in &greeting.ended {
            self.links.remove(ended);
        }
        let Hello { producer, epoch, identity, listens, capabilities, startable, .. } =
            hello.clone();
        let new = Link { producer, epoch, identity, listens, capabilities, startable };
        self.links.insert(link, new);
        greeting
    }

    /// Who speaks on a stream; nobody, if it has not greeted or has been ended.
    pub(super) fn link(&self, link: LinkId) -> Option<&Link> {
        self.links.get(&link)
    }

    /// Where a producer listens.
    pub(super) fn listening(&self, producer: &ProducerId) -> Option<LinkId> {
        self.producers.get(producer)?.link
    }

    /// Where a producer listens, and which start of its process does.
    pub(super) fn speaking(&self, producer: &ProducerId) -> Option<(LinkId, ProducerEpoch)> {
        let known = self.producers.get(producer)?;
        Some((known.link?, known.epoch))
    }

    /// A stream that can start this workflow. With a tenant: one of that tenant's.
    pub(super) fn starter(
        &self,
        workflow: &WorkflowId,
        tenant: Option<&str>,
    ) -> Option<(LinkId, &Link)> {
        let theirs = |link: &Link| tenant.is_none() || link.identity.tenant() == tenant;
        let can = |link: &&Link| link.listens && link.startable.contains(workflow) && theirs(link);
        self.links.iter().find(|(_, link)| can(link)).map(|(id, link)| (*id, link))
    }

    /// From now on this producer takes part in this execution.
    pub(super) fn takes_part(&mut self, producer: &ProducerId, execution: &ExecutionId) {
        if let Some(known) = self.producers.get_mut(producer)
            && !known.executions.contains(execution)
        {
            known.executions.insert(execution.clone());
        }
    }

    /// The executions that a producer has spoken of.
    pub(super) fn executions(&self, producer: &ProducerId) -> Vec<ExecutionId> {
        self.producers.get(producer).into_iter().flat_map(|it| it.executions.clone()).collect()
    }

    /// A stream has ended. Whose it was, if that one listens nowhere now.
    pub(super) fn detach(&mut self, link: LinkId) -> Option<ProducerId> {
        let Link { producer, .. } = self.links.remove(&link)?;
        let gone = self.producers.get_mut(&producer)?.link.take_if(|it| *it == link).is_some();
        self.sweep(&producer);
        gone.then_some(producer)
    }

    /// Takes in what was known of a producer before the relay started. With no stream and no
    /// execution it is forgotten at the next chance.
    pub(super) fn restore(&mut self, fence: Fence) {
        let Fence { producer, epoch, identity } = fence;
        let known = Producer { epoch, identity, link: None, executions: BTreeSet::default() };
        self.producers.insert(producer, known);
    }

    /// An execution is remembered no longer. A producer is, while any execution is, or a stream.
    pub(super) fn forget(&mut self, execution: &ExecutionId) {
        let mut touched = vec![];
        for (id, producer) in &mut self.producers {
            if producer.executions.remove(execution) {
                touched.push(id.clone());
            }
        }
        touched.iter().for_each(|id| self.sweep(id));
    }

    fn sweep(&mut self, producer: &ProducerId) {
        let speaks = self.links.values().any(|link| link.producer == *producer);
        let known = |it: &Producer| !it.executions.is_empty();
        if !speaks && !self.producers.get(producer).is_some_and(known) {
            self.producers.remove(producer);
        }
    }
}
