//! Go's string and character literals, read back (`strconv.Unquote`, `strconv.UnquoteChar`).

/// What Go says of any literal it cannot read.
pub(crate) const INVALID: &str = "invalid syntax";

/// The text that a string literal stands for, quotes included in `literal`: `"…"` with escapes, or
/// `` `…` `` as it is, less carriage returns.
pub(crate) fn unquote(literal: &str) -> Option<String> {
    if let Some(raw) = literal.strip_prefix('`') {
        return Some(raw.strip_suffix('`')?.replace('\r', ""));
    }
    let mut rest = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        if rest.starts_with('\n') {
            return None;
        }
        let (unit, tail) = unquote_unit(rest, '"')?;
        match unit {
            Unit::Byte(byte) => bytes.push(byte),
            Unit::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = tail;
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The code of the character that a character literal stands for, quotes included in `literal`.
pub(crate) fn unquote_char(literal: &str) -> Result<u32, String> {
    let body = literal.strip_prefix('\'').ok_or(INVALID)?;
    let (unit, tail) = unquote_unit(body, '\'').ok_or(INVALID)?;
    if tail != "'" {
        return Err(format!("malformed character constant: {literal}"));
    }
    Ok(match unit {
        Unit::Byte(byte) => u32::from(byte),
        Unit::Char(c) => u32::from(c),
    })
}

/// One element of a literal: `\x41` and `\101` are bytes, all else are characters.
enum Unit {
    Byte(u8),
    Char(char),
}

/// Reads the first element of `text`, and returns it with what follows.
fn unquote_unit(text: &str, mark: char) -> Option<(Unit, &str)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first == mark {
        return None;
    }
    if first != '\\' {
        return Some((Unit::Char(first), chars.as_str()));
    }
    let escape = chars.next()?;
    let rest = chars.as_str();
    let plain = match escape {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' => '\\',
        c if c == mark => mark,
        'x' => {
            let (code, rest) = digits(rest, 2, 16)?;
            return Some((Unit::Byte(u8::try_from(code).ok()?), rest));
        }
        'u' | 'U' => {
            let count = if escape == 'u' { 4 } else { 8 };
            let (code, rest) = digits(rest, count, 16)?;
            return Some((Unit::Char(char::from_u32(code)?), rest));
        }
        '0'..='7' => {
            let after_backslash = text.get(1..)?;
            let (code, rest) = digits(after_backslash, 3, 8)?;
            return Some((Unit::Byte(u8::try_from(code).ok()?), rest));
        }
        _ => return None,
    };
    Some((Unit::Char(plain), rest))
}

/// Exactly `count` digits of `radix`, and what follows.
fn digits(text: &str, count: usize, radix: u32) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(count)?;
    if !number.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some((u32::from_str_radix(number, radix).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_escapes() {
        assert_eq!(unquote(r#""a\t\x41\101\u00e9\U0001f600\"""#).as_deref(), Some("a\tAAé😀\""));
        assert_eq!(unquote(r#""\xc3\xa9""#).as_deref(), Some("é"));
        assert_eq!(unquote(r#""\xff""#).as_deref(), Some("\u{fffd}"));
        assert_eq!(unquote("`a\\n\r`").as_deref(), Some("a\\n"));
    }

    #[test]
    fn refuses_what_go_refuses() {
        for literal in [r#""\q""#, r#""\'""#, r#""\x4""#, r#""\400""#, r#""\ud800""#, r#""\x+1""#, "\"", "x"]
        {
            assert_eq!(unquote(literal), None, "{literal}");
        }
    }

    #[test]
    fn reads_characters() {
        assert_eq!(unquote_char("'a'"), Ok(97));
        assert_eq!(unquote_char(r"'\''"), Ok(39));
        assert_eq!(unquote_char("''"), Err(INVALID.to_owned()));
        assert_eq!(unquote_char("'ab'"), Err("malformed character constant: 'ab'".to_owned()));
    }
}
