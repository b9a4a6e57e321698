//! `fmt.Sprintf`: the format string.

use super::{Flags, Printer};
use crate::value::Value;

/// Widths, precisions and indices above are no numbers to Go.
const MOST: usize = 1_000_000;

/// `fmt.Sprintf`. Mistakes in the format show in the text: `%!d(string=hi)`, `%!s(MISSING)`,
/// `%!(EXTRA int=1)`.
pub(crate) fn sprintf(format: &str, args: &[Value<'_>], limit: usize) -> Option<String> {
    let mut format = Format {
        rest: format,
        args,
        next: 0,
        reordered: false,
        index_ok: true,
        after_index: false,
        printer: Printer::new(limit),
    };
    while let Some((text, rest)) = format.rest.split_once('%') {
        format.printer.to.push_str(text);
        format.rest = rest;
        if format.printer.to.is_full() {
            return None;
        }
        if !format.verb() {
            break;
        }
    }
    let tail = format.rest;
    format.printer.to.push_str(tail);
    format.extra();
    format.printer.to.finish()
}

/// A format being read.
struct Format<'f, 'a> {
    rest: &'f str,
    args: &'f [Value<'a>],
    /// Index of the argument for the next verb.
    next: usize,
    /// Whether any verb has said which argument it wants.
    reordered: bool,
    /// Whether the current verb has said so in a way that makes sense.
    index_ok: bool,
    /// Whether an index has just been read.
    after_index: bool,
    printer: Printer,
}

impl Format<'_, '_> {
    /// Reads and prints one verb, of which `%` is past. `false` at the end of the format.
    fn verb(&mut self) -> bool {
        self.index_ok = true;
        self.after_index = false;
        self.printer.flags = Flags::default();
        self.flags();
        self.index();
        self.width();
        self.precision();
        if !self.after_index {
            self.index();
        }
        let Some(verb) = self.take() else {
            self.printer.to.push_str("%!(NOVERB)");
            return false;
        };
        if verb == '%' {
            self.printer.to.push('%');
        } else if !self.index_ok {
            self.mistake(verb, "(BADINDEX)");
        } else if let Some(arg) = self.args.get(self.next) {
            if verb == 'v' {
                self.printer.flags.go_syntax = self.printer.flags.sharp;
                self.printer.flags.sharp = false;
                self.printer.flags.plus = false;
            }
            self.printer.arg(arg, verb);
            self.next += 1;
        } else {
            self.mistake(verb, "(MISSING)");
        }
        true
    }

    fn mistake(&mut self, verb: char, what: &str) {
        self.printer.to.push_str("%!");
        self.printer.to.push(verb);
        self.printer.to.push_str(what);
    }

    fn flags(&mut self) {
        loop {
            let flags = &mut self.printer.flags;
            match self.rest.chars().next() {
                Some('#') => flags.sharp = true,
                Some('0') => flags.zero = !flags.minus,
                Some('+') => flags.plus = true,
                Some('-') => {
                    flags.minus = true;
                    flags.zero = false;
                }
                Some(' ') => flags.space = true,
                _ => return,
            }
            self.take();
        }
    }

    /// Reads `[2]`, the number of the argument wanted.
    fn index(&mut self) {
        self.after_index = false;
        let Some(rest) = self.rest.strip_prefix('[') else {
            return;
        };
        self.reordered = true;
        let Some((number, behind)) = rest.split_once(']') else {
            // Go goes on behind the bracket.
            self.rest = rest;
            self.index_ok = false;
            return;
        };
        self.rest = behind;
        let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
        let number = if is_number { number.parse::<usize>().ok() } else { None };
        match number.filter(|number| *number <= 10 * MOST) {
            Some(number) if (1..=self.args.len()).contains(&number) => {
                self.next = number - 1;
                self.after_index = true;
            }
            number => {
                self.index_ok = false;
                self.after_index = number.is_some();
            }
        }
    }

    fn width(&mut self) {
        if self.take_if('*') {
            match self.number_arg() {
                Some((width, is_negative)) => {
                    let flags = &mut self.printer.flags;
                    flags.width = Some(width);
                    if is_negative {
                        flags.minus = true;
                        flags.zero = false;
                    }
                }
                None => self.printer.to.push_str("%!(BADWIDTH)"),
            }
            self.after_index = false;
            return;
        }
        self.printer.flags.width = self.digits();
        if self.after_index && self.printer.flags.width.is_some() {
            self.index_ok = false;
        }
    }

    fn precision(&mut self) {
        // A point at the very end is the verb.
        if self.rest.len() < 2 || !self.take_if('.') {
            return;
        }
        if self.after_index {
            self.index_ok = false;
        }
        self.index();
        if self.take_if('*') {
            match self.number_arg() {
                Some((precision, false)) => self.printer.flags.precision = Some(precision),
                _ => self.printer.to.push_str("%!(BADPREC)"),
            }
            self.after_index = false;
        } else {
            self.printer.flags.precision = Some(self.digits().unwrap_or_default());
        }
    }

    /// The next argument as a width or precision, and whether it is negative.
    fn number_arg(&mut self) -> Option<(usize, bool)> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        let number = arg.clone().unboxed().integer()?;
        let size = usize::try_from(number.unsigned_abs()).ok()?;
        (size <= MOST).then_some((size, number < 0))
    }

    /// Reads a number if one is next. One that is far too large takes the rest of the format with it.
    fn digits(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(10)) {
            if number > Some(MOST) {
                self.rest = "";
                return None;
            }
            number = Some(number.unwrap_or(0) * 10 + usize::try_from(digit).unwrap_or_default());
            self.take();
        }
        number
    }

    fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn take_if(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Prints the arguments that no verb has used, if verbs took them in order.
    fn extra(&mut self) {
        let extra = self.args.get(self.next..).unwrap_or_default();
        if self.reordered || extra.is_empty() {
            return;
        }
        self.printer.flags = Flags::default();
        self.printer.to.push_str("%!(EXTRA ");
        for (i, arg) in extra.iter().enumerate() {
            if i > 0 {
                self.printer.to.push_str(", ");
            }
            match arg.clone().unboxed() {
                Value::Invalid => self.printer.to.push_str("<nil>"),
                arg => self.printer.typed(&arg),
            }
        }
        self.printer.to.push(')');
    }
}
