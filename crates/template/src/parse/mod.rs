//! Tokens into templates: the top level, definitions and bodies.

mod control;
mod operand;
mod pipeline;

use std::collections::BTreeMap;

use crate::error::ParseError;
use crate::lex::{Kind, Token, lex};
use crate::limits::{MAX_NESTING, MAX_TEXT};
use crate::literal::{INVALID, unquote};
use crate::node::{Node, is_empty};
use crate::quote::quote;

/// The bodies of the templates in one text, by name. The text itself is named `""`.
pub(crate) type Templates = BTreeMap<String, Vec<Node>>;

type Result<T> = std::result::Result<T, ParseError>;

/// Parses a template text.
pub(crate) fn parse(text: &str) -> Result<Templates> {
    if text.len() > MAX_TEXT {
        let message = format!("template is longer than {MAX_TEXT} bytes");
        return Err(ParseError::new(1, message));
    }
    let mut parser = Parser {
        tokens: lex(text),
        next: 0,
        fetched: 0,
        templates: Templates::new(),
        nesting: 0,
        frame: Frame::new(),
    };
    let body = parser.top_level()?;
    parser.add(String::new(), body)?;
    Ok(parser.templates)
}

/// A cursor over the tokens.
struct Parser<'t> {
    tokens: Vec<Token<'t>>,
    /// Index of the next token.
    next: usize,
    /// How many tokens have been looked at. Going back does not undo it.
    fetched: usize,
    templates: Templates,
    /// Open control structures and parentheses.
    nesting: usize,
    frame: Frame,
}

/// What belongs to the one template being parsed.
struct Frame {
    /// Variables in scope, dollar signs included.
    variables: Vec<String>,
    /// Line of the last token looked at, for errors.
    line: usize,
    /// Line on which the action being parsed began; 0 between actions.
    action_line: usize,
    /// Open `range`s.
    ranges: usize,
}

impl Frame {
    fn new() -> Frame {
        Frame { variables: vec!["$".to_owned()], line: 1, action_line: 0, ranges: 0 }
    }
}

/// What a body can hold, or be ended by.
enum Step {
    Node(Node),
    Close(Close),
}

/// What ends a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Close {
    End,
    Else,
}

impl Close {
    fn text(self) -> &'static str {
        match self {
            Close::End => "{{end}}",
            Close::Else => "{{else}}",
        }
    }
}

impl<'t> Parser<'t> {
    fn top_level(&mut self) -> Result<Vec<Node>> {
        let mut body = Vec::new();
        while self.peek().kind != Kind::Eof {
            if self.at_define() {
                self.definition()?;
                continue;
            }
            match self.step()? {
                Step::Node(node) => body.push(node),
                Step::Close(close) => return self.fail(format!("unexpected {}", close.text())),
            }
        }
        Ok(body)
    }

    /// Moves past `{{define` if that is next.
    fn at_define(&mut self) -> bool {
        let start = self.next;
        if self.peek().kind == Kind::LeftDelim {
            self.next();
            if self.next_non_space().kind == Kind::Define {
                return true;
            }
            self.next = start;
        }
        false
    }

    /// `{{define "name"}} … {{end}}`, of which `{{define` is past.
    fn definition(&mut self) -> Result<()> {
        const WHAT: &str = "define clause";
        let outer = self.enter();
        let name = self.name(WHAT)?;
        self.expect(Kind::RightDelim, WHAT)?;
        let body = self.body_to_end(WHAT)?;
        self.add(name, body)?;
        self.frame = outer;
        Ok(())
    }

    /// Begins another template inside this one: it shares neither variables nor loops.
    fn enter(&mut self) -> Frame {
        std::mem::replace(&mut self.frame, Frame::new())
    }

    /// A template name: a string literal.
    fn name(&mut self, what: &str) -> Result<String> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Str | Kind::RawStr => self.unquote(&token),
            _ => self.unexpected(&token, what),
        }
    }

    fn unquote(&self, token: &Token<'_>) -> Result<String> {
        unquote(&token.text).map_or_else(|| self.fail(INVALID.to_owned()), Ok)
    }

    /// Stores a template. A blank one never replaces another.
    fn add(&mut self, name: String, body: Vec<Node>) -> Result<()> {
        match self.templates.get(&name) {
            Some(old) if !is_empty(old) => {
                if !is_empty(&body) {
                    let name = quote(&name, false);
                    return self.fail(format!("template: multiple definition of template {name}"));
                }
            }
            _ => {
                self.templates.insert(name, body);
            }
        }
        Ok(())
    }

    /// Reads a body, and what ended it.
    fn body(&mut self) -> Result<(Vec<Node>, Close)> {
        let mut body = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.step()? {
                Step::Node(node) => body.push(node),
                Step::Close(close) => return Ok((body, close)),
            }
        }
        self.fail("unexpected EOF".to_owned())
    }

    fn body_to_end(&mut self, what: &str) -> Result<Vec<Node>> {
        match self.body()? {
            (body, Close::End) => Ok(body),
            (_, close) => self.fail(format!("unexpected {} in {what}", close.text())),
        }
    }

    fn step(&mut self) -> Result<Step> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Step::Node(Node::Text(token.text.into_owned()))),
            Kind::LeftDelim => {
                self.frame.action_line = token.line;
                let step = self.action()?;
                self.frame.action_line = 0;
                Ok(step)
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    /// Runs `parse` one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.nesting == MAX_NESTING {
            return self.fail(format!("nesting is deeper than {MAX_NESTING} levels"));
        }
        self.nesting += 1;
        let parsed = parse(self);
        self.nesting -= 1;
        parsed
    }

    /// The next token, which is then past. The last token, an end or an error, is never past.
    fn next(&mut self) -> Token<'t> {
        let token = self.peek();
        if !matches!(token.kind, Kind::Eof | Kind::Error) {
            self.next += 1;
        }
        token
    }

    fn peek(&mut self) -> Token<'t> {
        let token = self.tokens.get(self.next).cloned().unwrap_or(Token {
            kind: Kind::Eof,
            pos: 0,
            line: self.frame.line,
            text: "".into(),
        });
        if self.next >= self.fetched {
            self.fetched = self.next + 1;
            self.frame.line = token.line;
        }
        token
    }

    fn next_non_space(&mut self) -> Token<'t> {
        self.peek_non_space();
        self.next()
    }

    fn peek_non_space(&mut self) -> Token<'t> {
        while self.peek().kind == Kind::Space {
            self.next();
        }
        self.peek()
    }

    fn expect(&mut self, kind: Kind, what: &str) -> Result<Token<'t>> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, what) }
    }

    fn fail<T>(&self, message: String) -> Result<T> {
        Err(ParseError::new(self.frame.line, message))
    }

    /// Complains about a token in `what`; an error token speaks for itself.
    fn unexpected<T>(&self, token: &Token<'_>, what: &str) -> Result<T> {
        if token.kind != Kind::Error {
            return self.fail(format!("unexpected {token} in {what}"));
        }
        let start = self.frame.action_line;
        let mut message = token.text.clone().into_owned();
        if start != 0 && start != token.line {
            // "unclosed action started at", not "unclosed action in action started at".
            if !message.ends_with(" action") {
                message.push_str(" in action");
            }
            message.push_str(&format!(" started at :{start}"));
        }
        self.fail(message)
    }
}
