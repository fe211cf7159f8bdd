//! The settings of tokens and keys: which count, what they have to say, and what that makes of their
//! holders. Every file that they name is read once here, so that what is wrong is told before the start.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::check::Check;
use super::flags::TokenFlags;
use super::values;
use crate::auth::{ApiKeys, KeySet, Names, Profile, Revoked};
use crate::http::fetch::Published;
use crate::model::Text;
use crate::tls::Trust;

const LEEWAY: &str = "it is a whole number of seconds such as 5s, and at most 60s";
const LIFETIME: &str = "it is a whole number with a unit, such as 15m, 8h or 1d, and at most 30d";
const JWKS_URL: &str =
    "it is an address such as https://id.example/jwks.json, with https and without a user";
const NAME: &str = "it is a name of 1 to 256 bytes";
const CLAIM: &str = "it is the name of a claim, such as roles or realm_access.roles";

/// Which tokens and keys count.
#[derive(Debug, Clone)]
pub struct Auth {
    /// What the issuer's tokens say.
    pub profile: Profile,
    /// Files of keys.
    pub keys: Vec<PathBuf>,
    /// Where the issuer publishes its keys, and who says that it is it.
    pub jwks: Option<(Published, Trust)>,
    /// The file of API keys.
    pub api_keys: Option<PathBuf>,
    /// The file of what is revoked.
    pub revoked: Option<PathBuf>,
    /// Whether a cookie counts as a token.
    pub cookie: bool,
}

impl Check {
    /// `None`: nothing is configured that somebody could show.
    pub(super) fn auth(&mut self, flags: &TokenFlags) -> Option<Auth> {
        let keys = self.key_files(&flags.auth_keys);
        let jwks = self.published(flags);
        let api_keys = flags.api_keys.as_deref().map(|text| {
            if let Err(err) = ApiKeys::read(Path::new(text)) {
                self.wrong("--api-keys", text, err.to_string());
            }
            PathBuf::from(text)
        });
        let revoked = flags.revoked.as_deref().map(|text| {
            if let Err(err) = Revoked::read(Path::new(text)) {
                self.wrong("--revoked", text, err.to_string());
            }
            PathBuf::from(text)
        });
        let profile = self.profile(flags);
        let cookie =
            self.one("--auth-cookie", flags.auth_cookie.as_deref(), values::truth, super::TRUTH);
        let tokens = !flags.auth_keys.is_empty() || flags.auth_jwks_url.is_some();
        if tokens {
            self.complete(&profile);
        }
        self.without_keys(flags, tokens, cookie);
        let any = tokens || api_keys.is_some();
        any.then_some(Auth { profile, keys, jwks, api_keys, revoked, cookie })
    }

    fn key_files(&mut self, texts: &[String]) -> Vec<PathBuf> {
        for text in texts {
            if let Err(err) = KeySet::of_file(Path::new(text)) {
                self.wrong("--auth-keys", text, err.to_string());
            }
        }
        texts.iter().map(PathBuf::from).collect()
    }

    fn published(&mut self, flags: &TokenFlags) -> Option<(Published, Trust)> {
        let (url, ca) = (flags.auth_jwks_url.as_deref(), flags.auth_jwks_ca.as_deref());
        let Some(url) = url else {
            if let Some(ca) = ca {
                self.wrong(
                    "--auth-jwks-ca",
                    ca,
                    "there is nobody whom it vouches for; name --auth-jwks-url",
                );
            }
            return None;
        };
        let published = Published::parse(url);
        if published.is_none() {
            self.wrong("--auth-jwks-url", url, JWKS_URL);
        }
        let trust = match ca {
            Some(ca) => match Trust::of_file(Path::new(ca)) {
                Ok(trust) => Some(trust),
                Err(fault) => {
                    self.wrong("--auth-jwks-ca", ca, fault.to_string());
                    None
                }
            },
            None => {
                let trust = Trust::of_system();
                if trust.is_none() {
                    let what =
                        "this system has no list of authorities; name one with --auth-jwks-ca";
                    self.wrong("--auth-jwks-url", url, what);
                }
                trust
            }
        };
        published.zip(trust)
    }

    fn profile(&mut self, flags: &TokenFlags) -> Profile {
        let name = |text: &str| (1..=256).contains(&text.len()).then(|| Text::from(text));
        let defaults = Profile::default();
        let mut one = |flag, text: &Option<String>| {
            let text = text.clone().into_iter().collect::<Vec<_>>();
            self.all(flag, &text, name, CLAIM).pop()
        };
        let names = Names {
            roles: one("--auth-roles-claim", &flags.auth_roles_claim)
                .unwrap_or(defaults.names.roles),
            groups: one("--auth-groups-claim", &flags.auth_groups_claim)
                .unwrap_or(defaults.names.groups),
            tenant: one("--auth-tenant-claim", &flags.auth_tenant_claim),
            executions: one("--auth-executions-claim", &flags.auth_executions_claim)
                .unwrap_or(defaults.names.executions),
        };
        let issuer = one("--auth-issuer", &flags.auth_issuer);
        let lower = |text: &str| name(&text.to_ascii_lowercase());
        let required = if flags.auth_require.is_empty() {
            defaults.required
        } else {
            self.all("--auth-require", &flags.auth_require, name, CLAIM)
        };
        Profile {
            issuer,
            audiences: self.all("--auth-audience", &flags.auth_audience, name, NAME),
            required,
            types: self.all("--auth-type", &flags.auth_type, lower, NAME),
            leeway: self.one("--auth-leeway", flags.auth_leeway.as_deref(), leeway, LEEWAY),
            lifetime: self.one(
                "--auth-max-lifetime",
                flags.auth_max_lifetime.as_deref(),
                lifetime,
                LIFETIME,
            ),
            names,
        }
    }

    /// What tokens have to say has to be known.
    fn complete(&mut self, profile: &Profile) {
        let wanted = |name: &str| profile.required.iter().any(|it| **it == *name);
        if wanted("iss") && profile.issuer.is_none() {
            let what = "tokens have to say who has issued them, and nobody may have; name the issuer as \
                        it stands in `iss`, or leave iss out of --auth-require";
            self.wrong("--auth-issuer", "", what);
        }
        if wanted("aud") && profile.audiences.is_empty() {
            let what = "tokens have to say whom they are for, and this relay has no name; give it the \
                        one that stands in `aud`, or leave aud out of --auth-require";
            self.wrong("--auth-audience", "", what);
        }
    }

    /// What is said of tokens where there are none is a mistake, and not one that opens a door.
    fn without_keys(&mut self, flags: &TokenFlags, tokens: bool, cookie: bool) {
        let given = [
            ("--auth-issuer", flags.auth_issuer.is_some()),
            ("--auth-audience", !flags.auth_audience.is_empty()),
            ("--auth-require", !flags.auth_require.is_empty()),
            ("--auth-type", !flags.auth_type.is_empty()),
            ("--auth-cookie", cookie),
        ];
        let needs = "no token counts without a key; name one with --auth-keys or --auth-jwks-url";
        if !tokens && let Some((flag, _)) = given.into_iter().find(|(_, given)| *given) {
            self.wrong(flag, "", needs);
        }
        if !tokens
            && flags.api_keys.is_none()
            && let Some(text) = &flags.revoked
        {
            let needs = "nothing counts that could be revoked; name --auth-keys, --auth-jwks-url or \
                         --api-keys";
            self.wrong("--revoked", text, needs);
        }
    }
}

fn leeway(text: &str) -> Option<Duration> {
    values::duration(text).filter(|it| *it <= Duration::from_secs(60))
}

fn lifetime(text: &str) -> Option<Duration> {
    let month = Duration::from_secs(30 * 86_400);
    values::age(text).filter(|it| Duration::from_secs(1) <= *it && *it <= month)
}
