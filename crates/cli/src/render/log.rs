//! The server's log for people: as `tracing` writes it, but for durations, which are numbers of seconds to programs.

use std::error::Error;
use std::fmt::{self, Debug};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing_subscriber::field::{MakeVisitor, VisitFmt, VisitOutput};
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};

/// The field that is a duration.
const SECONDS: &str = "seconds";

/// Fields as text, with `took=35ms` for `seconds=0.035`.
pub(crate) struct Fields;

impl<'a> MakeVisitor<Writer<'a>> for Fields {
    type Visitor = Line<'a>;

    fn make_visitor(&self, target: Writer<'a>) -> Line<'a> {
        Line(DefaultVisitor::new(target, true))
    }
}

/// A line that is being written.
pub(crate) struct Line<'a>(DefaultVisitor<'a>);

impl Visit for Line<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == SECONDS {
            // The message stands before it, and text in memory takes what is written.
            let _ = write!(self.0.writer(), " took={}", spoken(value));
        } else {
            self.0.record_f64(field, value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.record_str(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.record_error(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.record_debug(field, value);
    }
}

impl VisitOutput<fmt::Result> for Line<'_> {
    fn finish(self) -> fmt::Result {
        self.0.finish()
    }
}

impl VisitFmt for Line<'_> {
    fn writer(&mut self) -> &mut dyn fmt::Write {
        self.0.writer()
    }
}

/// A duration in at most three digits or two units: `66us`, `3.1ms`, `35ms`, `1.2s`, `2m5s`, `1h2m`.
fn spoken(seconds: f64) -> String {
    let millis = seconds * 1e3;
    if millis < 0.9995 {
        return format!("{:.0}us", millis * 1e3);
    }
    if millis < 9.95 {
        return format!("{millis:.1}ms");
    }
    if millis < 999.5 {
        return format!("{millis:.0}ms");
    }
    if seconds < 59.95 {
        return format!("{seconds:.1}s");
    }
    let whole = Duration::try_from_secs_f64(seconds.round()).unwrap_or(Duration::MAX).as_secs();
    let minutes = whole / 60;
    if minutes < 60 {
        format!("{minutes}m{}s", whole % 60)
    } else {
        format!("{}h{}m", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::spoken;

    #[test]
    fn durations_as_people_read_them() {
        for (seconds, text) in [
            (0.0, "0us"),
            (6.5777e-5, "66us"),
            (0.000_999_4, "999us"),
            (0.000_999_6, "1.0ms"),
            (0.003_056_452, "3.1ms"),
            (0.009_96, "10ms"),
            (0.035, "35ms"),
            (0.999_6, "1.0s"),
            (1.23, "1.2s"),
            (59.94, "59.9s"),
            (59.96, "1m0s"),
            (125.4, "2m5s"),
            (3599.6, "1h0m"),
            (3725.0, "1h2m"),
        ] {
            assert_eq!(spoken(seconds), text, "{seconds}");
        }
    }
}
