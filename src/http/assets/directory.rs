//! The user's own page: the files of a directory. Nothing outside of it is read, nothing that
//! begins with a dot is served, no directory is listed, and no file is kept in memory.
//!
//! Symlinks are followed as long as they lead to something inside the directory, since that is how
//! mounted config maps and deployments that switch between two builds are made. What leads out of
//! it is not there.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header, request};
use percent_encoding::percent_decode_str;
use tokio::task::spawn_blocking;
use tower_http::services::ServeDir;
use tracing::warn;

use super::nothing;
use crate::http::{Body, Refusal};

/// What a page may do that was built as usual: its own scripts and connections, and styles in it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     connect-src 'self'; img-src 'self' data:; font-src 'self' data:; media-src 'self'; \
     manifest-src 'self'; worker-src 'self'; base-uri 'self'; form-action 'none'; \
     frame-ancestors 'none'";
/// What a page can't say for itself in a `<meta>`.
const BESIDE_ITS_OWN: &str = "frame-ancestors 'none'";
/// How far a page is searched for a policy of its own, in bytes. Behind its head it would not count.
const HEAD: u64 = 64 << 10;

/// A directory whose files are served.
#[derive(Debug, Clone)]
pub struct Directory {
    dir: PathBuf,
    files: ServeDir,
}

/// What is there.
#[derive(Debug)]
enum Found {
    /// A directory, whose address has a slash at its end.
    Directory,
    File {
        tag: HeaderValue,
        has_policy: bool,
    },
}

impl Directory {
    /// What stands in `dir` at each request's time.
    pub fn new(dir: PathBuf) -> Self {
        if !dir.join("index.html").is_file() {
            let dir = dir.display();
            warn!(%dir, "there is no index.html in it, so there is no page at /; put one there");
        }
        Self { files: ServeDir::new(&dir), dir }
    }

    /// Answers GET and HEAD.
    ///
    /// # Errors
    /// 404 for what is not there, or not to be served.
    pub(in crate::http) async fn answer(
        &self,
        head: &request::Parts,
    ) -> Result<Response<Body>, Refusal> {
        let (dir, path) = (self.dir.clone(), head.uri.path().to_owned());
        let found = spawn_blocking(move || find(&dir, &path)).await;
        let found = found.map_err(|_| unreadable())?.ok_or_else(nothing)?;
        let (tag, has_policy) = match found {
            Found::Directory => (None, false),
            Found::File { tag, has_policy } => (Some(tag), has_policy),
        };
        let mut response = match &tag {
            Some(tag) if is_known(&head.headers, tag) => not_modified(),
            _ => self.file(head).await?,
        };
        let headers = response.headers_mut();
        if let Some(tag) = tag {
            headers.insert(header::ETAG, tag);
        }
        let policy = if has_policy { BESIDE_ITS_OWN } else { POLICY };
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        // It may be kept, but is asked for each time: a new build is seen at once.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(response)
    }

    async fn file(&self, head: &request::Parts) -> Result<Response<Body>, Refusal> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = head.method.clone();
        // Without scheme and host, so that a redirect stays here whatever name we are called by.
        let path = head.uri.path_and_query().map_or("/", |it| it.as_str());
        *request.uri_mut() = path.parse().map_err(|_| nothing())?;
        // The other conditions are about tags, which are ours.
        let headers = request.headers_mut();
        let has = |name| head.headers.contains_key(name);
        let mut take = |name| {
            if let Some(value) = head.headers.get(&name) {
                headers.insert(name, value.clone());
            }
        };
        if !has(header::IF_NONE_MATCH) {
            take(header::IF_MODIFIED_SINCE);
        }
        if !has(header::IF_RANGE) {
            take(header::RANGE);
        }
        let gone = |it| matches!(it, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        let response = self.files.clone().try_call(request).await.map_err(|err| {
            if gone(err.kind()) {
                return nothing();
            }
            let dir = self.dir.display();
            warn!(%dir, %err, "a file of the page can't be read; let the relay's user read it");
            unreadable()
        })?;
        match response.status() {
            StatusCode::NOT_FOUND => Err(nothing()),
            _ => Ok(response.map(Body::new)),
        }
    }
}

/// What a path leads to. It blocks.
fn find(dir: &Path, path: &str) -> Option<Found> {
    let mut segments: Vec<_> = path.strip_prefix('/')?.split('/').collect();
    let is_directory = segments.pop_if(|it| it.is_empty()).is_some();
    let mut at = dir.to_owned();
    for segment in segments {
        let name = percent_decode_str(segment).decode_utf8().ok()?;
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
            return None;
        }
        at.push(&*name);
    }
    // The directory may itself be a link that is moved to the next build.
    let dir = dir.canonicalize().ok()?;
    let (mut at, mut there) = inside(&dir, &at)?;
    if there.is_dir() && !is_directory {
        return Some(Found::Directory);
    }
    if is_directory {
        (at, there) = inside(&dir, &at.join("index.html"))?;
    }
    if !there.is_file() {
        return None;
    }
    let is_page = at.extension().is_some_and(|it| it == "html" || it == "htm");
    let has_policy = is_page && beginning(&at).is_ok_and(|it| has_policy(&it));
    Some(Found::File { tag: tag(&there), has_policy })
}

/// Where `path` leads, if that is inside.
fn inside(dir: &Path, path: &Path) -> Option<(PathBuf, Metadata)> {
    let path = path.canonicalize().ok()?;
    let there = fs::metadata(&path).ok().filter(|_| path.starts_with(dir))?;
    Some((path, there))
}

/// Of the very file and its last change. The time of modification alone would not do: builds that
/// are reproducible, and images, give all files the same.
fn tag(it: &Metadata) -> HeaderValue {
    let text =
        format!("W/\"{:x}-{:x}-{:x}.{:x}\"", it.ino(), it.size(), it.ctime(), it.ctime_nsec());
    HeaderValue::try_from(text).expect("digits are visible ASCII")
}

/// Whether the client has what bears this tag.
fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let strong = |it: &str| it.trim().trim_start_matches("W/").to_owned();
    let Ok(tag) = tag.to_str().map(strong) else { return false };
    let all = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|it| it.to_str().ok());
    all.flat_map(|it| it.split(',')).map(strong).any(|it| it == tag || it == "*")
}

fn beginning(path: &Path) -> io::Result<String> {
    let mut text = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).to_ascii_lowercase())
}

/// Whether a page, in lower case, states a policy of its own where browsers heed it: in a `<meta>`
/// of its head, and not in a comment or a script.
fn has_policy(page: &str) -> bool {
    let mut rest = page;
    while let Some((_, tag)) = rest.split_once('<') {
        if let Some(comment) = tag.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        if tag.starts_with("body") || tag.starts_with("/head") {
            return false;
        }
        let (inside, after) = tag.split_once('>').unwrap_or((tag, ""));
        rest = after;
        if inside.starts_with("meta")
            && inside.contains("http-equiv")
            && inside.contains("content-security-policy")
            && !inside.contains("content-security-policy-report-only")
        {
            return true;
        }
        for (opens, closes) in [("script", "</script"), ("style", "</style")] {
            if inside.starts_with(opens) {
                rest = after.split_once(closes).map_or("", |(_, after)| after);
            }
        }
    }
    false
}

fn not_modified() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

fn unreadable() -> Refusal {
    let message = "It can't be read. Look into the relay's log.";
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable", message)
}

#[cfg(test)]
mod tests {
    use super::has_policy;

    #[test]
    fn a_policy_counts_where_browsers_heed_it() {
        let meta = "<meta http-equiv=\"content-security-policy\" content=\"default-src 'self'\">";
        for (page, has) in [
            (format!("<!doctype html><head><title>x</title>{meta}</head><body>"), true),
            (format!("<head><script>if (1<2) {{}}</script>{meta}"), true),
            (format!("<head><meta charset=utf-8><style>a>b{{}}</style>\n{meta}"), true),
            (format!("<head><!-- {meta} --></head>"), false),
            (format!("<head><script>'{meta}'</script></head>"), false),
            (format!("<head></head><body>{meta}</body>"), false),
            (format!("<body>{meta}"), false),
            ("<head><meta http-equiv=refresh content=1>".to_owned(), false),
            (meta.replace("policy\"", "policy-report-only\""), false),
            ("<!-- <".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(has_policy(&page), has, "{page}");
        }
    }
}
