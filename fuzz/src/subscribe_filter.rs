//! What somebody asks to see, and what they are shown of it: patterns of names, tenants, groups, positions,
//! and the messages that say so. Who sees what is worked out here once more, in the slowest way there is.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use footplate::auth::access::{Action, Target, may};
use footplate::auth::{Pass, Pattern, Sight};
use footplate::core::{Hello, Input, Limits, Relay, Start, Why};
use footplate::dialect::{Begin, Call, Conversation, Dialects, Group, Said, Token};
use footplate::engine::convert::{Setting, event};
use footplate::engine::pb;
use footplate::model::{
    Alias, Capabilities, Epoch, ExecutionId, Identity, LinkId, Now, Position, Principal,
    ProducerEpoch, Pseq, Role, Seq, Text, Timestamp, WorkflowId,
};
use prost::Message;

use super::draw::Draw;
use super::strict::Tree;

/// 2026-11-21T12:00:00Z.
const TIME: Timestamp = Timestamp(1_795_262_400_000_000);

/// One go.
pub fn run(data: &[u8]) {
    let mut draw = Draw::new(data);
    match draw.byte() % 6 {
        // What anybody could write, as two lines.
        0 => {
            let mut parts = draw.parts(b'\n');
            let pattern = parts.next().unwrap_or_default();
            for name in parts {
                matched(&String::from_utf8_lossy(pattern), &String::from_utf8_lossy(name));
            }
        }
        // The same of three letters, among which names fit.
        1 => {
            let mut few = |all: &[char]| -> String {
                let most = usize::from(draw.byte() % 24);
                draw.bytes(most).iter().map(|it| all[usize::from(*it) % all.len()]).collect()
            };
            let (pattern, name) = (few(&['a', 'b', '*', 'a']), few(&['a', 'b']));
            matched(&pattern, &name);
        }
        2 => seen(&mut draw),
        3 => begun(&mut draw),
        4 => subscribed(&String::from_utf8_lossy(draw.rest())),
        _ => followed(&mut draw),
    }
}

/// Whether a name is as a pattern says, by trying everything that `*` could stand for.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let mut row = vec![false; name.len() + 1];
    row[0] = true;
    for letter in pattern {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match letter {
                b'*' => row[..=at].contains(&true),
                _ => at != 0 && row[at - 1] && name[at - 1] == *letter,
            };
        }
        row = next;
    }
    row[name.len()]
}

fn matched(text: &str, name: &str) {
    let plain = |it: char| it.is_ascii_alphanumeric() || "._:@+-*".contains(it);
    let is_one = (1..=256).contains(&text.len()) && text.chars().all(plain);
    let pattern = Pattern::read(text);
    assert_eq!(pattern.is_ok(), is_one, "{text}");
    // What is longer than any name takes the slow way too long.
    if let (Ok(pattern), true) = (&pattern, name.len() <= 512) {
        let naive = fits(text.as_bytes(), name.as_bytes());
        assert_eq!(pattern.fits(name), naive, "{text} and {name}");
        assert!(Pattern::read("*").is_ok_and(|all| all.fits(name)));
    }
}

/// Executions of three engines, two of which have tenants.
struct House {
    relay: Relay,
    all: Vec<(ExecutionId, Identity, Option<&'static str>, bool)>,
}

const NAMES: [&str; 10] =
    ["a", "ab", "team-a-1", "team-a-2", "team-b-1", "team-b-1-x", "T", "x.y:z@w+v-u", "_", "aaab"];
const WORKFLOWS: [Option<&str>; 3] = [None, Some("flow"), Some("flow-2")];

fn house() -> &'static House {
    static HOUSE: OnceLock<House> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let mut relay = Relay::new(7, Limits::default());
        let now = Now { instant: Instant::now(), time: TIME };
        let mut all = vec![];
        let owners = [
            Identity::of("jwt:one", None),
            Identity::of("jwt:two", Some("acme")),
            Identity::of("jwt:two", Some("umbrella")),
        ];
        for (link, identity) in owners.iter().enumerate() {
            let hello = Hello {
                producer: format!("w{link}").parse().expect("a name"),
                epoch: ProducerEpoch(1),
                identity: identity.clone(),
                listens: true,
                capabilities: Capabilities::default(),
                startable: vec![],
                claims: vec![],
            };
            relay.handle(now, Input::Greeted { link: LinkId(link as u64), hello });
        }
        for (n, name) in NAMES.iter().enumerate() {
            let execution: ExecutionId = name.parse().expect("a name");
            let (owner, workflow, over) = (n % owners.len(), WORKFLOWS[n / 2 % 3], n % 4 == 3);
            let mut events = vec![pb::event::Kind::ExecutionStarted(pb::ExecutionStarted {
                workflow_id: workflow.unwrap_or_default().into(),
                ..Default::default()
            })];
            if over {
                events.push(pb::event::Kind::ExecutionFinished(pb::ExecutionFinished {
                    status: pb::ExecutionStatus::Completed.into(),
                    ..Default::default()
                }));
            }
            let setting = Setting { now: TIME, workflow: None };
            let read = |kind| {
                let said = pb::Event { kind: Some(kind), ..Default::default() };
                event(&Bytes::from(said.encode_to_vec()), setting)
            };
            let link = LinkId(owner as u64);
            let events = events.into_iter().map(read).collect();
            let first = Some(Pseq(1));
            let said = Input::Published {
                link,
                execution: execution.clone(),
                first,
                batch_ref: 0,
                events,
            };
            relay.handle(now, said);
            all.push((execution, owners[owner].clone(), workflow, over));
        }
        assert_eq!(relay.executions().count(), NAMES.len());
        House { relay, all }
    })
}

/// Which executions somebody sees, by name, tenant, role and time.
fn seen(draw: &mut Draw<'_>) {
    let house = house();
    let tenant = draw.pick(&[None, Some("acme"), Some("umbrella"), Some("nobody")]);
    let role = draw.pick(&[None, Some(Role::Viewer), Some(Role::Operator)]);
    let (listed, engine, over) = (draw.flag(), draw.flag(), draw.byte() % 8 == 7);
    let texts: Vec<String> = if listed {
        let lines = draw.parts(b'\n');
        lines.take(16).map(|it| String::from_utf8_lossy(it).into_owned()).collect()
    } else {
        vec![]
    };
    let texts: Vec<&String> = texts.iter().filter(|it| Pattern::read(it).is_ok()).collect();
    let patterns = texts.iter().filter_map(|it| Pattern::read(it).ok());
    let executions: Option<Arc<[Pattern]>> = listed.then(|| patterns.collect());
    let principal = Principal {
        tenant: tenant.map(Text::from),
        roles: role.into_iter().collect(),
        ..Principal::local()
    };
    let mut pass = Pass::of(principal);
    pass.sight = Sight { tenant: tenant.map(Text::from), executions };
    pass.engine = engine;
    pass.expires = Some(Timestamp(if over { TIME.0 } else { TIME.0 + 1 }));
    for (execution, owner, ..) in &house.all {
        let name = execution.as_str();
        let named = !listed || texts.iter().any(|it| fits(it.as_bytes(), name.as_bytes()));
        let stated = owner.0.strip_prefix("tenant:").and_then(|it| it.split('/').next());
        let theirs = tenant.is_none() || owner.tenant() == tenant;
        assert!(stated.is_none() || stated == owner.tenant(), "{owner:?}");
        let target = Target { execution, owner };
        let watches = may(&pass, Action::Watch, Some(target), TIME);
        assert_eq!(watches, named && theirs && role.is_some() && !over, "{name} of {owner:?}");
        let is = |role_: Role| role.is_some_and(|it| role_ <= it);
        for (action, fine) in [
            (Action::List, role.is_some()),
            (Action::Decide, is(Role::Decider)),
            (Action::Command, is(Role::Operator)),
            (Action::Attach, engine),
        ] {
            let may = may(&pass, action, Some(target), TIME);
            assert_eq!(may, fine && named && theirs && !over, "{action:?} at {name}");
        }
    }
}

/// Where somebody begins, from a position that they say.
fn begun(draw: &mut Draw<'_>) {
    let house = house();
    let (execution, ..) = draw.of(&house.all);
    let head = house.relay.snapshot(execution).expect("it is there").0;
    let text = String::from_utf8_lossy(draw.rest()).into_owned();
    assert_eq!(house.relay.start(execution, None), fresh(head, Why::Fresh));
    let Some((epoch, seq)) = text.rsplit_once(':') else { return };
    let (Ok(epoch), Ok(seq)) = (epoch.parse::<Epoch>(), seq.parse()) else { return };
    let said = Position { epoch, seq: Seq(seq) };
    let again = said.to_string();
    let (epoch_again, seq_again) = again.rsplit_once(':').expect("it has two parts");
    assert_eq!(epoch_again.parse(), Ok(epoch), "{again}");
    assert_eq!(seq_again.parse(), Ok(seq), "{again}");
    let expected = match (said.epoch == head.epoch, said.seq <= head.seq) {
        (true, true) => Some(Start::After(said)),
        (true, false) => fresh(head, Why::Ahead),
        (false, _) => fresh(head, Why::EpochChanged),
    };
    assert_eq!(house.relay.start(execution, Some(said)), expected, "{text}");
}

fn fresh(at: Position, why: Why) -> Option<Start> {
    Some(Start::Snapshot { at, why })
}

fn native() -> Box<dyn Conversation> {
    Dialects::default().native.converse(&Call::default())
}

/// What a frame asks to be shown, read twice.
fn subscribed(frame: &str) {
    let Ok(said) = native().read(frame) else { return };
    let tree = Tree::read(frame.as_bytes()).expect("what is understood is JSON, once");
    let kind = tree.get("type").and_then(Tree::text).expect("it says what it is");
    let known: &[&str] = match &said {
        Said::Watch { name, from } => {
            assert_eq!(kind, "subscribe");
            assert_eq!(tree.get("execution_id").and_then(Tree::text), Some(&**name));
            assert!(name.parse::<Alias>().is_ok(), "it names none: {name}");
            let place = |key: &str| tree.get(key).filter(|it| **it != Tree::Null);
            match from {
                Begin::After(None) => {
                    assert!(place("since").is_none() && place("at").is_none(), "{frame}");
                }
                Begin::After(Some(since)) => {
                    let stated = place("since").expect("it says since when");
                    assert_eq!(stated.get("seq").and_then(Tree::whole), Some(since.seq.0));
                    let epoch = stated.get("epoch").and_then(Tree::text);
                    assert_eq!(epoch.and_then(|it| it.parse().ok()), Some(since.epoch));
                    assert!(place("at").is_none());
                }
                Begin::At(seq) => {
                    let stated = place("at").expect("it says when");
                    assert_eq!(stated.get("seq").and_then(Tree::whole), Some(seq.0));
                    assert!(place("since").is_none());
                }
                other => panic!("nobody can ask for {other:?}"),
            }
            &["type", "execution_id", "since", "at"]
        }
        Said::Unwatch { name } => {
            assert_eq!(kind, "unsubscribe");
            assert_eq!(tree.get("execution_id").and_then(Tree::text), Some(&**name));
            &["type", "execution_id"]
        }
        Said::WatchDirectory => {
            assert_eq!(kind, "subscribe_executions");
            &["type"]
        }
        Said::UnwatchDirectory => {
            assert_eq!(kind, "unsubscribe_executions");
            &["type"]
        }
        Said::Follow(_) | Said::Unfollow(_) => panic!("there are no groups in this protocol"),
        Said::Decide(_)
        | Said::Command(_)
        | Said::Authenticate { .. }
        | Said::Ping
        | Said::Nothing
        | Said::Leave(_) => return,
    };
    let Tree::Object(members) = &tree else { panic!("a message is an object") };
    let strange = members.keys().find(|it| !known.contains(&&***it));
    assert_eq!(strange, None, "what is not known is refused: {frame}");
}

/// What an address and messages of nebula ask to see; and which logs belong to that.
fn followed(draw: &mut Draw<'_>) {
    let house = house();
    let some = draw.some();
    let query = format!("subscribe={}", String::from_utf8_lossy(some));
    let call = Call { query: query.into(), token: Token::Good, ..Call::default() };
    let mut talk = Dialects::default().nebula.converse(&call);
    talk.at(house_time());
    let mut all = vec![];
    let mut take = |talk: &mut Box<dyn Conversation>| {
        while let Some(said) = talk.next() {
            all.push(said);
        }
    };
    take(&mut talk);
    for line in draw.parts(b'\n').take(32) {
        let _ = talk.read(&String::from_utf8_lossy(line));
        take(&mut talk);
    }
    let mut groups: Vec<Group> = vec![];
    for said in all {
        match said {
            Said::Watch { name, .. } | Said::Unwatch { name } => {
                let plain = name.strip_prefix('*').map_or_else(
                    || name.parse::<Alias>().is_ok(),
                    |it| it.parse::<WorkflowId>().is_ok() || name.parse::<Alias>().is_ok(),
                );
                assert!(plain, "it watches what can't be there: {name}");
            }
            Said::Follow(group) => {
                assert!(!groups.contains(&group), "it follows {group:?} twice");
                groups.push(group);
            }
            Said::Unfollow(group) => {
                let at = groups.iter().position(|it| *it == group);
                groups.remove(at.expect("it follows what it leaves"));
            }
            Said::Command(_) | Said::Authenticate { .. } | Said::Leave(_) => {}
            other => panic!("nobody can ask for {other:?}"),
        }
    }
    assert!(groups.len() <= 128, "it follows {} groups", groups.len());
    for group in &groups {
        for (execution, _, workflow, over) in &house.all {
            let (_, state) = house.relay.snapshot(execution).expect("it is there");
            let expected = match group {
                Group::Executions(of) => *workflow == Some(&**of) && !over,
                Group::Workflows => false,
            };
            assert_eq!(group.has(execution, state), expected, "{execution} in {group:?}");
        }
    }
}

fn house_time() -> Instant {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    *BEGUN.get_or_init(Instant::now) + Duration::from_secs(1)
}
