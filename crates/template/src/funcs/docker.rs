//! docker's functions on strings.

use super::output::finish;
use super::{Failure, Result, mismatch};
use crate::buffer::Buffer;
use crate::value::{List, Text, Value};

/// What one piece of a split string costs.
const PIECE: usize = 32;

/// `split "a,b" ","`. An empty separator splits between characters.
pub(super) fn split<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    let [Value::Str(text), Value::Str(separator)] = args else {
        return mismatch();
    };
    let count =
        if separator.is_empty() { text.chars().count() } else { text.matches(&**separator).count() + 1 };
    if count.saturating_mul(PIECE).saturating_add(text.len()) > room {
        return Err(Failure::TooLong);
    }
    let made = |piece: &str| Text::Made(piece.into());
    let pieces = if separator.is_empty() {
        text.chars().map(|c| made(c.encode_utf8(&mut [0; 4]))).collect()
    } else {
        text.split(&**separator).map(made).collect()
    };
    Ok(Value::List(List::Made(pieces)))
}

/// `join .List ","`
pub(super) fn join<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    let [Value::List(list), Value::Str(separator)] = args else {
        return mismatch();
    };
    let mut joined = Buffer::new(room);
    for (i, element) in list.iter().enumerate() {
        if i > 0 {
            joined.push_str(separator);
        }
        if let Value::Str(text) = element {
            joined.push_str(&text);
        }
    }
    finish(joined.finish())
}

pub(super) fn lower<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    map_chars(args, room, |c, _| to_lower(c))
}

pub(super) fn upper<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    map_chars(args, room, |c, _| to_upper(c))
}

/// Raises the first letter of each word, and leaves the others.
pub(super) fn title<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    map_chars(args, room, |c, before| if before.is_none_or(is_separator) { to_upper(c) } else { c })
}

/// `pad "x" 1 2` puts one space before and two behind, unless the string is empty.
pub(super) fn pad<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    let [Value::Str(text), Value::Int(before), Value::Int(behind)] = args else {
        return mismatch();
    };
    if text.is_empty() {
        return Ok(Value::Str(text.clone()));
    }
    let count =
        |count: &i64| usize::try_from(*count).map_err(|_| Failure::from("strings: negative Repeat count"));
    let (before, behind) = (count(before)?, count(behind)?);
    let mut padded = Buffer::new(room);
    padded.push_many(' ', before);
    padded.push_str(text);
    padded.push_many(' ', behind);
    finish(padded.finish())
}

/// `truncate "abc" 2`, in bytes.
pub(super) fn truncate<'a>(args: &[Value<'a>], _room: usize) -> Result<Value<'a>> {
    let [Value::Str(text), Value::Int(length)] = args else {
        return mismatch();
    };
    let Ok(length) = usize::try_from(*length) else {
        return Err(format!("runtime error: slice bounds out of range [:{length}]").into());
    };
    match text.as_bytes().get(..length) {
        Some(bytes) => Ok(Value::made(String::from_utf8_lossy(bytes).into_owned())),
        None => Ok(Value::Str(text.clone())),
    }
}

/// Maps each character, given the one before it.
fn map_chars<'a>(args: &[Value<'a>], room: usize, map: fn(char, Option<char>) -> char) -> Result<Value<'a>> {
    let [Value::Str(text)] = args else {
        return mismatch();
    };
    let mut mapped = Buffer::new(room);
    let mut before = None;
    for c in text.chars() {
        mapped.push(map(c, before));
        before = Some(c);
    }
    finish(mapped.finish())
}

/// Go maps one character to one: ß has no capital.
fn to_upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => c,
    }
}

/// Go maps one character to one: İ becomes i.
fn to_lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Whether a word ends with `c`: ASCII less letters, digits and `_`; beyond ASCII, white space.
fn is_separator(c: char) -> bool {
    if c.is_ascii() { !c.is_ascii_alphanumeric() && c != '_' } else { c.is_whitespace() }
}
