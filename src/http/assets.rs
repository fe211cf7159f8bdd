//! The built-in page, and what it may do in a browser: talk to where it came from, run the script
//! that stands in it, and nothing else. Instead of it, the user's own: see [`Directory`].

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use sha2::{Digest, Sha256};

mod directory;

use super::{Body, Refusal, respond};
pub use directory::Directory;

const PAGE: &str = include_str!("page/index.html");

/// `/`.
pub(super) fn page() -> Response<Body> {
    respond(StatusCode::OK, "text/html; charset=utf-8", PAGE)
}

/// What is said where nothing is.
pub(super) fn nothing() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here.")
}

/// What every response says to a browser that says nothing else. The digests in the policy are those of the page's own
/// script and style, so nothing that an engine sends can become one.
pub(super) fn headers() -> Vec<(HeaderName, HeaderValue)> {
    let fixed = |name, value| (name, HeaderValue::from_static(value));
    vec![
        (header::CONTENT_SECURITY_POLICY, policy(PAGE)),
        fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        fixed(header::REFERRER_POLICY, "no-referrer"),
        fixed(header::CACHE_CONTROL, "no-store"),
        fixed(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        fixed(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ]
}

/// The content security policy for a page with inline scripts and styles.
fn policy(page: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src 'self' data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        digests(page, "script"),
        digests(page, "style"),
    );
    HeaderValue::try_from(policy).expect("words and base64 are visible ASCII")
}

/// The digests of what stands between `<element …>` and `</element>`, as sources; `'none'` where
/// there is nothing.
fn digests(page: &str, element: &str) -> String {
    let (open, close) = (format!("<{element}"), format!("</{element}>"));
    let mut sources = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once(&open) {
        let inside = after.split_once('>').and_then(|(_, after)| after.split_once(&close));
        let Some((inside, after)) = inside else { break };
        sources.push(format!("'sha256-{}'", STANDARD.encode(Sha256::digest(inside))));
        rest = after;
    }
    if sources.is_empty() { "'none'".to_owned() } else { sources.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::{digests, policy};

    #[test]
    fn the_policy_names_each_script_of_the_page() {
        // The digest of `alert(1)` as other programs compute it.
        let one = "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='";
        assert_eq!(digests("<script>alert(1)</script>", "script"), one);
        assert_eq!(digests("<script type=\"module\">alert(1)</script>", "script"), one);
        let two = digests("<script>alert(1)</script><p><script>x</script>", "script");
        assert!(two.starts_with(one) && two.split(' ').count() == 2, "{two}");
        assert_eq!(digests("<p>", "style"), "'none'");
        let policy = policy("<style>p{}</style>");
        assert!(policy.to_str().unwrap().contains("script-src 'none'; style-src 'sha256-"));
    }
}
