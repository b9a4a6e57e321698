//! Processes at work while the test looks on.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};

use super::Ran;

const PATIENCE: Duration = Duration::from_secs(30);

/// A process that is gone when the test is.
pub(crate) struct Running(Option<Child>);

impl Running {
    /// Starts it with nothing to read and everything it prints kept.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::start_as_is(command)
    }

    /// Starts it with the standard streams the command has.
    pub(crate) fn start_as_is(mut command: Command) -> Self {
        Self(Some(command.spawn().unwrap()))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.0.as_ref().unwrap()), signal).unwrap();
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.child().try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ran {
        wait_until("the end of the process", || self.is_over());
        self.0.take().unwrap().wait_with_output().unwrap().into()
    }

    /// Stops it as soon as it has `folder/...` open for writing and has written something; `None` if it was
    /// quicker than that. Stopped, it has written less than `size` bytes.
    pub(crate) fn stop_while_writing(&mut self, folder: &Path, size: u64) -> Option<()> {
        let folder = fs::canonicalize(folder).unwrap();
        let written = |pid: u32| {
            let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten().map(|e| e.path());
            let inside = |fd: &std::path::PathBuf| fs::read_link(fd).is_ok_and(|to| to.starts_with(&folder));
            Some(fs::metadata(open.into_iter().find(inside)?).ok()?.len())
        };
        let began = Instant::now();
        while written(self.id()).is_none_or(|n| n == 0) {
            if self.is_over() {
                return None;
            }
            assert!(began.elapsed() < PATIENCE, "nothing is being written");
            std::thread::yield_now();
        }
        self.signal(Signal::STOP);
        let state = || fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap_or_default();
        wait_until("the process to stop", || {
            state().rsplit(')').next().is_some_and(|s| s.trim_start().starts_with(['T', 'Z']))
        });
        written(self.id()).filter(|n| *n < size).map(drop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether the system can be made to fail on demand; says so if it cannot.
pub(crate) fn may_inject(for_what: &str) -> bool {
    let tried = Command::new("strace").args(["-qq", "-e", "inject=fsync:error=EIO", "true"]).output();
    let may = tried.is_ok_and(|o| o.status.success());
    if !may {
        barge_testkit::skip(for_what, "strace is not installed or may not trace");
    }
    may
}

/// The same command, started by strace, with `what` done to its system calls, where this machine has them; they
/// are listed in the file `trace`.
pub(crate) fn injected(command: &Command, what: &str) -> Command {
    let call = what.split(':').next().unwrap_or_default();
    let mut traced = Command::new("strace");
    traced.args([
        "-f",
        "-qq",
        "-o",
        "trace",
        "-e",
        &format!("trace=?{call}"),
        "-e",
        &format!("inject=?{what}"),
    ]);
    traced.arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        traced.current_dir(folder);
    }
    traced.env_clear().envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    traced.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    traced
}

/// Waits for something that must happen soon.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Makes a FIFO.
pub(crate) fn fifo(path: &Path) {
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

/// A FIFO's reading end, opened without waiting for a writer.
pub(crate) fn reader(path: &Path) -> File {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path).unwrap()
}

/// Waits for the first bytes from a FIFO; whoever writes to it is at work then.
#[track_caller]
pub(crate) fn first_bytes(fifo: &mut File) -> Vec<u8> {
    let mut buffer = vec![0; 1024];
    let mut read = 0;
    wait_until("bytes from the FIFO", || {
        read = fifo.read(&mut buffer).unwrap_or(0);
        read > 0
    });
    buffer.truncate(read);
    buffer
}

/// Everything that comes after that, to the end.
pub(crate) fn rest(fifo: &mut File) -> Vec<u8> {
    rustix::fs::fcntl_setfl(&*fifo, OFlags::empty()).unwrap();
    let mut bytes = Vec::new();
    fifo.read_to_end(&mut bytes).unwrap();
    bytes
}
