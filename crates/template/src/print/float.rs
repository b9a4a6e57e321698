//! Floats: `%e %E %f %F %g %G %b %x %X`.

use super::Printer;
use super::float_text::float_text;

/// What `%#g` fills up to if no precision is given.
const SHARP_DIGITS: usize = 6;

impl Printer {
    /// Prints a float. `false` if the verb is not for floats.
    pub(super) fn float(&mut self, number: f64, verb: char) -> bool {
        let (verb, default_precision) = match verb {
            'v' => ('g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb, None),
            'f' | 'e' | 'E' => (verb, Some(6)),
            'F' => ('f', Some(6)),
            _ => return false,
        };
        let precision = self.flags.precision.or(default_precision);
        let mut text = float_text(number.abs(), verb, precision);
        if self.flags.sharp && verb != 'b' {
            text = with_point(&text, verb, precision);
        }
        let sign = match (number.is_sign_negative(), self.flags.plus, self.flags.space) {
            (true, _, _) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        if self.flags.zero && !sign.is_empty() {
            // The sign goes before the zeros.
            let width = self.flags.width;
            self.to.push_str(sign);
            self.flags.width = width.map(|width| width.saturating_sub(sign.len()));
            self.pad(&text);
            self.flags.width = width;
        } else {
            self.pad(&[sign, &text].concat());
        }
        true
    }
}

/// The text of a float with a decimal point, and for `%g` with all zeros up to the precision.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let exponent_signs: &[char] = match verb {
        'x' | 'X' => &['p', 'P'],
        _ => &['e', 'E'],
    };
    let (mantissa, exponent) = text.split_at(text.find(exponent_signs).unwrap_or(text.len()));
    let mut wanted = match verb {
        'g' | 'G' | 'x' => precision.unwrap_or(SHARP_DIGITS),
        _ => 0,
    };
    // Digits count from the first that is not zero.
    let digits = mantissa.chars().filter(|c| *c != '.');
    wanted = wanted.saturating_sub(digits.skip_while(|c| *c == '0').count());
    let mut padded = mantissa.to_owned();
    if !mantissa.contains('.') {
        if mantissa == "0" {
            wanted = wanted.saturating_sub(1);
        }
        padded.push('.');
    }
    padded.extend(std::iter::repeat_n('0', wanted));
    padded.push_str(exponent);
    padded
}
