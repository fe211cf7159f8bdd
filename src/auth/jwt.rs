//! A JSON Web Token, taken apart and held against a key (RFC 7515, 7519, 8725). There is one reading of
//! it: what is verified is what is acted on. What its claims mean is `issuer`'s affair.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::keys::{Alg, Key};
use super::reason::Reason;
use crate::json::{JsonText, tree::Value};

/// The longest token, in bytes. Of a longer one nothing is read.
pub const LONGEST: usize = 8 << 10;
/// The longest name of a key, in bytes.
const LONGEST_KID: usize = 128;

/// A token that has the form of one. Nothing that it says is known to be true.
#[derive(Debug)]
pub struct Token<'a> {
    /// What was signed.
    signed: &'a str,
    claims: &'a str,
    signature: &'a str,
    /// How, as it says.
    pub alg: Alg,
    /// With which key, as it says: a name to be looked up among ours, and nothing else.
    pub kid: Option<String>,
    /// What kind of token it is, as it says, in lower case.
    pub typ: Option<String>,
}

impl<'a> Token<'a> {
    /// Takes a token apart, as far as one may without knowing whose it is.
    ///
    /// # Errors
    /// It is none, or of a kind that is not taken.
    pub fn read(token: &'a str) -> Result<Self, Reason> {
        if LONGEST < token.len() {
            return Err(Reason::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Reason::NotAToken)?;
        let (header, claims) = signed.split_once('.').ok_or(Reason::NotAToken)?;
        if claims.contains('.') {
            let encrypted = claims.matches('.').count() == 2;
            return Err(if encrypted { Reason::Nested } else { Reason::NotAToken });
        }
        decoded(claims)?;
        decoded(signature)?;
        let json = object(header, Reason::Header)?;
        let header = Value::read(&json).map_err(|_| Reason::Header)?;
        for unknown in ["crit", "b64", "zip"] {
            if header.get(unknown).is_some() {
                return Err(Reason::Critical);
            }
        }
        let text = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.as_ref())),
            Some(_) => Err(Reason::Header),
        };
        let holds_a_token = text("cty")?.is_some_and(|it| it.eq_ignore_ascii_case("jwt"));
        if header.get("enc").is_some() || holds_a_token {
            return Err(Reason::Nested);
        }
        let alg = text("alg")?.and_then(Alg::of).ok_or(Reason::Algorithm)?;
        let kid = text("kid")?.map(|kid| kid_of(kid).ok_or(Reason::KeyId)).transpose()?;
        let typ = text("typ")?.map(str::to_ascii_lowercase);
        // `jku`, `x5u`, `jwk`, `x5c` and all else are what anybody could have written there.
        Ok(Self { signed, claims, signature, alg, kid, typ })
    }

    /// Its claims, a JSON object, if `key` has signed them.
    ///
    /// # Errors
    /// It has not, or they are none.
    pub fn verified(&self, key: &Key) -> Result<JsonText, Reason> {
        if key.alg() != self.alg {
            return Err(Reason::Algorithm);
        }
        if !key.has_signed(self.signed, self.signature) {
            return Err(Reason::Signature);
        }
        object(self.claims, Reason::Claims)
    }
}

/// The name of a key, if it can be one.
pub(super) fn kid_of(text: &str) -> Option<String> {
    let fine = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    let short = (1..=LONGEST_KID).contains(&text.len());
    (short && text.bytes().all(fine)).then(|| text.to_owned())
}

/// Base64url as RFC 7515 wants it: no padding, no white space, nothing left over in the last letter.
fn decoded(part: &str) -> Result<Vec<u8>, Reason> {
    if part.is_empty() {
        return Err(Reason::NotAToken);
    }
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Reason::NotAToken)
}

fn object(part: &str, wrong: Reason) -> Result<JsonText, Reason> {
    let bytes = decoded(part)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong)?;
    let json = JsonText::read(text).map_err(|_| wrong)?;
    if json.starts_with('{') { Ok(json) } else { Err(wrong) }
}
