//! One token, and how Go names it in error texts.

use std::borrow::Cow;
use std::fmt;

use crate::quote::quote;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reading stopped here; the text says why. Always the last token.
    Error,
    /// End of the template. Always the last token.
    Eof,
    /// Text outside actions.
    Text,
    LeftDelim,
    RightDelim,
    /// White space between operands.
    Space,
    LeftParen,
    RightParen,
    /// `|`
    Pipe,
    /// `=`
    Assign,
    /// `:=`
    Declare,
    /// Any other printable ASCII character, such as a comma.
    Char,
    Bool,
    CharConstant,
    Number,
    /// `1+2i`
    Complex,
    /// `"…"`
    Str,
    /// `` `…` ``
    RawStr,
    /// A function name.
    Identifier,
    /// `.Name`
    Field,
    /// `$` or `$name`
    Variable,
    /// `.`, a keyword to Go.
    Dot,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Kind {
    /// The keyword that `word` is, if it is one.
    pub(crate) fn keyword(word: &str) -> Option<Kind> {
        Some(match word {
            "block" => Kind::Block,
            "break" => Kind::Break,
            "continue" => Kind::Continue,
            "define" => Kind::Define,
            "else" => Kind::Else,
            "end" => Kind::End,
            "if" => Kind::If,
            "nil" => Kind::Nil,
            "range" => Kind::Range,
            "template" => Kind::Template,
            "with" => Kind::With,
            _ => return None,
        })
    }
}

/// A token with its place in the template.
#[derive(Debug, Clone)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind,
    /// Offset of its first byte.
    pub(crate) pos: usize,
    /// Line of its first byte, from 1.
    pub(crate) line: usize,
    /// Its text, or the message of an error.
    pub(crate) text: Cow<'t, str>,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Longer texts are cut to as many characters.
        const SHOWN: usize = 10;
        match self.kind {
            Kind::Eof => f.write_str("EOF"),
            Kind::Error => f.write_str(&self.text),
            Kind::Dot => f.write_str("<.>"),
            kind if Kind::keyword(&self.text) == Some(kind) => write!(f, "<{}>", self.text),
            _ if self.text.len() > SHOWN => {
                let shown: String = self.text.chars().take(SHOWN).collect();
                write!(f, "{}...", quote(&shown, false))
            }
            _ => f.write_str(&quote(&self.text, false)),
        }
    }
}
