//! The inner half of the lexer: what stands between delimiters.

use super::text::{Lexer, RIGHT, is_space};
use super::token::Kind;

/// Letters, digits and the underscore, in any script.
pub(super) fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

impl Lexer<'_> {
    /// Reads the rest of an action, its right delimiter included.
    pub(super) fn action(&mut self) -> Result<(), String> {
        let mut parens = 0_usize;
        loop {
            if self.at_right_delim().is_some() {
                if parens > 0 {
                    return Err("unclosed left paren".to_owned());
                }
                self.right_delim();
                return Ok(());
            }
            let c = self.peek().ok_or("unclosed action")?;
            match c {
                '(' => {
                    self.single(Kind::LeftParen);
                    parens += 1;
                }
                ')' => {
                    self.single(Kind::RightParen);
                    parens = parens
                        .checked_sub(1)
                        .ok_or_else(|| format!("unexpected right paren {}", code_point(c)))?;
                }
                _ => self.operand(c)?,
            }
        }
    }

    /// Reads a token that begins with `c`, which is next.
    fn operand(&mut self, c: char) -> Result<(), String> {
        match c {
            c if is_space(c) => self.space(),
            '=' => self.single(Kind::Assign),
            '|' => self.single(Kind::Pipe),
            ':' => {
                self.next();
                if self.next() != Some('=') {
                    return Err("expected :=".to_owned());
                }
                self.emit(Kind::Declare);
            }
            '"' => self.quoted('"', Kind::Str, "quoted string")?,
            '\'' => self.quoted('\'', Kind::CharConstant, "character constant")?,
            '`' => self.raw_string()?,
            '$' => self.name(Kind::Variable, Kind::Variable)?,
            '.' if self.dot_starts_name() => self.name(Kind::Field, Kind::Dot)?,
            '.' | '+' | '-' | '0'..='9' => self.number()?,
            c if is_alphanumeric(c) => self.word()?,
            ' '..='~' => self.single(Kind::Char),
            c => {
                return Err(format!("unrecognized character in action: {}", code_point(c)));
            }
        }
        Ok(())
    }

    fn single(&mut self, kind: Kind) {
        self.next();
        self.emit(kind);
    }

    /// Reads a run of white space, less the last character if that belongs to a trimming right delimiter.
    fn space(&mut self) {
        let rest = self.rest();
        let count = rest.chars().take_while(|c| is_space(*c)).count();
        let marked = rest
            .get(count..)
            .and_then(|after| after.strip_prefix('-'))
            .is_some_and(|after| after.starts_with(RIGHT));
        let length = if marked { count - 1 } else { count };
        if length > 0 {
            self.take(length);
            self.emit(Kind::Space);
        }
    }

    /// Whether the dot that is next is a name. At the very end of the text, Go takes it for a number.
    fn dot_starts_name(&self) -> bool {
        let next = self.rest().chars().nth(1);
        next.is_some_and(|c| !c.is_ascii_digit())
    }

    /// Reads `.name` or `$name`; the sign alone is of kind `bare`.
    fn name(&mut self, kind: Kind, bare: Kind) -> Result<(), String> {
        self.next();
        if self.at_terminator() {
            self.emit(bare);
            return Ok(());
        }
        self.take_while(is_alphanumeric);
        self.require_terminator()?;
        self.emit(kind);
        Ok(())
    }

    fn word(&mut self) -> Result<(), String> {
        self.take_while(is_alphanumeric);
        self.require_terminator()?;
        let kind = match self.taken() {
            "true" | "false" => Kind::Bool,
            word => Kind::keyword(word).unwrap_or(Kind::Identifier),
        };
        self.emit(kind);
        Ok(())
    }

    /// Whether a name may end here. Keeps `$x+2` free for another day.
    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) => is_space(c) || self.rest().starts_with(RIGHT),
        }
    }

    fn require_terminator(&self) -> Result<(), String> {
        match self.peek() {
            Some(c) if !self.at_terminator() => Err(format!("bad character {}", code_point(c))),
            _ => Ok(()),
        }
    }

    /// Reads a literal between two `mark`s on one line. Its escapes are the parser's business.
    fn quoted(&mut self, mark: char, kind: Kind, what: &str) -> Result<(), String> {
        self.next();
        loop {
            let mut c = self.next();
            if c == Some('\\') {
                c = self.next().filter(|escaped| *escaped != '\n');
                if c.is_some() {
                    continue;
                }
            }
            match c {
                None | Some('\n') => return Err(format!("unterminated {what}")),
                Some(c) if c == mark => break,
                Some(_) => {}
            }
        }
        self.emit(kind);
        Ok(())
    }

    fn raw_string(&mut self) -> Result<(), String> {
        self.next();
        self.take_while(|c| c != '`');
        self.next().ok_or("unterminated raw quoted string")?;
        self.emit(Kind::RawStr);
        Ok(())
    }
}

/// `c` as `fmt` prints it for `%#U`: `U+002B '+'`.
fn code_point(c: char) -> String {
    let code = u32::from(c);
    if crate::quote::is_print(c) { format!("U+{code:04X} '{c}'") } else { format!("U+{code:04X}") }
}
