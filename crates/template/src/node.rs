//! The parsed template. `Display` gives a node back as Go prints it in error texts, between `<` and `>`.

use std::fmt;

use crate::number::Number;
use crate::quote::quote;

/// A piece of a template body.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Text(String),
    /// `{{pipeline}}`
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template(Call),
    Break,
    Continue,
}

/// A control structure with its bodies.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) body: Vec<Node>,
    pub(crate) otherwise: Option<Vec<Node>>,
}

/// `{{template "name" pipeline}}`
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Offset in the template text, as in every node.
    pub(crate) pos: usize,
    pub(crate) name: String,
    pub(crate) pipe: Option<Pipe>,
}

/// Commands, each taking the value of the one before, and the variables that get the last value.
#[derive(Debug, Clone)]
pub(crate) struct Pipe {
    pub(crate) pos: usize,
    /// `=` rather than `:=`.
    pub(crate) is_assign: bool,
    /// Dollar signs included.
    pub(crate) variables: Vec<String>,
    pub(crate) commands: Vec<Command>,
}

/// An operand, and its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) pos: usize,
    pub(crate) first: Operand,
    pub(crate) args: Vec<Operand>,
}

/// An operand with its place.
#[derive(Debug, Clone)]
pub(crate) struct Operand {
    pub(crate) pos: usize,
    pub(crate) term: Term,
}

/// What an operand is.
#[derive(Debug, Clone)]
pub(crate) enum Term {
    Bool(bool),
    /// Fields of a parenthesized pipeline or of a function's result.
    Chain(Box<Operand>, Vec<String>),
    Dot,
    /// Fields of dot; dots not included.
    Field(Vec<String>),
    /// A function.
    Identifier(String),
    Nil,
    Number(Number),
    /// A parenthesized pipeline.
    Pipe(Pipe),
    Str {
        quoted: String,
        text: String,
    },
    /// A variable with its dollar sign, and fields of it.
    Variable(String, Vec<String>),
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{template {}", quote(&self.name, false))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            let sign = if self.is_assign { "=" } else { ":=" };
            write!(f, "{} {sign} ", self.variables.join(", "))?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            if i > 0 {
                f.write_str(" | ")?;
            }
            command.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt_in_parens(f)?;
        for arg in &self.args {
            f.write_str(" ")?;
            arg.fmt_in_parens(f)?;
        }
        Ok(())
    }
}

impl Operand {
    /// Prints the operand as part of something: a pipeline gets its parentheses back.
    fn fmt_in_parens(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.term {
            Term::Pipe(pipe) => write!(f, "({pipe})"),
            _ => fmt::Display::fmt(self, f),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.term {
            Term::Bool(value) => write!(f, "{value}"),
            Term::Chain(operand, fields) => {
                operand.fmt_in_parens(f)?;
                fmt_fields(fields, f)
            }
            Term::Dot => f.write_str("."),
            Term::Field(fields) => fmt_fields(fields, f),
            Term::Identifier(name) => f.write_str(name),
            Term::Nil => f.write_str("nil"),
            Term::Number(number) => f.write_str(&number.text),
            Term::Pipe(pipe) => pipe.fmt(f),
            Term::Str { quoted, .. } => f.write_str(quoted),
            Term::Variable(name, fields) => {
                f.write_str(name)?;
                fmt_fields(fields, f)
            }
        }
    }
}

fn fmt_fields(fields: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    fields.iter().try_for_each(|field| write!(f, ".{field}"))
}

/// Whether a body is nothing but white space, which makes a definition give way to another.
pub(crate) fn is_empty(body: &[Node]) -> bool {
    body.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}
