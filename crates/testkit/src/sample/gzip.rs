//! Writes gzip (RFC 1952), well enough for a few kilobytes that are mostly zeros.
//!
//! A compressor's output is its own affair and may change with any release, and with it every digest
//! above it. This one has no options and nothing to improve: one deflate block (RFC 1951) with the
//! fixed Huffman codes, in which a repeated byte is a match at distance 1 and all else is a literal.

/// `bytes`, compressed, with no name and no time in the header.
pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    // magic, CM deflate, no flags, no MTIME, no XFL, OS unknown
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(deflate(bytes));
    out.extend(crc32(bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.number(1, 1); // BFINAL
    bits.number(1, 2); // BTYPE: fixed codes
    for run in bytes.chunk_by(|a, b| a == b) {
        let Some(&byte) = run.first() else { continue };
        bits.symbol(u32::from(byte));
        let mut left = run.len() - 1;
        while left > 0 {
            // only the lengths whose symbols take no extra bits: 258, and 3 to 10
            let (symbol, length) = match left {
                258.. => (285, 258),
                10.. => (264, 10),
                3.. => (254 + left as u32, left),
                _ => (u32::from(byte), 1),
            };
            bits.symbol(symbol);
            if symbol > 256 {
                bits.number(0, 5); // distance 1
            }
            left -= length;
        }
    }
    bits.symbol(256); // end of block
    bits.bytes
}

/// Bits, packed from the least significant one of each byte up.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn bit(&mut self, bit: u32) {
        if self.used.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= ((bit & 1) << (self.used % 8)) as u8;
        }
        self.used += 1;
    }

    /// A number, least significant bit first.
    fn number(&mut self, value: u32, width: u32) {
        for place in 0..width {
            self.bit(value >> place);
        }
    }

    /// A literal or length as its fixed Huffman code, most significant bit first (RFC 1951, 3.2.6).
    fn symbol(&mut self, symbol: u32) {
        let (code, width) = match symbol {
            0..=143 => (0x30 + symbol, 8),
            144..=255 => (0x190 + symbol - 144, 9),
            256..=279 => (symbol - 256, 7),
            _ => (0xc0 + symbol - 280, 8),
        };
        for place in (0..width).rev() {
            self.bit(code >> place);
        }
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn decompresses_to_what_went_in() {
        let every_byte: Vec<u8> = (0..=255).collect();
        assert_decompresses(b"");
        assert_decompresses(&every_byte);
        for length in 0..1100 {
            assert_decompresses(&vec![0; length]);
            assert_decompresses(&[vec![200; length], vec![7; 2]].concat());
        }
    }

    fn assert_decompresses(bytes: &[u8]) {
        let compressed = compress(bytes);
        let mut decoder = flate2::bufread::GzDecoder::new(compressed.as_slice());
        let mut decompressed = Vec::new();
        decoder.read_to_end(&mut decompressed).unwrap();
        assert_eq!(decompressed, bytes);
        assert!(decoder.into_inner().is_empty());
    }
}
