//! The state of an execution, in parts that fit into messages; and the directory of executions.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::parts::{Drawn, Mishap, Producer, Spender, labels};
use crate::core::Execution;
use crate::dialect::Summary;
use crate::dialect::object::{Fields, List, Object, Put, Shown, time};
use crate::frame::Frames;
use crate::model::{CommandState, ExecutionId, Gate, Node, Position};

/// How much goes into one part. A message may have 1 MiB; a single node or gate may be larger than
/// a part, and then stands alone in one.
const PART: usize = 512 << 10;

/// Writes the state, as one part or as several.
pub(super) fn snapshot(execution: &ExecutionId, at: Position, state: &Execution, out: &mut Frames) {
    let mut packer = Packer::begin(&Object(Whole(state)));
    for node in state.nodes.values() {
        packer.add(|lists: &mut Lists<'_>| &mut lists.nodes, Object(&**node));
    }
    for (ends, edge) in &state.edges {
        packer.add(|lists| &mut lists.edges, Object(Drawn(ends, edge)));
    }
    for gate in state.gates.values() {
        packer.add(|lists| &mut lists.gates, Object(&**gate));
    }
    for command in state.commands.values() {
        packer.add(|lists| &mut lists.commands, Object(&**command));
    }
    for (time, failure) in &state.errors {
        packer.add(|lists| &mut lists.errors, Object(Mishap(*time, failure)));
    }
    for (name, presence) in &state.producers {
        packer.add(|lists| &mut lists.producers, Object(Producer(name, presence)));
    }
    for (name, totals) in &state.spent {
        packer.add(|lists| &mut lists.producer_costs, Object(Spender(name, totals)));
    }
    let parts = packer.parts.len();
    for (index, lists) in packer.parts.iter().enumerate() {
        let state = (index == 0).then_some(state);
        out.text(&Object(Part { execution, at, part: index + 1, parts, state, lists }));
    }
}

/// One message.
struct Part<'a> {
    execution: &'a ExecutionId,
    at: Position,
    /// From 1.
    part: usize,
    parts: usize,
    /// In the first part: what is not spread over parts.
    state: Option<&'a Execution>,
    lists: &'a Lists<'a>,
}

impl Fields for Part<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { execution, at, part, parts, state, lists } = self;
        to.put("type", "snapshot")?;
        to.put("execution_id", execution.as_str())?;
        to.put("epoch", &Shown(at.epoch))?;
        to.put("seq", &at.seq.0)?;
        to.maybe("ts", state.map(|it| Shown(it.last_time)))?;
        to.put("part", part)?;
        to.put("parts", parts)?;
        to.put("state", &Object(Shares(*state, lists)))
    }
}

/// A part's share of the state.
struct Shares<'a>(Option<&'a Execution>, &'a Lists<'a>);

impl Fields for Shares<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        self.0.map_or(Ok(()), |state| Whole(state).fields(to))?;
        let Lists { nodes, edges, gates, commands, errors, producers, producer_costs } = self.1;
        to.put("nodes", nodes)?;
        to.put("edges", edges)?;
        to.put("gates", gates)?;
        to.put("commands", commands)?;
        to.put("errors", errors)?;
        to.put("producers", producers)?;
        to.put("producer_costs", producer_costs)
    }
}

/// What is not spread over parts.
struct Whole<'a>(&'a Execution);

impl Fields for Whole<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let state = self.0;
        to.put("progress", &Object(state.progress()))?;
        to.put("execution", &Object(&*state.outline))?;
        to.put("cost", &Object(state.cost()))?;
        to.put("dropped", &state.dropped)?;
        to.put("rejected", &state.rejected)?;
        to.put("first_time", &Shown(state.first_time))?;
        to.put("last_time", &Shown(state.last_time))
    }
}

/// What is.
#[derive(Default)]
struct Lists<'a> {
    nodes: Vec<Object<&'a Node>>,
    edges: Vec<Object<Drawn<'a>>>,
    gates: Vec<Object<&'a Gate>>,
    commands: Vec<Object<&'a CommandState>>,
    errors: Vec<Object<Mishap<'a>>>,
    producers: Vec<Object<Producer<'a>>>,
    producer_costs: Vec<Object<Spender<'a>>>,
}

/// Deals things out to parts, each of which stays below [`PART`] unless one thing alone is larger.
///
/// How large a thing is only its JSON tells, so each is written twice: here, to be weighed, and
/// into its part. How many parts there are has to be known before the first is written.
struct Packer<P> {
    parts: Vec<P>,
    /// Bytes of the newest part.
    filled: usize,
    scale: Vec<u8>,
}

impl<P: Default> Packer<P> {
    fn begin(first: &impl Serialize) -> Self {
        let mut packer = Self { parts: vec![P::default()], filled: 0, scale: vec![] };
        packer.filled = packer.weigh(first);
        packer
    }

    fn add<T: Serialize>(&mut self, list: impl Fn(&mut P) -> &mut Vec<T>, item: T) {
        let weight = self.weigh(&item);
        if PART < self.filled + weight && 0 < self.filled {
            self.parts.push(P::default());
            self.filled = 0;
        }
        self.filled += weight;
        let newest = self.parts.last_mut().expect("there is a part from the beginning");
        list(newest).push(item);
    }

    fn weigh(&mut self, item: &impl Serialize) -> usize {
        self.scale.clear();
        serde_json::to_writer(&mut self.scale, item)
            .unwrap_or_else(|err| unreachable!("plain data serializes: {err}"));
        self.scale.len() + 1
    }
}

/// Writes the directory, as one part or as several.
pub(super) fn directory(items: &[Summary<'_>], out: &mut Frames) {
    let mut packer: Packer<Vec<Object<&Summary<'_>>>> = Packer::begin(&());
    for item in items {
        packer.add(|list| list, Object(item));
    }
    let parts = packer.parts.len();
    for (index, items) in packer.parts.iter().enumerate() {
        out.text(&Object(Page { part: index + 1, parts, items }));
    }
}

/// One message of the directory.
struct Page<'a> {
    part: usize,
    parts: usize,
    items: &'a [Object<&'a Summary<'a>>],
}

impl Fields for Page<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("type", "executions")?;
        to.put("part", &self.part)?;
        to.put("parts", &self.parts)?;
        to.put("items", self.items)
    }
}

/// Writes one line of the directory.
pub(super) fn summary(item: &Summary<'_>, out: &mut Frames) {
    out.text(&Object(Line(item)));
}

struct Line<'a>(&'a Summary<'a>);

impl Fields for Line<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("type", "execution_summary")?;
        to.put("item", &Object(self.0))
    }
}

impl Fields for Summary<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { execution, at, state } = self;
        let info = &state.outline.info;
        to.put("execution_id", execution.as_str())?;
        to.put("epoch", &Shown(at.epoch))?;
        to.put("seq", &at.seq.0)?;
        to.put("progress", &Object(state.progress()))?;
        to.maybe("fraction", state.outline.fraction)?;
        to.maybe("native_status", state.outline.native_status.as_ref())?;
        to.maybe("name", info.name.as_ref())?;
        to.maybe("workflow_id", info.workflow_id.as_ref().map(|it| it.as_str()))?;
        let aliases =
            (!info.aliases.is_empty()).then(|| List(info.aliases.iter().map(|it| it.as_str())));
        to.maybe("aliases", aliases)?;
        to.maybe("labels", labels(&info.labels))?;
        to.put("cost", &Object(state.cost()))?;
        let attached = state.producers.values().any(|producer| producer.attached);
        to.put("attached", &attached)?;
        to.maybe("start_time", time(info.start_time))?;
        to.maybe("finish_time", state.outline.ending.as_ref().map(|it| Shown(it.finish_time)))?;
        to.put("first_time", &Shown(state.first_time))?;
        to.put("last_time", &Shown(state.last_time))
    }
}
