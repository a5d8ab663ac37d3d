//! Numbers for people: bytes, rates, durations, counts and ages.

use std::time::Duration;

use indicatif::HumanCount;
use jiff::Timestamp;
use sci_store_api::UnixMillis;

/// Bytes in binary units with three significant digits: "512 B", "1.50 KiB", "210 MiB".
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    // 999.5 would be printed as "1000".
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// Bytes per second; "-" when the time is too short to divide by.
pub fn rate(count: u64, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 0.001 { "-".to_owned() } else { format!("{}/s", bytes((count as f64 / seconds) as u64)) }
}

/// A duration: "8 ms", "1.24 s", "2 min 05 s".
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 0.9995 => format!("{:.0} ms", s * 1000.0),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 59.95 => format!("{s:.1} s"),
        s => {
            let whole = s.round() as u64;
            format!("{} min {:02} s", whole / 60, whole % 60)
        }
    }
}

/// A count with thousands separators: "1,204".
pub fn count(value: u64) -> String {
    HumanCount(value).to_string()
}

/// A count with its noun: "1 file", "1,204 files". `one` takes an "s" when there are more.
pub fn counted(value: u64, one: &str) -> String {
    let plural = match one.strip_suffix('y') {
        _ if value == 1 => one.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{one}s"),
    };
    format!("{} {plural}", count(value))
}

/// How long ago: "just now", "5 min ago", "3 h ago", "12 days ago". A time to come is "just now".
pub fn age(created: UnixMillis, now: Timestamp) -> String {
    let seconds = (now.as_millisecond() - millis(created)) / 1000;
    match seconds {
        s if s < 60 => "just now".to_owned(),
        s if s < 3600 => format!("{} min ago", s / 60),
        s if s < 2 * 86_400 => format!("{} h ago", s / 3600),
        s => format!("{} days ago", s / 86_400),
    }
}

/// A time in UTC as RFC 3339 with seconds: "2026-11-21T10:52:00Z".
pub fn time(at: UnixMillis) -> String {
    let time = Timestamp::from_second(millis(at) / 1000);
    time.map_or_else(|_| "out of range".to_owned(), |time| time.to_string())
}

fn millis(at: UnixMillis) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// Names that came from outside (a path, a package, a tool's output) with control characters made visible.
///
/// A file name may hold escape sequences; a terminal must not obey them.
pub fn safe(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_keep_three_digits() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (1536, "1.50 KiB"),
            (10_240, "10.0 KiB"),
            (1_048_575, "1.00 MiB"),
            (220_200_960, "210 MiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn durations_choose_their_unit() {
        for (millis, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_240, "1.24 s"),
            (12_340, "12.3 s"),
            (59_960, "1 min 00 s"),
            (125_000, "2 min 05 s"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn rates_do_not_divide_by_nothing() {
        assert_eq!(rate(1 << 20, Duration::ZERO), "-");
        assert_eq!(rate(1 << 20, Duration::from_millis(500)), "2.00 MiB/s");
    }

    #[test]
    fn nouns_agree_with_their_number() {
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(1204, "file"), "1,204 files");
        assert_eq!(counted(2, "directory"), "2 directories");
    }

    #[test]
    fn ages_round_down() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let ago = |seconds: i64| age(UnixMillis(((1_000_000 - seconds) * 1000) as u64), now);
        assert_eq!(ago(-5), "just now");
        assert_eq!(ago(59), "just now");
        assert_eq!(ago(119), "1 min ago");
        assert_eq!(ago(86_400), "24 h ago");
        assert_eq!(ago(3 * 86_400 + 1), "3 days ago");
    }

    #[test]
    fn terminals_do_not_obey_file_names() {
        assert_eq!(safe("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\\n");
    }
}
