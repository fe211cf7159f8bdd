//! The core's specification, as conversations.
//!
//! A transcript is a text file of inputs (`>`), the effects they must have (`<`), passing time (`+`),
//! remarks (`#`) and, before all, what its operator has set (`!`). `UPDATE=1 cargo test transcripts` rewrites the `<` lines; read the diff before
//! you keep it. The words of the inputs are read in `script.rs`, those of the effects written in
//! `show.rs`.
//!
//! Beside each lies what viewers of each dialect see of it: `*` everybody who watches that execution,
//! `v1` that viewer alone.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use footplate::core::{Effect, Limits, Relay, Start};
use footplate::dialect::{Call, Conversation, Dialect, Dialects, Notice};
use footplate::frame::Frames;
use footplate::model::{Durability, Now, Position, Principal, Timestamp, ViewerId};

use crate::dialects::texts;
use crate::{script, show};

#[test]
fn transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.retain(|it| it.extension().is_some_and(|it| it == "txt"));
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let mut play = Play::new();
        fs::read_to_string(&file).unwrap().lines().for_each(|line| play.line(line));
        check(&file, &play.seen);
        for view in &play.views {
            let name = format!("{}.jsonl", view.dialect.name());
            check(&file.with_extension(name), &view.seen);
        }
        if file.file_stem().is_some_and(|it| it == "side_by_side") {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol");
            check(&folder.join("side-by-side.md"), &side_by_side(&play.chapters));
        }
    }
}

fn check(file: &Path, actual: &str) {
    if env::var_os("UPDATE").is_some() && (file.exists() || !actual.is_empty()) {
        fs::write(file, actual).unwrap();
    }
    let expected = fs::read_to_string(file).unwrap_or_default();
    assert_eq!(expected, actual, "{}", file.display());
}

/// One line of a transcript, and what is seen of it in each dialect.
type Chapter = (String, Vec<(&'static str, String)>);

/// A transcript as a page: what happens, and under it the frames in all protocols.
fn side_by_side(chapters: &[Chapter]) -> String {
    let mut page = String::from(
        "# One execution in every protocol\n\nWhat one and the same execution looks like to the \
         dashboards of each protocol: what happens (`>` an engine or a viewer, `+` time passes), and \
         the frames that follow, to everybody who watches (`*`) or to one viewer (`v1`). Written by \
         the tests from `tests/transcripts/side_by_side.txt`; the words of its lines are read in \
         `tests/it/script.rs`. A protocol that is not named under a line has no word for it.\n",
    );
    for (line, views) in chapters {
        match line.strip_prefix("# ") {
            Some(remark) => page += &format!("\n## {remark}\n"),
            None => page += &format!("\n`{line}`\n"),
        }
        for (dialect, frames) in views.iter().filter(|(_, frames)| !frames.is_empty()) {
            page += &format!("\n{dialect}\n```\n{frames}```\n");
        }
    }
    page
}

struct Play {
    now: Now,
    limits: Limits,
    relay: Relay,
    seen: String,
    views: [View; 6],
    chapters: Vec<Chapter>,
}

/// What is seen in one dialect. One conversation stands for all: it keeps nothing of a viewer.
struct View {
    dialect: &'static dyn Dialect,
    talk: Box<dyn Conversation>,
    seen: String,
}

impl View {
    fn new(dialect: &'static dyn Dialect) -> Self {
        let mut talk = dialect.converse(&Call::to("x1"));
        let welcome = Notice::Welcome {
            time: Timestamp(0),
            boot: 7,
            durability: Durability::Memory,
            principal: &Principal::local(),
            max_message: 1 << 20,
            rate: (50, 100),
        };
        talk.notice(&welcome, &mut Frames::default());
        Self { dialect, talk, seen: String::new() }
    }

    fn see(&mut self, who: &str, say: impl FnOnce(&mut Self, &mut Frames)) {
        for text in texts(|out| say(self, out)) {
            self.seen += &format!("{who} {text}\n");
        }
    }
}

impl Play {
    fn new() -> Self {
        let limits = Limits { history: 50, open_gates: 3, nodes: 8, ..Limits::default() };
        // 2026-11-20T10:00:00Z, so that times are easy to read.
        let now =
            Now { instant: std::time::Instant::now(), time: Timestamp(1_795_168_800_000_000) };
        let views = Dialects::default().all().map(View::new);
        let (seen, chapters) = (String::new(), vec![]);
        Self { now, limits, relay: Relay::new(7, limits), seen, views, chapters }
    }

    fn line(&mut self, line: &str) {
        if line.starts_with('<') {
            return;
        }
        self.seen += &format!("{line}\n");
        let before = self.views.each_ref().map(|view| view.seen.len());
        self.take(line);
        let views = self.views.iter().zip(before);
        let views = views.map(|(view, from)| (view.dialect.name(), view.seen[from..].to_owned()));
        self.chapters.push((line.to_owned(), views.collect()));
    }

    fn take(&mut self, line: &str) {
        match line.split_once(' ') {
            Some((">", text)) => match text.split(' ').collect::<Vec<_>>()[..] {
                [viewer, "joins", name] => self.join(viewer, name, None),
                [viewer, "joins", name, "since", at] => {
                    self.join(viewer, name, Some(script::position(at)));
                }
                _ => self.relay.handle(self.now, script::input(self.now.time, text)),
            },
            Some(("+", span)) => self.pass(script::span(span)),
            Some(("!", text)) => {
                match text {
                    "nobody decides while the engine is away" => {
                        self.limits.decide_while_away = false;
                    }
                    "a deadline may approve" => self.limits.timeout_may_approve = true,
                    _ => panic!("no such setting: {text}"),
                }
                self.relay = Relay::new(7, self.limits);
            }
            _ => return,
        }
        self.effects();
    }

    /// Time passes from one due thing to the next, as it does in the shell.
    fn pass(&mut self, span: Duration) {
        let end = self.now.instant + span;
        loop {
            let next = self.relay.poll_timeout().filter(|due| *due <= end).unwrap_or(end);
            let by = next.saturating_duration_since(self.now.instant);
            self.now = Now { instant: self.now.instant + by, time: self.now.time.after(by) };
            self.relay.handle_timeout(self.now);
            self.effects();
            if next == end {
                return;
            }
        }
    }

    fn effects(&mut self) {
        let mut stirred = BTreeSet::new();
        while let Some(effect) = self.relay.poll_effect() {
            self.see(&show::effect(&effect));
            for view in &mut self.views {
                match &effect {
                    Effect::Append(record) => {
                        if view.dialect.stirs(record) {
                            stirred.insert((record.execution.clone(), view.dialect.name()));
                        }
                        view.see("*", |view, out| view.dialect.record(record, out));
                    }
                    Effect::Answer { viewer: ViewerId(viewer), answer } => {
                        view.see(&format!("v{viewer}"), |view, out| view.talk.answer(answer, out));
                    }
                    _ => {}
                }
            }
        }
        // What is said as a whole is said at the end of a turn.
        for (execution, dialect) in stirred {
            let Some((at, state)) = self.relay.snapshot(&execution) else { continue };
            let views = self.views.iter_mut().filter(|it| it.dialect.name() == dialect);
            for view in views {
                view.see("*", |view, out| view.dialect.level(&execution, at, state, out));
            }
        }
    }

    fn join(&mut self, viewer: &str, name: &str, since: Option<Position>) {
        let Some(execution) = self.relay.resolve(name) else {
            return self.see(&format!("{viewer} knows no {name}"));
        };
        match self.relay.start(&execution, since).unwrap() {
            Start::After(at) => self.see(&format!("{viewer} goes on after {at}")),
            Start::Snapshot { at, why } => {
                let (_, state) = self.relay.snapshot(&execution).unwrap();
                for view in &mut self.views {
                    view.see(viewer, |view, out| view.dialect.state(&execution, at, state, out));
                }
                let state = show::state(state);
                self.see(&format!("{viewer} is shown {execution} {at} ({why:?}): {state}"));
            }
        }
    }

    fn see(&mut self, what: &str) {
        self.seen += &format!("< {what}\n");
    }
}
