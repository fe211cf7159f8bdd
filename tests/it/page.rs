//! The built-in page is one file that needs nothing else, and what an engine sends is never markup.

const PAGE: &str = include_str!("../../src/http/page/index.html");

fn count(what: &str) -> usize {
    PAGE.matches(what).count()
}

#[test]
fn it_is_one_file() {
    for element in ["<script>", "</script>", "<style>", "</style>", "<title>"] {
        assert_eq!(count(element), 1, "{element}");
    }
    assert_eq!(count("<script") + count("<style"), 2, "the policy names the digests of these two");
    // The one address is the name of a vocabulary, and nothing is fetched from there.
    assert_eq!(count("://"), count("http://www.w3.org/2000/svg"));
    for outside in ["@import", "url(", "src=", "import(", "fetch("] {
        assert_eq!(count(outside), 0, "{outside}");
    }
    assert!(PAGE.contains("<html lang=\"en\">") && PAGE.contains("<meta charset=\"utf-8\">"));
}

#[test]
fn nothing_becomes_markup_or_a_program() {
    for way in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "DOMParser",
        "srcdoc",
        "eval(",
        "new Function",
        "javascript:",
        "localStorage",
        "cookie",
    ] {
        assert_eq!(count(way), 0, "{way}");
    }
    // The policy would refuse attributes that are a program or a style.
    let (markup, _) = PAGE.split_once("<script>").unwrap();
    let (_, body) = markup.split_once("<body>").unwrap();
    for attribute in [" on", " style="] {
        let mut tags = body.split('<').filter_map(|tag| tag.split_once('>')).map(|(tag, _)| tag);
        assert!(!tags.any(|tag| tag.contains(attribute)), "{attribute}");
    }
}
