//! `index`, `slice`, `len` and `call`.

use super::{Result, mismatch};
use crate::value::{Text, Value};

/// Functions are no values here, so there is nothing to call.
pub(super) fn call<'a>(args: &[Value<'a>], _room: usize) -> Result<Value<'a>> {
    match args {
        [value, ..] if !value.is_nil() => {
            let value = value.clone().unboxed();
            Err(format!("non-function of type {}", value.type_name()).into())
        }
        _ => Err("call of nil".into()),
    }
}

/// Bytes of a string, or elements of an array or object.
pub(super) fn len<'a>(args: &[Value<'a>], _room: usize) -> Result<Value<'a>> {
    let [value] = args else {
        return mismatch();
    };
    let length = match value.clone().unboxed() {
        Value::Str(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.entries.len(),
        // Null stands for a nil slice or map.
        Value::Invalid | Value::Any(_) => 0,
        value => return Err(format!("len of type {}", value.type_name()).into()),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// `index x 1 "two"` is Go's `x[1]["two"]`.
pub(super) fn index<'a>(args: &[Value<'a>], _room: usize) -> Result<Value<'a>> {
    let [value, indices @ ..] = args else {
        return mismatch();
    };
    let first_is_string = matches!(indices.first().cloned().map(Value::unboxed), Some(Value::Str(_)));
    if value.is_nil() && !first_is_string {
        return Err("index of untyped nil".into());
    }
    let mut value = value.clone();
    for index in indices {
        value = index_once(value.unboxed(), &index.clone().unboxed())?;
    }
    Ok(value)
}

fn index_once<'a>(value: Value<'a>, index: &Value<'a>) -> Result<Value<'a>> {
    match value {
        Value::Str(text) => {
            let position = position(index, text.len())?;
            let byte = text.as_bytes().get(position);
            let byte = byte.ok_or("reflect: string index out of range")?;
            Ok(Value::Byte(*byte))
        }
        Value::List(list) => {
            let element = list.at(position(index, list.len())?);
            Ok(element.ok_or("reflect: slice index out of range")?)
        }
        Value::Map(map) => {
            let zero = if map.of_strings { Value::Str(Text::Found("")) } else { Value::nil() };
            Ok(map.at(key(index)?).unwrap_or(zero))
        }
        // Null stands for a nil map of strings.
        Value::Invalid | Value::Any(_) => match index {
            Value::Str(_) => Ok(Value::Str(Text::Found(""))),
            _ => Err("index of nil pointer".into()),
        },
        value => Err(format!("can't index item of type {}", value.type_name()).into()),
    }
}

fn key<'i>(index: &'i Value<'_>) -> Result<&'i str> {
    match index {
        Value::Str(text) => Ok(text),
        Value::Invalid => Err("value is nil; should be of type string".into()),
        index => {
            let type_name = index.type_name();
            Err(format!("value has type {type_name}; should be string").into())
        }
    }
}

/// An index as a number from 0 to `end`, both included.
fn position(index: &Value<'_>, end: usize) -> Result<usize> {
    let Some(number) = index.integer() else {
        return Err(match index {
            Value::Invalid => "cannot index slice/array with nil".into(),
            index => format!("cannot index slice/array with type {}", index.type_name()).into(),
        });
    };
    match usize::try_from(number) {
        Ok(position) if position <= end => Ok(position),
        // Go reads a uint64 as an int64 here.
        _ => Err(format!("index out of range: {}", number as i64).into()),
    }
}

/// `slice x 1 2` is Go's `x[1:2]`. The capacity of an array is its length.
pub(super) fn slice<'a>(args: &[Value<'a>], _room: usize) -> Result<Value<'a>> {
    let [value, indices @ ..] = args else {
        return mismatch();
    };
    let value = value.clone().unboxed();
    if value.is_nil() {
        return Err("slice of untyped nil".into());
    }
    if indices.len() > 3 {
        return Err(format!("too many slice indexes: {}", indices.len()).into());
    }
    match value {
        Value::Str(_) if indices.len() == 3 => Err("cannot 3-index slice a string".into()),
        Value::Str(text) => {
            let (start, end) = bounds(indices, text.len())?;
            let bytes = text.as_bytes().get(start..end).unwrap_or_default();
            Ok(Value::made(String::from_utf8_lossy(bytes).into_owned()))
        }
        Value::List(list) => {
            let (start, end) = bounds(indices, list.len())?;
            list.part(start, end).map(Value::List).map_or_else(mismatch, Ok)
        }
        value => Err(format!("can't slice item of type {}", value.type_name()).into()),
    }
}

/// Where a slice begins and ends. A third index, the capacity, is only checked.
fn bounds(indices: &[Value<'_>], len: usize) -> Result<(usize, usize)> {
    let mut positions = [0, len, len];
    for (position_at, index) in positions.iter_mut().zip(indices) {
        *position_at = position(&index.clone().unboxed(), len)?;
    }
    let [start, end, capacity] = positions;
    for (low, high) in [(start, end), (end, capacity)] {
        if low > high {
            return Err(format!("invalid slice index: {low} > {high}").into());
        }
    }
    Ok((start, end))
}
