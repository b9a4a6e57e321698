//! Go's quoting of strings and characters (`strconv.Quote`), for `%q` and for error texts.

use std::fmt::Write as _;

/// `text` as a Go string literal in double quotes; with `ascii`, all else is escaped.
pub(crate) fn quote(text: &str, ascii: bool) -> String {
    quote_with(text, '"', ascii)
}

/// `c` as a Go character literal in single quotes; with `ascii`, all else is escaped.
pub(crate) fn quote_char(c: char, ascii: bool) -> String {
    quote_with(c.encode_utf8(&mut [0; 4]), '\'', ascii)
}

/// Whether Go would print `c` as it is: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub(crate) fn is_print(c: char) -> bool {
    // Behind another character, escape_debug leaves combining marks alone, as Go does everywhere.
    let pair: String = ['a', c].iter().collect();
    matches!(c, '\\' | '"' | '\'') || pair.escape_debug().eq(pair.chars())
}

fn quote_with(text: &str, mark: char, ascii: bool) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(mark);
    for c in text.chars() {
        push_escaped(&mut quoted, c, mark, ascii);
    }
    quoted.push(mark);
    quoted
}

fn push_escaped(quoted: &mut String, c: char, mark: char, ascii: bool) {
    let short = match c {
        '\\' => Some('\\'),
        '\x07' => Some('a'),
        '\x08' => Some('b'),
        '\x0c' => Some('f'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '\x0b' => Some('v'),
        c if c == mark => Some(mark),
        _ => None,
    };
    if let Some(short) = short {
        quoted.extend(['\\', short]);
        return;
    }
    if is_print(c) && (c.is_ascii() || !ascii) {
        quoted.push(c);
        return;
    }
    let code = u32::from(c);
    // Writing to a String cannot fail.
    let _ = match code {
        0..0x20 | 0x7f => write!(quoted, "\\x{code:02x}"),
        0..0x1_0000 => write!(quoted, "\\u{code:04x}"),
        _ => write!(quoted, "\\U{code:08x}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        assert_eq!(quote("a\"b\\c\n\0\u{7f}é'", false), r#""a\"b\\c\n\x00\x7fé'""#);
        assert_eq!(quote("é\u{1f600}", true), r#""\u00e9\U0001f600""#);
        assert_eq!(quote("\u{200b}\u{a0}", false), r#""\u200b\u00a0""#);
        assert_eq!(quote_char('\'', false), r"'\''");
    }

    #[test]
    fn combining_marks_are_printable() {
        assert!(is_print('\u{301}'));
        assert!(!is_print('\u{85}'));
        assert!(is_print(' '));
    }
}
