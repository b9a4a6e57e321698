//! `eq`, `ne`, `lt`, `le`, `gt`, `ge` and `not`. Signed and unsigned integers compare by value; other
//! types do not mix.

use std::cmp::Ordering;

use super::{Result, mismatch};
use crate::print::sprintf;
use crate::value::Value;

/// Enough of a value for an error text.
const SHOWN: usize = 1 << 16;

const NO_ARGUMENT: &str = "missing argument for comparison";
const BAD_TYPE: &str = "invalid type for comparison";
const MIXED_TYPES: &str = "incompatible types for comparison";

pub(super) fn not<'a>(args: &[Value<'a>], _room: usize) -> Result<Value<'a>> {
    match args {
        [value] => Ok(Value::Bool(!value.is_true())),
        _ => mismatch(),
    }
}

/// Whether the first argument equals any of the others.
pub(super) fn eq<'a>(args: &[Value<'a>], _room: usize) -> Result<Value<'a>> {
    let [first, others @ ..] = args else {
        return mismatch();
    };
    if others.is_empty() {
        return Err(NO_ARGUMENT.into());
    }
    let first = first.clone().unboxed();
    for other in others {
        if equal(&first, &other.clone().unboxed())? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn ne<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    eq(args, room).map(|equal| Value::Bool(!equal.is_true()))
}

pub(super) fn lt<'a>(args: &[Value<'a>], _room: usize) -> Result<Value<'a>> {
    order(args, Ordering::is_lt)
}

pub(super) fn le<'a>(args: &[Value<'a>], _room: usize) -> Result<Value<'a>> {
    order(args, Ordering::is_le)
}

pub(super) fn gt<'a>(args: &[Value<'a>], _room: usize) -> Result<Value<'a>> {
    order(args, Ordering::is_gt)
}

pub(super) fn ge<'a>(args: &[Value<'a>], _room: usize) -> Result<Value<'a>> {
    order(args, Ordering::is_ge)
}

/// A type as far as comparisons tell types apart.
#[derive(PartialEq, Eq)]
enum Kind {
    Bool,
    Integer,
    Float,
    Str,
}

impl Kind {
    fn of(value: &Value<'_>) -> Option<Kind> {
        match value {
            Value::Bool(_) => Some(Kind::Bool),
            Value::Float(_) => Some(Kind::Float),
            Value::Str(_) => Some(Kind::Str),
            value => value.integer().map(|_| Kind::Integer),
        }
    }
}

fn equal(a: &Value<'_>, b: &Value<'_>) -> Result<bool> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => return Ok(a == b),
        (Value::Float(a), Value::Float(b)) => return Ok(a == b),
        (Value::Str(a), Value::Str(b)) => return Ok(**a == **b),
        _ => {}
    }
    if let (Some(a), Some(b)) = (a.integer(), b.integer()) {
        return Ok(a == b);
    }
    if a.is_nil() || b.is_nil() {
        return Ok(a.is_nil() == b.is_nil());
    }
    if Kind::of(a) != Kind::of(b) {
        return Err(MIXED_TYPES.into());
    }
    // Arrays and objects.
    let (type_a, type_b) = (a.type_name(), b.type_name());
    if matches!(a, Value::List(_)) != matches!(b, Value::List(_)) {
        let (a, b) = (shown(a, "%s"), shown(b, "%v"));
        return Err(format!("non-comparable types {a}: {type_a}, {type_b}: {b}").into());
    }
    let b = shown(b, "%s");
    Err(format!("non-comparable type {b}: {type_b}").into())
}

fn shown(value: &Value<'_>, verb: &str) -> String {
    sprintf(verb, std::slice::from_ref(value), SHOWN).unwrap_or_default()
}

fn order<'a>(args: &[Value<'a>], holds: fn(Ordering) -> bool) -> Result<Value<'a>> {
    let [a, b] = args else {
        return mismatch();
    };
    let (a, b) = (a.clone().unboxed(), b.clone().unboxed());
    let (Some(kind_a), Some(kind_b)) = (Kind::of(&a), Kind::of(&b)) else {
        return Err(BAD_TYPE.into());
    };
    if kind_a != kind_b {
        return Err(MIXED_TYPES.into());
    }
    let ordering = match (&a, &b) {
        (Value::Bool(_), Value::Bool(_)) => return Err(BAD_TYPE.into()),
        (Value::Str(a), Value::Str(b)) => a.as_bytes().cmp(b.as_bytes()),
        // Never NaN: neither JSON nor the syntax of constants has one.
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (a, b) => a.integer().cmp(&b.integer()),
    };
    Ok(Value::Bool(holds(ordering)))
}
