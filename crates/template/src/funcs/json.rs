//! `json`: compact JSON as Go's encoder writes it without HTML escaping, keys in order.

use serde_json::Value as Json;

use super::output::finish;
use super::{Result, mismatch};
use crate::buffer::Buffer;
use crate::print::json_float;
use crate::value::{List, Value};

pub(super) fn json<'a>(args: &[Value<'a>], room: usize) -> Result<Value<'a>> {
    let [value] = args else {
        return mismatch();
    };
    let mut text = Buffer::new(room);
    write_value(value, &mut text);
    finish(text.finish())
}

fn write_value(value: &Value<'_>, to: &mut Buffer) {
    match value {
        Value::Invalid => to.push_str("null"),
        Value::Any(json) => write_json(json, to),
        Value::Bool(value) => to.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) | Value::Int64(value) => to.push_str(&value.to_string()),
        Value::Uint64(value) => to.push_str(&value.to_string()),
        Value::Byte(value) => to.push_str(&value.to_string()),
        Value::Float(value) => to.push_str(&json_float(*value)),
        Value::Str(text) => write_text(text, to),
        Value::List(List::Any(items) | List::Strings(items)) => {
            write_list(items.iter(), to, write_json);
        }
        Value::List(List::Made(items)) => {
            write_list(items.iter(), to, |item, to| write_text(item, to));
        }
        Value::Map(map) => write_map(map.entries, to),
    }
}

fn write_json(json: &Json, to: &mut Buffer) {
    match json {
        Json::Array(items) => write_list(items.iter(), to, write_json),
        Json::Object(entries) => write_map(entries, to),
        json => write_value(&Value::from(json), to),
    }
}

fn write_list<T>(items: impl Iterator<Item = T>, to: &mut Buffer, write: fn(T, &mut Buffer)) {
    to.push('[');
    for (i, item) in items.enumerate() {
        if i > 0 {
            to.push(',');
        }
        write(item, to);
    }
    to.push(']');
}

fn write_map(entries: &serde_json::Map<String, Json>, to: &mut Buffer) {
    to.push('{');
    for (i, (key, json)) in entries.iter().enumerate() {
        if i > 0 {
            to.push(',');
        }
        write_text(key, to);
        to.push(':');
        write_json(json, to);
    }
    to.push('}');
}

fn write_text(text: &str, to: &mut Buffer) {
    to.push('"');
    for c in text.chars() {
        match c {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            // Short since Go 1.22.
            '\x08' => to.push_str("\\b"),
            '\x0c' => to.push_str("\\f"),
            '\0'..' ' | '\u{2028}' | '\u{2029}' => {
                to.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => to.push(c),
        }
    }
    to.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_go_escapes() {
        let data = serde_json::json!({"k": "\u{8}\u{c}\u{1}\u{2028}<&>\u{7f}é\"\\\n"});
        let Ok(Value::Str(text)) = json(&[Value::from(&data)], 1000) else {
            panic!("no text");
        };
        assert_eq!(&*text, "{\"k\":\"\\b\\f\\u0001\\u2028<&>\u{7f}é\\\"\\\\\\n\"}");
    }

    #[test]
    fn stops_at_its_room() {
        let data = serde_json::json!(["aaaa"]);
        assert!(json(&[Value::from(&data)], 7).is_err());
        assert!(json(&[Value::from(&data)], 8).is_ok());
    }
}
