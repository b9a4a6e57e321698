//! Strings and characters: `%s %q %x %X %c %U`.

use super::Printer;
use crate::quote::{is_print, quote, quote_char};

impl Printer {
    /// Prints a string. `false` if the verb is not for strings.
    pub(super) fn text(&mut self, text: &str, verb: char) -> bool {
        match verb {
            'v' if self.flags.go_syntax => self.quoted(text),
            'v' | 's' => {
                let text = self.cut(text);
                self.pad(text);
            }
            'q' => self.quoted(text),
            'x' | 'X' => self.hex(text.as_bytes(), verb),
            _ => return false,
        }
        true
    }

    /// Prints `code` as a character.
    pub(super) fn char(&mut self, code: u64) {
        let c = char_of(code);
        self.pad(c.encode_utf8(&mut [0; 4]));
    }

    /// Prints `code` as a quoted character.
    pub(super) fn quoted_char(&mut self, code: u64) {
        let quoted = quote_char(char_of(code), self.flags.plus);
        self.pad(&quoted);
    }

    /// Prints `code` as `U+0078`, or with a sharp as `U+0078 'x'`.
    pub(super) fn unicode(&mut self, code: u64) {
        let digits = format!("{code:04X}");
        let zeros = self.flags.precision.unwrap_or_default();
        let zeros = "0".repeat(zeros.saturating_sub(digits.len()));
        let mut text = format!("U+{zeros}{digits}");
        if self.flags.sharp {
            let c = u32::try_from(code).ok().and_then(char::from_u32);
            if let Some(c) = c.filter(|c| is_print(*c)) {
                text.push_str(&format!(" '{c}'"));
            }
        }
        self.pad_with_spaces(&text);
    }

    /// The first characters of `text`, as many as the precision says.
    fn cut<'t>(&self, text: &'t str) -> &'t str {
        let end = self.flags.precision.and_then(|precision| text.char_indices().nth(precision));
        end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
    }

    fn quoted(&mut self, text: &str) {
        let text = self.cut(text);
        if self.flags.sharp && can_backquote(text) {
            self.pad(&format!("`{text}`"));
        } else {
            self.pad(&quote(text, self.flags.plus));
        }
    }

    /// Two hexadecimal digits for each byte. Here the precision counts bytes.
    fn hex(&mut self, bytes: &[u8], verb: char) {
        let count = self.flags.precision.unwrap_or(bytes.len());
        let prefix = if self.flags.sharp { ['0', verb].iter().collect() } else { String::new() };
        let mut text = String::new();
        for (i, byte) in bytes.iter().take(count).enumerate() {
            if i > 0 && self.flags.space {
                text.push(' ');
            }
            if i == 0 || self.flags.space {
                text.push_str(&prefix);
            }
            text.push_str(&match verb {
                'X' => format!("{byte:02X}"),
                _ => format!("{byte:02x}"),
            });
        }
        self.pad(&text);
    }
}

fn char_of(code: u64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Whether `text` can stand between backquotes: one line, without control characters other than tabs.
fn can_backquote(text: &str) -> bool {
    text.chars().all(|c| c == '\t' || !(c.is_ascii_control() || matches!(c, '`' | '\u{feff}')))
}
