//! Go's `text/template`, as `docker … --format` uses it, over JSON values.
//!
//! [`Template::parse`] reads a format once; [`Template::execute`] fills it from a
//! [`serde_json::Value`]. Both are pure functions: no I/O, no clock, no locale, no shared state. Both are
//! bounded (text size, nesting, steps, bytes written), so a format from an untrusted place costs at most
//! a few seconds and a few hundred megabytes, and never a panic.
//!
//! # Language
//!
//! All of `text/template` as of Go 1.24 that makes sense without Go values: text, trim markers, comments,
//! fields, variables, pipelines, `if`, `range` (also over integers), `with`, `else if`, `else with`,
//! `break`, `continue`, `define`, `template`, `block`; the predefined functions; and docker's `json`,
//! `split`, `join`, `title`, `lower`, `upper`, `pad` and `truncate`. Not supported: complex numbers,
//! channels, functions as values (`call` always fails), methods, and `%p`.
//!
//! # JSON as Go values
//!
//! docker evaluates formats over Go structs; here they are JSON. The types seen by `printf "%T"`, by error
//! texts and by functions with typed parameters are:
//!
//! | JSON | Go |
//! |---|---|
//! | `null` | nil: prints `<no value>`, or `<nil>` inside another value |
//! | integer | `int64`, or `uint64` above its range |
//! | other number | `float64` |
//! | array of strings only (or empty) | `[]string` |
//! | other array | `[]interface {}` |
//! | object of strings only (or empty) | `map[string]string` |
//! | other object | `map[string]interface {}` |
//!
//! A field that is not in its object is an error, at any depth. `index` of an absent key gives the zero
//! value: the empty string from a `map[string]string`, else nil.
//!
//! `null` often stands for a nil slice or map of a Go struct, so where Go would refuse an untyped nil,
//! `len` of it is 0, `join` of it is empty, and `index` of it by a string is the empty string.
//!
//! Strings are UTF-8. Where Go would cut one inside a character (`slice`, `truncate`, `"\xff"`), the stray
//! bytes become U+FFFD.

mod buffer;
mod error;
mod exec;
mod funcs;
mod lex;
mod limits;
mod literal;
mod node;
mod number;
mod parse;
mod print;
mod quote;
mod template;
mod value;

pub use error::{ExecError, ParseError};
pub use limits::{MAX_NESTING, MAX_TEXT};
pub use template::Template;
