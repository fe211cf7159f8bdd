//! The settings of how much each address, person, tenant and engine may have. Which of them count where
//! there are no tokens is said here, and nowhere else.

use std::num::NonZeroU32;

use super::check::Check;
use super::flags::BoundFlags;

const NUMBER: &str = "it is a whole number from 1 to 1000000";
const NUMBER_OR_AUTO: &str = "it is a whole number from 1 to 1000000, or auto";
const MOST: u32 = 1_000_000;

/// Who may have how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Connections of one address that have not shown whose they are.
    pub of_address: NonZeroU32,
    /// What counts for people and tenants. `None`: no tokens do, and everybody is this machine's user.
    pub people: Option<People>,
    /// Executions of one engine that are not over. `None`: as many as there is room for.
    pub of_engine: Option<NonZeroU32>,
    /// Executions of one tenant that are not over. `None`: likewise.
    pub of_tenant: Option<NonZeroU32>,
    /// Executions that an engine may begin in a second. `None`: as many as it likes.
    pub begun: Option<NonZeroU32>,
}

/// What counts where tokens do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct People {
    /// Connections that have yet to show a token.
    pub strangers: NonZeroU32,
    /// Connections of one person.
    pub of_principal: NonZeroU32,
    /// Connections of one tenant.
    pub of_tenant: NonZeroU32,
    /// Things that one tenant may watch.
    pub watched_by_tenant: NonZeroU32,
    /// All connections of one person may say so many times what one may.
    pub rate: NonZeroU32,
    /// Failed attempts of one address at once.
    pub attempts: NonZeroU32,
}

impl Check {
    /// `tokens`: people are told apart by them.
    pub(super) fn bounds(&mut self, flags: &BoundFlags, tokens: bool) -> Bounds {
        let of_address =
            self.number("--max-connections-per-address", &flags.max_connections_per_address);
        let people = People {
            strangers: self.number("--max-strangers", &flags.max_strangers),
            of_principal: self
                .number("--max-connections-per-principal", &flags.max_connections_per_principal),
            of_tenant: self
                .number("--max-connections-per-tenant", &flags.max_connections_per_tenant),
            watched_by_tenant: self
                .number("--max-subscriptions-per-tenant", &flags.max_subscriptions_per_tenant),
            rate: self.number("--max-rate-per-principal", &flags.max_rate_per_principal),
            attempts: self.number("--max-failed-attempts", &flags.max_failed_attempts),
        };
        let mut auto = |flag, text: &Option<String>, usual: u32| {
            let number = self.one(flag, text.as_deref(), number_or_auto, NUMBER_OR_AUTO);
            number.or(NonZeroU32::new(usual).filter(|_| tokens))
        };
        let of_engine =
            auto("--max-executions-per-engine", &flags.max_executions_per_engine, 1_000);
        let of_tenant =
            auto("--max-executions-per-tenant", &flags.max_executions_per_tenant, 10_000);
        let begun = auto("--max-executions-begun", &flags.max_executions_begun, 200);
        let people = tokens.then_some(people);
        Bounds { of_address, people, of_engine, of_tenant, begun }
    }

    fn number(&mut self, flag: &'static str, text: &Option<String>) -> NonZeroU32 {
        let read = |text: &str| number(text).map(Some);
        self.one(flag, text.as_deref(), read, NUMBER).unwrap_or(NonZeroU32::MIN)
    }
}

fn number(text: &str) -> Option<NonZeroU32> {
    text.parse().ok().filter(|it: &NonZeroU32| it.get() <= MOST)
}

fn number_or_auto(text: &str) -> Option<Option<NonZeroU32>> {
    if text == "auto" { Some(None) } else { number(text).map(Some) }
}
