//! Pipelines, commands and variables.

use super::{Exec, Result};
use crate::node::{Command, Operand, Pipe, Term};
use crate::number::Number;
use crate::value::{Text, Value};

impl<'a> Exec<'a> {
    /// Evaluates a pipeline and sets the variables that it names, which then stay in scope.
    pub(super) fn pipeline(&mut self, dot: &Value<'a>, pipe: &'a Pipe) -> Result<Value<'a>> {
        self.at(pipe.pos, pipe);
        let mut last = None;
        for command in &pipe.commands {
            last = Some(self.command(dot, command, last)?.unboxed());
        }
        let value = last.unwrap_or(Value::Invalid);
        for name in &pipe.variables {
            if pipe.is_assign {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    /// Evaluates a command. `last` is the value of the command before, which becomes the last argument.
    fn command(
        &mut self,
        dot: &Value<'a>,
        command: &'a Command,
        last: Option<Value<'a>>,
    ) -> Result<Value<'a>> {
        self.step(1)?;
        let first = &command.first;
        let has_args = !command.args.is_empty() || last.is_some();
        match &first.term {
            Term::Identifier(name) => {
                self.at(first.pos, first);
                return self.function(dot, name, &command.args, last, (command.pos, command));
            }
            Term::Field(_) | Term::Chain(..) => return self.fields(dot, first, has_args),
            Term::Variable(_, fields) if !fields.is_empty() => return self.fields(dot, first, has_args),
            Term::Variable(..) => {
                // An undefined variable is worse than an argument to one.
                let value = self.constant(dot, first)?;
                self.refuse_args(first, has_args)?;
                return Ok(value);
            }
            Term::Pipe(pipe) => {
                self.refuse_args(first, has_args)?;
                return self.deeper(|exec| exec.pipeline(dot, pipe));
            }
            _ => {}
        }
        self.at(first.pos, first);
        self.refuse_args(first, has_args)?;
        match &first.term {
            Term::Nil => self.fail("nil is not a command"),
            _ => self.constant(dot, first),
        }
    }

    fn refuse_args(&self, operand: &Operand, has_args: bool) -> Result<()> {
        if has_args {
            return self.fail(format!("can't give argument to non-function {operand}"));
        }
        Ok(())
    }

    /// The value of dot, of a variable, or of a constant in the type that its syntax suggests.
    pub(super) fn constant(&mut self, dot: &Value<'a>, operand: &'a Operand) -> Result<Value<'a>> {
        self.at(operand.pos, operand);
        match &operand.term {
            Term::Bool(value) => Ok(Value::Bool(*value)),
            Term::Dot => Ok(dot.clone()),
            Term::Str { text, .. } => Ok(Value::Str(Text::Found(text))),
            Term::Number(number) => self.number(number),
            Term::Variable(name, _) => self.variable(name),
            _ => self.fail(format!("can't evaluate command {operand}")),
        }
    }

    fn number(&self, number: &Number) -> Result<Value<'a>> {
        match (number.float, number.int) {
            (Some(float), _) if number.looks_like_float() => Ok(Value::Float(float)),
            (_, Some(int)) => Ok(Value::Int(int)),
            _ => self.fail(format!("{} overflows int", number.text)),
        }
    }

    pub(super) fn variable(&self, name: &str) -> Result<Value<'a>> {
        let mut variables = self.variables.iter().rev();
        match variables.find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => self.undefined(name),
        }
    }

    /// Gives a new value to the innermost variable of that name.
    pub(super) fn assign(&mut self, name: &str, value: Value<'a>) -> Result<()> {
        let mut variables = self.variables.iter_mut().rev();
        match variables.find(|(known, _)| *known == name) {
            Some(variable) => {
                variable.1 = value;
                Ok(())
            }
            None => self.undefined(name),
        }
    }

    fn undefined<T>(&self, name: &str) -> Result<T> {
        self.fail(format!("undefined variable: {name}"))
    }
}
