//! A page of the user's own, from a directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::rig::{Headers, Rig, Setup, body, request, status};

const PAGE: &str = "<!doctype html><title>Mine</title><script src=\"/app.js\"></script>";

/// A directory with a page as builders make them, beside something that is nobody's business.
struct Build {
    dir: TempDir,
}

impl Build {
    fn new() -> Self {
        let it = Self { dir: TempDir::new().unwrap() };
        it.write("site/index.html", PAGE);
        it.write("site/app.js", "let a = 1;");
        it.write("site/docs/index.html", "<p>docs");
        it.write("site/a b/ü.txt", "text");
        it.write("site/empty/x.css", "a{}");
        it.write("secret", "secret");
        it
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    async fn serve(&self) -> Rig {
        Rig::start(Setup { assets: Some(self.at("site")), ..Setup::default() }).await
    }
}

async fn get(rig: &Rig, path: &str) -> String {
    rig.ask(&request(&format!("GET {path}"), &[], "")).await
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let mut all = head.lines().filter_map(|line| line.split_once(": ")).filter(|it| it.0 == name);
    let only = all.next();
    assert!(all.next().is_none(), "{name} once: {head}");
    only.map(|(_, value)| value)
}

fn text(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn its_files_are_there_each_as_what_it_is() {
    let build = Build::new();
    build.write("site/favicon.svg", "<svg/>");
    let rig = build.serve().await;
    for (path, kind, content) in [
        ("/", "text/html", PAGE),
        ("/index.html", "text/html", PAGE),
        ("/?v=1", "text/html", PAGE),
        ("/app.js", "text/javascript", "let a = 1;"),
        ("/docs/", "text/html", "<p>docs"),
        ("/a%20b/%C3%BC.txt", "text/plain", "text"),
        ("/favicon.svg", "image/svg+xml", "<svg/>"),
        ("/empty/x.css", "text/css", "a{}"),
    ] {
        let answer = get(&rig, path).await;
        assert_eq!(status(&answer), 200, "{path}: {answer}");
        assert_eq!(header(&answer, "content-type"), Some(kind), "{path}");
        assert_eq!(text(&answer), content, "{path}");
    }
    // Relative links in it would lead elsewhere without the slash.
    let answer = get(&rig, "/docs?x=1").await;
    assert_eq!((status(&answer), header(&answer, "location")), (307, Some("/docs/?x=1")));
    rig.end().await;
}

#[tokio::test]
async fn what_it_says_to_browsers_fits_a_built_page() {
    let build = Build::new();
    let with_its_own =
        "<html><head><META http-equiv='Content-Security-Policy' content=\"x\"></head>";
    build.write("site/own/index.html", with_its_own);
    let rig = build.serve().await;
    let page = get(&rig, "/").await;
    let policy = header(&page, "content-security-policy").unwrap();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.split("; ").any(|it| it == rule), "{rule}: {policy}");
    }
    assert!(!policy.contains("unsafe-eval") && !policy.contains("sha256"), "{policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-cache"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(header(&page, name), Some(value));
    }
    // Two policies would both hold; what a page can't say itself is still said.
    let own = get(&rig, "/own/").await;
    assert_eq!(header(&own, "content-security-policy"), Some("frame-ancestors 'none'"));
    // Everything else is as strict as ever.
    for path in ["/livez", "/missing", "/v1/nothing"] {
        let answer = get(&rig, path).await;
        assert!(header(&answer, "content-security-policy").unwrap().contains("'sha256-"), "{path}");
        assert_eq!(header(&answer, "cache-control"), Some("no-store"), "{path}");
    }
    rig.end().await;
}

#[tokio::test]
async fn nothing_else_is_there() {
    let build = Build::new();
    for hidden in ["site/.env", "site/.git/config", "site/docs/.hidden", "site/v1/x", "site/api/x"]
    {
        build.write(hidden, "secret");
    }
    build.write("site/livez", "secret");
    build.write("site/metrics/x", "secret");
    symlink(build.at("secret"), build.at("site/link")).unwrap();
    symlink("../secret", build.at("site/relative")).unwrap();
    symlink(build.dir.path(), build.at("site/up")).unwrap();
    symlink("/dev/zero", build.at("site/endless")).unwrap();
    symlink("nowhere", build.at("site/dangling")).unwrap();
    fs::create_dir(build.at("site/trap")).unwrap();
    symlink(build.at("secret"), build.at("site/trap/index.html")).unwrap();
    fs::create_dir(build.at("site-2")).unwrap();
    build.write("site-2/x", "secret");
    symlink(build.at("site-2"), build.at("site/sibling")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(build.at("site/pipe")).status().unwrap();
    assert!(made.success());
    let rig = build.serve().await;
    let paths = [
        "/missing",
        "/app.js/",
        "/app.js/x",
        "/empty/",
        "/..",
        "/../secret",
        "/%2e%2e/secret",
        "/docs/../../secret",
        "/docs/..%2f..%2fsecret",
        "/..%5csecret",
        "//secret",
        "//app.js",
        "/docs//index.html",
        "/./app.js",
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/docs/.hidden",
        "/app.js%00",
        "/%ff",
        "/link",
        "/relative",
        "/up/secret",
        "/up/site/app.js/../../secret",
        "/endless",
        "/dangling",
        "/trap/",
        "/sibling/x",
        "/pipe",
        "/v1/x",
        "/%761/x",
        "/api/x",
        "/metrics/x",
        "/v1",
    ];
    for path in paths {
        let answer = get(&rig, path).await;
        assert_eq!(status(&answer), 404, "{path}: {answer}");
        assert_eq!(header(&answer, "content-type"), Some("application/json"), "{path}");
        assert_eq!(body(&answer)["code"], "not_found", "{path}");
    }
    assert_eq!(text(&get(&rig, "/livez").await), "live\n");
    rig.end().await;
}

/// As mounted config maps and deployments are made.
#[tokio::test]
async fn links_inside_are_followed_and_the_directory_may_be_one() {
    let build = Build::new();
    build.write("releases/1/index.html", "one");
    build.write("releases/2/..data/index.html", "two");
    symlink("..data/index.html", build.at("releases/2/index.html")).unwrap();
    let switch = |to: &str| {
        symlink(Path::new("releases").join(to), build.at("next")).unwrap();
        fs::rename(build.at("next"), build.at("current")).unwrap();
    };
    switch("1");
    let rig = Rig::start(Setup { assets: Some(build.at("current")), ..Setup::default() }).await;
    let first = get(&rig, "/").await;
    assert_eq!(text(&first), "one");
    switch("2");
    let known = [("if-none-match", header(&first, "etag").unwrap())];
    let second = rig.ask(&request("GET /", &known, "")).await;
    assert_eq!((status(&second), text(&second)), (200, "two"));
    rig.end().await;
}

#[tokio::test]
async fn methods_conditions_and_parts() {
    let build = Build::new();
    let rig = build.serve().await;
    let full = get(&rig, "/app.js").await;
    let (tag, modified) = (header(&full, "etag").unwrap(), header(&full, "last-modified").unwrap());
    let ask = async |line: &str, headers: Headers<'_>| rig.ask(&request(line, headers, "")).await;

    let head = ask("HEAD /app.js", &[]).await;
    assert_eq!((status(&head), text(&head)), (200, ""));
    assert_eq!(header(&head, "content-length"), Some("10"));
    assert_eq!(header(&head, "etag"), Some(tag));

    let several = format!("\"other\", {tag}");
    let conditions: [(&str, &str, u16); 6] = [
        ("if-none-match", tag, 304),
        ("if-none-match", &several, 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", modified, 304),
        ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT", 200),
    ];
    for (name, value, expected) in conditions {
        for method in ["GET", "HEAD"] {
            let answer = ask(&format!("{method} /app.js"), &[(name, value)]).await;
            assert_eq!(status(&answer), expected, "{method} {name}: {value}");
            assert_eq!(header(&answer, "etag"), Some(tag));
            assert_eq!(header(&answer, "cache-control"), Some("no-cache"));
            assert!(expected == 200 || text(&answer).is_empty());
        }
    }
    let part = ask("GET /app.js", &[("range", "bytes=4-4")]).await;
    assert_eq!((status(&part), text(&part)), (206, "a"));
    let part = ask("GET /app.js", &[("range", "bytes=4-4"), ("if-range", "\"old\"")]).await;
    assert_eq!((status(&part), text(&part)), (200, "let a = 1;"));
    assert_eq!(status(&ask("GET /app.js", &[("range", "bytes=99-")]).await), 416);

    let other = ask("POST /app.js", &[]).await;
    assert_eq!((status(&other), header(&other, "allow")), (405, Some("GET, HEAD, OPTIONS")));
    assert_eq!(body(&other)["code"], "method_not_allowed");
    assert_eq!(status(&ask("OPTIONS /", &[]).await), 200);
    // Its own addresses keep their own methods.
    assert_eq!(header(&ask("DELETE /v1/commands", &[]).await, "allow"), Some("POST, OPTIONS"));
    rig.end().await;
}

/// Reproducible builds give every file the same time, and often enough the same length.
#[tokio::test]
async fn a_new_build_is_seen_at_once() {
    let build = Build::new();
    let rig = build.serve().await;
    let first = get(&rig, "/app.js").await;
    let time = fs::metadata(build.at("site/app.js")).unwrap().modified().unwrap();
    build.write("site/next.js", "let a = 2;");
    fs::rename(build.at("site/next.js"), build.at("site/app.js")).unwrap();
    let file = fs::File::options().write(true).open(build.at("site/app.js")).unwrap();
    file.set_modified(time).unwrap();
    let known = [
        ("if-none-match", header(&first, "etag").unwrap()),
        ("if-modified-since", header(&first, "last-modified").unwrap()),
    ];
    let second = rig.ask(&request("GET /app.js", &known, "")).await;
    assert_eq!((status(&second), text(&second)), (200, "let a = 2;"));
    assert_eq!(header(&first, "last-modified"), header(&second, "last-modified"));
    rig.end().await;
}

#[tokio::test]
async fn hosts_and_origins_hold_here_too() {
    let build = Build::new();
    let rig = build.serve().await;
    for headers in [&[("host", "evil.example")][..], &[("origin", "https://evil.example")]] {
        let answer = rig.ask(&request("GET /app.js", headers, "")).await;
        assert_eq!(status(&answer), 403);
        assert!(!answer.contains("let a"));
    }
    rig.end().await;
}

#[tokio::test]
async fn large_files_are_packed_on_the_way() {
    let build = Build::new();
    let script = "let answer = 42;\n".repeat(10_000);
    build.write("site/large.js", &script);
    let rig = build.serve().await;
    let answer = get(&rig, "/large.js").await;
    assert_eq!(text(&answer), script);
    // Its bytes are no text, so they are only counted.
    let mut stream = rig.connect().await;
    let ask = request("GET /large.js", &[("accept-encoding", "gzip")], "");
    tokio::io::AsyncWriteExt::write_all(&mut stream, ask.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut bytes).await.unwrap();
    let head = String::from_utf8_lossy(&bytes[..500]).into_owned();
    assert!(head.contains("content-encoding: gzip") && head.contains("etag: W/"), "{head}");
    assert!(bytes.len() < script.len() / 10);
    rig.end().await;
}
