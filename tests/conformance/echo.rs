//! The dialect that says what it hears. It knows of no executions.

use footplate::core::{Answer, Execution};
use footplate::dialect::{Call, Conversation, Dialect, Manners, Notice, Said, Unintelligible};
use footplate::frame::Frames;
use footplate::model::{ExecutionId, Position, Record};

/// By which the door tells it apart.
pub(crate) const NAME: &str = "echo";

#[derive(Debug)]
pub(crate) struct Echo;

impl Dialect for Echo {
    fn name(&self) -> &'static str {
        NAME
    }

    fn manners(&self) -> Manners {
        Manners::Native
    }

    fn record(&self, _: &Record, _: &mut Frames) {}

    fn state(&self, _: &ExecutionId, _: Position, _: &Execution, _: &mut Frames) {}

    fn converse(&self, _: &Call) -> Box<dyn Conversation> {
        Box::new(Talk(String::new()))
    }
}

/// What was heard last. Whoever hears it asks whether somebody is there, and is answered with it.
#[derive(Debug)]
struct Talk(String);

impl Conversation for Talk {
    fn read(&mut self, frame: &str) -> Result<Said, Unintelligible> {
        frame.clone_into(&mut self.0);
        Ok(Said::Ping)
    }

    fn answer(&mut self, _: &Answer, _: &mut Frames) {}

    fn notice(&mut self, notice: &Notice<'_>, out: &mut Frames) {
        if matches!(notice, Notice::Pong { .. }) {
            out.again(&frame(&std::mem::take(&mut self.0)));
        }
    }
}

/// A whole text frame of a server.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        short @ 0..=125 => frame.push(short as u8),
        middle @ 126..=0xFFFF => {
            frame.push(126);
            frame.extend((middle as u16).to_be_bytes());
        }
        long => {
            frame.push(127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(text.as_bytes());
    frame
}
