//! What the ends of connections make of the clients that are out there: what each of them does after
//! each way to end a connection, as it was seen, and what we therefore say. `docs/closing.md` is
//! written from this: `UPDATE=1` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use footplate::dialect::Manners;
use footplate::viewer::Close;

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Returns,
    Stays,
}

use Does::{Returns, Stays};

/// A program that watches, and what it does after a close with 1000, 1001, any other code, and after
/// an end without a close frame.
struct Client {
    manners: Manners,
    name: &'static str,
    after: [Does; 4],
    /// How it comes back.
    pace: &'static str,
}

const fn client(
    manners: Manners,
    name: &'static str,
    after: [Does; 4],
    pace: &'static str,
) -> Client {
    Client { manners, name, after, pace }
}

/// Codes after which our page stays away: they stand in it.
const GIVE_UP: [u16; 5] = [1000, 1008, 4401, 4403, 4404];

const CLIENTS: [Client; 13] = [
    client(
        Manners::Native,
        OUR_PAGE,
        [Stays, Returns, Returns, Returns],
        "when it was told to, else 0.5 s to 10 s, for ever; it also stays away after 1008, 4401, 4403, 4404",
    ),
    client(Manners::Native, "our examples in TypeScript", [Returns; 4], "0.5 s to 2 s, for ever"),
    client(Manners::Windags, "the hook of seed 000", [Returns; 4], "1, 2, 4 … 30 s, for ever"),
    client(
        Manners::Windags,
        "a client of seed 001",
        [Returns; 4],
        "1, 2, 4 … 30 s, gives up after 10 failures",
    ),
    client(Manners::Executions, "the guide's hooks (React, Vue)", [Stays; 4], "never"),
    client(
        Manners::Executions,
        "the guide's sample of reconnection",
        [Stays, Stays, Stays, Returns],
        "1 s, for ever",
    ),
    client(
        Manners::Executions,
        "the program's first hook",
        [Returns; 4],
        "2, 4, 8, 10, 10 s, five times, counted anew once open",
    ),
    client(
        Manners::Executions,
        "the program's hook",
        [Stays, Returns, Returns, Returns],
        "10, 20, 40, 60, 60 s, five times, counted anew once open",
    ),
    client(
        Manners::Stage5,
        "`useResilientWebSocket`",
        [Returns; 4],
        "every 2 s, and leaves its connections behind",
    ),
    client(Manners::Stage5, "`WebSocketContext`", [Returns; 4], "1 s, for ever"),
    client(
        Manners::Nebula,
        "the JavaScript class",
        [Returns; 4],
        "2, 4, 8, 16, 30 … s, ten times, counted anew once open",
    ),
    client(
        Manners::Nebula,
        "the Python class",
        [Stays, Stays, Returns, Returns],
        "2, 4, 8 … 30 s, ten times",
    ),
    client(Manners::Nebula, "the Rust client", [Stays; 4], "never"),
];

const OUR_PAGE: &str = "our page";

impl Client {
    fn after(&self, frame: Option<(u16, &str)>) -> Does {
        let [done, away, other, lost] = self.after;
        match frame {
            Some((1000, _)) => done,
            Some((1001, _)) => away,
            Some((code, _)) if self.name == OUR_PAGE && GIVE_UP.contains(&code) => Stays,
            Some(_) => other,
            None => lost,
        }
    }

    /// Whether there is anything that would have it do so.
    fn can(&self, does: Does) -> bool {
        self.after.contains(&does)
    }
}

/// What is to be survived.
const SURVIVED: [Close; 8] = [
    Close::Drain,
    Close::Slow,
    Close::Overloaded,
    Close::TooMany,
    Close::Silent,
    Close::Stalled,
    Close::Unheard,
    Close::Lost,
];

#[test]
fn what_is_to_be_survived_brings_back_everybody_who_ever_comes_back() {
    for close in Close::ALL {
        let survived = SURVIVED.contains(&close);
        for manners in Manners::ALL {
            let farewell = close.farewell(manners);
            assert_eq!(farewell.comes_back, survived, "{close:?} {manners:?}");
            for client in CLIENTS.iter().filter(|it| it.manners == manners && survived) {
                let expected = if client.can(Returns) { Returns } else { Stays };
                assert_eq!(client.after(farewell.frame), expected, "{close:?}: {}", client.name);
            }
        }
    }
    // Each of the other ways would lose somebody.
    for (way, frame) in [1000, 1001, 1012].map(|code| (code, Some((code, "")))) {
        let seeds = CLIENTS.iter().filter(|it| it.manners.is_seed() && it.can(Returns));
        let lost = seeds.filter(|it| it.after(frame) == Stays).count();
        assert_ne!(lost, 0, "{way}");
    }
}

#[test]
fn our_page_stays_away_when_it_is_told_to() {
    let page = include_str!("../../src/http/page/index.html");
    assert!(page.contains(&format!("const GIVE_UP = new Set({GIVE_UP:?});")));
    let stays = |it: &Close| CLIENTS[0].after(it.farewell(Manners::Native).frame) == Stays;
    let stays: Vec<Close> = Close::ALL.into_iter().filter(stays).collect();
    use Close::{Done, Forbidden, Gone, Policy, Token};
    assert_eq!(stays, [Done, Policy, Token, Forbidden, Gone]);
}

#[test]
fn who_can_be_told_that_it_is_over_is_told() {
    for client in &CLIENTS {
        for close in [Close::Done, Close::Gone] {
            let does = client.after(close.farewell(client.manners).frame);
            let expected = if client.can(Stays) { Stays } else { Returns };
            assert_eq!(does, expected, "{close:?}: {}", client.name);
        }
    }
}

/// Somebody who should stay away and comes back nevertheless, although there are words that would keep
/// it away: those of an end, which it is not.
#[test]
fn only_an_end_is_called_one() {
    for (close, manners) in Close::ALL.into_iter().flat_map(|it| Manners::ALL.map(|to| (it, to))) {
        let code = close.farewell(manners).frame.map(|it| it.0);
        assert_ne!(code, Some(1001), "{close:?} {manners:?}");
        let over = close == Close::Done || close == Close::Gone && manners.is_seed();
        assert_eq!(code == Some(1000), over, "{close:?} {manners:?}");
        // Nobody may send these.
        assert!(code.is_none_or(|it| ![1004, 1005, 1006, 1015].contains(&it)));
        if manners.is_seed() && SURVIVED.contains(&close) {
            assert_eq!(code, None, "{close:?} {manners:?}");
        }
    }
    // Their dialects know these codes.
    let code = |close: Close, manners| close.farewell(manners).frame.unwrap().0;
    assert_eq!(code(Close::Token, Manners::Executions), 4001);
    assert_eq!(code(Close::Token, Manners::Nebula), 4401);
    let native = [
        (Close::Drain, 1012),
        (Close::Slow, 1013),
        (Close::Overloaded, 1013),
        (Close::TooMany, 1013),
        (Close::Policy, 1008),
        (Close::Token, 4401),
        (Close::Forbidden, 4403),
        (Close::Gone, 4404),
    ];
    for (close, expected) in native {
        assert_eq!(code(close, Manners::Native), expected);
    }
    for manners in Manners::ALL {
        let faults = [Close::Protocol, Close::Binary, Close::Utf8, Close::TooBig];
        assert_eq!(faults.map(|it| code(it, manners)), [1002, 1003, 1007, 1009]);
    }
}

#[test]
fn the_document_says_so() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/closing.md");
    let known = std::fs::read_to_string(path).unwrap();
    let mut written = String::new();
    let mut tables =
        [("closes", closes()), ("clients", clients()), ("wishes", wishes())].into_iter();
    let mut lines = known.lines();
    while let Some(line) = lines.next() {
        writeln!(written, "{line}").unwrap();
        if let Some(name) = line.strip_prefix("<!-- table: ") {
            let (expected, table) = tables.next().unwrap();
            assert_eq!(name.strip_suffix(" -->"), Some(expected));
            write!(written, "{table}").unwrap();
            let rest: Vec<&str> = lines.by_ref().skip_while(|it| it.starts_with('|')).collect();
            lines =
                known[known.len() - rest.iter().map(|it| it.len() + 1).sum::<usize>()..].lines();
        }
    }
    assert!(tables.next().is_none(), "a table is missing");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    let known = std::fs::read_to_string(path).unwrap();
    assert!(known == written, "docs/closing.md is out of date: run make bless");
}

/// What is said at each end.
fn closes() -> String {
    let mut table = String::new();
    let heads = Manners::ALL.map(name).join(" | ");
    writeln!(table, "| end | why | come back? | {heads} |").unwrap();
    writeln!(table, "|---|---|---|---|---|---|---|---|").unwrap();
    for close in Close::ALL {
        let said = Manners::ALL.map(|manners| match close.farewell(manners).frame {
            Some((code, reason)) => format!("{code} `{reason}`"),
            None => "–".to_owned(),
        });
        let back = if close.farewell(Manners::Native).comes_back { "yes" } else { "no" };
        let (word, why) = (close.word(), why(close));
        writeln!(table, "| `{word}` | {why} | {back} | {} |", said.join(" | ")).unwrap();
    }
    table
}

/// What each client does.
fn clients() -> String {
    let mut table = String::new();
    writeln!(
        table,
        "| protocol | client | 1000 | 1001 | other codes | no close frame | how it comes back |"
    )
    .unwrap();
    writeln!(table, "|---|---|---|---|---|---|---|").unwrap();
    for client in &CLIENTS {
        let [done, away, other, lost] =
            client.after.map(|it| if it == Returns { "returns" } else { "stays away" });
        let (name, of, pace) = (client.name, name(client.manners), client.pace);
        writeln!(table, "| {of} | {name} | {done} | {away} | {other} | {lost} | {pace} |").unwrap();
    }
    table
}

/// Where what is meant does not come about.
fn wishes() -> String {
    let mut table = String::new();
    writeln!(table, "| client | is meant to | after | but | because |").unwrap();
    writeln!(table, "|---|---|---|---|---|").unwrap();
    for client in &CLIENTS {
        for (meant, does) in [(Returns, Stays), (Stays, Returns)] {
            let missed = |close: &Close| {
                let farewell = close.farewell(client.manners);
                let is_meant = if farewell.comes_back { Returns } else { Stays };
                *close != Close::ByPeer && is_meant == meant && client.after(farewell.frame) == does
            };
            let missed: BTreeSet<String> = Close::ALL
                .iter()
                .filter(|it| missed(it))
                .map(|it| format!("`{}`", it.word()))
                .collect();
            if missed.is_empty() {
                continue;
            }
            let missed = missed.into_iter().collect::<Vec<_>>().join(" ");
            let because = match (client.can(meant), meant) {
                (false, Returns) => "it never does",
                (false, Stays) => "it always does",
                (true, _) if client.manners == Manners::Native => "it takes that for an accident",
                // Or else what is no end would be called one.
                (true, _) => "only 1000 or 1001 keeps it away, and that is for when it is over",
            };
            let [meant, does] =
                [meant, does].map(|it| if it == Returns { "return" } else { "stay away" });
            let name = client.name;
            writeln!(table, "| {name} | {meant} | {missed} | {does}s | {because} |").unwrap();
        }
    }
    table.replace("stay aways", "stays away")
}

fn name(manners: Manners) -> &'static str {
    match manners {
        Manners::Native => "native",
        Manners::Windags => "windags",
        Manners::Executions => "executions",
        Manners::Stage5 => "stage5",
        Manners::Nebula => "nebula",
    }
}

fn why(close: Close) -> &'static str {
    match close {
        Close::Done => "there is nothing more to see",
        Close::Drain => "the relay goes",
        Close::Slow => "it asked faster than it listened",
        Close::Overloaded => "there is no room for it just now",
        Close::TooMany => {
            "its person or its tenant has too many connections, or its address has shown too much that does not count"
        }
        Close::Policy => "it would not keep to the limits",
        Close::Token => "it has no token, or one that no longer counts",
        Close::Forbidden => "it may not",
        Close::Gone => "what it wants is gone for good",
        Close::Protocol => "it does not speak WebSocket properly",
        Close::Binary => "it sent bytes where text is spoken",
        Close::Utf8 => "its text was none",
        Close::TooBig => "its message was too large",
        Close::Silent => "it no longer answers",
        Close::Stalled => "it takes nothing any more",
        Close::Unheard => "it does not acknowledge what it must not miss",
        Close::ByPeer => "it said goodbye, and is given its own frame back",
        Close::Lost => "the connection broke",
    }
}
