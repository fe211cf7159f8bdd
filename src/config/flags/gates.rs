//! The flags of gates, as they are typed. What stands here as a comment is what `--help` and
//! `docs/configuration.md` say.

use clap::Args;

/// The settings of gates, as they were typed. What is not given is the default.
#[derive(Debug, Clone, Default, Args)]
pub struct GateFlags {
    /// Whether people may decide while the gate's engine is away: true or false. The engine is told when
    /// it is back; with false they are told to decide again then.
    #[arg(
        long,
        env = "FOOTPLATE_ACCEPT_WHILE_OFFLINE",
        value_name = "BOOL",
        default_value = "true",
        help_heading = "Gates"
    )]
    pub accept_while_offline: Option<String>,
    /// Whether a gate may approve itself when its deadline passes, if its engine asks for that: true or
    /// false. With false such a gate expires, which is no approval.
    #[arg(
        long,
        env = "FOOTPLATE_ALLOW_TIMEOUT_APPROVE",
        value_name = "BOOL",
        default_value = "false",
        help_heading = "Gates"
    )]
    pub allow_timeout_approve: Option<String>,
    /// Whether four eyes are asked for: true or false. With true, whoever has begun an execution does not
    /// decide at its gates: who gave the command that started it, or in whose name its engine says that it
    /// runs. Needs tokens.
    #[arg(
        long,
        env = "FOOTPLATE_FOUR_EYES",
        value_name = "BOOL",
        default_value = "false",
        help_heading = "Gates"
    )]
    pub four_eyes: Option<String>,
}
