//! The values of a running template: JSON under Go's types.

use std::ops::Deref;
use std::rc::Rc;

use serde_json::Value as Json;

/// JSON null, to refer to.
static NULL: Json = Json::Null;

/// A value as Go would hold it.
///
/// The distinction between [`Value::Any`] and the rest is Go's between an `interface {}` that holds
/// something and the thing itself; error texts tell them apart.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    /// No value at all; also an untyped nil.
    Invalid,
    /// An element of a `[]interface {}` or `map[string]interface {}`.
    Any(&'a Json),
    Bool(bool),
    /// Go's `int`: constants, lengths, indices.
    Int(i64),
    /// Go's `int64`: numbers in data.
    Int64(i64),
    /// Go's `uint64`: numbers in data above `i64::MAX`.
    Uint64(u64),
    /// Go's `uint8`: an element of a string.
    Byte(u8),
    Float(f64),
    Str(Text<'a>),
    List(List<'a>),
    Map(Map<'a>),
}

/// A string of the data or the template, or one made on the way.
#[derive(Debug, Clone)]
pub(crate) enum Text<'a> {
    Found(&'a str),
    Made(Rc<str>),
}

/// An array.
#[derive(Debug, Clone)]
pub(crate) enum List<'a> {
    /// `[]interface {}`
    Any(&'a [Json]),
    /// `[]string` of the data: every element is a string.
    Strings(&'a [Json]),
    /// `[]string` made on the way.
    Made(Rc<[Text<'a>]>),
}

/// An object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Map<'a> {
    pub(crate) entries: &'a serde_json::Map<String, Json>,
    /// `map[string]string` rather than `map[string]interface {}`.
    pub(crate) of_strings: bool,
}

impl<'a> Value<'a> {
    /// A nil `interface {}`.
    pub(crate) fn nil() -> Value<'a> {
        Value::Any(&NULL)
    }

    /// A string made on the way.
    pub(crate) fn made(text: String) -> Value<'a> {
        Value::Str(Text::Made(text.into()))
    }

    /// The thing that an `interface {}` holds; null is `Invalid`.
    pub(crate) fn unboxed(self) -> Value<'a> {
        match self {
            Value::Any(json) => Value::from(json),
            value => value,
        }
    }

    /// Whether this is a nil, of whatever kind.
    pub(crate) fn is_nil(&self) -> bool {
        matches!(self, Value::Invalid | Value::Any(Json::Null))
    }

    /// The name of the type in Go. `Invalid`, which has none, is called `<nil>`.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::Invalid => "<nil>",
            Value::Any(_) => "interface {}",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Int64(_) => "int64",
            Value::Uint64(_) => "uint64",
            Value::Byte(_) => "uint8",
            Value::Float(_) => "float64",
            Value::Str(_) => "string",
            Value::List(List::Any(_)) => "[]interface {}",
            Value::List(List::Strings(_) | List::Made(_)) => "[]string",
            Value::Map(map) if map.of_strings => "map[string]string",
            Value::Map(_) => "map[string]interface {}",
        }
    }

    /// Whether `if` takes the value for true: whether it is not the zero of its type, nor empty.
    pub(crate) fn is_true(&self) -> bool {
        match self.clone().unboxed() {
            Value::Invalid | Value::Any(_) => false,
            Value::Bool(value) => value,
            Value::Int(value) | Value::Int64(value) => value != 0,
            Value::Uint64(value) => value != 0,
            Value::Byte(value) => value != 0,
            Value::Float(value) => value != 0.0,
            Value::Str(text) => !text.is_empty(),
            Value::List(list) => list.len() > 0,
            Value::Map(map) => !map.entries.is_empty(),
        }
    }

    /// The value as an integer, if it is of an integer type.
    pub(crate) fn integer(&self) -> Option<i128> {
        match self {
            Value::Int(value) | Value::Int64(value) => Some(i128::from(*value)),
            Value::Uint64(value) => Some(i128::from(*value)),
            Value::Byte(value) => Some(i128::from(*value)),
            _ => None,
        }
    }

    /// About how many bytes a function that takes the value has to look at, or to copy.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Value::Str(text) => text.len(),
            Value::Any(Json::String(text)) => text.len(),
            Value::List(List::Made(items)) => items.len() * size_of::<Text<'_>>(),
            _ => 0,
        }
    }
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Value<'a> {
        match json {
            Json::Null => Value::Invalid,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => {
                if let Some(value) = number.as_i64() {
                    Value::Int64(value)
                } else if let Some(value) = number.as_u64() {
                    Value::Uint64(value)
                } else {
                    Value::Float(number.as_f64().unwrap_or_default())
                }
            }
            Json::String(text) => Value::Str(Text::Found(text)),
            Json::Array(items) if items.iter().all(Json::is_string) => Value::List(List::Strings(items)),
            Json::Array(items) => Value::List(List::Any(items)),
            Json::Object(entries) => {
                Value::Map(Map { entries, of_strings: entries.values().all(Json::is_string) })
            }
        }
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Found(text) => text,
            Text::Made(text) => text,
        }
    }
}

impl<'a> List<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            List::Any(items) | List::Strings(items) => items.len(),
            List::Made(items) => items.len(),
        }
    }

    /// The element at `index`, in the type that elements have.
    pub(crate) fn at(&self, index: usize) -> Option<Value<'a>> {
        match self {
            List::Any(items) => items.get(index).map(Value::Any),
            List::Strings(items) => items.get(index).map(Value::from),
            List::Made(items) => items.get(index).cloned().map(Value::Str),
        }
    }

    /// The elements from `start` to `end`.
    pub(crate) fn part(&self, start: usize, end: usize) -> Option<List<'a>> {
        Some(match self {
            List::Any(items) => List::Any(items.get(start..end)?),
            List::Strings(items) => List::Strings(items.get(start..end)?),
            List::Made(items) => List::Made(items.get(start..end)?.into()),
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Value<'a>> {
        (0..self.len()).map_while(|index| self.at(index))
    }
}

impl<'a> Map<'a> {
    /// The element under `key`, in the type that elements have.
    pub(crate) fn at(&self, key: &str) -> Option<Value<'a>> {
        self.entries.get(key).map(|json| self.element(json))
    }

    /// Keys in order, with their elements.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        let map = *self;
        map.entries.iter().map(move |(key, json)| (key.as_str(), map.element(json)))
    }

    fn element(&self, json: &'a Json) -> Value<'a> {
        if self.of_strings { Value::from(json) } else { Value::Any(json) }
    }
}
