//! Go's `fmt`: values as text. No I/O; every function returns `None` rather than more than `limit` bytes.

mod float;
mod float_text;
mod integer;
mod printf;
mod text;
mod value;

use crate::buffer::Buffer;
use crate::value::Value;

pub(crate) use float_text::json_float;
pub(crate) use printf::sprintf;

/// `fmt.Sprint`: a space between two values neither of which is a string.
pub(crate) fn sprint(values: &[Value<'_>], limit: usize) -> Option<String> {
    let mut printer = Printer::new(limit);
    let mut after_text = true;
    for value in values {
        let value = value.clone().unboxed();
        let is_text = matches!(value, Value::Str(_));
        if !is_text && !after_text {
            printer.to.push(' ');
        }
        printer.arg(&value, 'v');
        after_text = is_text;
    }
    printer.to.finish()
}

/// `fmt.Sprintln`: a space between values, a line feed at the end.
pub(crate) fn sprintln(values: &[Value<'_>], limit: usize) -> Option<String> {
    let mut printer = Printer::new(limit);
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            printer.to.push(' ');
        }
        printer.arg(value, 'v');
    }
    printer.to.push('\n');
    printer.to.finish()
}

/// A buffer, and how the next value goes there.
struct Printer {
    to: Buffer,
    flags: Flags,
}

/// The flags, width and precision between `%` and the verb.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    width: Option<usize>,
    precision: Option<usize>,
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    /// Never together with `minus`.
    zero: bool,
    /// The sharp of `%#v`, which asks for Go syntax.
    go_syntax: bool,
}

impl Printer {
    fn new(limit: usize) -> Printer {
        Printer { to: Buffer::new(limit), flags: Flags::default() }
    }

    /// Writes `text`, filled up to the width on the side that the flags say.
    fn pad(&mut self, text: &str) {
        let width = self.flags.width.unwrap_or_default();
        let missing = match width {
            0 => 0,
            width => width.saturating_sub(text.chars().count()),
        };
        if self.flags.minus {
            self.to.push_str(text);
            self.fill(missing);
        } else {
            self.fill(missing);
            self.to.push_str(text);
        }
    }

    /// Like [`pad`](Printer::pad), but never with zeros.
    fn pad_with_spaces(&mut self, text: &str) {
        let zero = std::mem::replace(&mut self.flags.zero, false);
        self.pad(text);
        self.flags.zero = zero;
    }

    fn fill(&mut self, count: usize) {
        let filler = if self.flags.zero { '0' } else { ' ' };
        self.to.push_many(filler, count);
    }
}
