//! Times as docker prints them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How long ago, in `docker/go-units`' words: `About an hour ago`.
pub(crate) fn ago(created: Option<Timestamp>, now: Timestamp) -> String {
    let Some(created) = created else { return "N/A".to_owned() };
    let seconds = now.as_second() - created.as_second();
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    let span = match (seconds, minutes, hours) {
        (..1, _, _) => "Less than a second".to_owned(),
        (1, _, _) => "1 second".to_owned(),
        (..60, _, _) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".to_owned(),
        (_, ..60, _) => format!("{minutes} minutes"),
        (_, _, 1) => "About an hour".to_owned(),
        (_, _, ..48) => format!("{hours} hours"),
        (_, _, ..336) => format!("{} days", hours / 24),
        (_, _, ..1440) => format!("{} weeks", hours / 24 / 7),
        (_, _, ..17520) => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    };
    format!("{span} ago")
}

/// Go's `time.String()` in the local zone: `2026-01-01 01:00:00 +0100 CET`.
pub(crate) fn local(created: Option<Timestamp>) -> String {
    let created = created.unwrap_or(Timestamp::UNIX_EPOCH);
    let seconds = Timestamp::from_second(created.as_second()).unwrap_or(created);
    seconds.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
}

/// RFC 3339 in the local zone, to the second.
pub(crate) fn rfc3339(created: Option<Timestamp>) -> String {
    let Some(created) = created else { return String::new() };
    let text = created.to_zoned(TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    text.strip_suffix("+00:00").map_or_else(|| text.clone(), |t| format!("{t}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_docker_says_it() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let cases = [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (120, "2 minutes"),
            (3599, "59 minutes"),
            (3600, "About an hour"),
            (5400, "2 hours"),
            (47 * 3600, "47 hours"),
            (48 * 3600, "2 days"),
            (14 * 86400, "2 weeks"),
            (60 * 86400, "2 months"),
            (800 * 86400, "2 years"),
        ];
        for (seconds, expected) in cases {
            let created = Timestamp::from_second(1_800_000_000 - seconds).ok();
            assert_eq!(ago(created, now), format!("{expected} ago"), "{seconds}");
        }
        assert_eq!(ago(None, now), "N/A");
    }
}
