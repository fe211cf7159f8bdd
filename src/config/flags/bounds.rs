//! The flags of how much each address, person, tenant and engine may have, as they are typed. What stands
//! here as a comment is what `--help` and `docs/configuration.md` say.

use clap::Args;

/// The settings of who may have how much, as they were typed. What is not given is the default.
#[derive(Debug, Clone, Default, Args)]
pub struct BoundFlags {
    /// Connections of one address that have not shown whose they are. Who has shown a token counts for
    /// their person instead, and this machine's own connections for nobody.
    #[arg(
        long,
        env = "FOOTPLATE_MAX_CONNECTIONS_PER_ADDRESS",
        value_name = "NUMBER",
        default_value = "20",
        help_heading = "Bounds"
    )]
    pub max_connections_per_address: Option<String>,
    /// Connections of all addresses together that have yet to show a token, this machine's included. It
    /// counts only where tokens do.
    #[arg(
        long,
        env = "FOOTPLATE_MAX_STRANGERS",
        value_name = "NUMBER",
        default_value = "1000",
        help_heading = "Bounds"
    )]
    pub max_strangers: Option<String>,
    /// Connections of one person: of one subject of one issuer, or one API key. Duplicates that a stage5
    /// dashboard has left behind count apart, up to as many again. It counts only where tokens do.
    #[arg(
        long,
        env = "FOOTPLATE_MAX_CONNECTIONS_PER_PRINCIPAL",
        value_name = "NUMBER",
        default_value = "100",
        help_heading = "Bounds"
    )]
    pub max_connections_per_principal: Option<String>,
    /// Connections of one tenant. It counts only where tokens name tenants.
    #[arg(
        long,
        env = "FOOTPLATE_MAX_CONNECTIONS_PER_TENANT",
        value_name = "NUMBER",
        default_value = "2000",
        help_heading = "Bounds"
    )]
    pub max_connections_per_tenant: Option<String>,
    /// Things that all connections of one tenant may watch together; one connection may watch 128. It
    /// counts only where tokens name tenants.
    #[arg(
        long,
        env = "FOOTPLATE_MAX_SUBSCRIPTIONS_PER_TENANT",
        value_name = "NUMBER",
        default_value = "10000",
        help_heading = "Bounds"
    )]
    pub max_subscriptions_per_tenant: Option<String>,
    /// How many times what one connection may say in a second all of a person's may say together: messages,
    /// pings, decisions, subscriptions. It counts only where tokens do.
    #[arg(
        long,
        env = "FOOTPLATE_MAX_RATE_PER_PRINCIPAL",
        value_name = "NUMBER",
        default_value = "4",
        help_heading = "Bounds"
    )]
    pub max_rate_per_principal: Option<String>,
    /// Tokens, keys and tickets that count for nobody which one address, of IPv6 one /64, may show at once;
    /// after that, one in a second, and the others are refused as too many. What counts for somebody is
    /// let in all the same.
    #[arg(
        long,
        env = "FOOTPLATE_MAX_FAILED_ATTEMPTS",
        value_name = "NUMBER",
        default_value = "20",
        help_heading = "Bounds"
    )]
    pub max_failed_attempts: Option<String>,
    /// Executions of one engine that are not over: of one API key, one certificate, one user of this
    /// machine. `auto` is 1000 where tokens count, and elsewhere as many as the relay has room for.
    #[arg(
        long,
        env = "FOOTPLATE_MAX_EXECUTIONS_PER_ENGINE",
        value_name = "NUMBER",
        default_value = "auto",
        help_heading = "Bounds"
    )]
    pub max_executions_per_engine: Option<String>,
    /// Executions of all engines of one tenant that are not over. `auto` is 10000 where tokens count.
    #[arg(
        long,
        env = "FOOTPLATE_MAX_EXECUTIONS_PER_TENANT",
        value_name = "NUMBER",
        default_value = "auto",
        help_heading = "Bounds"
    )]
    pub max_executions_per_tenant: Option<String>,
    /// Executions that one engine may begin in a second; five times as many at once after a rest. What is
    /// too much is told to it, and it sends the same again later. `auto` is 200 where tokens count, and
    /// elsewhere as many as it likes.
    #[arg(
        long,
        env = "FOOTPLATE_MAX_EXECUTIONS_BEGUN",
        value_name = "NUMBER",
        default_value = "auto",
        help_heading = "Bounds"
    )]
    pub max_executions_begun: Option<String>,
}
