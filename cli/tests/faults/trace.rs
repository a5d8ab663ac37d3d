//! Runs a program and lets one of its calls that reach the disk fail, as a debugger would.
//!
//! From outside, because the whole program is meant: engine, SQLite and standard library alike, with no seam in any of them.
//! Counted are calls on files below one directory, over all threads of the program; not those of programs that it starts.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};

use nix::libc::{self, c_long, user_regs_struct};
use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::machine::Ran;

/// The calling thread, and what it starts.
const HERE: Pid = Pid::from_raw(0);

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The disk is full from then on: every call that may need room fails with ENOSPC.
    Full,
    /// The one call fails with EIO.
    Broken,
    /// The one write writes half of what it should.
    Short,
}

/// What a call works on, by its arguments.
#[derive(Clone, Copy)]
enum On {
    /// The open file in argument 0.
    Handle,
    /// The path in this argument, relative to the directory in the one before it.
    Below(usize),
    /// The path in argument 0.
    Path,
}

/// A system call that reaches the disk.
struct Call {
    number: c_long,
    name: &'static str,
    on: On,
    /// Whether it may fail for lack of room.
    grows: bool,
}

macro_rules! calls {
    ($($name:ident $on:expr, $grows:literal;)*) => {
        [$(Call { number: libc::$name, name: stringify!($name), on: $on, grows: $grows }),*]
    };
}

const CALLS: [Call; 32] = calls! {
    SYS_read On::Handle, false;
    SYS_pread64 On::Handle, false;
    SYS_write On::Handle, true;
    SYS_pwrite64 On::Handle, true;
    SYS_writev On::Handle, true;
    SYS_ftruncate On::Handle, true;
    SYS_fallocate On::Handle, true;
    SYS_fsync On::Handle, true;
    SYS_fdatasync On::Handle, true;
    SYS_getdents64 On::Handle, false;
    SYS_fstat On::Handle, false;
    SYS_fchmod On::Handle, false;
    SYS_openat On::Below(1), false;
    SYS_newfstatat On::Below(1), false;
    SYS_statx On::Below(1), false;
    SYS_faccessat2 On::Below(1), false;
    SYS_readlinkat On::Below(1), false;
    SYS_mkdirat On::Below(1), true;
    SYS_unlinkat On::Below(1), false;
    SYS_symlinkat On::Below(2), true;
    SYS_linkat On::Below(1), true;
    SYS_renameat On::Below(1), true;
    SYS_renameat2 On::Below(1), true;
    SYS_utimensat On::Below(1), false;
    SYS_stat On::Path, false;
    SYS_lstat On::Path, false;
    SYS_readlink On::Path, false;
    SYS_mkdir On::Path, true;
    SYS_rename On::Path, true;
    SYS_unlink On::Path, false;
    SYS_rmdir On::Path, false;
    SYS_chmod On::Path, false;
};

/// How the program ended, and the call that failed first; none when it made fewer calls of the kind.
pub(crate) struct Traced {
    pub(crate) ran: Ran,
    pub(crate) met: Option<String>,
}

/// Runs the program and applies `fault` to its `nth` call of the kind on files below `below`, counted from 1.
#[expect(clippy::zombie_processes, reason = "the tracer waits for it")]
pub(crate) fn run(command: &Command, below: &Path, fault: Fault, nth: usize) -> Traced {
    // On one processor the two hand over to each other fastest, and a program with one thread does the same each time.
    let anywhere = sched_getaffinity(HERE).unwrap();
    let mut here = CpuSet::new();
    here.set(sched_getcpu().unwrap()).unwrap();
    sched_setaffinity(HERE, &here).unwrap();
    // The shell waits until it is traced, and then becomes the program.
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "read -r go && exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(command.get_current_dir().unwrap());
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = Pid::from_raw(child.id().try_into().unwrap());
    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_TRACECLONE;
    ptrace::seize(id, options | Options::PTRACE_O_EXITKILL).unwrap();
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let mut tracer =
        Tracer { id, below: below.to_owned(), fault, left: nth, met: None, results: HashMap::new(), done: false };
    let status = tracer.follow();
    sched_setaffinity(HERE, &anywhere).unwrap();
    // The pipes have room for what it prints.
    let mut output = Output { status, stdout: Vec::new(), stderr: Vec::new() };
    std::io::Read::read_to_end(&mut child.stdout.take().unwrap(), &mut output.stdout).unwrap();
    std::io::Read::read_to_end(&mut child.stderr.take().unwrap(), &mut output.stderr).unwrap();
    Traced { ran: Ran::new(output), met: tracer.met }
}

struct Tracer {
    id: Pid,
    below: PathBuf,
    fault: Fault,
    left: usize,
    met: Option<String>,
    /// By thread: what the call that it is in will have returned.
    results: HashMap<Pid, i64>,
    /// Every failure has happened: the program runs on at its own speed.
    done: bool,
}

impl Tracer {
    /// Lets the program run to its end.
    fn follow(&mut self) -> ExitStatus {
        // Another thread of this process may have children of its own.
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            // A thread that is gone by now is none to be resumed.
            let _gone = match waitpid(None, Some(flags)).unwrap() {
                WaitStatus::Exited(id, code) if id == self.id => return ExitStatus::from_raw(code << 8),
                WaitStatus::Signaled(id, signal, _) if id == self.id => return ExitStatus::from_raw(signal as i32),
                WaitStatus::PtraceSyscall(thread) => self.stopped(thread).and_then(|()| self.resume(thread, None)),
                WaitStatus::PtraceEvent(thread, ..) => self.resume(thread, None),
                WaitStatus::Stopped(thread, signal) => self.resume(thread, Some(signal)),
                _ => Ok(()),
            };
        }
    }

    fn resume(&self, thread: Pid, signal: Option<Signal>) -> nix::Result<()> {
        if self.done && !self.results.contains_key(&thread) {
            ptrace::cont(thread, signal)
        } else {
            ptrace::syscall(thread, signal)
        }
    }

    /// A thread is at the beginning or at the end of a call.
    fn stopped(&mut self, thread: Pid) -> nix::Result<()> {
        let op = ptrace::syscall_info(thread)?.op;
        if op == libc::PTRACE_SYSCALL_INFO_EXIT {
            let Some(result) = self.results.remove(&thread) else { return Ok(()) };
            let mut registers = ptrace::getregs(thread)?;
            registers.rax = result.cast_unsigned();
            return ptrace::setregs(thread, registers);
        }
        let mut registers = ptrace::getregs(thread)?;
        let number = registers.orig_rax.cast_signed();
        let Some(call) = CALLS.iter().find(|call| call.number == number) else { return Ok(()) };
        if !self.is_due(call, thread, &registers) {
            return Ok(());
        }
        match self.fault {
            Fault::Short => registers.rdx /= 2,
            Fault::Full => self.refuse(thread, &mut registers, libc::ENOSPC),
            Fault::Broken => self.refuse(thread, &mut registers, libc::EIO),
        }
        ptrace::setregs(thread, registers)
    }

    fn refuse(&mut self, thread: Pid, registers: &mut user_regs_struct, error: i32) {
        // There is no such call: the kernel does nothing.
        registers.orig_rax = u64::MAX;
        self.results.insert(thread, -i64::from(error));
    }

    /// Counts the call, and says whether it is one that fails.
    fn is_due(&mut self, call: &Call, thread: Pid, registers: &user_regs_struct) -> bool {
        let creates = call.number == libc::SYS_openat && registers.rdx & libc::O_CREAT as u64 != 0;
        let writes = [libc::SYS_write, libc::SYS_pwrite64].contains(&call.number);
        let counts = match self.fault {
            Fault::Full => call.grows || creates,
            Fault::Broken => true,
            Fault::Short => writes && registers.rdx > 1,
        };
        if !counts || self.done {
            return false;
        }
        let Some(path) = path(call.on, thread, registers).filter(|path| path.starts_with(&self.below)) else {
            return false;
        };
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            let name = call.name.trim_start_matches("SYS_");
            self.met.get_or_insert_with(|| format!("{name} {}", path.strip_prefix(&self.below).unwrap().display()));
        }
        self.done = self.left == 0 && self.fault != Fault::Full;
        self.left == 0
    }
}

/// The file that a call works on; none when that is no file.
fn path(on: On, thread: Pid, registers: &user_regs_struct) -> Option<PathBuf> {
    let arguments = [registers.rdi, registers.rsi, registers.rdx];
    let handle = |argument: u64| match argument as i32 {
        libc::AT_FDCWD => std::fs::read_link(format!("/proc/{thread}/cwd")).ok(),
        number => std::fs::read_link(format!("/proc/{thread}/fd/{number}")).ok(),
    };
    match on {
        On::Handle => handle(arguments[0]),
        On::Path => Some(handle(libc::AT_FDCWD as u64)?.join(text(thread, arguments[0])?)),
        On::Below(index) => {
            let name = text(thread, arguments[index]).unwrap_or_default();
            if name.is_absolute() { Some(name) } else { Some(handle(arguments[index - 1])?.join(name)) }
        }
    }
}

/// The text at an address of the program; none when there is none.
fn text(thread: Pid, address: u64) -> Option<PathBuf> {
    let mut bytes = vec![0; libc::PATH_MAX as usize];
    let read = File::open(format!("/proc/{thread}/mem")).ok()?.read_at(&mut bytes, address).ok()?;
    let end = bytes[..read].iter().position(|byte| *byte == 0)?;
    Some(<std::ffi::OsStr as sci_sys::ffi::OsStrExt>::from_bytes(&bytes[..end]).into())
}
