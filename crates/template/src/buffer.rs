//! A string that grows up to a limit. Past it, text is dropped and the buffer says so, which keeps the
//! printing code free of error paths.

/// Text with an upper bound on its bytes.
#[derive(Debug)]
pub(crate) struct Buffer {
    text: String,
    limit: usize,
    full: bool,
}

impl Buffer {
    /// An empty buffer that holds at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Buffer {
        Buffer { text: String::new(), limit, full: false }
    }

    /// Whether something has been dropped.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// What was written, or `None` if something has been dropped.
    pub(crate) fn finish(self) -> Option<String> {
        (!self.full).then_some(self.text)
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        if self.room() < text.len() {
            self.full = true;
        }
        if !self.full {
            self.text.push_str(text);
        }
    }

    pub(crate) fn push(&mut self, c: char) {
        self.push_str(c.encode_utf8(&mut [0; 4]));
    }

    /// Writes `c` `count` times.
    pub(crate) fn push_many(&mut self, c: char, count: usize) {
        if self.room() / c.len_utf8() < count {
            self.full = true;
        }
        if !self.full {
            self.text.extend(std::iter::repeat_n(c, count));
        }
    }

    fn room(&self) -> usize {
        self.limit.saturating_sub(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_its_limit_and_not_a_byte_more() {
        let mut buffer = Buffer::new(4);
        buffer.push_str("ab");
        buffer.push_many('c', 2);
        assert_eq!(buffer.finish().as_deref(), Some("abcc"));

        let mut buffer = Buffer::new(4);
        buffer.push_many('é', 3);
        assert!(buffer.is_full());
        buffer.push('x');
        assert_eq!(buffer.finish(), None);
    }
}
