//! Compressed streams: what a decoder gives is bounded by whoever reads it, and no input makes it panic or grow.
#![no_main]

use std::io::Read;

use barge_core::archive::Compression;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    const MOST: u64 = 4 << 20;
    let kind = Compression::detect(bytes);
    if let Ok(decoder) = kind.decoder(bytes) {
        let mut out = Vec::new();
        let read = decoder.take(MOST).read_to_end(&mut out);
        if kind == Compression::None {
            assert!(read.is_ok() && out == bytes);
        }
    }
});
