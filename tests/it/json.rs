//! The digest of a payload and the check of a modification.

use footplate::json::{
    JsonText,
    canonical::{canonical, digest},
    names,
    schema::{Misfit, check},
    tree::Value,
};
use proptest::prelude::*;

fn text(text: &str) -> JsonText {
    JsonText::read(text).unwrap()
}

fn form(of: &str) -> String {
    canonical(&text(of)).unwrap()
}

#[test]
fn two_members_of_one_name_are_found_wherever_they_are() {
    let many: Vec<String> = (0..40).map(|nth| format!("\"k{nth}\":{nth}")).collect();
    let many = |last: &str| format!("[{{{},{last}:0}}]", many.join(","));
    let table: &[(&str, Option<&str>)] = &[
        ("[1,\"a\",\"a\"]", None),
        (r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}"#, None),
        (r#"{"a":"b","b":"a","c":"a"}"#, None),
        (r#"{"a,":1,"a":2,"{":3,"\"a":4,"a\\":5,"":6}"#, None),
        (r#"{"é":1,"e\u0301":2,"É":3}"#, None),
        (r#"{"__proto__":1,"constructor":2}"#, None),
        (&many("\"k40\""), None),
        (r#"{"a":1,"a":1}"#, Some("`a`")),
        (r#" [ { "a" : [ ] , "b" : { } , "a" : { } } ] "#, Some("`a`")),
        (r#"{"a":{"b":[1,{"c":1,"d":{"e":[]},"c":2}]}}"#, Some("`c`")),
        (r#"{"":1,"":2}"#, Some("``")),
        (r#"{"a\/b":1,"a/b":2}"#, Some("`a/b`")),
        (r#"{"\u0061":1,"a":2}"#, Some("`a`")),
        (r#"{"\ud83d\ude00":1,"😀":2}"#, Some("`😀`")),
        (r#"{"\ud83d":1}"#, Some("half of a character")),
        (&many("\"k17\""), Some("`k17`")),
    ];
    for (text_of, wrong) in table {
        let said = names::check(&text(text_of)).err().map(|it| it.to_string());
        match (wrong, &said) {
            (None, None) => {}
            (Some(wrong), Some(said)) => assert!(said.contains(wrong), "{text_of}: {said}"),
            _ => panic!("{text_of}: {said:?}"),
        }
    }
}

#[test]
fn the_canonical_form_is_that_of_rfc_8785() {
    // 3.2.2 and 3.2.3.
    let example = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let sorted = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
    assert_eq!(form(example), sorted);
    let names = r#"{"\u20ac": "Euro Sign", "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"}"#;
    let order = ["\\r", "1", "\u{80}", "ö", "€", "😀", "\u{fb33}"];
    let form = form(names);
    let at: Vec<usize> = order.map(|it| form.find(&format!("\"{it}\":")).unwrap()).into();
    assert!(at.is_sorted(), "{form}");
}

#[test]
fn members_stand_in_the_order_of_their_utf_16() {
    let ends = ["", "a", "z", "\u{80}", "\u{7ff}", "\u{800}", "\u{d7ff}", "\u{e000}", "\u{efff}"];
    let ends =
        ends.into_iter().chain(["\u{f000}", "\u{ffff}", "\u{10000}", "\u{103ff}", "\u{10ffff}"]);
    let names: Vec<String> =
        ends.flat_map(|end| ["", "é", "\u{ffff}", "😀"].map(|it| format!("{it}{end}"))).collect();
    for one in &names {
        for other in names.iter().filter(|it| *it != one) {
            let mut sorted = [one, other];
            sorted.sort_by_key(|it| it.encode_utf16().collect::<Vec<_>>());
            let object = |[one, other]: [&String; 2]| format!("{{\"{one}\":1,\"{other}\":1}}");
            assert_eq!(form(&object([one, other])), object(sorted));
        }
    }
}

#[test]
fn numbers_are_written_as_rfc_8785_shows_them() {
    // Its appendix B.
    for (bits, shown) in [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] {
        assert_eq!(form(&f64::from_bits(bits).to_string()), shown, "{bits:x}");
    }
}

#[test]
fn what_has_no_canonical_form_without_loss_is_hashed_as_it_was_written() {
    for lossy in ["9007199254740993", "1e400", r#"{"a":1,"a":2}"#, r#"["\ud800"]"#] {
        assert_eq!(canonical(&text(lossy)), None, "{lossy}");
    }
    assert_ne!(digest(&text("9007199254740993")), digest(&text("9007199254740992")));
    assert_eq!(digest(&text(r#"{"b": 1.0, "a": "\u0041"}"#)), digest(&text(r#"{"a":"A","b":1}"#)));
    // `printf '{"n":1}' | sha256sum`
    let known = "2bfd14f43d17fc7cea24e0917a8879b4b2f880b8baeec1b9d90fbaad655e71bd";
    let hex: String = digest(&text(r#"{ "n": 1.0 }"#)).map(|it| format!("{it:02x}")).concat();
    assert_eq!(hex, known);
}

fn fits(schema: &str, value: &str) -> Result<(), String> {
    check(&text(schema), &text(value)).map_err(|misfit| misfit.to_string())
}

#[test]
fn a_value_fits_or_it_is_told_where_it_does_not() {
    let order = r#"{
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Order", "description": "What is bought", "default": {},
        "type": "object", "required": ["amount", "to"], "additionalProperties": false,
        "properties": {
            "amount": {"type": "integer", "minimum": 1, "exclusiveMaximum": 1000},
            "to": {"type": "string", "format": "email", "minLength": 3, "maxLength": 40},
            "how": {"enum": ["fast", "slow", null, 1.0]},
            "kind": {"const": {"a": [1, 2]}},
            "when": {"type": ["string", "null"], "format": "date-time"},
            "lines": {"type": "array", "minItems": 1, "maxItems": 2, "items": {
                "type": "object", "required": ["n"],
                "properties": {"n": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}}}},
            "tags": {"type": "object", "additionalProperties": {"type": "boolean"}}
        }
    }"#;
    let with = |more: &str| format!(r#"{{"amount": 10, "to": "ada@example.org"{more}}}"#);
    for fine in [
        "",
        r#", "how": "fast""#,
        r#", "how": null"#,
        r#", "how": 1"#,
        r#", "kind": {"a": [1.0, 2e0]}"#,
        r#", "when": null"#,
        r#", "when": "2026-11-20T10:00:00.5+02:00""#,
        r#", "lines": [{"n": 0.5}, {"n": 1e-9, "more": 1}]"#,
        r#", "tags": {"a/b": true}"#,
    ] {
        assert_eq!(fits(order, &with(fine)), Ok(()), "{fine}");
    }
    let wrong = |value: &str, what: &str| {
        let expected = format!("the modification does not fit: {what}");
        assert_eq!(fits(order, value), Err(expected), "{value}");
    };
    wrong("[]", "not of type object");
    wrong("{}", "`amount` is missing");
    wrong(r#"{"amount": 1}"#, "`to` is missing");
    wrong(&with(r#", "extra": 1"#), "there may be no `extra`");
    wrong(&with(r#", "amount": 1"#), "an object in it has the same member twice");
    wrong(r#"{"amount": 1.5, "to": "a@b"}"#, "`/amount`: not of type integer");
    wrong(r#"{"amount": 0, "to": "a@b"}"#, "`/amount`: it has to be at least 1");
    wrong(r#"{"amount": 1000, "to": "a@b"}"#, "`/amount`: it has to be less than 1000");
    wrong(r#"{"amount": 1e999, "to": "a@b"}"#, "`/amount`: it has to be less than 1000");
    wrong(r#"{"amount": 1, "to": "ada"}"#, "`/to`: no email");
    wrong(r#"{"amount": 1, "to": "é"}"#, "`/to`: it has 1 characters, and needs at least 3");
    wrong(&with(r#", "how": "soon""#), "`/how`: none of the values that are allowed here");
    wrong(&with(r#", "kind": {"a": [2, 1]}"#), "`/kind`: none of the values that are allowed here");
    wrong(&with(r#", "when": 7"#), "`/when`: not of type null or string");
    wrong(&with(r#", "when": "tomorrow""#), "`/when`: no date-time");
    wrong(&with(r#", "lines": []"#), "`/lines`: it has 0 items, and needs at least 1");
    let three = r#", "lines": [{"n": 0.1}, {"n": 0.1}, {"n": 0.1}]"#;
    wrong(&with(three), "`/lines`: it has 3 items, and may have 2");
    wrong(&with(r#", "lines": [{"n": 0.1}, {"n": 0}]"#), "`/lines/1/n`: it has to be more than 0");
    wrong(&with(r#", "lines": [{"n": 0.500001}]"#), "`/lines/0/n`: it has to be at most 0.5");
    wrong(&with(r#", "lines": [{}]"#), "`/lines/0`: `n` is missing");
    wrong(&with(r#", "tags": {"a/b~": 1}"#), "`/tags/a~1b~0`: not of type boolean");
}

#[test]
fn no_digit_is_lost_where_numbers_are_compared() {
    let most = r#"{"type": "integer", "maximum": 9007199254740992}"#;
    assert_eq!(fits(most, "9007199254740992"), Ok(()));
    assert!(fits(most, "9007199254740993").is_err(), "as a double it would be the same");
    assert_eq!(fits(r#"{"minimum": -1e-400}"#, "-0"), Ok(()));
    assert!(fits(r#"{"minimum": -1e-400}"#, "-1e-399").is_err());
    assert_eq!(fits(r#"{"const": 100}"#, "1e2"), Ok(()));
}

#[test]
fn what_the_relay_can_not_check_is_named_and_nothing_passes() {
    for (schema, what) in [
        (r#"{"pattern": "^a"}"#, "`/pattern`: the keyword `pattern`"),
        (r##"{"$ref": "#/$defs/a"}"##, "`/$ref`: the keyword `$ref`"),
        (r#"{"oneOf": [{}]}"#, "`/oneOf`: the keyword `oneOf`"),
        (r#"{"uniqueItems": true}"#, "`/uniqueItems`: the keyword `uniqueItems`"),
        (r#"{"type": "date"}"#, "`/type`: the type `date`"),
        (r#"{"format": "uuid"}"#, "`/format`: the format `uuid`"),
        (r#"{"minLength": -1}"#, "`/minLength`: a value that this keyword does not take"),
        (
            r#"{"exclusiveMinimum": true}"#,
            "`/exclusiveMinimum`: a value that this keyword does not take",
        ),
        (r#"{"items": [{}]}"#, "`/items`: a value that this keyword does not take"),
        (r#"{"required": [1]}"#, "`/required`: a name that is none"),
        ("7", "what is neither an object nor true or false"),
        // Also where the value gives no cause to look there.
        (
            r#"{"properties": {"a": {"items": {"properties": {"b/c": {"not": {}}}}}}}"#,
            "`/properties/a/items/properties/b~1c/not`: the keyword `not`",
        ),
    ] {
        let expected =
            format!("the gate's payload_schema asks for what this relay can't check: {what}");
        assert_eq!(fits(schema, "{}"), Err(expected), "{schema}");
    }
    let long = format!(r#"{{"enum": [{}]}}"#, vec!["1"; 501].join(","));
    assert!(fits(&long, "1").unwrap_err().ends_with("more than 500 values to choose from"));
    assert_eq!(fits("true", "7"), Ok(()));
    assert!(fits("false", "7").is_err());
}

#[test]
fn formats_are_those_of_their_standards() {
    for (format, fine, wrong) in [
        (
            "date",
            &["2026-02-28", "2024-02-29", "2000-02-29"][..],
            &["2026-02-29", "1900-02-29", "2026-13-01", "2026-1-01", "2026-01-01Z", "+026-01-01"][..],
        ),
        (
            "date-time",
            &["2026-11-20T10:00:00Z", "2026-11-20t23:59:60.123456789-23:59"],
            &[
                "2026-11-20 10:00:00Z",
                "2026-11-20T24:00:00Z",
                "2026-11-20T10:00:00",
                "2026-11-20T10:00:00.Z",
            ],
        ),
        (
            "email",
            &["ada@example.org", "a.b+c@x-y.example", "a@[127.0.0.1]", "a@[::1]"],
            &["ada", "@example.org", "a..b@c", "a@-b", "a@b..c", "a b@c", "a@", "a@[x]"],
        ),
        (
            "uri",
            &[
                "https://a.example:8443/b%20c?d=e/f#g",
                "mailto:a@b",
                "urn:x:y",
                "http://[::1]/",
                "file:///a",
            ],
            &[
                "/a/b",
                "a",
                "1a:b",
                "http://a b",
                "http://a/%2",
                "http://a:x/",
                "http://[x]/",
                "http://a/é",
            ],
        ),
    ] {
        let schema = format!(r#"{{"format": "{format}"}}"#);
        for it in fine {
            assert_eq!(fits(&schema, &format!("\"{it}\"")), Ok(()), "{format} {it}");
        }
        for it in wrong {
            assert!(fits(&schema, &format!("\"{it}\"")).is_err(), "{format} {it}");
        }
        // Of what is no text a format says nothing.
        assert_eq!(fits(&schema, "7"), Ok(()));
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        any::<f64>()
            .prop_filter_map("finite", |it| serde_json::Number::from_f64(it).map(Into::into)),
        ".{0,6}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map(".{0,3}", inner, 0..5)
                .prop_map(|it| serde_json::Value::Object(it.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_canonical_form_is_the_same_value_and_its_own(value in json()) {
        let written = serde_json::to_string_pretty(&value).unwrap();
        // Whole numbers that no double spells as they stand have none.
        if let Some(form) = canonical(&text(&written)) {
            let (form, written) = (text(&form), text(&written));
            prop_assert_eq!(Value::read(&form).unwrap(), Value::read(&written).unwrap());
            prop_assert_eq!(canonical(&form), Some(form.to_string()));
            prop_assert_eq!(digest(&form), digest(&written));
        }
        let only = format!(r#"{{"const": {written}}}"#);
        prop_assert_eq!(check(&text(&only), &text(&written)), Ok(()));
    }

    /// Whoever takes the text apart finds the same.
    #[test]
    fn a_name_is_found_twice_exactly_where_it_is(
        values in prop::collection::vec(("[ab\u{e9}\"\\\\]{0,2}", json()), 0..12),
        inner in any::<bool>(),
    ) {
        let members = values.iter().map(|(name, value)| format!("{}:{value}", serde_json::json!(name)));
        let object = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        let whole = text(&if inner { format!("[{{\"x\":{object}}}]") } else { object });
        prop_assert_eq!(names::check(&whole).is_err(), Value::read(&whole).is_err());
    }

    #[test]
    fn nothing_that_is_json_makes_the_check_stumble(schema in json(), value in json()) {
        let (schema, value) = (text(&schema.to_string()), text(&value.to_string()));
        if let Err(Misfit::Unchecked { what, .. } | Misfit::Wrong { what, .. }) = check(&schema, &value) {
            prop_assert!(!what.is_empty());
        }
    }
}
