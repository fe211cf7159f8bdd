//! What an issuer's tokens have to say, and what that makes of their holder. A claim that is missing or
//! has another type than it should never counts as one that says yes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::pass::{Marks, Pass, Pattern, Sight};
use super::reason::Reason;
use crate::json::tree::{Number, Value};
use crate::model::{Alias, Principal, Role, Text, Timestamp};

/// The longest name in a claim, in bytes.
const LONGEST: usize = 256;
/// Roles, groups or patterns in one claim.
const MOST: usize = 256;
/// The word that makes an engine of a token's holder, among its roles.
const ENGINE: &str = "engine";

/// What an issuer's tokens have to say.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name, as it stands in `iss`: letter by letter.
    pub issuer: Option<Text>,
    /// Names of this relay. `aud` has to hold one of them.
    pub audiences: Vec<Text>,
    /// The claims that have to be there. `exp` always has to.
    pub required: Vec<Text>,
    /// What `typ` may say, in lower case. Empty: `jwt` or `at+jwt`, or nothing.
    pub types: Vec<Text>,
    /// How far clocks may be apart.
    pub leeway: Duration,
    /// How long a token counts at most, whatever it says.
    pub lifetime: Duration,
    /// What the claims are called that say what its holder may do.
    pub names: Names,
}

/// Names of claims. One with dots that is not there is looked for inside others:
/// `realm_access.roles`.
#[derive(Debug, Clone)]
pub struct Names {
    /// The roles. A token without this claim makes a viewer.
    pub roles: Text,
    /// The groups.
    pub groups: Text,
    /// The tenant. `None`: there are no tenants. With a name, a token without this claim is refused.
    pub tenant: Option<Text>,
    /// Patterns of executions. A token without this claim sees all of its tenant's.
    pub executions: Text,
}

impl Default for Names {
    fn default() -> Self {
        let (roles, groups, executions) = ("roles".into(), "groups".into(), "executions".into());
        Self { roles, groups, tenant: None, executions }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            issuer: None,
            audiences: vec![],
            required: ["exp", "iss", "aud", "sub"].map(Text::from).to_vec(),
            types: vec![],
            leeway: Duration::from_secs(5),
            lifetime: Duration::from_secs(24 * 3_600),
            names: Names::default(),
        }
    }
}

impl Profile {
    /// What these claims make of whoever shows them. They are known to be the issuer's.
    ///
    /// # Errors
    /// They don't count, or not here, or not now.
    pub fn admit(
        &self,
        typ: Option<&str>,
        claims: &Value<'_>,
        now: Timestamp,
    ) -> Result<Pass, Reason> {
        if !self.takes_type(typ) {
            return Err(Reason::Type);
        }
        for name in &self.required {
            if claim(claims, name).is_none() {
                return Err(Reason::Missing);
            }
        }
        let issuer = text(claims, "iss", Reason::Issuer)?;
        if self.issuer.is_some() && issuer.is_some() && issuer != self.issuer {
            return Err(Reason::Issuer);
        }
        self.meant_for_us(claims)?;
        let (expires, issued) = self.in_time(claims, now)?;
        let subject = text(claims, "sub", Reason::Subject)?.ok_or(Reason::Subject)?;
        let tenant = self.tenant(claims)?;
        let (roles, engine) = self.roles(claims)?;
        let principal = Principal {
            subject,
            issuer,
            method: "jwt".into(),
            groups: list(claims, &self.names.groups)?.unwrap_or_default(),
            roles,
            tenant: tenant.clone(),
        };
        let executions = list(claims, &self.names.executions)?.map(|all| {
            let read = |it: &Text| Pattern::read(it).map_err(|_| Reason::Claims);
            all.iter().map(read).collect::<Result<Arc<[_]>, _>>()
        });
        Ok(Pass {
            principal: Arc::new(principal),
            sight: Sight { tenant, executions: executions.transpose()? },
            engine,
            expires: Some(expires),
            marks: Marks {
                token: text(claims, "jti", Reason::Claims)?,
                session: text(claims, "sid", Reason::Claims)?,
                issued,
                secret: None,
            },
        })
    }

    fn takes_type(&self, typ: Option<&str>) -> bool {
        let typ = typ.map(|it| it.strip_prefix("application/").unwrap_or(it));
        match typ {
            None => self.types.is_empty(),
            Some(typ) if self.types.is_empty() => ["jwt", "at+jwt"].contains(&typ),
            Some(typ) => self.types.iter().any(|it| **it == *typ),
        }
    }

    fn meant_for_us(&self, claims: &Value<'_>) -> Result<(), Reason> {
        let ours = |it: &Value<'_>| {
            let Value::Text(text) = it else { return Err(Reason::Audience) };
            Ok(self.audiences.iter().any(|ours| **ours == **text))
        };
        let fine = match claims.get("aud") {
            None => return Ok(()),
            Some(Value::List(all)) if all.len() <= MOST => {
                // Each of them has to be a name, whichever is ours.
                let all = all.iter().map(ours).collect::<Result<Vec<_>, _>>()?;
                all.contains(&true)
            }
            Some(one) => ours(one)?,
        };
        if fine { Ok(()) } else { Err(Reason::Audience) }
    }

    /// When it ends, and when it was issued.
    fn in_time(
        &self,
        claims: &Value<'_>,
        now: Timestamp,
    ) -> Result<(Timestamp, Option<Timestamp>), Reason> {
        let ends = time(claims, "exp")?.ok_or(Reason::Missing)?;
        let (issued, begins) = (time(claims, "iat")?, time(claims, "nbf")?);
        let soon = now.after(self.leeway);
        if issued.is_some_and(|at| soon < at) || begins.is_some_and(|at| soon < at) {
            return Err(Reason::NotYet);
        }
        let ends_at_last = match issued {
            Some(at) => at.after(self.lifetime),
            // It can't be told how long it has counted already.
            None if now.after(self.lifetime) < ends => return Err(Reason::TooOld),
            None => ends,
        };
        if ends_at_last.after(self.leeway) <= now && now < ends {
            return Err(Reason::TooOld);
        }
        let expires = ends.min(ends_at_last).after(self.leeway);
        if expires <= now { Err(Reason::Expired) } else { Ok((expires, issued)) }
    }

    fn tenant(&self, claims: &Value<'_>) -> Result<Option<Text>, Reason> {
        let Some(name) = &self.names.tenant else { return Ok(None) };
        let Some(Value::Text(tenant)) = claim(claims, name) else { return Err(Reason::Missing) };
        tenant_of(tenant).ok_or(Reason::Subject).map(Some)
    }

    fn roles(&self, claims: &Value<'_>) -> Result<(Vec<Role>, bool), Reason> {
        match list(claims, &self.names.roles)? {
            None => Ok((vec![Role::Viewer], false)),
            Some(words) => Ok(roles(words.iter().map(|it| &**it))),
        }
    }
}

/// The roles that these words name, each with those below it, and whether one of them says `engine`.
/// Words that are not ours are somebody else's roles.
pub(super) fn roles<'a>(words: impl Iterator<Item = &'a str>) -> (Vec<Role>, bool) {
    const ALL: [Role; 4] = [Role::Viewer, Role::Decider, Role::Operator, Role::Admin];
    let (mut highest, mut engine) = (None, false);
    for word in words {
        engine |= word == ENGINE;
        highest = highest.max(ALL.into_iter().find(|it| it.name() == word));
    }
    (ALL.into_iter().filter(|it| Some(*it) <= highest).collect(), engine)
}

/// The name of a tenant, if it can be one.
pub(super) fn tenant_of(text: &str) -> Option<Text> {
    let fine = |c: u8| c.is_ascii_alphanumeric() || b"._:@+-".contains(&c);
    let short = (1..=128).contains(&text.len());
    (short && text.bytes().all(fine)).then(|| text.into())
}

/// A name that people are shown: it can be seen, and is not endless.
pub(super) fn shown(text: &str) -> Option<Text> {
    // What may be an alias of an execution may be the name of a person: visible, 1 to 256 bytes.
    (text.len() <= LONGEST && text.parse::<Alias>().is_ok()).then(|| text.into())
}

/// A claim, at the top, or inside others as its dots say.
fn claim<'v, 'a>(claims: &'v Value<'a>, name: &str) -> Option<&'v Value<'a>> {
    let own = claims.get(name);
    own.or_else(|| name.split('.').try_fold(claims, |inside, name| inside.get(name)))
}

fn text(claims: &Value<'_>, name: &str, wrong: Reason) -> Result<Option<Text>, Reason> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Text(text)) => shown(text).ok_or(wrong).map(Some),
        Some(_) => Err(wrong),
    }
}

/// A list of texts; or one text, of words with spaces between them, as scopes are written.
fn list(claims: &Value<'_>, name: &str) -> Result<Option<Vec<Text>>, Reason> {
    let items: BTreeSet<&str> = match claim(claims, name) {
        None => return Ok(None),
        Some(Value::Text(text)) => text.split_ascii_whitespace().collect(),
        Some(Value::List(all)) => {
            let text = |it: &'_ Value<'_>| matches!(it, Value::Text(_));
            if !all.iter().all(text) {
                return Err(Reason::Claims);
            }
            all.iter()
                .filter_map(|it| if let Value::Text(it) = it { Some(&**it) } else { None })
                .collect()
        }
        Some(_) => return Err(Reason::Claims),
    };
    if MOST < items.len() {
        return Err(Reason::Claims);
    }
    items.into_iter().map(|it| shown(it).ok_or(Reason::Claims)).collect::<Result<_, _>>().map(Some)
}

/// Whole seconds since 1970, written as such: up to the year 5138.
fn time(claims: &Value<'_>, name: &str) -> Result<Option<Timestamp>, Reason> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(Number(digits)))
            if digits.len() <= 11 && digits.bytes().all(|it| it.is_ascii_digit()) =>
        {
            let seconds: i64 = digits.parse().map_err(|_| Reason::Claims)?;
            Ok(Some(Timestamp(seconds * 1_000_000)))
        }
        Some(_) => Err(Reason::Claims),
    }
}
