//! Dialects, seen from outside: records and answers in, frames out, and the other way round.

mod documents;
mod executions;
mod executions_paper;
mod executions_talk;
mod executions_views;
mod executions_whole;
mod fold;
mod golden;
mod golden_gates;
mod native;
mod nebula;
mod nebula_pages;
mod nebula_talk;
mod settled;
mod stage5;
mod stage5_document;
mod stage5_graph;
mod stage5_seed;
mod stage5_talk;
mod steering;
mod story;
mod talking;
mod windags;
mod windags_acks;
mod windags_seeds;
mod windags_talk;

use footplate::frame::Frames;
pub(crate) use golden_gates::large;
use serde_json::Value;

/// What is said, as a client reads it: each frame's text.
pub(crate) fn texts(say: impl FnOnce(&mut Frames)) -> Vec<String> {
    let mut frames = Frames::default();
    say(&mut frames);
    let mut bytes = frames.as_bytes();
    let mut texts = vec![];
    while !bytes.is_empty() {
        let (header, len) = match *bytes {
            [0x81, len @ 0..=125, ..] => (2, len as usize),
            [0x81, 126, a, b, ..] => (4, u16::from_be_bytes([a, b]) as usize),
            [0x81, 127, a, b, c, d, e, f, g, h, ..] => {
                (10, u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize)
            }
            _ => panic!("not a text frame: {bytes:?}"),
        };
        let payload = bytes[header..header + len].to_vec();
        texts.push(String::from_utf8(payload).unwrap());
        bytes = &bytes[header + len..];
    }
    texts
}

/// What is said, as values.
pub(crate) fn values(say: impl FnOnce(&mut Frames)) -> Vec<Value> {
    texts(say).iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}
