//! `range`.

use super::{Exec, Flow, Result};
use crate::node::{Branch, Pipe};
use crate::print::sprint;
use crate::value::{Text, Value};

/// Enough of a value for an error text.
const SHOWN: usize = 1 << 16;

impl<'a> Exec<'a> {
    pub(super) fn range(&mut self, dot: &Value<'a>, branch: &'a Branch) -> Result<Flow> {
        let outer = self.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let walked_any = match &value {
            Value::List(list) => {
                let indices = (0..).map(Value::Int);
                self.each(indices.zip(list.iter()), branch)?
            }
            Value::Map(map) => {
                let entries = map.iter();
                let keys = entries.map(|(key, element)| (Value::Str(Text::Found(key)), element));
                self.each(keys, branch)?
            }
            Value::Invalid => false,
            _ => self.range_over_number(&value, branch)?,
        };
        let flow = match &branch.otherwise {
            Some(otherwise) if !walked_any => self.walk(dot, otherwise)?,
            _ => Flow::Next,
        };
        self.variables.truncate(outer);
        Ok(flow)
    }

    /// `range` over the integers from 0 up to `end`, in its type.
    fn range_over_number(&mut self, end: &Value<'a>, branch: &'a Branch) -> Result<bool> {
        let shown = || sprint(std::slice::from_ref(end), SHOWN).unwrap_or_default();
        let Some(count) = end.integer() else {
            return self.fail(format!("range can't iterate over {}", shown()));
        };
        if branch.pipe.variables.len() > 1 {
            return self.fail(format!("can't use {} to iterate over more than one variable", shown()));
        }
        let number = |i: u64| match end {
            Value::Int(_) => Value::Int(i.cast_signed()),
            Value::Int64(_) => Value::Int64(i.cast_signed()),
            Value::Byte(_) => Value::Byte(u8::try_from(i).unwrap_or_default()),
            _ => Value::Uint64(i),
        };
        let count = u64::try_from(count).unwrap_or_default();
        self.each((0..count).map(|i| (Value::Invalid, number(i))), branch)
    }

    /// Walks the body for each key and element. Says whether there was any.
    fn each(
        &mut self,
        elements: impl Iterator<Item = (Value<'a>, Value<'a>)>,
        branch: &'a Branch,
    ) -> Result<bool> {
        let mark = self.variables.len();
        let mut walked_any = false;
        for (key, element) in elements {
            walked_any = true;
            self.step(1)?;
            self.set_range_variables(&branch.pipe, key, &element)?;
            let flow = self.walk(&element, &branch.body)?;
            self.variables.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(walked_any)
    }

    /// `$element`, or `$key, $element`. The pipeline has already declared or assigned them.
    fn set_range_variables(&mut self, pipe: &'a Pipe, key: Value<'a>, element: &Value<'a>) -> Result<()> {
        let values = match pipe.variables.as_slice() {
            [] => return Ok(()),
            [_] => vec![element.clone()],
            _ => vec![key, element.clone()],
        };
        if pipe.is_assign {
            for (name, value) in pipe.variables.iter().zip(values) {
                self.assign(name, value)?;
            }
        } else {
            let declared = self.variables.iter_mut().rev();
            for (variable, value) in declared.zip(values.into_iter().rev()) {
                variable.1 = value;
            }
        }
        Ok(())
    }
}
