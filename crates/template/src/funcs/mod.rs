//! The functions of a template: Go's predefined ones, and docker's.

mod compare;
mod docker;
mod escape;
mod header;
mod index;
mod json;
mod output;

use crate::value::Value;

/// What a template is filled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Data; an absent field is an error.
    Data,
    /// The heading of a table: most of docker's functions leave it as it is, an absent field has no value.
    Header,
}

/// The type of a parameter in Go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// `reflect.Value`: anything, and the function sees whether it is an `interface {}`.
    Value,
    /// `interface {}`: anything, less the interface around it.
    Any,
    /// `string`
    Str,
    /// `int`
    Int,
    /// `[]string`
    Strings,
}

impl Type {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Type::Value => "reflect.Value",
            Type::Any => "interface {}",
            Type::Str => "string",
            Type::Int => "int",
            Type::Strings => "[]string",
        }
    }
}

/// Why a function did not give a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The function's own error.
    Error(String),
    /// The result would be longer than there is room for.
    TooLong,
}

impl From<&str> for Failure {
    fn from(message: &str) -> Failure {
        Failure::Error(message.to_owned())
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::Error(message)
    }
}

type Result<T> = std::result::Result<T, Failure>;

/// A function over arguments already checked for their number and types, and the bytes it may make.
type Apply = for<'a> fn(&[Value<'a>], usize) -> Result<Value<'a>>;

/// How a function is evaluated.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    Function(Apply),
    /// Stops at the first argument that is false.
    And,
    /// Stops at the first argument that is true.
    Or,
}

/// A function and its signature.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) params: &'static [Type],
    /// The type of any further arguments, if there may be any.
    pub(crate) rest: Option<Type>,
    pub(crate) body: Body,
}

impl Function {
    /// The type of the parameter at `index`.
    pub(crate) fn param(&self, index: usize) -> Type {
        self.params.get(index).copied().or(self.rest).unwrap_or(Type::Any)
    }
}

/// Whether there is a function of that name.
pub(crate) fn is_function(name: &str) -> bool {
    find(name, Mode::Data).is_some()
}

/// The function of that name.
pub(crate) fn find(name: &str, mode: Mode) -> Option<&'static Function> {
    let tables: [&'static [Function]; 3] = match mode {
        Mode::Data => [&[], DOCKER, BUILTIN],
        Mode::Header => [HEADER, DOCKER, BUILTIN],
    };
    tables.into_iter().flatten().find(|function| function.name == name)
}

const fn function(name: &'static str, params: &'static [Type], rest: Option<Type>, apply: Apply) -> Function {
    Function { name, params, rest, body: Body::Function(apply) }
}

const fn lazy(name: &'static str, body: Body) -> Function {
    Function { name, params: &[Type::Value], rest: Some(Type::Value), body }
}

/// Go's predefined functions.
static BUILTIN: &[Function] = {
    use Type::{Any, Str, Value};
    &[
        lazy("and", Body::And),
        function("call", &[Value], Some(Value), index::call),
        function("eq", &[Value], Some(Value), compare::eq),
        function("ge", &[Value, Value], None, compare::ge),
        function("gt", &[Value, Value], None, compare::gt),
        function("html", &[], Some(Any), escape::html),
        function("index", &[Value], Some(Value), index::index),
        function("js", &[], Some(Any), escape::js),
        function("le", &[Value, Value], None, compare::le),
        function("len", &[Value], None, index::len),
        function("lt", &[Value, Value], None, compare::lt),
        function("ne", &[Value, Value], None, compare::ne),
        function("not", &[Value], None, compare::not),
        lazy("or", Body::Or),
        function("print", &[], Some(Any), output::print),
        function("printf", &[Str], Some(Any), output::printf),
        function("println", &[], Some(Any), output::println),
        function("slice", &[Value], Some(Value), index::slice),
        function("urlquery", &[], Some(Any), escape::urlquery),
    ]
};

/// docker's functions.
static DOCKER: &[Function] = {
    use Type::{Any, Int, Str, Strings};
    &[
        function("join", &[Strings, Str], None, docker::join),
        function("json", &[Any], None, json::json),
        function("lower", &[Str], None, docker::lower),
        function("pad", &[Str, Int, Int], None, docker::pad),
        function("split", &[Str, Str], None, docker::split),
        function("title", &[Str], None, docker::title),
        function("truncate", &[Str, Int], None, docker::truncate),
        function("upper", &[Str], None, docker::upper),
    ]
};

/// What docker puts in place of its functions for the heading of a table.
static HEADER: &[Function] = {
    use Type::{Int, Str};
    &[
        function("join", &[Str, Str], None, header::same),
        function("json", &[Str], None, header::same),
        function("lower", &[Str], None, header::same),
        function("split", &[Str, Str], None, header::same),
        function("title", &[Str], None, header::same),
        function("truncate", &[Str, Int], None, header::same),
        function("upper", &[Str], None, header::same),
    ]
};

/// For arguments that do not fit the signature, which are refused before the function is called.
fn mismatch<T>() -> Result<T> {
    Err("arguments do not fit".into())
}
