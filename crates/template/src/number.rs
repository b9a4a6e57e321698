//! Number literals. As Go's ideal constants, one literal is at once every type that can hold its value.

use crate::literal::unquote_char;
use crate::quote::quote;

/// A number or character literal: its value in each type that can hold it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Number {
    pub(crate) int: Option<i64>,
    pub(crate) float: Option<f64>,
    /// As written.
    pub(crate) text: String,
}

impl Number {
    /// Reads a character constant, quotes included.
    pub(crate) fn from_char(text: &str) -> Result<Number, String> {
        let code = unquote_char(text)?;
        Ok(Number { int: Some(i64::from(code)), float: Some(f64::from(code)), text: text.to_owned() })
    }

    /// Reads a decimal, hexadecimal, octal or binary number, or a float. Imaginary numbers are refused.
    pub(crate) fn from_text(text: &str) -> Result<Number, String> {
        let (int, float) = match parse_int(text) {
            // An integer above int64 is good only where a float is wanted.
            Some(int) => (i64::try_from(int).ok(), Some(int as f64)),
            None => {
                let float = parse_float(text)
                    .ok_or_else(|| format!("illegal number syntax: {}", quote(text, false)))?;
                if !text.contains(FLOAT_SIGNS) {
                    return Err(format!("integer overflow: {}", quote(text, false)));
                }
                (exact_int(float), Some(float))
            }
        };
        Ok(Number { int, float, text: text.to_owned() })
    }

    /// Whether the literal, where nothing says which type is wanted, is a float.
    pub(crate) fn looks_like_float(&self) -> bool {
        let is_char = self.text.starts_with('\'');
        let is_hex_int =
            (self.text.starts_with("0x") || self.text.starts_with("0X")) && !self.text.contains(['p', 'P']);
        self.float.is_some() && !is_char && !is_hex_int && self.text.contains(FLOAT_SIGNS)
    }
}

/// What tells a float from an integer.
const FLOAT_SIGNS: [char; 5] = ['.', 'e', 'E', 'p', 'P'];

/// Go's `strconv.ParseInt` and `ParseUint` with base 0 in one: the union of their ranges.
fn parse_int(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    if !underscores_separate_digits(digits) {
        return None;
    }
    let (radix, digits) = split_prefix(digits);
    let digits = digits.replace('_', "");
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let size = u64::from_str_radix(&digits, radix).ok()?;
    let value = if negative { -i128::from(size) } else { i128::from(size) };
    (value >= i128::from(i64::MIN)).then_some(value)
}

/// The radix that the beginning of `digits` means, and the digits behind it.
fn split_prefix(digits: &str) -> (u32, &str) {
    let Some(rest) = digits.strip_prefix('0').filter(|rest| !rest.is_empty()) else {
        return (10, digits);
    };
    for (letters, radix) in [(['x', 'X'], 16), (['o', 'O'], 8), (['b', 'B'], 2)] {
        if let Some(rest) = rest.strip_prefix(letters) {
            return (radix, rest);
        }
    }
    (8, rest)
}

/// Whether every underscore stands between digits, the prefix counting as one.
fn underscores_separate_digits(digits: &str) -> bool {
    let has_prefix = digits.starts_with('0')
        && digits.get(1..).is_some_and(|rest| rest.starts_with(['x', 'X', 'o', 'O', 'b', 'B']));
    let body = if has_prefix { digits.get(2..).unwrap_or_default() } else { digits };
    let is_digit = |c: char| c.is_ascii_hexdigit();
    let mut after_digit = has_prefix;
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '_' && !(after_digit && chars.peek().copied().is_some_and(is_digit)) {
            return false;
        }
        after_digit = is_digit(c);
    }
    true
}

/// Go's `strconv.ParseFloat`: decimal, or hexadecimal with a binary exponent. Never infinite.
fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !underscores_separate_digits(unsigned) {
        return None;
    }
    let plain = text.replace('_', "");
    let size = match unsigned.get(..2) {
        Some("0x" | "0X") => hex_float(&unsigned.replace('_', ""))?,
        _ => plain.trim_start_matches(['+', '-']).parse::<f64>().ok()?,
    };
    let value = if text.starts_with('-') { -size } else { size };
    value.is_finite().then_some(value)
}

/// `0x1.8p3`. Digits beyond 64 bits are dropped.
fn hex_float(text: &str) -> Option<f64> {
    let body = text.get(2..)?;
    let (mantissa, exponent) = body.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [whole, fraction].concat();
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let kept = digits.get(..digits.len().min(16))?;
    let dropped = i32::try_from(digits.len() - kept.len()).ok()?;
    let scale = i32::try_from(fraction.len()).ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    let shift = dropped.checked_sub(scale)?.checked_mul(4)?.checked_add(exponent)?;
    Some(u64::from_str_radix(kept, 16).ok()? as f64 * 2_f64.powi(shift))
}

/// `float` as an integer, if it is one.
fn exact_int(float: f64) -> Option<i64> {
    /// 2^63, the first float above every int64.
    const END: f64 = 9_223_372_036_854_775_808.0;
    let fits = float.trunc() == float && (-END..END).contains(&float);
    fits.then_some(float as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(text: &str) -> Option<i64> {
        Number::from_text(text).ok()?.int
    }

    #[test]
    fn integers_in_every_base() {
        assert_eq!(int("0x1F"), Some(31));
        assert_eq!(int("0b101"), Some(5));
        assert_eq!(int("0o17"), Some(15));
        assert_eq!(int("017"), Some(15));
        assert_eq!(int("-0"), Some(0));
        assert_eq!(int("+1_000"), Some(1000));
        assert_eq!(int("0x_f"), Some(15));
        assert_eq!(int("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(int("9223372036854775808"), None);
    }

    #[test]
    fn floats() {
        let float = |text: &str| Number::from_text(text).ok()?.float;
        assert_eq!(float("1e3"), Some(1000.0));
        assert_eq!(float("-.5"), Some(-0.5));
        assert_eq!(float("0x1.8p3"), Some(12.0));
        assert_eq!(int("1e3"), Some(1000));
        assert_eq!(int("1.5"), None);
    }

    #[test]
    fn refuses_what_is_no_number() {
        for text in ["1__0", "_1", "0x", "08", "1e", ".", "+", "2i", "1e999"] {
            assert!(Number::from_text(text).is_err(), "{text}");
        }
        assert_eq!(
            Number::from_text("99999999999999999999").unwrap_err(),
            r#"integer overflow: "99999999999999999999""#
        );
    }
}
