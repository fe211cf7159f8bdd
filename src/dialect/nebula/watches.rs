//! What one client is subscribed to, and what of that is watched: an execution once, however many
//! subscriptions name it, directly, by an alias or through its workflow. It only keeps account: what
//! is to be done and what is to be said about it is left for its talk to fetch.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem::take;
use std::time::{Duration, Instant};

use super::asks::{Resource, Subscription};
use crate::dialect::{Begin, Group, Point, Said, Unintelligible};
use crate::model::{ExecutionId, Position, Text};

/// How long somebody may subscribe ahead of an execution's first word: a dashboard does so as soon
/// as it has asked for the execution.
const HOLD: Duration = Duration::from_secs(5);
/// Groups that one client may follow: each is asked for anew whenever a log comes.
const GROUPS: usize = 128;
/// Why there are no more.
const TOO_MANY: &str = "there are too many: unsubscribe from something";
/// The id of all workflows.
const ALL: &str = "all";

/// What a client is told of its subscriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    Subscribed(Subscription),
    Unsubscribed(Subscription),
    /// Nobody knows this, or there are too many. With the `request_id`, if there was one.
    Failed(Text, &'static str, Option<Text>),
    /// What its address asked to see meant nothing.
    Fault(Unintelligible),
}

/// All of one client's.
#[derive(Debug, Default)]
pub(super) struct Watches {
    /// By the name that they are watched under.
    watches: BTreeMap<Text, Watch>,
    groups: BTreeMap<Group, Following>,
    held: BTreeSet<Subscription>,
    /// What is to be done.
    acts: VecDeque<Said>,
    /// What is to be said.
    words: VecDeque<Word>,
}

/// One log that is watched, or is to be.
#[derive(Debug)]
struct Watch {
    /// By its own name, once that is known.
    execution: Option<ExecutionId>,
    stands: Stands,
    /// Because of which subscriptions.
    holders: BTreeSet<Subscription>,
    /// Who has not been told yet that it is subscribed.
    owed: Vec<Owed>,
    /// Whether the state is to be shown behind what came before.
    again: bool,
}

/// How far the wish to watch something has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Asked,
    /// No engine has spoken of it.
    Waits,
    Seated,
}

#[derive(Debug)]
struct Owed {
    subscription: Subscription,
    request: Option<Text>,
    /// It has failed then. Not before it is known that nobody knows the execution.
    until: Option<Instant>,
}

/// A group whose logs are watched.
#[derive(Debug, Default)]
struct Following {
    /// Whether all that there were have been found.
    found: bool,
    owed: Vec<Owed>,
}

impl Watches {
    pub(super) fn act(&mut self) -> Option<Said> {
        self.acts.pop_front()
    }

    /// Has something said that is no account of its own.
    pub(super) fn tell(&mut self, word: Word) {
        self.words.push_back(word);
    }

    pub(super) fn word(&mut self) -> Option<Word> {
        self.words.pop_front()
    }

    /// Whether something is to be done or said.
    pub(super) fn is_busy(&self) -> bool {
        !self.acts.is_empty() || !self.words.is_empty()
    }

    /// When [`Watches::expire`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.watches.values().flat_map(|it| &it.owed).filter_map(|owed| owed.until).min()
    }

    /// Goes on with what an earlier connection was watching, without a word.
    pub(super) fn adopt(&mut self, name: &Text, at: Position) {
        let (resource, id) = match name.strip_prefix('*') {
            Some(workflow) => (Resource::Workflows, workflow.into()),
            None => (Resource::Execution, name.clone()),
        };
        let from = Begin::Replayed { behind: Point::Record(at), gaps: true };
        let holder = Subscription { resource, id };
        self.held.insert(holder.clone());
        self.watch(name.clone(), holder, None, from);
    }

    pub(super) fn subscribe(&mut self, subscription: Subscription, request: Option<Text>) {
        self.held.insert(subscription.clone());
        let id = subscription.id.clone();
        let owed = Owed { subscription: subscription.clone(), request, until: None };
        match (subscription.resource, group(&subscription)) {
            (_, Some(group)) => self.follow(&group, owed),
            (Resource::Execution | Resource::Logs, None) => {
                self.watch(id, subscription, Some(owed), Begin::After(None));
            }
            // A definition that nobody has spoken of yet can be waited for: it may be created.
            (Resource::Workflow | Resource::Workflows | Resource::WorkflowExecutions, None) => {
                self.words.push_back(Word::Subscribed(subscription.clone()));
                self.watch(format!("*{id}").into(), subscription, None, Begin::After(None));
            }
        }
    }

    /// What a start has been named. All that has happened in it since is shown.
    pub(super) fn started(&mut self, execution: &ExecutionId, request: Option<Text>) {
        let id: Text = execution.as_str().into();
        let subscription = Subscription { resource: Resource::Execution, id: id.clone() };
        self.held.insert(subscription.clone());
        let owed = Owed { subscription: subscription.clone(), request, until: None };
        self.watch(id, subscription, Some(owed), from_the_start());
    }

    pub(super) fn unsubscribe(&mut self, subscription: Subscription) {
        self.held.remove(&subscription);
        if let Some(group) = group(&subscription)
            && self.members(&group).is_empty()
            && self.groups.remove(&group).is_some()
        {
            self.acts.push_back(Said::Unfollow(group));
        }
        for watch in self.watches.values_mut() {
            watch.holders.remove(&subscription);
            watch.owed.retain(|owed| owed.subscription != subscription);
        }
        self.let_go();
        self.words.push_back(Word::Unsubscribed(subscription));
    }

    /// It is watched from now on.
    pub(super) fn seated(&mut self, name: &Text, execution: &ExecutionId) {
        let same =
            |(key, it): &(&Text, &Watch)| *key != name && it.execution.as_ref() == Some(execution);
        let twin = self.watches.iter().find(same).map(|(key, _)| key.clone());
        let Some(watch) = self.watches.get_mut(name) else { return };
        let asked = !watch.owed.is_empty();
        for owed in take(&mut watch.owed) {
            self.words.push_back(Word::Subscribed(owed.subscription));
        }
        if let Some(twin) = twin {
            // It is watched under another name already.
            let holders = take(&mut watch.holders);
            self.watches.remove(name);
            self.acts.push_back(Said::Unwatch { name: name.clone() });
            if let Some(watch) = self.watches.get_mut(&twin) {
                watch.holders.extend(holders);
                if asked {
                    watch.show(&twin, &mut self.acts);
                }
            }
            return;
        }
        let waited = watch.stands == Stands::Waits;
        watch.execution = Some(execution.clone());
        watch.stands = Stands::Seated;
        // Who is shown records from the first on is shown no state: here it says more than they do.
        if (take(&mut watch.again) || waited) && execution.workflow().is_none() {
            watch.show(name, &mut self.acts);
        }
    }

    /// Nobody knows it, or nobody any longer.
    pub(super) fn unknown(&mut self, name: &Text, now: Instant) {
        // A workflow whose definition is not known is waited for.
        let Some(watch) = self.watches.get_mut(name) else { return };
        watch.stands = Stands::Waits;
        if name.starts_with('*') {
            return;
        }
        for owed in &mut watch.owed {
            owed.until.get_or_insert(now + HOLD);
        }
        if watch.owed.is_empty() {
            watch.holders.clear();
            self.let_go();
            self.forget();
        }
    }

    /// There are too many already.
    pub(super) fn too_many(&mut self, name: &Text) {
        let Some(watch) = self.watches.remove(name) else { return };
        for holder in &watch.holders {
            let elsewhere = self.watches.values().any(|it| it.holders.contains(holder));
            if group(holder).is_none() && !elsewhere {
                self.held.remove(holder);
            }
        }
        let requests: Vec<_> = watch.owed.into_iter().map(|owed| owed.request).collect();
        let requests = if requests.is_empty() { vec![None] } else { requests };
        let failed = |request| Word::Failed(name.clone(), TOO_MANY, request);
        self.words.extend(requests.into_iter().map(failed));
        self.forget();
    }

    /// Whoever has waited long enough for an execution is told that there is none.
    pub(super) fn expire(&mut self, now: Instant) {
        for watch in self.watches.values_mut() {
            let late = |owed: &mut Owed| owed.until.is_some_and(|until| until <= now);
            for owed in watch.owed.extract_if(.., late) {
                let Owed { subscription, request, until: _ } = owed;
                self.words.push_back(Word::Failed(subscription.id, "not found", request));
            }
            if watch.stands == Stands::Waits && watch.execution.is_none() {
                let owed: BTreeSet<_> = watch.owed.iter().map(|it| &it.subscription).collect();
                watch.holders.retain(|it| owed.contains(it) || is_definition(it));
            }
        }
        self.let_go();
        self.forget();
    }

    /// Logs of a group. All that there are at first, then each that comes.
    pub(super) fn found(&mut self, group: &Group, logs: &[ExecutionId]) {
        let Some(following) = self.groups.get_mut(group) else { return };
        let news = std::mem::replace(&mut following.found, true);
        for owed in take(&mut following.owed) {
            self.words.push_back(Word::Subscribed(owed.subscription));
        }
        let holders = self.members(group);
        for log in logs {
            for holder in &holders {
                let from = if news { from_the_start() } else { Begin::After(None) };
                self.watch(log.as_str().into(), holder.clone(), None, from);
            }
        }
    }

    /// Whether something is watched only until it ends.
    pub(super) fn has_found(&self) -> bool {
        self.watches.values().any(Watch::is_found)
    }

    /// Its client has been told of its end. What is watched only for its workflow makes room for what
    /// comes.
    pub(super) fn ended(&mut self, execution: &str) {
        for watch in self.watches.values_mut() {
            let it = watch.execution.as_ref().is_some_and(|it| it.as_str() == execution);
            if it && watch.is_found() {
                watch.holders.clear();
            }
        }
        self.let_go();
    }

    fn follow(&mut self, group: &Group, owed: Owed) {
        if GROUPS <= self.groups.len() && !self.groups.contains_key(group) {
            let Owed { subscription, request, until: _ } = owed;
            self.held.remove(&subscription);
            self.words.push_back(Word::Failed(subscription.id, TOO_MANY, request));
            return;
        }
        let following = self.groups.entry(group.clone()).or_insert_with(|| {
            self.acts.push_back(Said::Follow(group.clone()));
            Following::default()
        });
        if !following.found {
            following.owed.push(owed);
            return;
        }
        // Its executions are known.
        let subscription = owed.subscription;
        self.words.push_back(Word::Subscribed(subscription.clone()));
        let others = self.members(group);
        for (name, watch) in &mut self.watches {
            if watch.holders.iter().any(|it| others.contains(it)) {
                watch.holders.insert(subscription.clone());
                if !name.starts_with('*') {
                    watch.show(name, &mut self.acts);
                }
            }
        }
    }

    /// Watches something for one more reason.
    fn watch(&mut self, name: Text, holder: Subscription, owed: Option<Owed>, from: Begin) {
        if let Some(key) = self.key(&name) {
            let watch = self.watches.get_mut(&key);
            let watch = watch.unwrap_or_else(|| unreachable!("it has just been found"));
            watch.holders.insert(holder);
            let Some(owed) = owed else { return };
            watch.owed.push(owed);
            match watch.stands {
                Stands::Asked => (),
                Stands::Waits => {
                    self.acts.push_back(Said::Watch { name: key, from: Begin::After(None) });
                }
                Stands::Seated => watch.show(&key, &mut self.acts),
            }
            return;
        }
        let watch = Watch {
            execution: None,
            stands: Stands::Asked,
            holders: [holder].into(),
            owed: owed.into_iter().collect(),
            again: from == from_the_start(),
        };
        self.watches.insert(name.clone(), watch);
        self.acts.push_back(Said::Watch { name, from });
    }

    /// What a name is watched under.
    fn key(&self, name: &Text) -> Option<Text> {
        let is_it = |(key, watch): &(&Text, &Watch)| {
            let own = watch.execution.as_ref().is_some_and(|it| it.as_str() == &**name);
            let direct = |it: &Subscription| {
                matches!(it.resource, Resource::Execution | Resource::Logs) && it.id == *name
            };
            *key == name || own || watch.holders.iter().any(direct)
        };
        self.watches.iter().find(is_it).map(|(key, _)| key.clone())
    }

    /// The subscriptions that are to a group.
    fn members(&self, of: &Group) -> Vec<Subscription> {
        self.held.iter().filter(|it| group(it).as_ref() == Some(of)).cloned().collect()
    }

    /// Watches no longer what nobody has a reason for.
    fn let_go(&mut self) {
        self.watches.retain(|name, watch| {
            let stays = !watch.holders.is_empty();
            if !stays {
                self.acts.push_back(Said::Unwatch { name: name.clone() });
            }
            stays
        });
    }

    /// Subscriptions that have failed are none.
    fn forget(&mut self) {
        let Self { watches, held, .. } = self;
        held.retain(|it| {
            let direct = matches!(it.resource, Resource::Execution | Resource::Logs);
            !direct || watches.values().any(|watch| watch.holders.contains(it))
        });
    }
}

impl Watch {
    /// Shows the state behind what has been sent.
    fn show(&mut self, name: &Text, acts: &mut VecDeque<Said>) {
        if self.stands == Stands::Seated {
            self.stands = Stands::Asked;
            let from = Begin::Replayed { behind: Point::Here, gaps: true };
            acts.push_back(Said::Watch { name: name.clone(), from });
        }
    }

    /// Whether it is watched for its workflow alone.
    fn is_found(&self) -> bool {
        self.holders.iter().all(|it| it.resource == Resource::WorkflowExecutions)
    }
}

/// With everything that is retained.
fn from_the_start() -> Begin {
    Begin::Replayed { behind: Point::Oldest, gaps: true }
}

/// The group that a subscription is to, if it is to one.
fn group(subscription: &Subscription) -> Option<Group> {
    let Subscription { resource, id } = subscription;
    match resource {
        Resource::WorkflowExecutions => Some(Group::Executions(id.clone())),
        Resource::Workflows | Resource::Workflow if &**id == ALL => Some(Group::Workflows),
        Resource::Workflows | Resource::Workflow | Resource::Execution | Resource::Logs => None,
    }
}

fn is_definition(subscription: &Subscription) -> bool {
    matches!(subscription.resource, Resource::Workflow | Resource::Workflows)
}
