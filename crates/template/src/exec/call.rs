//! Function calls: arguments in the types that the function wants, and the result.

use std::fmt::Display;

use super::{Exec, Result};
use crate::funcs::{Body, Failure, Function, Type, find};
use crate::limits::MAX_MADE;
use crate::node::{Operand, Term};
use crate::value::{List, Text, Value};

/// As many bytes of arguments count as one step.
const BYTES_A_STEP: usize = 1024;

impl<'a> Exec<'a> {
    /// Calls a function. `last` is the value of the command before; `place` is what errors of the function
    /// itself are about.
    pub(super) fn function(
        &mut self,
        dot: &Value<'a>,
        name: &str,
        args: &'a [Operand],
        last: Option<Value<'a>>,
        place: (usize, &'a dyn Display),
    ) -> Result<Value<'a>> {
        let Some(function) = find(name, self.mode) else {
            return self.fail(format!("{name:?} is not a defined function"));
        };
        self.check_count(function, args.len(), last.is_some())?;
        let body = match function.body {
            Body::Function(body) => body,
            Body::And => return self.and_or(dot, args, last, false),
            Body::Or => return self.and_or(dot, args, last, true),
        };
        let mut values = Vec::with_capacity(args.len() + 1);
        for arg in args {
            let typ = function.param(values.len());
            values.push(self.arg(dot, typ, arg)?);
        }
        if let Some(last) = last {
            let typ = function.param(values.len());
            values.push(self.validate(last, typ)?);
        }
        let bytes: usize = values.iter().map(Value::weight).sum();
        self.step(1 + bytes / BYTES_A_STEP)?;
        match body(&values, self.room()) {
            Ok(value) => {
                self.charge(&value);
                Ok(value)
            }
            Err(failure) => {
                self.at(place.0, place.1);
                match failure {
                    Failure::Error(message) => self.fail(format!("error calling {name}: {message}")),
                    Failure::TooLong => self.fail(format!("functions made more than {MAX_MADE} bytes")),
                }
            }
        }
    }

    fn check_count(&self, function: &Function, args: usize, has_last: bool) -> Result<()> {
        let name = function.name;
        let fixed = function.params.len();
        let count = args + usize::from(has_last);
        if function.rest.is_some() {
            if count < fixed {
                return self
                    .fail(format!("wrong number of args for {name}: want at least {fixed} got {args}"));
            }
        } else if count != fixed {
            return self.fail(format!("wrong number of args for {name}: want {fixed} got {count}"));
        }
        Ok(())
    }

    /// Counts what a function has made. Strings found in the data cost nothing.
    fn charge(&mut self, value: &Value<'a>) {
        /// What an element costs besides its text.
        const ELEMENT: usize = 32;
        let text_len = |text: &Text<'_>| match text {
            Text::Made(text) => text.len(),
            Text::Found(_) => 0,
        };
        self.made += match value {
            Value::Str(text) => text_len(text),
            Value::List(List::Made(items)) => items.iter().map(|text| text_len(text) + ELEMENT).sum(),
            _ => 0,
        };
    }

    /// `and` and `or` evaluate no more arguments than they need.
    fn and_or(
        &mut self,
        dot: &Value<'a>,
        args: &'a [Operand],
        last: Option<Value<'a>>,
        is_or: bool,
    ) -> Result<Value<'a>> {
        let mut value = Value::Invalid;
        for arg in args {
            self.step(1)?;
            value = self.arg(dot, Type::Value, arg)?;
            if value.is_true() == is_or {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    /// Evaluates an argument.
    fn arg(&mut self, dot: &Value<'a>, typ: Type, operand: &'a Operand) -> Result<Value<'a>> {
        self.at(operand.pos, operand);
        let value = match &operand.term {
            Term::Nil => return self.nil(typ),
            Term::Dot | Term::Variable(_, _) if is_plain(&operand.term) => self.constant(dot, operand)?,
            Term::Field(_) | Term::Variable(..) | Term::Chain(..) => self.fields(dot, operand, false)?,
            Term::Pipe(pipe) => self.deeper(|exec| exec.pipeline(dot, pipe))?,
            Term::Identifier(name) => self.function(dot, name, &[], None, (operand.pos, operand))?,
            _ => return self.literal(dot, typ, operand),
        };
        self.validate(value, typ)
    }

    fn nil(&self, typ: Type) -> Result<Value<'a>> {
        match typ {
            Type::Value | Type::Any => Ok(Value::Invalid),
            Type::Strings => Ok(Value::List(List::Strings(&[]))),
            Type::Str | Type::Int => self.fail(format!("cannot assign nil to {}", typ.name())),
        }
    }

    /// A constant in the type that the function wants.
    fn literal(&mut self, dot: &Value<'a>, typ: Type, operand: &'a Operand) -> Result<Value<'a>> {
        match (typ, &operand.term) {
            (Type::Value | Type::Any, _) | (Type::Str, Term::Str { .. }) => self.constant(dot, operand),
            (Type::Str, _) => self.fail(format!("expected string; found {operand}")),
            (Type::Int, Term::Number(number)) if number.int.is_some() => {
                Ok(number.int.map_or(Value::Invalid, Value::Int))
            }
            (Type::Int, _) => self.fail(format!("expected integer; found {operand}")),
            (Type::Strings, _) => self.fail(format!("can't handle {operand} for arg of type {}", typ.name())),
        }
    }

    /// The value as the type that the function wants, or an error.
    fn validate(&self, value: Value<'a>, typ: Type) -> Result<Value<'a>> {
        match typ {
            Type::Value => return Ok(value),
            Type::Any => return Ok(value.unboxed()),
            // Null stands for a nil slice.
            Type::Strings if value.is_nil() => return self.nil(typ),
            Type::Str | Type::Int if matches!(value, Value::Invalid) => {
                return self.fail(format!("invalid value; expected {}", typ.name()));
            }
            Type::Str | Type::Int | Type::Strings => {}
        }
        let inner = match value {
            value if value.is_nil() => value,
            value => value.unboxed(),
        };
        let fits = matches!(
            (typ, &inner),
            (Type::Str, Value::Str(_))
                | (Type::Int, Value::Int(_))
                | (Type::Strings, Value::List(List::Strings(_) | List::Made(_)))
        );
        if fits {
            return Ok(inner);
        }
        self.fail(format!("wrong type for value; expected {}; got {}", typ.name(), inner.type_name()))
    }
}

/// Whether there are no fields to walk.
fn is_plain(term: &Term) -> bool {
    match term {
        Term::Variable(_, fields) => fields.is_empty(),
        _ => true,
    }
}
