//! What the tests of the command line share: a place with a store in it, barge run there, goldens, and below
//! this images made to order, terminals and processes that are stopped halfway.

#![allow(dead_code, unused_imports, reason = "each test file uses a part of this")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod golden;
mod layout;
pub(crate) mod limited;
pub(crate) mod process;
pub(crate) mod server;
mod tar;
mod terminal;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) use golden::{golden, without_column};
pub(crate) use layout::{Descriptor, Layout, Maker};
pub(crate) use process::{Running, fifo, wait_until};
pub(crate) use server::{Answer, Server};
pub(crate) use tar::{entries, tar};
pub(crate) use terminal::{Terminal, on_terminal};

/// The ID of the sample image.
pub(crate) const HELLO: &str = "sha256:2a4baa9d3ab907498355d1c6664aa71f10cd912a5d4c9219d965fc8c3a641526";

/// An empty folder to work in and a store beside it; gone with everything in them when dropped.
pub(crate) struct Place {
    folder: PathBuf,
    _temporary: Option<TempDir>,
}

/// What barge did.
pub(crate) struct Ran {
    /// None if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Place {
    /// With a store that nobody has written to yet.
    pub(crate) fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let place = Self { folder: temporary.path().to_path_buf(), _temporary: Some(temporary) };
        fs::create_dir(place.path("")).unwrap();
        place
    }

    /// What is in a folder already, which stays.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), _temporary: None }
    }

    /// Copies all of it into a folder.
    pub(crate) fn copy_to(&self, folder: &Path) {
        let copied = Command::new("cp").arg("-a").arg(self.folder.join(".")).arg(folder).status().unwrap();
        assert!(copied.success());
    }

    /// With the sample image in the store.
    pub(crate) fn hello() -> Self {
        Self::with(&Layout::hello())
    }

    /// With these images in the store.
    pub(crate) fn with(layout: &Layout) -> Self {
        let place = Self::new();
        place.load(layout);
        place
    }

    /// Loads more images.
    pub(crate) fn load(&self, layout: &Layout) {
        let folder = tempfile::tempdir_in(&self.folder).unwrap();
        layout.write(folder.path());
        let ran = self.run_in(self.command(&["load", "-q", "-i", folder.path().to_str().unwrap()]), b"");
        // Notes on what is listed and not there are other tests' business.
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }

    /// A file in the folder to work in, which is where barge is started.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join("work").join(name)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// Where the store keeps a blob.
    pub(crate) fn blob(&self, digest: &str) -> PathBuf {
        self.store().join("blobs").join(digest.replace(':', "/"))
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// The names of everything in the folder to work in, hidden files included, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Everything in the store by its path, folders too, but for lock files, which say nothing.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.store()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    found.insert(path.clone(), Vec::new());
                    folders.push(path);
                } else if path.extension().is_none_or(|e| e != "lock") {
                    found.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        found
    }

    /// barge with a bare environment, at work on this store.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_as(Path::new(env!("CARGO_BIN_EXE_barge")), arguments)
    }

    /// The same, started as another program.
    pub(crate) fn command_as(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        self.prepare(&mut command);
        command.arg("--store").arg(self.store()).args(arguments);
        command
    }

    /// A shell script with `$barge` at work on this store.
    pub(crate) fn shell(&self, script: &str) -> Ran {
        let mut command = Command::new("bash");
        self.prepare(&mut command);
        command.args(["-c", script]).env("BARGE_STORE", self.store());
        self.run_in(command, b"")
    }

    /// A script that may mount file systems, which nobody else sees; `None` if this user may not.
    pub(crate) fn mounting(&self, script: &str) -> Option<Ran> {
        let may = |flags| {
            let tried =
                Command::new("unshare").args([flags, "mount", "-t", "tmpfs", "none", "/tmp"]).output();
            tried.is_ok_and(|o| o.status.success())
        };
        let Some(flags) = ["-m", "-rm"].into_iter().find(|flags| may(flags)) else {
            barge_testkit::skip("file systems of their own", "this user may not mount any");
            return None;
        };
        self.write("script", script);
        Some(self.shell(&format!("exec unshare {flags} bash -e script")))
    }

    fn prepare(&self, command: &mut Command) {
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", &self.folder).env("TZ", "UTC").env("barge", env!("CARGO_BIN_EXE_barge"));
        command.current_dir(self.path(""));
    }

    /// Runs `barge` with words as a shell would split them.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.run_with(line, b"")
    }

    /// The same with something on the standard input.
    pub(crate) fn run_with(&self, line: &str, input: &[u8]) -> Ran {
        let words = words(line);
        self.run_in(self.command(&words.iter().map(String::as_str).collect::<Vec<_>>()), input)
    }

    pub(crate) fn run_in(&self, mut command: Command, input: &[u8]) -> Ran {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            // A program that fails early does not read to the end.
            scope.spawn(move || drop(stdin.write_all(input)));
            child.wait_with_output().unwrap()
        });
        output.into()
    }

    /// Runs barge, which must succeed and have nothing to remark; returns what it printed.
    #[track_caller]
    pub(crate) fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "barge {line}");
        ran.out()
    }

    /// Runs barge, which must exit with 1 and print nothing; returns what it says about it.
    #[track_caller]
    pub(crate) fn fails(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!((ran.code, ran.out().as_str()), (Some(1), ""), "barge {line}: {}", ran.stderr);
        ran.stderr
    }

    /// The archive that barge writes to its standard output; it is named or not, without a remark.
    #[track_caller]
    pub(crate) fn saved(&self, images: &str) -> Vec<u8> {
        let ran = self.run(&format!("save --progress none {images}"));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "barge save {images}");
        ran.stdout
    }

    /// Every name in the store and the short ID it stands for.
    pub(crate) fn names(&self) -> Vec<String> {
        let out = self.ok("images -a --format '{{.Repository}}:{{.Tag}} {{.ID}}'");
        let mut lines: Vec<String> = out.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

impl Ran {
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let (code, signal) = (output.status.code(), output.status.signal());
        Self { code, signal, stdout: output.stdout, stderr }
    }
}

/// Splits at spaces, except between single quotes.
pub(crate) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Whether a program is installed; says so if it is not.
pub(crate) fn installed(program: &str, for_what: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(program).is_file());
    if !found {
        barge_testkit::skip(for_what, &format!("{program} is not installed"));
    }
    found
}
