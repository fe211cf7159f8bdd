//! Times as they are written and read: RFC 3339, and nothing that is only like it.

use footplate::model::Timestamp;
use proptest::prelude::*;

const FIRST: i64 = -62_167_219_200_000_000;
const LAST: i64 = 253_402_300_799_999_999;

proptest! {
    #[test]
    fn what_is_written_is_read_again(micros in FIRST..=LAST) {
        let time = Timestamp(micros);
        prop_assert_eq!(time.to_string().parse(), Ok(time));
    }

    #[test]
    fn the_same_moment_is_the_same_everywhere(seconds in FIRST / 1_000_000 + 86_400..LAST / 1_000_000 - 86_400, east in -1_439..=1_439_i64) {
        let there = Timestamp((seconds + 60 * east) * 1_000_000).to_string();
        let (sign, offset) = (if east < 0 { '-' } else { '+' }, east.abs());
        let there = format!("{}{sign}{:02}:{:02}", &there[..19], offset / 60, offset % 60);
        prop_assert_eq!(there.parse(), Ok(Timestamp(seconds * 1_000_000)), "{}", there);
    }

    #[test]
    fn whatever_is_read_is_one_moment(text in "[0-9T:.Z+-]{0,32}") {
        // It must not panic; and what it takes for a time, it writes as one.
        if let Ok(time) = text.parse::<Timestamp>() {
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}

#[test]
fn fractions_and_offsets_are_read() {
    const TEN: i64 = 1_795_168_800_000_000;
    for (text, micros) in [
        ("2026-11-20T10:00:00Z", TEN),
        ("2026-11-20t10:00:00z", TEN),
        ("2026-11-20T10:00:00.5Z", TEN + 500_000),
        ("2026-11-20T10:00:00.123Z", TEN + 123_000),
        ("2026-11-20T10:00:00.123456789Z", TEN + 123_456),
        ("2026-11-20T11:30:00+01:30", TEN),
        ("2026-11-20T00:00:00-10:00", TEN),
        ("2026-11-20T10:00:00-00:00", TEN),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("0000-01-01T00:00:00Z", FIRST),
    ] {
        assert_eq!(text.parse(), Ok(Timestamp(micros)), "{text}");
    }
}

#[test]
fn what_is_only_like_a_time_is_none() {
    for text in [
        "",
        "now",
        "1795168800",
        "2026-11-20",
        "2026-11-20T10:00Z",
        "2026-11-20T10:00:00",
        "2026-11-20 10:00:00Z",
        "2026-11-20T10:00:00.Z",
        "2026-11-20T10:00:00,5Z",
        "2026-11-20T10:00:00.123+00:00Z",
        "2026-11-20T10:00:00+0100",
        "2026-11-20T10:00:00+24:00",
        "2026-11-20T10:00:00+01:60",
        "2026-11-20T10:00:00Z ",
        " 2026-11-20T10:00:00Z",
        "26-11-20T10:00:00Z",
        "+026-11-20T10:00:00Z",
        "-001-11-20T10:00:00Z",
        "12026-11-20T10:00:00Z",
        "2026-00-20T10:00:00Z",
        "2026-13-20T10:00:00Z",
        "2026-11-00T10:00:00Z",
        "2026-11-31T10:00:00Z",
        "2026-02-29T10:00:00Z",
        "1900-02-29T10:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T10:60:00Z",
        "2026-11-20T10:00:60Z",
        "2026-11-20T+1:00:00Z",
        "２０２６-11-20T10:00:00Z",
        "2026-11-2\u{e4}T10:00:00Z",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
}
