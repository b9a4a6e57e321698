//! podman where its service does not run: `podman load` is started, and reads an archive from a pipe.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use barge_core::error::{Error, ErrorKind, Result};
use barge_core::output::Output;

/// Has podman load the archive that `write` writes, into its store at `root` if that is said.
///
/// # Errors
/// Those of `write`: podman does not take what it has by then for all there is. `Unavailable` if podman fails, which
/// says itself why; `Io` if there is no podman.
pub fn load(root: Option<&OsStr>, write: impl FnOnce(Output) -> Result<()>) -> Result<()> {
    let mut command = Command::new("podman");
    if let Some(root) = root {
        command.arg("--root").arg(root);
    }
    command.args(["load", "--quiet"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let doing = |e| Error::io("run", Path::new("podman"), e);
    let mut loading = command.spawn().map_err(doing)?;
    let written = match loading.stdin.take().map(OwnedFd::from) {
        Some(stdin) => {
            // It sees the end of the pipe only when that is known to be the end.
            let keeps_open = stdin.try_clone();
            let written = write(Output::stream(File::from(stdin)));
            if written.as_ref().is_err_and(|e| !e.is_broken_pipe()) {
                let _ = loading.kill();
            }
            drop(keeps_open);
            written
        }
        None => Ok(()),
    };
    let ended = loading.wait().map_err(doing)?;
    match written {
        Err(error) if !error.is_broken_pipe() => Err(error),
        _ if !ended.success() => Err(Error::new(ErrorKind::Unavailable, format!("podman load: {ended}"))),
        Err(_) => Err(Error::new(ErrorKind::Unavailable, "podman load stopped reading")),
        Ok(()) => Ok(()),
    }
}
