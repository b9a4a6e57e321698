//! Numbers, taken broadly: what is no number after all is found by the parser.

use super::action::is_alphanumeric;
use super::text::Lexer;
use super::token::Kind;
use crate::quote::quote;

impl Lexer<'_> {
    /// Reads a number, or two with a sign between for a complex one.
    pub(super) fn number(&mut self) -> Result<(), String> {
        let well_formed = self.scan_number();
        if !well_formed {
            return self.bad_number();
        }
        if !matches!(self.peek(), Some('+' | '-')) {
            self.emit(Kind::Number);
            return Ok(());
        }
        if self.scan_number() && self.taken().ends_with('i') {
            self.emit(Kind::Complex);
            return Ok(());
        }
        self.bad_number()
    }

    fn bad_number(&self) -> Result<(), String> {
        Err(format!("bad number syntax: {}", quote(self.taken(), false)))
    }

    fn scan_number(&mut self) -> bool {
        self.take_one(is_sign);
        let mut radix = 10;
        if self.take_one(|c| c == '0') {
            radix = self.prefix();
        }
        let digit = move |c: char| c == '_' || c.is_digit(radix);
        self.take_while(digit);
        if self.take_one(|c| c == '.') {
            self.take_while(digit);
        }
        let exponent = match radix {
            10 => self.take_one(|c| matches!(c, 'e' | 'E')),
            16 => self.take_one(|c| matches!(c, 'p' | 'P')),
            _ => false,
        };
        if exponent {
            self.take_one(is_sign);
            self.take_while(|c| c == '_' || c.is_ascii_digit());
        }
        self.take_one(|c| c == 'i');
        if self.peek().is_some_and(is_alphanumeric) {
            // Into the error text.
            self.next();
            return false;
        }
        true
    }

    /// Reads the letter behind a leading zero, and says the radix it means.
    fn prefix(&mut self) -> u32 {
        let radix = match self.peek() {
            Some('x' | 'X') => 16,
            Some('o' | 'O') => 8,
            Some('b' | 'B') => 2,
            _ => return 10,
        };
        self.next();
        radix
    }
}

fn is_sign(c: char) -> bool {
    matches!(c, '+' | '-')
}
