//! Writes a planned archive: into a file at any place at once, else front to back.

use super::packing::Packing;
use super::plan::Plan;
use super::record::Layout;
use super::trust::Verify;
use crate::content::Provider;
use crate::error::Result;
use crate::output::Sink;
use crate::progress::Progress;

/// How an archive is written.
#[derive(Debug, Default)]
pub struct WriteOptions {
    /// How it is compressed, if it is: the bytes are the same for any number of threads.
    pub packing: Option<Packing>,
    /// Which blobs are hashed on their way.
    pub verify: Verify,
}

impl Plan {
    /// Writes the archive; uncompressed its bytes are those of [`Plan::size`].
    ///
    /// # Errors
    /// `Mismatch` if a blob is not its digest or size: what was written is then no archive, and everything behind
    /// the blobs is missing. `Io`, before anything is written if it is known that there is no room.
    pub fn write(
        &self,
        source: &(impl Provider + Sync),
        output: &mut dyn Sink,
        options: &WriteOptions,
        progress: &dyn Progress,
    ) -> Result<()> {
        // How large it becomes when it is compressed nobody knows.
        if options.packing.is_none()
            && let Some(file) = output.placed()
        {
            file.reserve(self.size(), self.layout == Layout::Aligned)?;
            return self.place(source, file, &options.verify, progress);
        }
        self.stream(source, output, options, progress)
    }
}
