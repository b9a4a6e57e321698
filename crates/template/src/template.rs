//! A parsed template, ready to be filled any number of times.

use serde_json::Value as Json;

use crate::error::{ExecError, ParseError};
use crate::exec::execute;
use crate::funcs::Mode;
use crate::parse::{Templates, parse};

/// A template as docker's `--format` takes it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let template = barge_template::Template::parse("{{.Name}}: {{join .Tags \", \"}}")?;
/// let data = serde_json::json!({"Name": "alpine", "Tags": ["3.20", "latest"]});
/// assert_eq!(template.execute(&data)?, "alpine: 3.20, latest");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Template {
    text: String,
    templates: Templates,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// Returns an error, in Go's words, if `text` is not a template, uses a function that docker does not
    /// have, is longer than [`MAX_TEXT`](crate::MAX_TEXT), or nests deeper than
    /// [`MAX_NESTING`](crate::MAX_NESTING).
    pub fn parse(text: &str) -> Result<Template, ParseError> {
        Ok(Template { text: text.to_owned(), templates: parse(text)? })
    }

    /// Fills the template from `data`. A field that `data` does not have is an error.
    ///
    /// Recursion over `data` is as deep as `data` is; `serde_json` parses at most 128 levels.
    ///
    /// # Errors
    ///
    /// Returns an error, in Go's words, if an action cannot be evaluated, or if a limit of this crate is
    /// reached. What was written up to there is lost.
    pub fn execute(&self, data: &Json) -> Result<String, ExecError> {
        execute(&self.text, &self.templates, data, Mode::Data)
    }

    /// Fills the template as docker does for the heading of a `table` format: `headers` has, for each
    /// field of a row, the text above its column.
    ///
    /// Unlike [`execute`](Template::execute), a field that `headers` does not have prints `<no value>`,
    /// and `json`, `split`, `join`, `title`, `lower`, `upper` and `truncate` leave the heading as it is.
    ///
    /// # Errors
    ///
    /// As for [`execute`](Template::execute). docker prints no heading then, and no error.
    pub fn execute_header(&self, headers: &Json) -> Result<String, ExecError> {
        execute(&self.text, &self.templates, headers, Mode::Header)
    }
}
