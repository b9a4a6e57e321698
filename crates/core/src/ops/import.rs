//! `import`: the tar of a root file system as an image of one layer.

use std::io::{self, Read, Write};

use barge_oci::{
    Algorithm, Descriptor, Digest, Hasher, Manifest, Platform, Reference, media_type, to_go_json,
};
use serde::Serialize;

use super::changes::Changes;
use crate::archive::{BLOCK, Compression, Keeper, Standing, begins_tar, bounded, read_through};
use crate::content::Image;
use crate::error::{Error, Refusal, Result};
use crate::progress::Progress;
use crate::store::{Ingest, Store, TAGGED};

const BUFFER: usize = 256 << 10;
/// How much of the input tells how it is compressed.
const MAGIC: usize = 6;

/// What an imported image is called and how it is run.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Its name; without one it is known by its ID.
    pub name: Option<Reference>,
    /// What it runs on.
    pub platform: Platform,
    /// A comment for its history.
    pub message: String,
    /// Instructions of a Dockerfile, such as `CMD ["sh"]`.
    pub changes: Vec<String>,
    /// When it is made, RFC 3339.
    pub now: String,
}

/// The config as docker writes it.
#[derive(Serialize)]
struct Config<'a> {
    created: &'a str,
    #[serde(flatten)]
    platform: &'a Platform,
    rootfs: RootFs,
    history: [Step<'a>; 1],
    config: &'a Changes,
}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [Digest; 1],
}

#[derive(Serialize)]
struct Step<'a> {
    created: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    comment: &'a str,
}

/// Makes an image of a tar, compressed in any way that `load` knows; gzip and zstd stay as they are, anything
/// else becomes gzip. Returns its ID.
///
/// # Errors
/// `InvalidArgument` for changes that make no sense; `Refused` for what is no tar; `Io`. The store is as before
/// then.
pub fn import(
    store: &Store,
    input: &mut dyn Read,
    options: &ImportOptions,
    progress: &dyn Progress,
) -> Result<Digest> {
    let changes = Changes::parse(&options.changes)?;
    progress.start(None);
    let mut ingest = Ingest::new(store)?;
    let (layer, diff_id) = keep_layer(&mut ingest, input, progress)?;
    let now = options.now.as_str();
    let config = Config {
        created: now,
        platform: &options.platform,
        rootfs: RootFs { r#type: "layers", diff_ids: [diff_id] },
        history: [Step { created: now, comment: &options.message }],
        config: &changes,
    };
    let json = |e: serde_json::Error| Error::invalid(e.to_string());
    let config = to_go_json(&config).map_err(json)?;
    let config_descriptor = Descriptor::of(media_type::OCI_CONFIG, &config);
    let manifest = Manifest::new(media_type::OCI_MANIFEST, config_descriptor.clone(), vec![layer.clone()]);
    let manifest = to_go_json(&manifest).map_err(json)?;
    let mut target = Descriptor::of(media_type::OCI_MANIFEST, &manifest);
    ingest.put(config_descriptor.digest, &config)?;
    ingest.put(target.digest, &manifest)?;
    let id = target.digest;
    target.annotations.insert(TAGGED.to_owned(), now.to_owned());
    let image = Image { name: options.name.clone(), target };
    ingest.commit(&[layer.digest, config_descriptor.digest, id], vec![image])?;
    Ok(id)
}

/// Keeps the input as a layer; returns it and its diffID.
fn keep_layer(
    ingest: &mut Ingest,
    mut input: &mut dyn Read,
    progress: &dyn Progress,
) -> Result<(Descriptor, Digest)> {
    let mut start = Vec::new();
    let doing = |e| Error::io("read", std::path::Path::new("the root file system"), e);
    Read::take(&mut input, MAGIC as u64).read_to_end(&mut start).map_err(doing)?;
    let compression = Compression::detect(&start);
    let input = io::Cursor::new(start).chain(input);
    let mut layer = Layer::begin(ingest)?;
    let (media_type, diff_id) = match compression {
        Compression::Gzip | Compression::Zstd => {
            let mut kept = Kept { input, layer: &mut layer };
            let read = tar_digest(bounded(compression, &mut kept).map_err(doing)?, &mut io::sink(), progress);
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
            let read = tar_digest(tar, &mut encoder, progress);
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

/// Hashes a tar and hands it on, reading it from entry to entry.
fn tar_digest(mut tar: impl Read, onward: &mut dyn Write, progress: &dyn Progress) -> Result<Digest> {
    let mut start = Vec::new();
    Read::take(&mut tar, BLOCK as u64).read_to_end(&mut start).map_err(corrupt)?;
    if !begins_tar(&start) {
        return Err(Error::refused(Refusal::TarBad, "the root file system is not a tar"));
    }
    let tar = io::Cursor::new(start).chain(tar);
    let mut tee = Tee { tar, hasher: Hasher::new(Algorithm::Sha256), onward, progress, failed: None };
    let read = read_through(io::BufReader::with_capacity(BUFFER, &mut tee));
    if let Some(failed) = tee.failed {
        return Err(corrupt(failed));
    }
    read.map_err(|e| e.context("the root file system"))?;
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

fn corrupt(e: io::Error) -> Error {
    match e.raw_os_error() {
        Some(_) => Error::io("read", std::path::Path::new("the root file system"), e),
        None => Error::refused(Refusal::StreamCorrupt, format!("the root file system cannot be read: {e}")),
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
        ingest.begin(None, 0, Standing::At(0))?;
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
