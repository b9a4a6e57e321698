//! A program under ptrace: every call of it that changes something on disk is counted, and one of them can be where
//! it is killed, or be refused by the system.
//!
//! ptrace and not a build with failpoints: what is tested is the very binary that people run, with every thread it
//! starts, and a place that nobody thought of is counted like the others. The count is over the whole process; which
//! thread comes first may differ from run to run, so whoever goes through all numbers goes through all places.
//!
//! Linux on x86-64, where a call can be refused by changing a register; [`AVAILABLE`] elsewhere says no.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use rustix::io::Errno;

/// Whether programs can be traced on this machine.
pub const AVAILABLE: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The system does it.
    Done,
    /// The process is killed (SIGKILL) before it is done.
    Killed,
    /// The system does not do it and answers with this.
    Refused(Errno),
    /// The system does not do it and says that it did.
    Feigned,
}

/// How a traced program ended.
#[derive(Debug)]
pub struct Traced {
    /// As it would have been without us.
    pub output: Output,
    /// How many calls were asked about.
    pub calls: usize,
    /// The call that was not [`Fate::Done`], if there was one.
    pub hit: Option<&'static str>,
}

/// Runs a program to its end and asks, before each call that is in `CALLS`, what becomes of it; `decide` has its name
/// and its number, from 0. Standard output and error are kept and must fit a pipe.
///
/// # Errors
/// Those of starting and tracing it.
pub fn run(command: &Command, mut decide: impl FnMut(&str, usize) -> Fate) -> io::Result<Traced> {
    let mut child = stopped(command).spawn()?;
    let traced = imp::trace(&mut child, &mut decide);
    if traced.is_err() {
        // It may be gone already.
        let _ = child.kill();
    }
    let (status, calls, hit) = traced?;
    let mut output = Output { status, stdout: Vec::new(), stderr: Vec::new() };
    if let Some(mut pipe) = child.stdout.take() {
        io::Read::read_to_end(&mut pipe, &mut output.stdout)?;
    }
    if let Some(mut pipe) = child.stderr.take() {
        io::Read::read_to_end(&mut pipe, &mut output.stderr)?;
    }
    Ok(Traced { output, calls, hit })
}

/// The same command, started by a shell that stops itself first, in a process group of its own, so that we can wait
/// for its threads and nobody else's.
fn stopped(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "kill -STOP $$; exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell.env_clear().envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    shell
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod imp {
    use super::{Child, ExitStatus, Fate, io};

    pub(super) fn trace(
        _child: &mut Child,
        _decide: &mut dyn FnMut(&str, usize) -> Fate,
    ) -> io::Result<(ExitStatus, usize, Option<&'static str>)> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod imp {
    use std::collections::HashSet;
    use std::os::unix::process::ExitStatusExt;

    use nix::errno::Errno as Code;
    use nix::libc;
    use nix::sys::ptrace::{self, Options};
    use nix::sys::signal::{Signal, kill};
    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
    use nix::unistd::Pid;

    use super::{Child, ExitStatus, Fate, io};

    /// What changes files, their names or what of them is durable, or brings about that somebody else may.
    const CALLS: [(libc::c_long, &str); 30] = [
        (libc::SYS_write, "write"),
        (libc::SYS_pwrite64, "pwrite64"),
        (libc::SYS_writev, "writev"),
        (libc::SYS_pwritev, "pwritev"),
        (libc::SYS_copy_file_range, "copy_file_range"),
        (libc::SYS_sendfile, "sendfile"),
        (libc::SYS_splice, "splice"),
        (libc::SYS_ftruncate, "ftruncate"),
        (libc::SYS_fallocate, "fallocate"),
        (libc::SYS_ioctl, "ioctl"),
        (libc::SYS_fsync, "fsync"),
        (libc::SYS_fdatasync, "fdatasync"),
        (libc::SYS_syncfs, "syncfs"),
        (libc::SYS_sync_file_range, "sync_file_range"),
        (libc::SYS_rename, "rename"),
        (libc::SYS_renameat, "renameat"),
        (libc::SYS_renameat2, "renameat2"),
        (libc::SYS_link, "link"),
        (libc::SYS_linkat, "linkat"),
        (libc::SYS_unlink, "unlink"),
        (libc::SYS_unlinkat, "unlinkat"),
        (libc::SYS_rmdir, "rmdir"),
        (libc::SYS_mkdir, "mkdir"),
        (libc::SYS_mkdirat, "mkdirat"),
        (libc::SYS_fchmod, "fchmod"),
        (libc::SYS_flock, "flock"),
        (libc::SYS_read, "read"),
        (libc::SYS_pread64, "pread64"),
        (libc::SYS_openat, "openat"),
        (libc::SYS_openat2, "openat2"),
    ];
    /// Of the event that a thread of a seized process begins or ends a stop with.
    const EVENT_STOP: i32 = 128;

    pub(super) fn trace(
        child: &mut Child,
        decide: &mut dyn FnMut(&str, usize) -> Fate,
    ) -> io::Result<(ExitStatus, usize, Option<&'static str>)> {
        let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
        waitpid(pid, Some(WaitPidFlag::WUNTRACED))?;
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_EXITKILL;
        ptrace::seize(pid, options)?;
        kill(pid, Signal::SIGCONT)?;
        let group = Pid::from_raw(-pid.as_raw());
        // Threads that are in a call; their next stop is its end. And those whose call is not done, with the answer.
        let (mut inside, mut answers) = (HashSet::new(), Vec::new());
        let (mut begun, mut calls, mut hit) = (false, 0, None);
        loop {
            let status = waitpid(group, Some(WaitPidFlag::__WALL))?;
            let mut signal = None;
            let thread = match status {
                WaitStatus::Exited(who, code) if who == pid => {
                    return Ok((ExitStatus::from_raw(code << 8), calls, hit));
                }
                WaitStatus::Signaled(who, signal, _) if who == pid => {
                    return Ok((ExitStatus::from_raw(signal as i32), calls, hit));
                }
                WaitStatus::Exited(who, _) | WaitStatus::Signaled(who, ..) => {
                    inside.remove(&who);
                    continue;
                }
                WaitStatus::PtraceSyscall(who) => {
                    if !inside.insert(who) {
                        inside.remove(&who);
                        if let Some(at) = answers.iter().position(|(thread, _)| *thread == who) {
                            let (_, value) = answers.swap_remove(at);
                            answer(who, value)?;
                        }
                    } else if begun && let Some(name) = call(who)? {
                        let fate = decide(name, calls);
                        calls += 1;
                        match fate {
                            Fate::Done => {}
                            Fate::Killed => {
                                hit = Some(name);
                                kill(pid, Signal::SIGKILL)?;
                            }
                            Fate::Refused(code) => {
                                hit = Some(name);
                                answers.push((who, -code.raw_os_error()));
                                skip(who)?;
                            }
                            Fate::Feigned => {
                                hit = Some(name);
                                answers.push((who, 0));
                                skip(who)?;
                            }
                        }
                    }
                    who
                }
                WaitStatus::PtraceEvent(who, _, libc::PTRACE_EVENT_EXEC) => {
                    begun = true;
                    who
                }
                WaitStatus::PtraceEvent(who, _, EVENT_STOP | libc::PTRACE_EVENT_CLONE) => who,
                WaitStatus::Stopped(who, stopped) => {
                    signal = Some(stopped);
                    who
                }
                other => match other.pid() {
                    Some(who) => who,
                    None => continue,
                },
            };
            match ptrace::syscall(thread, signal) {
                // Killed meanwhile.
                Ok(()) | Err(Code::ESRCH) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// The name of the call that a thread begins, if it is one of ours.
    fn call(thread: Pid) -> io::Result<Option<&'static str>> {
        let number = match ptrace::getregs(thread) {
            Ok(registers) => registers.orig_rax.cast_signed(),
            Err(Code::ESRCH) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        Ok(CALLS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name))
    }

    /// Makes the call none.
    fn skip(thread: Pid) -> io::Result<()> {
        let mut registers = ptrace::getregs(thread)?;
        registers.orig_rax = u64::MAX;
        Ok(ptrace::setregs(thread, registers)?)
    }

    fn answer(thread: Pid, value: i32) -> io::Result<()> {
        let mut registers = ptrace::getregs(thread)?;
        registers.rax = i64::from(value).cast_unsigned();
        Ok(ptrace::setregs(thread, registers)?)
    }
}
