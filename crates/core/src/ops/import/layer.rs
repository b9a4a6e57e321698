//! The layer that an imported root file system becomes, kept on its way through: as it is, or compressed.

use std::io::{self, Read, Write};

use barge_oci::{Algorithm, Descriptor, Digest, Hasher, media_type};

use super::mistaken;
use crate::archive::{BLOCK, Compression, Keeper, Paths, Standing, begins_tar, bounded, read_through};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::store::Ingest;

const BUFFER: usize = 256 << 10;
/// How much of the input tells how it is compressed.
const MAGIC: usize = 6;

/// Keeps the input as a layer; returns it and its diffID.
pub(super) fn keep_layer(
    ingest: &mut Ingest,
    mut input: &mut dyn Read,
    progress: &dyn Progress,
) -> Result<(Descriptor, Digest)> {
    let mut start = Vec::new();
    let doing = mistaken::unread;
    Read::take(&mut input, MAGIC as u64).read_to_end(&mut start).map_err(doing)?;
    let compression = Compression::detect(&start);
    let input = io::Cursor::new(start).chain(input);
    let mut layer = Layer::begin(ingest)?;
    let (media_type, diff_id) = match compression {
        Compression::Gzip | Compression::Zstd => {
            let mut kept = Kept { input, layer: &mut layer };
            let read = {
                let tar = bounded(compression, &mut kept).map_err(doing)?;
                tar_digest(tar, compression, &mut io::sink(), progress)
            };
            // What the decoder did not want belongs to the layer all the same.
            let read =
                read.and_then(|digest| io::copy(&mut kept, &mut io::sink()).map(|_| digest).map_err(doing));
            (
                if compression == Compression::Zstd {
                    media_type::OCI_LAYER_ZSTD
                } else {
                    media_type::OCI_LAYER_GZIP
                },
                read,
            )
        }
        other => {
            let level = flate2::Compression::default();
            let mut encoder = flate2::write::GzEncoder::new(&mut layer, level);
            let tar = bounded(other, input).map_err(doing)?;
            let read = tar_digest(tar, other, &mut encoder, progress);
            let ended = encoder.finish().map(drop).map_err(doing);
            (media_type::OCI_LAYER_GZIP, read.and_then(|digest| ended.map(|()| digest)))
        }
    };
    // The store's own error says more than the reader's that it ended.
    if let Some(error) = layer.failed.take() {
        return Err(error);
    }
    Ok((layer.end(media_type)?, diff_id?))
}

/// Hashes a tar, decompressed from `outer`, and hands it on, reading it from entry to entry.
fn tar_digest(
    mut tar: impl Read,
    outer: Compression,
    onward: &mut dyn Write,
    progress: &dyn Progress,
) -> Result<Digest> {
    let mut start = Vec::new();
    Read::take(&mut tar, BLOCK as u64).read_to_end(&mut start).map_err(mistaken::corrupt)?;
    if !begins_tar(&start) {
        return Err(mistaken::not_a_tar(&start, outer));
    }
    let tar = io::Cursor::new(start).chain(tar);
    let mut tee = Tee { tar, hasher: Hasher::new(Algorithm::Sha256), onward, progress, failed: None };
    let mut paths = Paths::default();
    let read = read_through(io::BufReader::with_capacity(BUFFER, &mut tee), |path| paths.note(path));
    if let Some(failed) = tee.failed {
        return Err(mistaken::corrupt(failed));
    }
    read.map_err(mistaken::unsound)?;
    if paths.are_of_images() {
        return Err(mistaken::images());
    }
    Ok(tee.hasher.finish())
}

/// What is read, is hashed and handed on.
struct Tee<'a, R> {
    tar: R,
    hasher: Hasher,
    onward: &'a mut dyn Write,
    progress: &'a dyn Progress,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.tar.read(buffer).and_then(|n| {
            let bytes = buffer.get(..n).unwrap_or_default();
            self.hasher.update(bytes);
            self.onward.write_all(bytes)?;
            self.progress.add(n as u64);
            Ok(n)
        });
        match read {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => {
                let kind = e.kind();
                self.failed = Some(e);
                Err(kind.into())
            }
            read => read,
        }
    }
}

/// A layer on its way into the store.
struct Layer<'a> {
    ingest: &'a mut Ingest,
    hasher: Hasher,
    size: u64,
    failed: Option<Error>,
}

impl<'a> Layer<'a> {
    fn begin(ingest: &'a mut Ingest) -> Result<Self> {
        ingest.begin(None, 0, Standing::Passing)?;
        Ok(Self { ingest, hasher: Hasher::new(Algorithm::Sha256), size: 0, failed: None })
    }

    fn end(self, media_type: &str) -> Result<Descriptor> {
        let digest = self.hasher.finish();
        self.ingest.end(&[digest])?;
        Ok(Descriptor::new(media_type, digest, self.size))
    }
}

impl Write for Layer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.ingest.write(bytes) {
            self.failed = Some(error);
            return Err(io::ErrorKind::Other.into());
        }
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps what is read as it is.
struct Kept<'l, 'i, R> {
    input: R,
    layer: &'l mut Layer<'i>,
}

impl<R: Read> Read for Kept<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        self.layer.write_all(buffer.get(..n).unwrap_or_default())?;
        Ok(n)
    }
}
