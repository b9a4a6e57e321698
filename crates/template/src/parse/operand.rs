//! Operands: constants, fields, variables, functions and parenthesized pipelines.

use super::{Parser, Result};
use crate::funcs::is_function;
use crate::lex::{Kind, Token};
use crate::node::{Operand, Term};
use crate::number::Number;
use crate::quote::quote;

impl Parser<'_> {
    /// Reads a term and the fields behind it, if an operand is next.
    pub(super) fn operand(&mut self) -> Result<Option<Operand>> {
        let Some(operand) = self.term()? else {
            return Ok(None);
        };
        let pos = self.peek().pos;
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.push(field_name(&self.next()));
        }
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        // As in Go, the place of a chain is that of the first field behind the term.
        let term = match operand.term {
            Term::Field(names) => Term::Field([names, fields].concat()),
            Term::Variable(name, names) => Term::Variable(name, [names, fields].concat()),
            Term::Bool(_) | Term::Str { .. } | Term::Number(_) | Term::Nil | Term::Dot => {
                let text = quote(&operand.to_string(), false);
                return self.fail(format!("unexpected . after term {text}"));
            }
            Term::Identifier(_) | Term::Pipe(_) | Term::Chain(..) => Term::Chain(Box::new(operand), fields),
        };
        Ok(Some(Operand { pos, term }))
    }

    /// Reads a term, if one is next.
    fn term(&mut self) -> Result<Option<Operand>> {
        let token = self.peek_non_space();
        let is_term = matches!(
            token.kind,
            Kind::Identifier
                | Kind::Dot
                | Kind::Nil
                | Kind::Variable
                | Kind::Field
                | Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Number
                | Kind::LeftParen
                | Kind::Str
                | Kind::RawStr
        );
        if !is_term {
            return Ok(None);
        }
        self.next();
        let mut pos = token.pos;
        let term = match token.kind {
            Kind::Identifier => self.function(&token)?,
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable => self.variable(&token)?,
            Kind::Field => Term::Field(vec![field_name(&token)]),
            Kind::Bool => Term::Bool(token.text == "true"),
            Kind::CharConstant => self.number(Number::from_char(&token.text))?,
            Kind::LeftParen => {
                let pipe =
                    self.nested(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?;
                pos = pipe.pos;
                Term::Pipe(pipe)
            }
            Kind::Str | Kind::RawStr => {
                Term::Str { text: self.unquote(&token)?, quoted: token.text.into_owned() }
            }
            // Number and Complex; the latter is refused.
            _ => self.number(Number::from_text(&token.text))?,
        };
        Ok(Some(Operand { pos, term }))
    }

    fn function(&self, token: &Token<'_>) -> Result<Term> {
        if !is_function(&token.text) {
            return self.fail(format!("function {} not defined", quote(&token.text, false)));
        }
        Ok(Term::Identifier(token.text.clone().into_owned()))
    }

    fn variable(&self, token: &Token<'_>) -> Result<Term> {
        let name = token.text.clone().into_owned();
        if !self.frame.variables.contains(&name) {
            return self.fail(format!("undefined variable {}", quote(&name, false)));
        }
        Ok(Term::Variable(name, Vec::new()))
    }

    fn number(&self, number: std::result::Result<Number, String>) -> Result<Term> {
        match number {
            Ok(number) => Ok(Term::Number(number)),
            Err(message) => self.fail(message),
        }
    }
}

/// The name in a field token, less its dot.
fn field_name(token: &Token<'_>) -> String {
    token.text.trim_start_matches('.').to_owned()
}
