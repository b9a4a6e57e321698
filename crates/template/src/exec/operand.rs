//! Fields, alone or in chains.

use super::{Exec, Result};
use crate::funcs::Mode;
use crate::node::{Operand, Term};
use crate::quote::quote;
use crate::value::Value;

impl<'a> Exec<'a> {
    /// Evaluates `.X.Y`, `$x.Y`, `(pipeline).Y` or `function.Y`.
    pub(super) fn fields(
        &mut self,
        dot: &Value<'a>,
        operand: &'a Operand,
        has_args: bool,
    ) -> Result<Value<'a>> {
        self.at(operand.pos, operand);
        let (mut value, fields) = match &operand.term {
            Term::Field(fields) => (dot.clone(), fields),
            Term::Variable(name, fields) => (self.variable(name)?, fields),
            Term::Chain(inner, fields) => (self.chain_start(dot, operand, inner)?, fields),
            _ => return self.fail(format!("can't evaluate command {operand}")),
        };
        let count = fields.len();
        for (i, field) in fields.iter().enumerate() {
            value = self.field(value, field, has_args && i + 1 == count)?;
        }
        Ok(value)
    }

    /// What stands before the first dot of a chain.
    fn chain_start(&mut self, dot: &Value<'a>, chain: &'a Operand, inner: &'a Operand) -> Result<Value<'a>> {
        match &inner.term {
            Term::Nil => self.fail(format!("indirection through explicit nil in {chain}")),
            Term::Pipe(pipe) => {
                self.at(inner.pos, inner);
                self.deeper(|exec| exec.pipeline(dot, pipe))
            }
            Term::Identifier(name) => {
                self.at(inner.pos, inner);
                self.function(dot, name, &[], None, (inner.pos, inner))
            }
            _ => self.constant(dot, inner),
        }
    }

    /// One field of `value`.
    fn field(&self, value: Value<'a>, name: &str, has_args: bool) -> Result<Value<'a>> {
        if matches!(value, Value::Invalid) {
            return match self.mode {
                Mode::Data => self.fail(format!("nil data; no entry for key {}", quote(name, false))),
                Mode::Header => Ok(Value::Invalid),
            };
        }
        let type_name = value.type_name();
        match value.unboxed() {
            Value::Invalid => self.fail(format!("nil pointer evaluating {type_name}.{name}")),
            Value::Map(_) if has_args => self.fail(format!("{name} is not a method but has arguments")),
            Value::Map(map) => match (map.at(name), self.mode) {
                (Some(element), _) => Ok(element),
                (None, Mode::Header) => Ok(Value::Invalid),
                (None, Mode::Data) => self.fail(format!("map has no entry for key {}", quote(name, false))),
            },
            _ => self.fail(format!("can't evaluate field {name} in type {type_name}")),
        }
    }
}
