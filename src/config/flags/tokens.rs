//! The flags of tokens and keys, as they are typed. What stands here as a comment is what `--help` and
//! `docs/configuration.md` say.

use clap::Args;

/// The settings of tokens and keys, as they were typed. What is not given is the default.
#[derive(Debug, Clone, Default, Args)]
pub struct TokenFlags {
    /// A file with a key that tokens may be signed with: a public key as PEM, a JSON Web Key Set, or a
    /// secret of at least 32 bytes for HS256. May be repeated. Read again when it changes. Default: none.
    #[arg(
        long,
        env = "FOOTPLATE_AUTH_KEYS",
        value_name = "FILE",
        value_delimiter = ',',
        help_heading = "Tokens"
    )]
    pub auth_keys: Vec<String>,
    /// Where the issuer publishes its keys, an https address. Default: none.
    #[arg(long, env = "FOOTPLATE_AUTH_JWKS_URL", value_name = "URL", help_heading = "Tokens")]
    pub auth_jwks_url: Option<String>,
    /// The authorities that may vouch for that address, as a PEM file. Read again when it changes.
    /// Default: those of the system.
    #[arg(long, env = "FOOTPLATE_AUTH_JWKS_CA", value_name = "FILE", help_heading = "Tokens")]
    pub auth_jwks_ca: Option<String>,
    /// Who issues the tokens, as it stands in `iss`. Default: none.
    #[arg(long, env = "FOOTPLATE_AUTH_ISSUER", value_name = "NAME", help_heading = "Tokens")]
    pub auth_issuer: Option<String>,
    /// Whom tokens have to be for, as it stands in `aud`. May be repeated: one of them has to be there.
    /// Default: none.
    #[arg(
        long,
        env = "FOOTPLATE_AUTH_AUDIENCE",
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Tokens"
    )]
    pub auth_audience: Vec<String>,
    /// The claims that a token has to have. `exp` has to be there in any case.
    /// Default: exp, iss, aud, sub.
    #[arg(
        long,
        env = "FOOTPLATE_AUTH_REQUIRE",
        value_name = "CLAIM",
        value_delimiter = ',',
        help_heading = "Tokens"
    )]
    pub auth_require: Vec<String>,
    /// What `typ` of a token has to say. May be repeated. Default: JWT, at+jwt or nothing.
    #[arg(
        long,
        env = "FOOTPLATE_AUTH_TYPE",
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Tokens"
    )]
    pub auth_type: Vec<String>,
    /// How far the issuer's clock and ours may be apart, up to 60s.
    #[arg(
        long,
        env = "FOOTPLATE_AUTH_LEEWAY",
        value_name = "TIME",
        default_value = "5s",
        help_heading = "Tokens"
    )]
    pub auth_leeway: Option<String>,
    /// How long a token counts at most, whatever it says, such as 8h or 1d.
    #[arg(
        long,
        env = "FOOTPLATE_AUTH_MAX_LIFETIME",
        value_name = "TIME",
        default_value = "24h",
        help_heading = "Tokens"
    )]
    pub auth_max_lifetime: Option<String>,
    /// The claim with the roles: viewer, decider, operator, admin, engine. Without it a token makes a viewer.
    #[arg(
        long,
        env = "FOOTPLATE_AUTH_ROLES_CLAIM",
        value_name = "CLAIM",
        default_value = "roles",
        help_heading = "Tokens"
    )]
    pub auth_roles_claim: Option<String>,
    /// The claim with the groups, which gates may ask for.
    #[arg(
        long,
        env = "FOOTPLATE_AUTH_GROUPS_CLAIM",
        value_name = "CLAIM",
        default_value = "groups",
        help_heading = "Tokens"
    )]
    pub auth_groups_claim: Option<String>,
    /// The claim with the tenant. With it, tokens have to have one, and nobody sees executions of another.
    /// Default: none, there are no tenants.
    #[arg(
        long,
        env = "FOOTPLATE_AUTH_TENANT_CLAIM",
        value_name = "CLAIM",
        help_heading = "Tokens"
    )]
    pub auth_tenant_claim: Option<String>,
    /// The claim with patterns of the executions that a token is for, such as team-a-*. Without it a token is
    /// for all.
    #[arg(
        long,
        env = "FOOTPLATE_AUTH_EXECUTIONS_CLAIM",
        value_name = "CLAIM",
        default_value = "executions",
        help_heading = "Tokens"
    )]
    pub auth_executions_claim: Option<String>,
    /// Whether dashboards of WinDAGs, which can't send a token, may be let in by a cookie that
    /// POST /v1/session sets: true or false.
    #[arg(
        long,
        env = "FOOTPLATE_AUTH_COOKIE",
        value_name = "BOOL",
        default_value = "false",
        help_heading = "Tokens"
    )]
    pub auth_cookie: Option<String>,
    /// A file with keys for engines and scripts, a line each with the SHA-256 of the key: see docs/auth.md.
    /// Read again when it changes. Default: none.
    #[arg(long, env = "FOOTPLATE_API_KEYS", value_name = "FILE", help_heading = "Tokens")]
    pub api_keys: Option<String>,
    /// A file with what is revoked: tokens, people, sessions. Read again when it changes, and whoever it
    /// names is sent away within a second. Default: none.
    #[arg(long, env = "FOOTPLATE_REVOKED", value_name = "FILE", help_heading = "Tokens")]
    pub revoked: Option<String>,
}
