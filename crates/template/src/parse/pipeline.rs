//! Pipelines: declarations, and commands joined by `|`.

use super::{Parser, Result};
use crate::lex::Kind;
use crate::node::{Command, Pipe, Term};

impl Parser<'_> {
    /// Reads a pipeline up to `end`, which is then past.
    pub(super) fn pipeline(&mut self, what: &str, end: Kind) -> Result<Pipe> {
        let mut pipe = Pipe {
            pos: self.peek_non_space().pos,
            is_assign: false,
            variables: Vec::new(),
            commands: Vec::new(),
        };
        while self.declaration(&mut pipe, what)? {}
        loop {
            let token = self.peek_non_space();
            match token.kind {
                kind if kind == end => {
                    self.next();
                    self.check(&pipe, what)?;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawStr
                | Kind::Str
                | Kind::Variable
                | Kind::LeftParen => {
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => {
                    self.next();
                    return self.unexpected(&token, what);
                }
            }
        }
    }

    /// Reads one variable if it is declared or assigned here. Says whether another may follow.
    fn declaration(&mut self, pipe: &mut Pipe, what: &str) -> Result<bool> {
        let variable = self.peek_non_space();
        if variable.kind != Kind::Variable {
            return Ok(false);
        }
        let start = self.next;
        self.next();
        let sign = self.peek_non_space();
        let is_comma = sign.kind == Kind::Char && sign.text == ",";
        if !is_comma && !matches!(sign.kind, Kind::Assign | Kind::Declare) {
            // Just an operand.
            self.next = start;
            return Ok(false);
        }
        self.next();
        let name = variable.text.into_owned();
        pipe.variables.push(name.clone());
        self.frame.variables.push(name);
        if !is_comma {
            pipe.is_assign = sign.kind == Kind::Assign;
            return Ok(false);
        }
        if what != "range" || pipe.variables.len() > 1 {
            return self.fail(format!("too many declarations in {what}"));
        }
        match self.peek_non_space().kind {
            Kind::Variable | Kind::RightDelim | Kind::RightParen => Ok(true),
            _ => self.fail("range can only initialize variables".to_owned()),
        }
    }

    /// Refuses an empty pipeline, and constants where a function has to be.
    fn check(&self, pipe: &Pipe, what: &str) -> Result<()> {
        if pipe.commands.is_empty() {
            return self.fail(format!("missing value for {what}"));
        }
        for (stage, command) in (1..).zip(&pipe.commands).skip(1) {
            if matches!(
                command.first.term,
                Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::Str { .. }
            ) {
                return self.fail(format!("non executable command in pipeline stage {stage}"));
            }
        }
        Ok(())
    }

    /// Reads operands up to `|`, which is then past, or to the end of the pipeline, which is not.
    fn command(&mut self) -> Result<Command> {
        let pos = self.peek_non_space().pos;
        let mut operands = Vec::new();
        loop {
            self.peek_non_space();
            operands.extend(self.operand()?);
            let token = self.peek();
            match token.kind {
                Kind::Space => {
                    self.next();
                }
                Kind::RightDelim | Kind::RightParen => break,
                Kind::Pipe => {
                    self.next();
                    break;
                }
                _ => {
                    self.next();
                    return self.unexpected(&token, "operand");
                }
            }
        }
        let mut operands = operands.into_iter();
        let Some(first) = operands.next() else {
            return self.fail("empty command".to_owned());
        };
        Ok(Command { pos, first, args: operands.collect() })
    }
}
