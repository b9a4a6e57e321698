//! A place for one peer that leaves nothing behind: its own mounts, its own processes, its own files.
//!
//! ```text
//! barge-peer-XXXXXX/     in the temporary folder; gone when the jail is
//!   up/ ov/              what the peer writes to its root (overlay upper and work folders)
//!   root/                the suite's root under an overlay, in the jail's mount namespace only
//!     host/              the machine's own root: how a peer reaches an archive
//!     peer/              = barge-peer-XXXXXX/peer
//!   peer/                stores, sockets and `log`, with names short enough for a socket
//! ```
//!
//! A shell holds the mount and pid namespaces open for as long as its standard input is open, and only
//! the jail has the other end. When that closes, by `Drop`, by a panic or because the test process was
//! killed, the shell ends, the kernel kills every process in the pid namespace, the mounts go with the
//! last of them, and an outer shell removes the folder.

use std::{
    fmt::Display,
    fs::File,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use super::suite::Suite;

/// How long a daemon may take to answer.
const READY: Duration = Duration::from_secs(60);
/// How long one command may take, in seconds. Long enough for an image of several GB.
const COMMAND_SECONDS: &str = "900";
/// How much of a log an error shows.
const TAIL_LINES: usize = 30;

/// Outside the namespaces. Arguments: the folder, the suite's root, the script for the inside.
const OUTSIDE: &str = r#"
unshare --mount --pid --fork --kill-child --propagation private sh -c "$3" sh "$1" "$2"
rm -rf --one-file-system "$1"
"#;

/// Inside them. Its own process id is read before `/proc` is covered: that is the machine's number for it.
/// The root must be a mount point, or dockerd cannot remount it. Shared memory is the jail's own: podman
/// keeps its locks there.
const INSIDE: &str = r#"
set -eu
read -r pid rest </proc/self/stat
cd "$1"
mkdir up ov root
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/up,workdir=$1/ov" root
cd root
mkdir -p host peer
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs tmpfs dev/shm
mount --rbind / host
mount --bind "$1/peer" peer
exec chroot . /bin/sh -c 'echo "$1"; exec cat >/dev/null' sh "$pid"
"#;

/// An authority, a certificate of it for 127.0.0.1, localhost and registry.test, and one for a client.
const MAKE_CERTIFICATE: &str = r#"
cd /peer
new="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $new -keyout ca.key -out ca.crt -days 30 -subj "/CN=barge test authority"
openssl req $new -keyout server.key -out server.csr -subj /CN=127.0.0.1
echo subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:registry.test >names
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile names -out server.crt
openssl req $new -keyout client.key -out client.csr -subj /CN=client
echo extendedKeyUsage=clientAuth >usage
openssl x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile usage -out client.crt
"#;

/// One peer's namespaces and folder.
#[derive(Debug)]
pub(super) struct Jail {
    shell: Child,
    hold: Option<ChildStdin>,
    /// The first process inside, as the machine numbers it.
    pid: String,
    daemons: Vec<Child>,
    home: PathBuf,
}

impl Jail {
    /// A jail over the root of `suite`. Fails without root, without overlayfs, or where namespaces are
    /// not allowed.
    pub(super) fn open(suite: Suite) -> Result<Self> {
        let lower = suite.root().with_context(|| format!("no {} root", suite.name()))?;
        let folder = tempfile::Builder::new().prefix("barge-peer-").tempdir()?.keep();
        let home = folder.join("peer");
        std::fs::create_dir(&home)?;
        let mut shell = Command::new("sh")
            .args(["-c", OUTSIDE, "sh"])
            .args([&folder, &lower])
            .arg(INSIDE)
            // Away from the terminal's interrupts: it must live to clean up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("start a shell")?;
        let hold = shell.stdin.take();
        let mut pid = String::new();
        BufReader::new(shell.stdout.take().context("no stdout")?).read_line(&mut pid)?;
        let mut jail = Self { shell, hold, pid: pid.trim().into(), daemons: Vec::new(), home };
        if jail.pid.is_empty() {
            jail.hold = None;
            let mut why = String::new();
            jail.shell.stderr.take().context("no stderr")?.read_to_string(&mut why)?;
            bail!("cannot make namespaces: {}", why.trim());
        }
        Ok(jail)
    }

    /// The folder that is `/peer` inside.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// What a file of the machine is called inside. The file need not be there, its folder must.
    pub(super) fn path(&self, file: &Path) -> Result<String> {
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
            bail!("not a file: {}", file.display());
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let folder = folder.canonicalize().with_context(|| folder.display().to_string())?;
        let file = folder.join(name);
        Ok(format!("/host{}", file.to_str().context("path is not UTF-8")?))
    }

    /// A new folder below `/peer`, gone when the value is dropped.
    pub(super) fn scratch(&self) -> Result<Scratch> {
        let folder = tempfile::tempdir_in(&self.home)?;
        let name = folder.path().file_name().and_then(|name| name.to_str()).context("no name")?;
        Ok(Scratch { inside: format!("/peer/{name}"), folder })
    }

    /// Runs a command to its end and returns what it printed. A failure shows its standard error.
    pub(super) fn run<S: AsRef<str>>(&self, command: &[S]) -> Result<String> {
        let command: Vec<&str> = command.iter().map(AsRef::as_ref).collect();
        let output = self
            .enter(&["timeout", "--kill-after=5", COMMAND_SECONDS])
            .args(&command)
            .output()
            .context("start nsenter")?;
        let shown = command.join(" ");
        ensure!(
            output.status.success(),
            "`{shown}`: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed no UTF-8"))
    }

    /// Makes an authority, a server's and a client's certificates and keys, `ca.crt` and so on, in `/peer`.
    pub(super) fn certificates(&self) -> Result<()> {
        self.run(&["sh", "-ec", MAKE_CERTIFICATE]).map(drop)
    }

    /// Runs a command to its end and returns everything about it.
    pub(super) fn output(&self, command: &[&str]) -> Result<Output> {
        self.enter(command).output().context("start nsenter")
    }

    /// Starts a daemon; it writes to `/peer/log` and ends with the jail at the latest.
    pub(super) fn spawn(&mut self, command: &[&str]) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.home.join("log"))?;
        let daemon = self.enter(command).stdout(log.try_clone()?).stderr(log).spawn()?;
        self.daemons.push(daemon);
        Ok(())
    }

    /// Asks until there is an answer; gives up when a daemon has ended or the time is over, and shows the
    /// end of the log.
    pub(super) fn ready<T>(&mut self, what: impl Display, ask: impl Fn(&Self) -> Result<T>) -> Result<T> {
        let deadline = Instant::now() + READY;
        loop {
            let why = match ask(self) {
                Ok(answer) => return Ok(answer),
                Err(why) => why,
            };
            let ended = self.daemons.iter_mut().any(|daemon| !matches!(daemon.try_wait(), Ok(None)));
            if ended || Instant::now() > deadline {
                bail!("{what} did not start: {why:#}\n{}", self.tail());
            }
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// The upstream version of an installed Debian package, such as `28.5.2`.
    pub(super) fn version(&self, package: &str) -> Result<String> {
        let version = self.run(&["dpkg-query", "--show", "--showformat=${Version}", package])?;
        let version = version.rsplit(':').next().unwrap_or_default();
        Ok(version.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect())
    }

    fn enter(&self, command: &[&str]) -> Command {
        let mut enter = Command::new("nsenter");
        enter
            .args(["--target", &self.pid, "--mount", "--pid", "--root", "--wd", "--"])
            .args(command)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/root")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        enter
    }

    fn tail(&self) -> String {
        let log = std::fs::read(self.home.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default().join("\n")
    }
}

/// A folder that a command may write to.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: TempDir,
    /// What it is called inside the jail.
    pub(super) inside: String,
}

impl Scratch {
    /// What it is called on the machine.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Jail {
    fn drop(&mut self) {
        self.hold = None;
        let _ = self.shell.wait();
        for daemon in &mut self.daemons {
            let _ = daemon.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::start;

    fn jail() -> Option<Jail> {
        start::jail("a jail", Suite::Bookworm, &["sh"]).unwrap()
    }

    #[test]
    fn a_command_sees_the_machine_below_host_and_nothing_else_of_it() {
        let Some(jail) = jail() else { return };
        let scratch = jail.scratch().unwrap();
        let file = scratch.path().join("file");
        std::fs::write(&file, "seen").unwrap();
        assert_eq!(jail.run(&["cat", &jail.path(&file).unwrap()]).unwrap(), "seen");
        assert_eq!(jail.run(&["cat", &format!("{}/file", scratch.inside)]).unwrap(), "seen");
        assert_eq!(
            jail.run(&["sh", "-c", "echo $HOME; touch /usr/bin/mine; ls /dev/shm"]).unwrap(),
            "/root\n"
        );
        assert!(!Path::new("/usr/bin/mine").exists());
    }

    #[test]
    fn a_failure_shows_the_command_and_what_it_said() {
        let Some(jail) = jail() else { return };
        let why = jail.run(&["sh", "-c", "echo woe >&2; exit 3"]).unwrap_err().to_string();
        assert_eq!(why, "`sh -c echo woe >&2; exit 3`: exit status: 3: woe");
    }

    #[test]
    fn a_daemon_that_ends_is_not_waited_for_and_its_log_is_shown() {
        let Some(mut jail) = jail() else { return };
        jail.spawn(&["sh", "-c", "echo no port; exit 1"]).unwrap();
        let why = jail.ready("the daemon", |jail| jail.run(&["false"])).unwrap_err().to_string();
        assert_eq!(why, "the daemon did not start: `false`: exit status: 1: \nno port");
    }

    #[test]
    fn nothing_is_left_of_it() {
        let Some(mut jail) = jail() else { return };
        jail.spawn(&["sleep", "900"]).unwrap();
        let folder = jail.home().parent().unwrap().to_owned();
        drop(jail);
        assert!(!folder.exists());
    }
}
