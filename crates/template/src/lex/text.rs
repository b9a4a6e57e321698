//! The outer half of the lexer: text, delimiters with their trim markers, and comments.

use std::borrow::Cow;

use super::token::{Kind, Token};

/// Opens an action.
const LEFT: &str = "{{";
/// Closes an action.
pub(super) const RIGHT: &str = "}}";
/// Bytes of a trim marker: the minus and the white space that must stand beside it.
const MARKER: usize = 2;

/// White space, as Go's templates count it.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// The tokens of `input`. The last one is of kind `Eof` or `Error`.
pub(crate) fn lex(input: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { input, pos: 0, start: 0, line: 1, tokens: Vec::new() };
    if let Err(message) = lexer.run() {
        lexer.push(Kind::Error, Cow::Owned(message));
    }
    lexer.tokens
}

/// A reader over the template text. `start..pos` is the token being read.
pub(super) struct Lexer<'t> {
    input: &'t str,
    pos: usize,
    start: usize,
    /// Line of `start`.
    line: usize,
    tokens: Vec<Token<'t>>,
}

impl<'t> Lexer<'t> {
    fn run(&mut self) -> Result<(), String> {
        while self.text() {
            if self.left_delim()? {
                self.action()?;
            }
        }
        Ok(())
    }

    /// Reads up to the next action, or to the end, which is `false`.
    fn text(&mut self) -> bool {
        let rest = self.rest();
        let Some(length) = rest.find(LEFT) else {
            self.take(rest.len());
            self.emit_text();
            self.emit(Kind::Eof);
            return false;
        };
        let (text, action) = rest.split_at(length);
        let kept = if has_left_marker(action.get(LEFT.len()..).unwrap_or_default()) {
            text.trim_end_matches(is_space).len()
        } else {
            length
        };
        self.take(kept);
        self.emit_text();
        self.take(length - kept);
        self.skip();
        true
    }

    fn emit_text(&mut self) {
        if self.pos > self.start {
            self.emit(Kind::Text);
        }
    }

    /// Reads `{{` with its marker. A comment is read whole, and is `false`.
    fn left_delim(&mut self) -> Result<bool, String> {
        let after = self.rest().get(LEFT.len()..).unwrap_or_default();
        let marker = if has_left_marker(after) { MARKER } else { 0 };
        if after.get(marker..).is_some_and(|rest| rest.starts_with("/*")) {
            self.take(LEFT.len() + marker);
            self.skip();
            self.comment()?;
            return Ok(false);
        }
        self.take(LEFT.len());
        self.emit(Kind::LeftDelim);
        self.take(marker);
        self.skip();
        Ok(true)
    }

    fn comment(&mut self) -> Result<(), String> {
        self.take("/*".len());
        let end = self.rest().find("*/").ok_or("unclosed comment")?;
        self.take(end + "*/".len());
        if self.at_right_delim().is_none() {
            return Err("comment ends before closing delimiter".to_owned());
        }
        self.skip();
        self.right_delim();
        // A comment has no closing token either.
        self.tokens.pop();
        Ok(())
    }

    /// Whether a right delimiter is next, and if so whether it has a trim marker.
    pub(super) fn at_right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        if rest.starts_with(RIGHT) {
            return Some(false);
        }
        let marked = has_right_marker(rest) && rest.get(MARKER..)?.starts_with(RIGHT);
        marked.then_some(true)
    }

    /// Reads `}}`, its marker, and the space that the marker trims.
    pub(super) fn right_delim(&mut self) {
        let trim = self.at_right_delim() == Some(true);
        if trim {
            self.take(MARKER);
            self.skip();
        }
        self.take(RIGHT.len());
        self.emit(Kind::RightDelim);
        if trim {
            let rest = self.rest();
            self.take(rest.len() - rest.trim_start_matches(is_space).len());
            self.skip();
        }
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'t str {
        self.input.get(self.pos..).unwrap_or_default()
    }

    /// The token being read, so far.
    pub(super) fn taken(&self) -> &'t str {
        self.input.get(self.start..self.pos).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.take(c.len_utf8());
        Some(c)
    }

    /// Moves on while `accepted`.
    pub(super) fn take_while(&mut self, accepted: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.take(rest.find(|c| !accepted(c)).unwrap_or(rest.len()));
    }

    /// Moves on over one character if it is `accepted`.
    pub(super) fn take_one(&mut self, accepted: impl Fn(char) -> bool) -> bool {
        let found = self.peek().is_some_and(accepted);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn take(&mut self, bytes: usize) {
        self.pos += bytes;
    }

    /// Ends the token being read.
    pub(super) fn emit(&mut self, kind: Kind) {
        self.push(kind, Cow::Borrowed(self.taken()));
        self.skip();
    }

    /// Drops the token being read.
    fn skip(&mut self) {
        self.line += self.taken().matches('\n').count();
        self.start = self.pos;
    }

    fn push(&mut self, kind: Kind, text: Cow<'t, str>) {
        self.tokens.push(Token { kind, pos: self.start, line: self.line, text });
    }
}

fn has_left_marker(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_space))
}

fn has_right_marker(text: &str) -> bool {
    text.strip_prefix(is_space).is_some_and(|rest| rest.starts_with('-'))
}
