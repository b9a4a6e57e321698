//! Filling a template: the walk over its body. Evaluation of pipelines is next door.

mod call;
mod operand;
mod pipeline;
mod range;

use std::fmt::Display;

use serde_json::Value as Json;

use crate::buffer::Buffer;
use crate::error::ExecError;
use crate::funcs::Mode;
use crate::limits::{MAX_DEPTH, MAX_MADE, MAX_OUTPUT, MAX_STEPS};
use crate::node::{Branch, Call, Node};
use crate::parse::Templates;
use crate::print::sprint;
use crate::quote::quote;
use crate::value::Value;

type Result<T> = std::result::Result<T, ExecError>;

/// Fills the template named `""` of `templates`, which were parsed from `text`.
pub(crate) fn execute(text: &str, templates: &Templates, data: &Json, mode: Mode) -> Result<String> {
    let dot = Value::from(data);
    let mut exec = Exec {
        text,
        templates,
        mode,
        name: "",
        place: None,
        variables: vec![("$", dot.clone())],
        depth: 0,
        steps: 0,
        made: 0,
        output: Buffer::new(MAX_OUTPUT),
    };
    if let Some(body) = templates.get("") {
        exec.walk(&dot, body)?;
    }
    Ok(exec.output.finish().unwrap_or_default())
}

/// A running template.
struct Exec<'a> {
    text: &'a str,
    templates: &'a Templates,
    mode: Mode,
    /// Name of the template whose body is being walked.
    name: &'a str,
    /// What is being evaluated, for errors.
    place: Option<Place<'a>>,
    /// Variables in scope, the innermost last, dollar signs included.
    variables: Vec<(&'a str, Value<'a>)>,
    depth: usize,
    steps: usize,
    /// Bytes that functions have made.
    made: usize,
    output: Buffer,
}

/// A node, and where it is in the template text.
#[derive(Clone, Copy)]
struct Place<'a> {
    pos: usize,
    node: &'a dyn Display,
}

/// How a body ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl<'a> Exec<'a> {
    fn walk(&mut self, dot: &Value<'a>, body: &'a [Node]) -> Result<Flow> {
        for node in body {
            self.step(1)?;
            let flow = match node {
                Node::Text(text) => {
                    self.write(text)?;
                    Flow::Next
                }
                Node::Action(pipe) => {
                    let value = self.pipeline(dot, pipe)?;
                    if pipe.variables.is_empty() {
                        self.print(value)?;
                    }
                    Flow::Next
                }
                Node::If(branch) => self.deeper(|exec| exec.if_or_with(dot, branch, false))?,
                Node::With(branch) => self.deeper(|exec| exec.if_or_with(dot, branch, true))?,
                Node::Range(branch) => self.deeper(|exec| exec.range(dot, branch))?,
                Node::Template(call) => {
                    self.at(call.pos, call);
                    self.deeper(|exec| exec.template(dot, call))?
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn if_or_with(&mut self, dot: &Value<'a>, branch: &'a Branch, sets_dot: bool) -> Result<Flow> {
        let outer = self.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = if value.is_true() {
            self.walk(if sets_dot { &value } else { dot }, &branch.body)?
        } else if let Some(otherwise) = &branch.otherwise {
            self.walk(dot, otherwise)?
        } else {
            Flow::Next
        };
        self.variables.truncate(outer);
        Ok(flow)
    }

    fn template(&mut self, dot: &Value<'a>, call: &'a Call) -> Result<Flow> {
        let templates = self.templates;
        let Some((name, body)) = templates.get_key_value(&call.name) else {
            let name = quote(&call.name, false);
            return self.fail(format!("template {name} not defined"));
        };
        // Variables that the pipeline declares live on; the template itself sees none of ours.
        let dot = match &call.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Invalid,
        };
        let outer_name = std::mem::replace(&mut self.name, name);
        let outer_variables = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        self.walk(&dot, body)?;
        self.name = outer_name;
        self.variables = outer_variables;
        Ok(Flow::Next)
    }

    /// Writes what an action came to.
    fn print(&mut self, value: Value<'a>) -> Result<()> {
        match value {
            Value::Invalid => self.write("<no value>"),
            Value::Str(text) => self.write(&text),
            value => match sprint(&[value], MAX_OUTPUT) {
                Some(text) => self.write(&text),
                None => self.too_long(),
            },
        }
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.output.push_str(text);
        if self.output.is_full() {
            return self.too_long();
        }
        Ok(())
    }

    fn too_long(&self) -> Result<()> {
        self.fail(format!("output is longer than {MAX_OUTPUT} bytes"))
    }

    /// Runs `walk` one level deeper.
    fn deeper<T>(&mut self, walk: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_DEPTH {
            return self.fail(format!("exceeded maximum template depth ({MAX_DEPTH})"));
        }
        self.depth += 1;
        let walked = walk(self);
        self.depth -= 1;
        walked
    }

    /// Counts steps.
    fn step(&mut self, count: usize) -> Result<()> {
        self.steps = self.steps.saturating_add(count);
        if self.steps > MAX_STEPS {
            return self.fail(format!("exceeded maximum number of steps ({MAX_STEPS})"));
        }
        Ok(())
    }

    /// Bytes that functions may still make.
    fn room(&self) -> usize {
        MAX_MADE.saturating_sub(self.made)
    }

    /// Marks what errors are about.
    fn at(&mut self, pos: usize, node: &'a dyn Display) {
        self.place = Some(Place { pos, node });
    }

    fn fail<T>(&self, message: impl Display) -> Result<T> {
        let name = self.name;
        let Some(Place { pos, node }) = self.place else {
            return Err(ExecError::new(format!("template: {name}: {message}")));
        };
        let before = self.text.get(..pos).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        let column = before.rfind('\n').map_or(pos, |newline| pos - newline - 1);
        let name = quote(name, false);
        Err(ExecError::new(format!("template: :{line}:{column}: executing {name} at <{node}>: {message}")))
    }
}
