//! What is read, as its digest and its length.

use std::io::Read;

use barge_oci::{Descriptor, Digest, Hasher};

const PIECE: usize = 64 << 10;

/// Content of which a part was read.
pub(super) struct Reading<R> {
    content: R,
    hasher: Hasher,
    length: u64,
    over: bool,
}

impl<R: Read> Reading<R> {
    pub(super) fn new(of: &Descriptor, content: R) -> Self {
        Self { content, hasher: Hasher::new(of.digest.algorithm()), length: 0, over: false }
    }

    /// Reads some more; whether there was any.
    pub(super) fn step(&mut self) -> std::io::Result<bool> {
        if self.over {
            return Ok(false);
        }
        let mut piece = vec![0; PIECE];
        let n = self.content.read(&mut piece)?;
        self.hasher.update(&piece[..n]);
        self.length += n as u64;
        self.over = n == 0;
        Ok(!self.over)
    }

    /// What it was.
    pub(super) fn end(self) -> (Digest, u64) {
        (self.hasher.finish(), self.length)
    }
}

/// That something is, from its first byte to its end, what its descriptor says.
pub(super) fn expect(descriptor: &Descriptor, content: impl Read) {
    let mut reading = Reading::new(descriptor, content);
    while reading.step().unwrap() {}
    assert_eq!(reading.end(), (descriptor.digest, descriptor.size));
}

/// All of it.
pub(super) fn bytes(mut content: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes).unwrap();
    bytes
}
