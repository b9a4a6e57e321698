//! Filters of `ls` and `prune`, in docker's grammar.

use barge_oci::Reference;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned, civil};

use crate::error::{Error, Result, printable};

/// Which images are listed; empty means every one.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    /// Only those without a name, or only those with one.
    pub dangling: Option<bool>,
    /// Only those with each of these labels, as `key` or `key=value`.
    pub labels: Vec<String>,
    /// Only those without any of these labels.
    pub without_labels: Vec<String>,
    /// Only those made before this image.
    pub before: Option<String>,
    /// Only those made after this image.
    pub since: Option<String>,
    /// Only those made before this time.
    pub until: Option<Timestamp>,
    /// Only those with a name that one of these patterns fits.
    pub references: Vec<String>,
}

impl Filters {
    /// Adds one `key=value` filter in docker's grammar. `now` is what durations are counted back from, and the
    /// time zone of dates without one.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn add(&mut self, key: &str, value: &str, now: &Zoned) -> Result<()> {
        let (key, value) = (key.trim().to_lowercase(), value.trim());
        match key.as_str() {
            "dangling" => {
                self.dangling = Some(match value.to_lowercase().as_str() {
                    "true" | "1" => true,
                    "false" | "0" => false,
                    _ => {
                        let text = format!("invalid filter 'dangling=[{}]'", printable(value));
                        return Err(Error::invalid(text));
                    }
                });
            }
            "label" => self.labels.push(value.to_owned()),
            "label!" => self.without_labels.push(value.to_owned()),
            "before" => self.before = Some(value.to_owned()),
            "since" => self.since = Some(value.to_owned()),
            "until" => {
                let invalid = || {
                    let value = printable(value);
                    Error::invalid(format!("failed to parse value as time or duration: {value:?}"))
                };
                self.until = Some(time(value, now).ok_or_else(invalid)?);
            }
            "reference" => self.references.push(value.to_owned()),
            other => return Err(Error::invalid(format!("invalid filter '{}'", printable(other)))),
        }
        Ok(())
    }
}

/// RFC 3339, seconds since 1970, a date or a time without a zone, or how long ago.
#[must_use]
pub fn time(text: &str, now: &Zoned) -> Option<Timestamp> {
    let zoned =
        |local: civil::DateTime, zone: &TimeZone| Some(local.to_zoned(zone.clone()).ok()?.timestamp());
    let zone = now.time_zone();
    let seconds = || {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        Timestamp::new(whole.parse().ok()?, nanoseconds).ok()
    };
    let past = || now.checked_sub(text.parse::<Span>().ok()?).ok().map(|then| then.timestamp());
    let parsed = text.parse().ok().or_else(seconds);
    let parsed = parsed.or_else(|| zoned(text.parse::<civil::Date>().ok()?.into(), zone));
    parsed.or_else(|| zoned(text.parse().ok()?, zone)).or_else(past)
}

/// Whether a `reference` filter fits a name: a glob over the familiar or full form, with or without the tag.
#[must_use]
pub fn reference_matches(name: &Reference, pattern: &str) -> bool {
    let forms = [name.familiar(), name.familiar_name(), name.to_string(), name.name()];
    forms.iter().any(|form| glob(pattern.as_bytes(), form.as_bytes()))
}

/// Go's `path.Match` without character classes' exotic forms: `*` and `?` stop at `/`.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((b'*', after)), _) => {
            let reach = text.iter().position(|b| *b == b'/').unwrap_or(text.len());
            (0..=reach).any(|n| glob(after, text.get(n..).unwrap_or_default()))
        }
        (Some((b'?', after)), Some((c, rest))) => *c != b'/' && glob(after, rest),
        (Some((b'[', after)), Some((c, rest))) => {
            let Some(end) = after.iter().position(|b| *b == b']') else { return false };
            let (class, after) =
                (after.get(..end).unwrap_or_default(), after.get(end + 1..).unwrap_or_default());
            let (negated, class) = class.strip_prefix(b"^").map_or((false, class), |class| (true, class));
            in_class(class, *c) != negated && glob(after, rest)
        }
        (Some((b'\\', after)), Some((c, rest))) => {
            after.split_first().is_some_and(|(e, after)| e == c && glob(after, rest))
        }
        (Some((p, after)), Some((c, rest))) => p == c && glob(after, rest),
        (Some(_), None) => false,
    }
}

fn in_class(class: &[u8], c: u8) -> bool {
    match class {
        [low, b'-', high, rest @ ..] => (*low..=*high).contains(&c) || in_class(rest, c),
        [one, rest @ ..] => *one == c || in_class(rest, c),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_filters_are_globs_over_every_form() {
        let name = Reference::parse("busybox:1.37").unwrap();
        for pattern in
            ["busybox", "busy*", "busybox:1.*", "*:1.37", "docker.io/library/busybox", "b[a-u]sybox"]
        {
            assert!(reference_matches(&name, pattern), "{pattern}");
        }
        for pattern in ["box", "*/busybox", "busybox:2*", "b[^u]sybox"] {
            assert!(!reference_matches(&name, pattern), "{pattern}");
        }
    }

    #[test]
    fn times_in_every_notation() {
        let now: Zoned = "2026-03-01T12:00:00+01:00[+01:00]".parse().unwrap();
        let said = [
            "2026-02-28T23:00:00Z",
            "2026-03-01",
            "2026-03-01T00:00:00",
            "1772319600",
            "1772319600.000000000",
            "12h",
        ];
        for text in said {
            assert_eq!(time(text, &now), "2026-02-28T23:00:00Z".parse().ok(), "{text}");
        }
        assert_eq!(time("soon", &now), None);
    }

    #[test]
    fn unknown_filters_are_refused() {
        let add = |key, value| Filters::default().add(key, value, &Zoned::now()).unwrap_err().to_string();
        assert_eq!(add("x", "y"), "invalid filter 'x'");
        assert_eq!(add("dangling", "y"), "invalid filter 'dangling=[y]'");
        assert_eq!(add("until", "y"), "failed to parse value as time or duration: \"y\"");
    }
}
