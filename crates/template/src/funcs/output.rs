//! `print`, `printf` and `println`.

use super::{Failure, Result, mismatch};
use crate::print::{sprint, sprintf, sprintln};
use crate::value::Value;

pub(super) fn print<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    finish(sprint(args, room))
}

pub(super) fn println<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    finish(sprintln(args, room))
}

pub(super) fn printf<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    match args {
        [Value::Str(format), args @ ..] => finish(sprintf(format, args, room)),
        _ => mismatch(),
    }
}

/// The value of a function that made `text`, or ran out of room.
pub(super) fn finish<'a>(text: Option<String>) -> Result<Value<'a>> {
    text.map(Value::made).ok_or(Failure::TooLong)
}
