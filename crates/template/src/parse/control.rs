//! Actions that are more than a pipeline: control structures, template calls and blocks.

use super::{Close, Frame, Parser, Result, Step};
use crate::lex::Kind;
use crate::node::{Branch, Call, Node};

impl Parser<'_> {
    /// Reads an action, of which the left delimiter is past.
    pub(super) fn action(&mut self) -> Result<Step> {
        let token = self.peek_non_space();
        let parse = match token.kind {
            Kind::Block => Self::block,
            Kind::Break => |parser: &mut Self| parser.jump("{{break}}", Node::Break),
            Kind::Continue => |parser: &mut Self| parser.jump("{{continue}}", Node::Continue),
            Kind::Else => Self::else_clause,
            Kind::End => Self::end_clause,
            Kind::If => |parser: &mut Self| Ok(Step::Node(Node::If(parser.branch("if")?))),
            Kind::Range => |parser: &mut Self| Ok(Step::Node(Node::Range(parser.branch("range")?))),
            Kind::Template => Self::template,
            Kind::With => |parser: &mut Self| Ok(Step::Node(Node::With(parser.branch("with")?))),
            _ => {
                // Variables that a plain action declares live on until the body ends.
                let pipe = self.pipeline("command", Kind::RightDelim)?;
                return Ok(Step::Node(Node::Action(pipe)));
            }
        };
        self.next();
        parse(self)
    }

    /// `{{break}}` and `{{continue}}`.
    fn jump(&mut self, text: &str, node: Node) -> Result<Step> {
        self.expect(Kind::RightDelim, text)?;
        if self.frame.ranges == 0 {
            return self.fail(format!("{text} outside {{{{range}}}}"));
        }
        Ok(Step::Node(node))
    }

    fn end_clause(&mut self) -> Result<Step> {
        self.expect(Kind::RightDelim, "end")?;
        Ok(Step::Close(Close::End))
    }

    /// `{{else}}`, or the `{{else` of `{{else if …}}` and `{{else with …}}`.
    fn else_clause(&mut self) -> Result<Step> {
        if !matches!(self.peek_non_space().kind, Kind::If | Kind::With) {
            self.expect(Kind::RightDelim, "else")?;
        }
        Ok(Step::Close(Close::Else))
    }

    /// `{{if pipeline}} … {{else}} … {{end}}`, likewise `range` and `with`, of which the keyword is past.
    fn branch(&mut self, what: &str) -> Result<Branch> {
        let outer = self.frame.variables.len();
        let branch = self.nested(|parser| parser.branch_parts(what))?;
        self.frame.variables.truncate(outer);
        Ok(branch)
    }

    fn branch_parts(&mut self, what: &str) -> Result<Branch> {
        let pipe = self.pipeline(what, Kind::RightDelim)?;
        let loops = usize::from(what == "range");
        self.frame.ranges += loops;
        let (body, close) = self.body()?;
        self.frame.ranges -= loops;
        let otherwise = match close {
            Close::End => None,
            Close::Else => Some(self.otherwise(what)?),
        };
        Ok(Branch { pipe, body, otherwise })
    }

    /// What follows `{{else`. `{{else if b}}` is `{{else}}{{if b}}` with one `{{end}}` for both.
    fn otherwise(&mut self, what: &str) -> Result<Vec<Node>> {
        match (what, self.peek().kind) {
            ("if", Kind::If) => {
                self.next();
                Ok(vec![Node::If(self.branch(what)?)])
            }
            ("with", Kind::With) => {
                self.next();
                Ok(vec![Node::With(self.branch(what)?)])
            }
            _ => match self.body()? {
                (body, Close::End) => Ok(body),
                (_, close) => self.fail(format!("expected end; found {}", close.text())),
            },
        }
    }

    /// `{{template "name" pipeline}}`, of which the keyword is past.
    fn template(&mut self) -> Result<Step> {
        const WHAT: &str = "template clause";
        let pos = self.peek_non_space().pos;
        let name = self.name(WHAT)?;
        let pipe = if self.peek_non_space().kind == Kind::RightDelim {
            self.next();
            None
        } else {
            Some(self.pipeline(WHAT, Kind::RightDelim)?)
        };
        Ok(Step::Node(Node::Template(Call { pos, name, pipe })))
    }

    /// `{{block "name" pipeline}} … {{end}}`: defines a template and calls it. The keyword is past.
    fn block(&mut self) -> Result<Step> {
        const WHAT: &str = "block clause";
        let pos = self.peek_non_space().pos;
        let name = self.name(WHAT)?;
        let pipe = Some(self.pipeline(WHAT, Kind::RightDelim)?);
        let outer: Frame = self.enter();
        let (body, close) = self.nested(Self::body)?;
        if close != Close::End {
            self.frame = outer;
            return self.fail(format!("unexpected {} in {WHAT}", close.text()));
        }
        self.add(name.clone(), body)?;
        self.frame = outer;
        Ok(Step::Node(Node::Template(Call { pos, name, pipe })))
    }
}
