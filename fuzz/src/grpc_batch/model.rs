//! What engines are owed, said a second time and as plainly as may be: who may speak, which number each is
//! to say next, what of it counts. It must never ask the relay.

use std::collections::BTreeMap;

use footplate::core::{Ending, LaneFault};

/// What should come of a greeting.
#[derive(Debug, PartialEq)]
pub(super) struct Greeting {
    /// Streams that end, and why; the one that greets, if it is not let in.
    pub(super) ends: Vec<(u64, Ending)>,
    /// One for each claim. `None`: it is not let in.
    pub(super) grants: Option<Vec<Grant>>,
}

/// Where an engine should be told to go on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grant {
    pub(super) fault: Option<LaneFault>,
    pub(super) next: u64,
    pub(super) need_state: bool,
}

/// What should come of a batch.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// Who speaks is nobody: nothing at all.
    Nothing,
    Fault(LaneFault),
    /// Something is missing in between.
    Wanted(u64),
    Taken(Taken),
}

/// What of a batch counts.
#[derive(Debug, PartialEq)]
pub(super) struct Taken {
    pub(super) ack: u64,
    /// What is new of it: its number, if it has one, and its hash.
    pub(super) new: Vec<(Option<u64>, u64)>,
    /// Numbers that were said before, with other bytes.
    pub(super) conflicts: Vec<u64>,
    /// Whether all such are known: since a state report, some need not be.
    pub(super) remembers: bool,
}

/// A stream that may be heard.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) producer: &'static str,
    pub(super) epoch: u64,
    pub(super) identity: &'static str,
}

#[derive(Debug, Clone)]
struct Producer {
    epoch: u64,
    identity: &'static str,
    /// Where it listens.
    link: Option<u64>,
    /// Whether it has taken part in an execution.
    part: bool,
}

/// One producer's numbers in one execution.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) next: u64,
    needs_state: bool,
    numbering: Option<(u64, bool)>,
    /// What was said under which number.
    said: BTreeMap<u64, u64>,
    remembers: bool,
    /// The last number of which it was told that it stands in the log.
    pub(super) acked: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    pub(super) owner: &'static str,
    pub(super) gone: bool,
    pub(super) lanes: BTreeMap<&'static str, Lane>,
    /// As they were when the log was written down last. `None`: it never was.
    kept: Option<BTreeMap<&'static str, Lane>>,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) links: BTreeMap<u64, Link>,
    pub(super) logs: BTreeMap<&'static str, Log>,
    producers: BTreeMap<&'static str, Producer>,
    /// Who was ever welcomed, as a relay that starts again knows it.
    fences: BTreeMap<&'static str, (u64, &'static str)>,
}

impl Default for Lane {
    fn default() -> Self {
        let (said, remembers) = (BTreeMap::new(), true);
        Self { next: 1, needs_state: false, numbering: None, said, remembers, acked: 0 }
    }
}

impl Model {
    /// Of two starts of a process the later speaks, and of two streams of one the newer.
    pub(super) fn greets(
        &mut self,
        link: u64,
        who: &Link,
        listens: bool,
        claims: &[(&'static str, u64)],
    ) -> Greeting {
        let fresh = Producer { epoch: who.epoch, identity: who.identity, link: None, part: false };
        let known = self.producers.entry(who.producer).or_insert(fresh);
        let refused = |why| Greeting { ends: vec![(link, why)], grants: None };
        if known.identity != who.identity {
            return refused(Ending::Forbidden);
        }
        if who.epoch < known.epoch {
            return refused(Ending::Fenced);
        }
        let mut ends = vec![];
        if known.epoch < who.epoch {
            (known.epoch, known.link) = (who.epoch, None);
            let older = self.links.iter().filter(|(_, it)| it.producer == who.producer);
            ends.extend(older.map(|(link, _)| (*link, Ending::Fenced)));
        } else if listens {
            ends.extend(known.link.map(|link| (link, Ending::Replaced)));
        }
        if listens {
            known.link = Some(link);
        }
        self.links.retain(|link, _| ends.iter().all(|(ended, _)| ended != link));
        self.links.insert(link, who.clone());
        self.fences.insert(who.producer, (who.epoch, who.identity));
        Greeting { ends, grants: Some(self.claims(link, claims)) }
    }

    /// What an engine is granted that works on these, and has no acknowledgement from that number on.
    pub(super) fn claims(&mut self, link: u64, claims: &[(&'static str, u64)]) -> Vec<Grant> {
        let Some(who) = self.links.get(&link).cloned() else { return vec![] };
        let mut grant = |(execution, unacked): &(&'static str, u64)| {
            let fault = |fault, next| Grant { fault: Some(fault), next, need_state: false };
            if let Some(log) = self.logs.get(execution).filter(|it| it.gone) {
                let next = log.lanes.get(who.producer).map_or(1, |it| it.next);
                return fault(LaneFault::Gone, next);
            }
            if let Err(why) = self.begins(&who, execution) {
                return fault(why, 0);
            }
            let lane = self.lane(execution, who.producer);
            lane.needs_state |= lane.next < *unacked;
            Grant { fault: None, next: lane.next, need_state: lane.needs_state }
        };
        claims.iter().map(&mut grant).collect()
    }

    pub(super) fn lane(&mut self, execution: &'static str, producer: &'static str) -> &mut Lane {
        self.logs.entry(execution).or_default().lanes.entry(producer).or_default()
    }

    /// An execution belongs to who begins it.
    fn begins(&mut self, who: &Link, execution: &'static str) -> Result<(), LaneFault> {
        let fresh = || Log { owner: who.identity, ..Log::default() };
        if self.logs.entry(execution).or_insert_with(fresh).owner != who.identity {
            return Err(LaneFault::WrongOwner);
        }
        self.producers.entry(who.producer).and_modify(|it| it.part = true);
        Ok(())
    }

    /// Events with these hashes, from that number on.
    pub(super) fn publishes(
        &mut self,
        link: u64,
        execution: &'static str,
        first: Option<u64>,
        hashes: &[u64],
    ) -> Outcome {
        let Some(who) = self.links.get(&link).cloned() else { return Outcome::Nothing };
        if let Some(log) = self.logs.get(execution).filter(|it| it.gone) {
            let next = log.lanes.get(who.producer).map_or(1, |it| it.next);
            let known = first.is_some_and(|first| first + hashes.len() as u64 <= next);
            if !known || log.owner != who.identity {
                return Outcome::Fault(LaneFault::Gone);
            }
            let (new, conflicts) = (vec![], vec![]);
            return Outcome::Taken(Taken { ack: next - 1, new, conflicts, remembers: false });
        }
        if let Err(why) = self.begins(&who, execution) {
            return Outcome::Fault(why);
        }
        let lane = self.lane(execution, who.producer);
        // What comes before was acknowledged once, and is not here.
        lane.needs_state |= lane.next == 1 && first.is_some_and(|first| 1 < first);
        if lane.needs_state {
            return Outcome::Fault(LaneFault::StateNeeded);
        }
        let way = (who.epoch, first.is_some());
        match lane.numbering {
            Some((epoch, numbered)) if epoch == who.epoch && numbered != first.is_some() => {
                return Outcome::Fault(LaneFault::MixedNumbering);
            }
            _ => lane.numbering = Some(way),
        }
        if first.is_some_and(|first| lane.next < first) {
            return Outcome::Wanted(lane.next);
        }
        let (mut new, mut conflicts) = (vec![], vec![]);
        for (at, hash) in hashes.iter().enumerate() {
            let Some(first) = first else {
                new.push((None, *hash));
                continue;
            };
            let number = first + at as u64;
            if number < lane.next {
                let before = lane.said.get(&number);
                conflicts.extend(before.is_some_and(|it| it != hash).then_some(number));
                continue;
            }
            lane.said.insert(number, *hash);
            lane.next = number + 1;
            new.push((Some(number), *hash));
        }
        let remembers = lane.remembers;
        Outcome::Taken(Taken { ack: lane.next - 1, new, conflicts, remembers })
    }

    /// Says what stands at a number that the relay has lost. `None`: nobody hears it, or nobody asked.
    pub(super) fn reports(
        &mut self,
        link: u64,
        execution: &'static str,
        as_of: u64,
    ) -> Option<Result<u64, Grant>> {
        let who = self.links.get(&link).cloned()?;
        let log = self.logs.get(execution).filter(|it| !it.gone)?;
        if log.owner != who.identity {
            return None;
        }
        let lane = self.lane(execution, who.producer);
        if !lane.needs_state {
            return Some(Err(Grant { fault: None, next: lane.next, need_state: false }));
        }
        // What stands in the log stands there, whatever is said of it afterwards.
        lane.next = lane.next.max(as_of + 1);
        (lane.needs_state, lane.remembers) = (false, false);
        Some(Ok(lane.next - 1))
    }

    pub(super) fn detaches(&mut self, link: u64) {
        let Some(Link { producer, .. }) = self.links.remove(&link) else { return };
        let speaks = self.links.values().any(|it| it.producer == producer);
        let Some(known) = self.producers.get_mut(producer) else { return };
        known.link.take_if(|it| *it == link);
        if !speaks && !known.part {
            self.producers.remove(producer);
        }
    }

    /// Where this producer listens.
    pub(super) fn listening(&self, producer: &str) -> Option<u64> {
        self.producers.get(producer)?.link
    }

    /// What is known of a log has been written down.
    pub(super) fn keep(&mut self, execution: &str) {
        if let Some(log) = self.logs.get_mut(execution) {
            log.kept = Some(log.lanes.clone());
        }
    }

    /// The relay starts again from what was written down.
    pub(super) fn restart(&mut self) {
        self.links.clear();
        self.logs.retain(|_, log| log.kept.is_some());
        for log in self.logs.values_mut() {
            log.lanes = log.kept.clone().unwrap_or_default();
            for lane in log.lanes.values_mut() {
                lane.numbering = None;
            }
        }
        self.producers.clear();
        for (producer, (epoch, identity)) in &self.fences {
            let part = self.logs.values().any(|it| it.lanes.contains_key(producer));
            let (epoch, identity, link) = (*epoch, *identity, None);
            self.producers.insert(producer, Producer { epoch, identity, link, part });
        }
    }
}
