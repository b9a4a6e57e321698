//! One value under one verb.

use super::Printer;
use crate::value::{List, Map, Text, Value};

impl Printer {
    /// Prints an argument.
    pub(super) fn arg(&mut self, value: &Value<'_>, verb: char) {
        let value = value.clone().unboxed();
        match (&value, verb) {
            (Value::Invalid, 'T' | 'v') => self.pad("<nil>"),
            (Value::Invalid, _) | (_, 'p' | 'w') => self.bad_verb(&value, verb),
            (_, 'T') => {
                self.text(value.type_name(), 's');
            }
            _ => self.value(&value, verb),
        }
    }

    /// Prints an argument, or an element of one.
    fn value(&mut self, value: &Value<'_>, verb: char) {
        let printed = match value {
            Value::Invalid | Value::Any(serde_json::Value::Null) => {
                self.to.push_str(if self.flags.go_syntax { "interface {}(nil)" } else { "<nil>" });
                true
            }
            Value::Any(_) => {
                self.value(&value.clone().unboxed(), verb);
                true
            }
            Value::Bool(flag) => self.bool(*flag, verb),
            Value::Int(number) | Value::Int64(number) => {
                self.integer(number.unsigned_abs(), *number < 0, true, verb)
            }
            Value::Uint64(number) => self.integer(*number, false, false, verb),
            Value::Byte(number) => self.integer(u64::from(*number), false, false, verb),
            Value::Float(number) => self.float(*number, verb),
            Value::Str(text) => self.text(text, verb),
            Value::List(list) => {
                self.list(value, list, verb);
                true
            }
            Value::Map(map) => {
                self.map(value, *map, verb);
                true
            }
        };
        if !printed {
            self.bad_verb(value, verb);
        }
    }

    /// Prints a value that does not go with its verb: `%!d(string=hi)`.
    fn bad_verb(&mut self, value: &Value<'_>, verb: char) {
        self.to.push_str("%!");
        self.to.push(verb);
        self.to.push('(');
        if matches!(value, Value::Invalid) {
            self.to.push_str("<nil>");
        } else {
            self.typed(value);
        }
        self.to.push(')');
    }

    /// Prints `type=value`.
    pub(super) fn typed(&mut self, value: &Value<'_>) {
        self.to.push_str(value.type_name());
        self.to.push('=');
        self.value(value, 'v');
    }

    fn bool(&mut self, flag: bool, verb: char) -> bool {
        if matches!(verb, 't' | 'v') {
            self.pad(if flag { "true" } else { "false" });
            return true;
        }
        false
    }

    fn list(&mut self, value: &Value<'_>, list: &List<'_>, verb: char) {
        let (open, separator, close) = self.brackets(value, "[", "]");
        self.to.push_str(&open);
        for (i, element) in list.iter().enumerate() {
            if self.to.is_full() {
                return;
            }
            if i > 0 {
                self.to.push_str(separator);
            }
            self.value(&element, verb);
        }
        self.to.push_str(close);
    }

    fn map(&mut self, value: &Value<'_>, map: Map<'_>, verb: char) {
        let (open, separator, close) = self.brackets(value, "map[", "]");
        self.to.push_str(&open);
        for (i, (key, element)) in map.iter().enumerate() {
            if self.to.is_full() {
                return;
            }
            if i > 0 {
                self.to.push_str(separator);
            }
            self.value(&Value::Str(Text::Found(key)), verb);
            self.to.push(':');
            self.value(&element, verb);
        }
        self.to.push_str(close);
    }

    /// What goes before, between and behind the elements of a value.
    fn brackets(
        &self,
        value: &Value<'_>,
        open: &str,
        close: &'static str,
    ) -> (String, &'static str, &'static str) {
        if self.flags.go_syntax {
            (format!("{}{{", value.type_name()), ", ", "}")
        } else {
            (open.to_owned(), " ", close)
        }
    }
}
