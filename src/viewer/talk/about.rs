//! What is told of a message to who sent it, in words that it used itself.

use crate::dialect::{Group, Said, Unintelligible};
use crate::viewer::{Rate, Topic};

/// The id that a message is about, as its sender wrote it.
pub(super) fn about(read: &Result<Said, Unintelligible>) -> Option<String> {
    match read {
        Err(unintelligible) => unintelligible.about.clone(),
        Ok(
            Said::Watch { name, .. }
            | Said::Unwatch { name }
            | Said::Follow(Group::Executions(name)),
        ) => Some(name.as_ref().to_owned()),
        Ok(Said::Decide(ask)) => ask.id.as_ref().map(|id| id.as_str().to_owned()),
        Ok(Said::Command(ask)) => ask.id.as_ref().map(|id| id.as_str().to_owned()),
        Ok(
            Said::WatchDirectory
            | Said::UnwatchDirectory
            | Said::Follow(Group::Workflows)
            | Said::Unfollow(_)
            | Said::Authenticate { .. }
            | Said::Ping
            | Said::Nothing
            | Said::Leave(_),
        ) => None,
    }
}

/// The same of what is to be watched.
pub(super) fn name(topic: &Topic) -> Option<String> {
    if let Topic::Execution(name) = topic { Some(name.as_ref().to_owned()) } else { None }
}

/// As a welcome says it.
pub(super) fn per_second(rate: Rate) -> u32 {
    u32::try_from(1_000_000_000 / rate.every.as_nanos().max(1)).unwrap_or(u32::MAX)
}
