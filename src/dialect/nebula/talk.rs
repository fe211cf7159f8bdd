//! One dashboard's talk.

use crate::core::Answer;
use crate::dialect::{Begin, Conversation, Notice, Said, Unintelligible};
use crate::frame::Frames;
use crate::model::Text;

/// One connection.
#[derive(Debug)]
pub(super) struct Talk {
    /// As the path names it.
    pub(super) path: Option<Text>,
}

impl Conversation for Talk {
    fn opening(&mut self) -> Option<Said> {
        let name = self.path.clone()?;
        Some(Said::Watch { name, from: Begin::After(None) })
    }

    fn read(&mut self, _: &str) -> Result<Said, Unintelligible> {
        Ok(Said::Nothing)
    }

    fn answer(&mut self, _: &Answer, _: &mut Frames) {}

    fn notice(&mut self, _: &Notice<'_>, _: &mut Frames) {}
}
