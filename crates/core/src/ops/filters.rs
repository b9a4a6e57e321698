//! Filters of `ls` and `prune`, in docker's grammar.

use barge_oci::Reference;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned, civil};

use crate::error::{Error, Result, printable};

/// The longest pattern; no name is as long.
const MAX_PATTERN: usize = 1024;

/// Which images are listed; empty means every one.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    /// Only those without a name, or only those with one.
    pub dangling: Option<bool>,
    /// Only those with each of these labels, as `key` or `key=value`.
    pub(super) labels: Vec<String>,
    /// Only those without any of these labels.
    pub(super) without_labels: Vec<String>,
    /// Only those made before this image.
    pub(super) before: Option<String>,
    /// Only those made after this image.
    pub(super) since: Option<String>,
    /// Only those made before this time.
    pub(super) until: Option<Timestamp>,
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
            "reference" if value.len() > MAX_PATTERN => {
                let text = format!("invalid filter 'reference': longer than {MAX_PATTERN} characters");
                return Err(Error::invalid(text));
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
    any_form(name, |form| glob(pattern.as_bytes(), form, Some(b'/')))
}

/// The same for patterns that are not docker's: a `*` fits slashes, too.
#[must_use]
pub fn name_matches(name: &Reference, pattern: &str) -> bool {
    any_form(name, |form| glob(pattern.as_bytes(), form, None))
}

fn any_form(name: &Reference, fits: impl Fn(&[u8]) -> bool) -> bool {
    let forms = [name.familiar(), name.familiar_name(), name.to_string(), name.name()];
    forms.iter().any(|form| fits(form.as_bytes()))
}

/// Go's `path.Match` without character classes' exotic forms: `?` stops at `/`, and `*` at `stop`, which is `/` or
/// nothing. What a star stands for grows only where the last one is: what an earlier one stands for need not be tried
/// again.
fn glob<'a>(mut pattern: &'a [u8], mut text: &'a [u8], stop: Option<u8>) -> bool {
    let mut star: Option<(&'a [u8], &'a [u8])> = None;
    loop {
        if let Some((b'*', after)) = pattern.split_first() {
            (pattern, star) = (after, Some((after, text)));
            continue;
        }
        match (one(pattern, text), pattern.is_empty() && text.is_empty()) {
            (_, true) => return true,
            (Some(rest), _) => (pattern, text) = rest,
            (None, _) => match star.and_then(|(after, text)| Some((after, text.split_first()?))) {
                Some((after, (c, rest))) if stop != Some(*c) => {
                    (pattern, text, star) = (after, rest, Some((after, rest)));
                }
                _ => return false,
            },
        }
    }
}

/// What is left when the first element of a pattern, which is no star, fits the first byte.
fn one<'a>(pattern: &'a [u8], text: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let ((p, after), (c, rest)) = (pattern.split_first()?, text.split_first()?);
    match p {
        b'?' => (*c != b'/').then_some((after, rest)),
        b'[' => {
            let end = after.iter().position(|b| *b == b']')?;
            let (class, after) = (after.get(..end)?, after.get(end + 1..)?);
            let (negated, class) = class.strip_prefix(b"^").map_or((false, class), |class| (true, class));
            (in_class(class, *c) != negated).then_some((after, rest))
        }
        b'\\' => after.split_first().filter(|(e, _)| *e == c).map(|(_, after)| (after, rest)),
        p => (p == c).then_some((after, rest)),
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
        let fits = |pattern: &[u8], text: &[u8]| glob(pattern, text, Some(b'/'));
        assert!(fits(b"a*/b*c", b"aa/bcbc") && !fits(b"a*c", b"a/c") && !fits(b"*/*", b"a/b/c"));
        assert!(fits(b"**a*", b"bab") && fits(b"*", b"") && !fits(b"?", b"") && !fits(b"a[", b"a["));
        // No time at all, though every star could stand for most of it.
        assert!(!fits(&[b"*a".repeat(400).as_slice(), b"z"].concat(), &b"a".repeat(20_000)));
        for pattern in ["box", "*/busybox", "busybox:2*", "b[^u]sybox"] {
            assert!(!reference_matches(&name, pattern), "{pattern}");
        }
    }

    #[test]
    fn names_of_any_depth_fit_a_star() {
        let name = Reference::parse("registry.example/team/app/web:1").unwrap();
        for pattern in ["*", "registry.example/*", "*/web", "*/app/*", "*:1", "registry.example/*/web:?"] {
            assert!(name_matches(&name, pattern), "{pattern}");
        }
        assert!(!reference_matches(&name, "registry.example/*") && !reference_matches(&name, "*"));
        for pattern in ["web", "*/app", "team/*", "*:2"] {
            assert!(!name_matches(&name, pattern), "{pattern}");
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
