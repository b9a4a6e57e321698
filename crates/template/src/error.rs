//! What goes wrong, in Go's words. docker names its templates `""`, hence the empty name in
//! `template: :1:`; the caller adds docker's `template parsing error: `.

use thiserror::Error;

/// A template text that cannot be parsed.
///
/// Rendered as Go does: ``template: :1: function "foo" not defined``.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("template: :{line}: {message}")]
pub struct ParseError {
    line: usize,
    message: String,
}

impl ParseError {
    pub(crate) fn new(line: usize, message: String) -> ParseError {
        ParseError { line, message }
    }

    /// The line of the template on which parsing stopped, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }
}

/// A template that cannot be filled from the given data.
///
/// Rendered as Go does: ``template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"``.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ExecError {
    message: String,
}

impl ExecError {
    pub(crate) fn new(message: String) -> ExecError {
        ExecError { message }
    }
}
