//! Template text into tokens. Lexing never fails as a call: what cannot be read ends the list as an error
//! token, so that the parser reports what it meets first.

mod action;
mod number;
mod text;
mod token;

pub(crate) use text::lex;
pub(crate) use token::{Kind, Token};
