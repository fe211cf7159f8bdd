//! Why something that was shown does not count. It is for the operator alone: whoever showed it is told
//! the same in each case.

/// Why a token, a key or a ticket does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the sentences say it")]
pub enum Reason {
    TooLong,
    NotAToken,
    Nested,
    Header,
    Critical,
    Algorithm,
    KeyId,
    UnknownKey,
    Signature,
    Claims,
    Missing,
    Type,
    Issuer,
    Audience,
    Subject,
    NotYet,
    Expired,
    TooOld,
    Revoked,
    UnknownSecret,
    Ticket,
    Crowded,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::TooLong,
        Self::NotAToken,
        Self::Nested,
        Self::Header,
        Self::Critical,
        Self::Algorithm,
        Self::KeyId,
        Self::UnknownKey,
        Self::Signature,
        Self::Claims,
        Self::Missing,
        Self::Type,
        Self::Issuer,
        Self::Audience,
        Self::Subject,
        Self::NotYet,
        Self::Expired,
        Self::TooOld,
        Self::Revoked,
        Self::UnknownSecret,
        Self::Ticket,
        Self::Crowded,
    ];

    /// A word for it: in logs, and as a metric's label.
    pub fn word(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotAToken => "not_a_token",
            Self::Nested => "nested",
            Self::Header => "header",
            Self::Critical => "critical",
            Self::Algorithm => "algorithm",
            Self::KeyId => "key_id",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Missing => "missing_claim",
            Self::Type => "type",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Subject => "subject",
            Self::NotYet => "not_yet",
            Self::Expired => "expired",
            Self::TooOld => "too_old",
            Self::Revoked => "revoked",
            Self::UnknownSecret => "unknown_secret",
            Self::Ticket => "ticket",
            Self::Crowded => "crowded",
        }
    }

    /// A sentence for the operator.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::TooLong => "it is longer than any token may be",
            Self::NotAToken => "it is not three parts in base64url, each as it has to be",
            Self::Nested => "it is encrypted, or holds another token",
            Self::Header => "its header is no JSON object, or names something twice",
            Self::Critical => "its header asks for what this relay does not know",
            Self::Algorithm => "its algorithm is none, or not the one of its key",
            Self::KeyId => "its `kid` is longer or stranger than that of a key may be",
            Self::UnknownKey => "no configured key has its `kid`",
            Self::Signature => "its signature is not its key's",
            Self::Claims => {
                "its claims are no JSON object, name something twice, or have a wrong type"
            }
            Self::Missing => "a claim is missing that --auth-require asks for",
            Self::Type => "its `typ` is not the one of --auth-type",
            Self::Issuer => "its `iss` is not --auth-issuer",
            Self::Audience => "its `aud` does not name --auth-audience",
            Self::Subject => "its `sub` or its tenant can't be a name",
            Self::NotYet => "it counts only later, or was issued in the future; compare the clocks",
            Self::Expired => "it has expired",
            Self::TooOld => "it was made to count for longer than --auth-max-lifetime",
            Self::Revoked => "--revoked names it",
            Self::UnknownSecret => "--api-keys has no such key",
            Self::Ticket => "there is no such ticket any more, or it was given to another page",
            Self::Crowded => "there are as many tickets as there may be",
        }
    }
}
