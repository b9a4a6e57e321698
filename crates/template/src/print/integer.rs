//! Integers: `%d %b %o %O %x %X`, and those verbs that take them for characters.

use super::Printer;

impl Printer {
    /// Prints an integer, given without its sign. `false` if the verb is not for integers.
    pub(super) fn integer(&mut self, size: u64, is_negative: bool, is_signed: bool, verb: char) -> bool {
        // What the same bits are as an unsigned number.
        let code = if is_negative { size.wrapping_neg() } else { size };
        match verb {
            'v' if self.flags.go_syntax && !is_signed => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                self.digits(size, false, 'x');
                self.flags.sharp = sharp;
            }
            'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' => self.digits(size, is_negative, verb),
            'c' => self.char(code),
            'q' => self.quoted_char(code),
            'U' => self.unicode(code),
            _ => return false,
        }
        true
    }

    fn digits(&mut self, size: u64, is_negative: bool, verb: char) {
        let flags = self.flags;
        if flags.precision == Some(0) && size == 0 {
            self.pad_with_spaces("");
            return;
        }
        let digits = match verb {
            'b' => format!("{size:b}"),
            'o' | 'O' => format!("{size:o}"),
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            _ => size.to_string(),
        };
        let sign = match (is_negative, flags.plus, flags.space) {
            (true, _, _) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        // Zeros to the left are asked for by a precision, or else by the zero flag with a width.
        let least = match (flags.precision, flags.width) {
            (Some(precision), _) => precision,
            (None, Some(width)) if flags.zero => width.saturating_sub(sign.len()),
            _ => 0,
        };
        let zeros = "0".repeat(least.saturating_sub(digits.len()));
        let starts_with_zero = !zeros.is_empty() || digits.starts_with('0');
        let prefix = match verb {
            'O' if flags.sharp && !starts_with_zero => "0o0",
            'O' => "0o",
            'o' if flags.sharp && !starts_with_zero => "0",
            'b' if flags.sharp => "0b",
            'x' if flags.sharp => "0x",
            'X' if flags.sharp => "0X",
            _ => "",
        };
        self.pad_with_spaces(&[sign, prefix, &zeros, &digits].concat());
    }
}
