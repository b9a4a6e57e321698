//! Serving a store: one process at a time does.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};

use super::{Area, Store};
use crate::error::{Error, ErrorKind, Result, printable};

/// How much of a file with a process' number in it is read.
const PID_DIGITS: u64 = 20;

impl Store {
    /// Makes this process the one that serves the store, for as long as the file is kept. Other commands work
    /// on the store all the same.
    ///
    /// # Errors
    /// `Conflict` if another process serves it; `Io`.
    pub fn serving(&self) -> Result<File> {
        self.create()?;
        let path = self.private_path("serve.lock");
        let doing = |e| Error::io("lock", &path, e);
        let mut file = self.folder(Area::Private)?.write("serve.lock").map_err(doing)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(e)) => return Err(doing(e)),
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Who it is may not be written yet, or not be readable: it is somebody.
                let _ = file.take(PID_DIGITS).read_to_string(&mut pid);
                let text = format!(
                    "the store {} is served already, by process {}",
                    self.shown(),
                    printable(pid.trim())
                );
                let hint = "connect to that one, or stop it first; two stores can be served side by side";
                return Err(Error::new(ErrorKind::Conflict, text).hint(hint));
            }
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(doing)?;
        Ok(file)
    }
}
