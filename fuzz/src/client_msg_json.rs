//! What a dashboard may send on its socket, in each protocol: read, answered and remembered as a connection
//! does it. Nothing that is said twice in one message is acted on, whoever has not said who they are can say
//! nothing else, and no message makes more of an answer, or of memory, than it has bytes itself.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use footplate::core::{Answer, NotThen, Receipt, Reference, Stage, Start, Why};
use footplate::dialect::{
    Call, Conversation, Dialects, Group, Manners, Notice, Said, Token, Unintelligible,
};
use footplate::frame::{Frames, first};
use footplate::model::{
    CommandId, CommandKind, DecisionId, Durability, Epoch, ExecutionId, Position, Principal, Seq,
    Target, Text, Timestamp,
};

use super::draw::Draw;
use super::strict::Tree;

/// 2026-11-21T12:00:00Z.
const TIME: Timestamp = Timestamp(1_795_262_400_000_000);
/// Messages in one go.
const MESSAGES: usize = 48;
/// Bytes that an event may add to what is said, and to what is remembered as it is written for a person,
/// beside [`TIMES`] as many as the client has sent.
const MORE: usize = 4 << 10;
const TIMES: usize = 24;
/// Things that may follow from one event: what one client may watch, twice.
const FOLLOWS: usize = 256;
/// What paths name.
const PATHS: [Option<&str>; 5] = [Some("x1"), Some(""), Some("an alias"), Some("a/b\u{1}"), None];

/// One go: which protocol, how it was called, and messages, a line each. A line that begins with `!` is what
/// happens on the relay's side meanwhile.
pub fn run(data: &[u8]) {
    let mut draw = Draw::new(data);
    let dialect = draw.pick(&Dialects::default().all());
    let how = draw.byte();
    let token = [Token::Absent, Token::Good, Token::Bad][usize::from(how % 3)];
    let manners = dialect.manners();
    // As the doors have it: nobody knows who has shown what does not count, or nothing where that counts.
    let stranger = token == Token::Bad || token == Token::Absent && how & 4 != 0;
    let path = if manners == Manners::Native { None } else { draw.pick(&PATHS) };
    let query = draw.some();
    let call = Call {
        path: path.map(Text::from),
        query: String::from_utf8_lossy(query).into(),
        token,
        stranger,
        left: vec![],
        again: how & 8 != 0,
    };
    let conversation = dialect.converse(&call);
    let told = data.len() - draw.left();
    let mut line = Line {
        manners,
        conversation,
        known: !stranger,
        left: false,
        knows: how & 16 != 0,
        now: begun(),
        sent: told,
        events: 1,
        said: 0,
    };
    line.open();
    for said in draw.parts(b'\n').take(MESSAGES) {
        if line.left {
            break;
        }
        line.hear(said);
    }
}

fn begun() -> Instant {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    *BEGUN.get_or_init(Instant::now)
}

/// One connection, as `viewer` treats it.
struct Line {
    manners: Manners,
    conversation: Box<dyn Conversation>,
    /// Whether it is known who it is.
    known: bool,
    left: bool,
    /// Whether executions that it asks for are there.
    knows: bool,
    now: Instant,
    /// Bytes from the client.
    sent: usize,
    /// Things that have happened.
    events: usize,
    /// Bytes to the client.
    said: usize,
}

impl Line {
    fn open(&mut self) {
        self.conversation.at(self.now);
        if self.known {
            self.welcome();
        } else if ![Manners::Native, Manners::Nebula].contains(&self.manners) {
            self.notice(&Notice::Unauthenticated { expired: false });
            self.left = true;
        }
        self.follow_up();
    }

    fn welcome(&mut self) {
        self.notice(&Notice::Welcome {
            time: TIME,
            boot: 7,
            durability: Durability::Memory,
            principal: &Principal::local(),
            max_message: 1 << 20,
            rate: (50, 100),
        });
        if let Some(said) = self.conversation.opening() {
            self.act(said);
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.events += 1;
        self.conversation.at(self.now);
        match bytes {
            [b'!', what, rest @ ..] => self.happens(*what, rest),
            _ => {
                self.sent += bytes.len();
                // What is no UTF-8 never comes so far.
                let text = String::from_utf8_lossy(bytes);
                match self.conversation.read(&text) {
                    Ok(said) => {
                        self.understood(&text, &said);
                        self.act(said);
                    }
                    Err(fault) => {
                        tells(&fault);
                        self.notice(&Notice::Problem(&fault));
                    }
                }
            }
        }
        self.follow_up();
        let remembered = format!("{:?}", self.conversation).len();
        let most = self.events * MORE + self.sent * TIMES;
        assert!(remembered <= most, "{remembered} bytes are remembered of {}", self.sent);
    }

    /// What the relay has to say by itself.
    fn happens(&mut self, what: u8, rest: &[u8]) {
        let number = rest.first().copied().unwrap_or_default();
        match what {
            b'w' => self.knows = true,
            b'u' => self.knows = false,
            b't' => {
                self.now += Duration::from_millis(u64::from(number) * 100);
                self.conversation.at(self.now);
                let due = self.conversation.due();
                if due.is_some_and(|due| due <= self.now) {
                    let mut out = Frames::default();
                    self.conversation.elapsed(&mut out);
                    self.is_sound(&out);
                }
            }
            b's' if self.conversation.listens() => {
                let mut out = Frames::default();
                let text = String::from_utf8_lossy(rest);
                let kind = ["error", "human_gate_waiting", "node_state"][usize::from(number % 3)];
                out.text(&serde_json::json!({ "type": kind, "event_id": text, "seq": number }));
                self.conversation.sent(out.as_bytes());
                self.sent += out.len();
            }
            b'r' => {
                let problem = Unintelligible {
                    code: "rate_limited",
                    message: "too much at once".into(),
                    about: None,
                };
                self.notice(&Notice::Problem(&problem));
            }
            b'g' => self.notice(&Notice::GoingAway { retry_after_ms: 1_000 }),
            b'x' => self.notice(&Notice::Expiring { at: TIME }),
            b'e' => {
                self.notice(&Notice::Unauthenticated { expired: true });
                self.left = true;
            }
            b'p' => self.answer(&Answer::NotThen { execution: one(), why: NotThen::Gone }),
            b'd' => {
                let id: DecisionId = "d1".parse().expect("a name");
                self.receipt(Reference::Decision(id), number);
            }
            b'c' => {
                let id: CommandId = "c1".parse().expect("a name");
                self.receipt(Reference::Command(id), number);
            }
            _ => {}
        }
    }

    fn receipt(&mut self, about: Reference, number: u8) {
        let stages = [
            Stage::Recorded,
            Stage::Voted { votes: 1, needed: 2 },
            Stage::Delivered,
            Stage::InProgress,
            Stage::Waiting,
            Stage::Applied,
            Stage::Refused,
            Stage::Failed,
            Stage::OutcomeUnknown,
            Stage::AlreadyDecided { kind: None, option: Some("approve".into()) },
            Stage::GateChanged { current: 3 },
            Stage::GateClosed,
            Stage::GateUnknown,
            Stage::EngineAway,
            Stage::IdReused,
            Stage::Forbidden,
        ];
        let stage = stages[usize::from(number) % stages.len()].clone();
        let reason = (number & 16 != 0).then(|| "\"because\"\n".into());
        let receipt = Receipt { execution: Some(one()), reason, ..Receipt::new(about, stage) };
        self.answer(&Answer::Receipt(receipt));
    }

    /// What its door and the shard make of what it has said.
    fn act(&mut self, said: Said) {
        bounded(&said);
        let harmless = matches!(said, Said::Authenticate { .. } | Said::Nothing | Said::Leave(_));
        if !self.known && !harmless {
            // Nobody has rights without a pass.
            assert_ne!(self.manners, Manners::Native, "a stranger is heard: {said:?}");
            self.notice(&Notice::Unauthenticated { expired: false });
            self.left = true;
            return;
        }
        match said {
            Said::Watch { name, .. } => {
                self.conversation.about(&name);
                let execution = name.parse().unwrap_or_else(|_| one());
                let answer = if self.knows {
                    let head = Position { epoch: Epoch { boot: 7, nth: 1 }, seq: Seq(9) };
                    let start = Start::Snapshot { at: head, why: Why::Fresh };
                    Answer::Watching { execution, start, head }
                } else {
                    Answer::Unknown { execution }
                };
                self.answer(&answer);
            }
            Said::Unwatch { name } => self.notice(&Notice::Unwatched { name: &name }),
            Said::Follow(group) => {
                let logs = if self.knows { vec![one()] } else { vec![] };
                self.notice(&Notice::Found { group: &group, logs: &logs });
            }
            Said::Decide(ask) => {
                let receipt = Receipt::unknown_gate(&ask);
                self.answer(&Answer::Receipt(receipt));
            }
            Said::Command(ask) => {
                let id = ask.id.clone().unwrap_or_else(CommandId::none);
                let receipt = Receipt::new(Reference::Command(id), Stage::Recorded);
                let execution = ask.execution.and_then(|it| it.parse().ok());
                self.answer(&Answer::Receipt(Receipt { execution, ..receipt }));
            }
            Said::Authenticate { token } => {
                if token.starts_with("good") {
                    if !std::mem::replace(&mut self.known, true) {
                        self.welcome();
                    }
                    let principal = Principal::local();
                    self.notice(&Notice::Authenticated { principal: &principal, expires: None });
                } else {
                    self.notice(&Notice::Unauthenticated { expired: false });
                    self.left = true;
                }
            }
            Said::Ping => self.notice(&Notice::Pong { time: TIME }),
            Said::Leave(_) => self.left = true,
            Said::WatchDirectory | Said::UnwatchDirectory | Said::Unfollow(_) | Said::Nothing => {}
        }
    }

    fn follow_up(&mut self) {
        // Each is something that the client has asked for, and is done once.
        let most = FOLLOWS + self.sent;
        let mut done = 0;
        while let Some(said) = self.conversation.next() {
            done += 1;
            assert!(done <= most, "there is no end to what follows: {said:?}");
            self.events += 1;
            self.act(said);
        }
    }

    fn answer(&mut self, answer: &Answer) {
        let mut out = Frames::default();
        self.conversation.answer(answer, &mut out);
        self.is_sound(&out);
    }

    fn notice(&mut self, notice: &Notice<'_>) {
        let mut out = Frames::default();
        self.conversation.notice(notice, &mut out);
        self.is_sound(&out);
    }

    /// Each frame is one object that says what it is, in which nothing is there twice.
    fn is_sound(&mut self, out: &Frames) {
        let mut rest = out.as_bytes();
        while !rest.is_empty() {
            let (_, payload, after) = first(rest);
            let read = Tree::read(payload);
            let tree =
                read.unwrap_or_else(|err| panic!("{err}: {}", String::from_utf8_lossy(payload)));
            let kind = tree.get("type").or_else(|| tree.get("event_type")).and_then(Tree::text);
            assert!(kind.is_some_and(|it| !it.is_empty()), "it does not say what it is: {tree:?}");
            rest = after;
        }
        self.said += out.len();
        let most = self.events * MORE + self.sent * TIMES;
        assert!(self.said <= most, "{} bytes are said to {}", self.said, self.sent);
    }

    /// What a frame amounts to is what stands there, once.
    fn understood(&self, frame: &str, said: &Said) {
        if matches!(said, Said::Nothing | Said::Ping) && self.manners == Manners::Executions {
            return;
        }
        let read = Tree::read(frame.as_bytes());
        let tree = read.unwrap_or_else(|err| panic!("{err}, and it is acted on: {frame}"));
        assert!(tree.is_object(), "it is acted on: {frame}");
        let text = |name: &str| tree.get(name).and_then(Tree::text);
        match said {
            Said::Decide(ask) => {
                let (option, comment) = match (self.manners, text("type")) {
                    (Manners::Native, _) => (text("option_id"), text("comment")),
                    (Manners::Windags, _) => (text("decision"), text("feedback")),
                    (_, Some("resolve_approval")) => (text("resolution"), text("feedback")),
                    _ => {
                        let says = tree.get("approved");
                        assert!(matches!(says, Some(Tree::Bool(_))), "it says nothing: {frame}");
                        let yes = says == Some(&Tree::Bool(true));
                        let changed = yes && *ask.option == *"modify";
                        let word = if changed { "modify" } else { "approve" };
                        (Some(if yes { word } else { "reject" }), text("feedback"))
                    }
                };
                assert_eq!(option, Some(&*ask.option), "{frame}");
                let comment = comment.filter(|it| !it.is_empty());
                let said = ask.comment.as_deref().filter(|it| !it.is_empty());
                assert_eq!(said, comment, "{frame}");
                if let Target::Gate { gate, version } = &ask.target {
                    assert_eq!(text("gate_id"), Some(gate.as_str()));
                    let stated = tree.get("gate_version").and_then(Tree::whole);
                    assert_eq!(stated, Some(u64::from(*version)));
                }
                if let Some(id) = &ask.id {
                    assert_eq!(text("decision_id"), Some(id.as_str()));
                }
            }
            Said::Command(ask) if self.manners == Manners::Native => {
                let kind = match &ask.kind {
                    CommandKind::Pause => "pause_execution",
                    CommandKind::Resume => "resume_execution",
                    CommandKind::Cancel => "cancel_execution",
                    CommandKind::Start { .. } => "start_execution",
                    CommandKind::Custom { .. } => "custom_command",
                };
                assert_eq!(text("type"), Some(kind));
                assert_eq!(text("command_id"), ask.id.as_ref().map(CommandId::as_str));
                assert_eq!(text("execution_id"), ask.execution.as_deref());
            }
            Said::Authenticate { token } => assert_eq!(text("token"), Some(&**token)),
            _ => {}
        }
    }
}

fn one() -> ExecutionId {
    "x1".parse().expect("a name")
}

/// A fault is told in a word and a sentence, and what it quotes is cut.
fn tells(fault: &Unintelligible) {
    let Unintelligible { code, message, about } = fault;
    assert!(!code.is_empty() && code.bytes().all(|it| it.is_ascii_lowercase() || it == b'_'));
    assert!((1..=600).contains(&message.len()), "{} bytes of words", message.len());
    assert!(about.as_ref().is_none_or(|it| it.len() <= 256), "it repeats too much");
}

/// What comes out of a message has the bounds of the contract.
fn bounded(said: &Said) {
    let names = |it: &Text| assert!(it.len() <= 257, "no name has {} bytes", it.len());
    match said {
        Said::Watch { name, .. } | Said::Unwatch { name } => names(name),
        Said::Follow(Group::Executions(it)) | Said::Unfollow(Group::Executions(it)) => names(it),
        Said::Authenticate { token } => assert!(token.len() <= 8 << 10),
        Said::Decide(ask) => {
            names(&ask.execution);
            assert!((1..=256).contains(&ask.option.len()));
            assert!(ask.comment.as_ref().is_none_or(|it| it.len() <= 16 << 10));
            ask.modification.iter().for_each(|it| value(&it.text));
        }
        Said::Command(ask) => {
            ask.execution.iter().for_each(names);
            assert!(ask.reason.as_ref().is_none_or(|it| it.len() <= 16 << 10));
            match &ask.kind {
                CommandKind::Start { input: Some(it), .. }
                | CommandKind::Custom { payload: Some(it), .. } => value(&it.text),
                _ => {}
            }
        }
        _ => {}
    }
}

fn value(json: &str) {
    assert!(json.len() <= 256 << 10);
    let read = Tree::read(json.as_bytes());
    read.unwrap_or_else(|err| panic!("{err}, and an engine is told so: {json}"));
}
