//! `html`, `js` and `urlquery`: the text of the arguments, as `print` gives it, escaped.

use super::output::finish;
use super::{Failure, Result};
use crate::buffer::Buffer;
use crate::print::sprint;
use crate::quote::is_print;
use crate::value::{Text, Value};

pub(super) fn html<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    escape(args, room, |c, to| match c {
        '\0' => to.push('\u{fffd}'),
        '"' => to.push_str("&#34;"),
        '\'' => to.push_str("&#39;"),
        '&' => to.push_str("&amp;"),
        '<' => to.push_str("&lt;"),
        '>' => to.push_str("&gt;"),
        c => to.push(c),
    })
}

pub(super) fn js<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    escape(args, room, |c, to| match c {
        '\\' => to.push_str(r"\\"),
        '\'' => to.push_str(r"\'"),
        '"' => to.push_str("\\\""),
        '<' | '>' | '&' | '=' | '\0'..' ' => to.push_str(&unicode_escape(c)),
        c if c.is_ascii() || is_print(c) => to.push(c),
        c => to.push_str(&unicode_escape(c)),
    })
}

pub(super) fn urlquery<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    escape(args, room, |c, to| match c {
        ' ' => to.push('+'),
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' | '~' => to.push(c),
        c => {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                to.push_str(&format!("%{byte:02X}"));
            }
        }
    })
}

fn unicode_escape(c: char) -> String {
    format!("\\u{:04X}", u32::from(c))
}

fn escape<'a>(args: &[Value<'a>], room: usize, write: impl Fn(char, &mut Buffer)) -> Result<Value<'a>> {
    // Unlike for `print`, no value is `<no value>`.
    let args: Vec<Value<'_>> = args
        .iter()
        .map(|arg| match arg {
            Value::Invalid => Value::Str(Text::Found("<no value>")),
            arg => arg.clone(),
        })
        .collect();
    let text = sprint(&args, room).ok_or(Failure::TooLong)?;
    let mut escaped = Buffer::new(room);
    for c in text.chars() {
        write(c, &mut escaped);
    }
    finish(escaped.finish())
}
