//! Writes a planned archive, hashing every blob while it is copied.

use std::io::{Read, Write};
use std::path::Path;

use barge_oci::{Descriptor, Hasher};

use super::header::{header, padded};
use super::plan::{Body, END, Plan};
use super::tar::BLOCK;
use crate::content::Provider;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Progress;

pub(super) const CHUNK: usize = 1 << 20;

impl Plan {
    /// Writes the archive; the bytes are those of [`Plan::size`]. `name` is what errors call the output.
    ///
    /// # Errors
    /// `Mismatch` if a blob is not its digest or size: what was written is then no archive, and the end
    /// marker is missing. `Io`.
    pub fn write(
        &self,
        source: &impl Provider,
        output: &mut dyn Write,
        name: &Path,
        progress: &dyn Progress,
    ) -> Result<()> {
        progress.start(Some(self.size()));
        let mut writer = Writer { output, name, progress, buffer: Vec::new() };
        for (path, record) in &self.records {
            writer.write(&header(path, record.mode, record.size()))?;
            match &record.body {
                Body::Directory => {}
                Body::Bytes(bytes) => writer.write(bytes)?,
                Body::Blob(descriptor) => writer.blob(source, descriptor)?,
            }
            let padding = padded(record.size()) - record.size();
            writer
                .write([0; BLOCK].get(..usize::try_from(padding).unwrap_or_default()).unwrap_or_default())?;
        }
        writer.write(&END)?;
        writer.output.flush().map_err(|e| Error::io("write", name, e))
    }
}

struct Writer<'a> {
    output: &'a mut dyn Write,
    name: &'a Path,
    progress: &'a dyn Progress,
    buffer: Vec<u8>,
}

impl Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.output.write_all(bytes).map_err(|e| Error::io("write", self.name, e))?;
        self.progress.add(bytes.len() as u64);
        Ok(())
    }

    fn blob(&mut self, source: &impl Provider, descriptor: &Descriptor) -> Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        copy(source, descriptor, &mut buffer, |bytes| self.write(bytes))?;
        self.buffer = buffer;
        Ok(())
    }
}

/// Hands a blob on piece by piece, hashing it; the last piece is handed on before it is known to be right.
pub(super) fn copy(
    source: &impl Provider,
    descriptor: &Descriptor,
    buffer: &mut Vec<u8>,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let digest = descriptor.digest;
    let mut blob = source.open(descriptor)?;
    let mut hasher = Hasher::new(digest.algorithm());
    let mut left = descriptor.size;
    buffer.resize(CHUNK, 0);
    loop {
        // One byte more than expected is asked for, so that a blob that grew is noticed.
        let most = usize::try_from(left.saturating_add(1)).unwrap_or(usize::MAX).min(buffer.len());
        let read = blob.read(buffer.get_mut(..most).unwrap_or_default());
        let n = match read {
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Error::io("read", Path::new(&format!("blob {digest}")), e)),
        };
        let Some(bytes) = buffer.get(..n).filter(|b| !b.is_empty()) else { break };
        if n as u64 > left {
            return Err(changed(descriptor, "it is longer than its descriptor says"));
        }
        left -= n as u64;
        hasher.update(bytes);
        take(bytes)?;
    }
    if left > 0 {
        return Err(changed(descriptor, &format!("{left} bytes of it are missing")));
    }
    let actual = hasher.finish();
    if actual != digest {
        return Err(changed(descriptor, &format!("its content is {actual}")));
    }
    Ok(())
}

fn changed(descriptor: &Descriptor, how: &str) -> Error {
    let message = format!("blob {} is damaged, {how}: the save was stopped", descriptor.digest);
    Error::new(ErrorKind::Mismatch, message)
        .hint("`barge store check` lists every fault; remove the image, then load or pull it again")
}
