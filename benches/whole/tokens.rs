//! Keys and tokens for a relay that lets nobody in without: made anew for each run, in a folder that
//! goes with it.

use std::path::Path;
use std::time::SystemTime;

use anyhow::Context;
use footplate::auth::Alg;
use footplate::config::TokenFlags;
use serde_json::json;
use tempfile::TempDir;

#[path = "../../tests/it/auth/mint.rs"]
#[expect(dead_code, reason = "tests need more of it")]
mod mint;

use mint::{AUDIENCE, ISSUER, Pair};

/// The algorithms that are measured, from the cheapest to check.
pub(crate) const ALGS: [Alg; 4] = [Alg::Hs256, Alg::Rs256, Alg::EdDsa, Alg::Es256];

/// A key of each.
pub(crate) struct Mint {
    /// Where their public halves are.
    pub(crate) folder: TempDir,
    pairs: Vec<Pair>,
}

impl Mint {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let pairs: Vec<Pair> = ALGS.into_iter().map(Pair::new).collect();
        for pair in &pairs {
            mint::written(&folder, pair.alg().name(), pair);
        }
        Ok(Self { folder, pairs })
    }

    /// A token for an hour, of one person among many.
    pub(crate) fn token(&self, alg: Alg, n: usize) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let pair = self.pairs.iter().find(|it| it.alg() == alg).context("a key of this kind")?;
        let (sub, jti) = (format!("person-{n}"), format!("{n}"));
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": sub, "jti": jti, "iat": now, "exp": now + 3_600,
            "roles": ["decider", "engine"],
        });
        Ok(pair.token(&json!({ "typ": "JWT" }), &claims))
    }
}

/// The files of a mint's folder.
pub(crate) fn keys(folder: &Path) -> Vec<String> {
    let path = |alg: Alg| folder.join(alg.name()).display().to_string();
    ALGS.into_iter().map(path).collect()
}

/// What a relay is told of who has issued its tokens.
pub(crate) fn flags() -> TokenFlags {
    let (auth_issuer, auth_audience) = (Some(ISSUER.to_owned()), vec![AUDIENCE.to_owned()]);
    TokenFlags { auth_issuer, auth_audience, ..TokenFlags::default() }
}
