//! Compression, judged by the first bytes and never by a name; everything is decompressed in this process.

use std::cell::Cell;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::rc::Rc;

use crate::error::{Error, ErrorKind, Refusal, Result};

/// Memory an xz stream may ask for.
const XZ_MEMORY: u64 = 128 << 20;
/// The largest zstd window, as a power of two: 128 MiB, what `zstd -19 --long=27` writes.
pub(super) const ZSTD_WINDOW_LOG: u32 = 27;
/// What everybody may ask for at once: 8 MiB, as `zstd -19` writes.
pub(super) const MODEST_WINDOW_LOG: u32 = 23;
/// How many bytes tell of a zstd frame's window.
pub(super) const ZSTD_HEADER: u64 = 14;
const BUFFER: usize = 128 << 10;
/// Deflate cannot expand further than this; what does so for long is a bomb.
pub(super) const MAX_RATIO: u64 = 1100;
/// How far a whole archive may expand beyond [`MAX_RATIO`].
pub(super) const FREE_BYTES: u64 = 4 << 30;

/// How content is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all, as far as we know.
    None,
    /// gzip, of one member or several.
    Gzip,
    /// zstd, of one frame or several.
    Zstd,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
}

impl Compression {
    /// Judges by the first bytes; six are enough.
    #[must_use]
    pub fn detect(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            _ => Self::None,
        }
    }

    /// The name as people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }

    /// Reads `input` decompressed.
    ///
    /// # Errors
    /// Only if the decoder cannot be set up.
    pub fn decoder<'a, R: Read + 'a>(self, input: R) -> io::Result<Box<dyn Read + 'a>> {
        self.decoder_within(input, ZSTD_WINDOW_LOG)
    }

    /// The same, where a zstd window may be as large as 2 to the power of `window_log`.
    pub(super) fn decoder_within<'a, R: Read + 'a>(
        self,
        input: R,
        window_log: u32,
    ) -> io::Result<Box<dyn Read + 'a>> {
        let input = BufReader::with_capacity(BUFFER, input);
        Ok(match self {
            Self::None => Box::new(input),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(window_log)?;
                Box::new(decoder)
            }
            Self::Xz => {
                let flags = liblzma::stream::CONCATENATED;
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, flags)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
            }
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
        })
    }
}

/// Input of which the first bytes were looked at.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// What is compressed, decompressed, up to where only a bomb would go on.
pub(crate) fn bounded<'a, R: Read + 'a>(
    compression: Compression,
    input: R,
) -> io::Result<Box<dyn Read + 'a>> {
    if compression == Compression::None {
        return compression.decoder(input);
    }
    let taken = Rc::new(Cell::new(0));
    let decoder = compression.decoder(Counted { input, taken: Rc::clone(&taken) })?;
    Ok(Box::new(Bounded { decoder, taken, given: 0 }))
}

/// Counts what the decoder takes.
struct Counted<R> {
    input: R,
    taken: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        self.taken.set(self.taken.get() + n as u64);
        Ok(n)
    }
}

/// The window that the first frame of a zstd stream asks for, as a power of two; more than any if that cannot be said.
pub(super) fn zstd_window_log(start: &[u8]) -> u32 {
    let byte = |at: usize| start.get(at).copied().map(u64::from);
    let Some(descriptor) = byte(4).filter(|_| start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])) else {
        return u32::MAX;
    };
    let single = descriptor & 0x20 != 0;
    if !single {
        // Mantissa and exponent (RFC 8878, 3.1.1.1.2), rounded up.
        return byte(5).map_or(u32::MAX, |w| 10 + (w >> 3) as u32 + u32::from(w & 7 != 0));
    }
    // Without a window the whole content is one.
    let dictionary = match descriptor & 3 {
        3 => 4,
        n => n as usize,
    };
    let (from, length) = (5 + dictionary, 1_usize << (descriptor >> 6));
    let size = (0..length).try_fold(0, |size, n| Some(size | byte(from + n)? << (8 * n)));
    // Two bytes begin where one byte ends.
    let size = size.map(|size: u64| if length == 2 { size + 256 } else { size });
    size.map_or(u32::MAX, |size| u64::BITS - size.leading_zeros())
}

/// Counts what it gives for it.
struct Bounded<'a> {
    decoder: Box<dyn Read + 'a>,
    taken: Rc<Cell<u64>>,
    given: u64,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.decoder.read(buffer)?;
        self.given += n as u64;
        if self.given > self.taken.get().saturating_mul(MAX_RATIO).saturating_add(FREE_BYTES) {
            return Err(io::Error::other("it expands beyond all reason"));
        }
        Ok(n)
    }
}

/// The first bytes of `input`, and `input` whole again.
///
/// # Errors
/// `Io`.
pub(super) fn peek<R: Read>(mut input: R, most: usize) -> Result<(Vec<u8>, Whole<R>)> {
    let mut start = Vec::new();
    input.by_ref().take(most as u64).read_to_end(&mut start).map_err(|e| read_error(0, e))?;
    Ok((start.clone(), Cursor::new(start).chain(input)))
}

/// A failed read of an archive: the system's fault, or the compressed stream's.
pub(super) fn read_error(offset: u64, error: io::Error) -> Error {
    if error.raw_os_error().is_some() {
        return Error::io("read", std::path::Path::new("the archive"), error);
    }
    let text = match error.kind() {
        io::ErrorKind::UnexpectedEof => "ends too early".to_owned(),
        _ => format!("is corrupt ({error})"),
    };
    let message = format!("the compressed stream {text}, after {offset} bytes of the archive inside it");
    Error::new(ErrorKind::Refused(Refusal::StreamCorrupt), message)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(content).unwrap();
        out.finish().unwrap()
    }

    fn back(compressed: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Compression::detect(compressed).decoder(compressed)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn several_members_and_frames() {
        assert_eq!(back(&[gzip(b"a"), gzip(b"b")].concat()).unwrap(), b"ab");
        let frame = |c: &[u8]| zstd::encode_all(c, 1).unwrap();
        let skippable = b"\x50\x2a\x4d\x18\x02\0\0\0xx".to_vec();
        assert_eq!(back(&[skippable, frame(b"a"), frame(b"b")].concat()).unwrap(), b"ab");
    }

    #[test]
    fn windows_of_zstd_frames() {
        let frame = |log: u32, bytes: usize| {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            encoder.window_log(log).unwrap();
            encoder.write_all(&vec![7; bytes]).unwrap();
            encoder.finish().unwrap()
        };
        for log in [10, 20, 23, 27] {
            assert_eq!(zstd_window_log(&frame(log, 1 << 20)), log);
        }
        // One that says its size needs no more than that.
        for (size, log) in [(300, 9), (70_000, 17)] {
            assert_eq!(zstd_window_log(&zstd::bulk::compress(&vec![7; size], 1).unwrap()), log, "{size}");
        }
        assert_eq!((zstd_window_log(b""), zstd_window_log(b"\x28\xb5\x2f\xfd")), (u32::MAX, u32::MAX));
    }

    #[test]
    fn a_cut_stream_is_an_error() {
        let whole = gzip(&[7; 1000]);
        assert!(back(&whole[..whole.len() - 5]).is_err());
    }
}
