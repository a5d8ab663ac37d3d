//! System calls that no ordinary program makes, and a system that does not grant the watch.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
#![allow(unsafe_code, reason = "these calls are made as no library makes them")]

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};

use sci_audit::{Age, Reads, Scope, Unavailable, spawn};

fn scope(root: &Path) -> Scope {
    Scope { root: root.canonicalize().unwrap(), alias: None, counts: Box::new(|_| true) }
}

/// What the part of this program that is called `role` reads in a directory with the files `a` and `b`.
fn reads(role: &str) -> Reads {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a"), "").unwrap();
    fs::write(directory.path().join("b"), "").unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", role]).env("TEST_ROLE", "").current_dir(&directory).stdout(Stdio::null());
    let (child, watch) = spawn(&mut command, scope(directory.path()), Command::new("cat"));
    assert!(child.unwrap().wait().unwrap().success(), "{role}");
    watch.unwrap().stop()
}

/// Whether this is the program that another test started, for one of its parts.
fn has_role() -> bool {
    std::env::var_os("TEST_ROLE").is_some()
}

/// No test of its own.
#[test]
fn opens_in_every_way() {
    if !has_role() {
        return;
    }
    let here = fs::File::open(".").unwrap();
    let name = |name: &str| CString::new(name).unwrap();
    // Beneath a descriptor, with a root of its own, as openat2 has it.
    let how = [u64::from(libc::O_RDONLY.cast_unsigned()), 0, 0x10_u64];
    let path = name("/a");
    // SAFETY: the kernel reads a path and three numbers, which live as long as the call.
    let opened =
        unsafe { libc::syscall(libc::SYS_openat2, here.as_raw_fd(), path.as_ptr(), how.as_ptr(), size_of_val(&how)) };
    assert!(opened >= 0, "{}", io::Error::last_os_error());
    // A descriptor that only names a file is opened by its link.
    // SAFETY: the kernel reads a path that lives as long as the call.
    let named = unsafe { libc::open(name("b").as_ptr(), libc::O_PATH) };
    fs::read(format!("/proc/self/fd/{named}")).unwrap();
    // An address that is none, and a directory that is none.
    // SAFETY: the kernel takes no address on trust.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_openat, libc::AT_FDCWD, 8, libc::O_RDONLY), -1);
        assert_eq!(libc::syscall(libc::SYS_openat, 1 << 20, name("x").as_ptr(), libc::O_RDONLY), -1);
    }
}

#[test]
fn every_way_of_opening_is_seen_and_a_failing_one_is_nothing() {
    let reads = reads("opens_in_every_way");
    assert_eq!(reads.files, [(b"a".to_vec(), Age::Old), (b"b".to_vec(), Age::Old)].into());
    assert_eq!((reads.unseen, reads.why), (0, None));
}

/// No test of its own.
#[test]
fn opens_what_cannot_be_told() {
    if !has_role() {
        return;
    }
    // SAFETY: the kernel takes no address on trust.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_open_by_handle_at, libc::AT_FDCWD, 8, libc::O_RDONLY), -1);
        assert_eq!(libc::syscall(libc::SYS_io_uring_setup, 1, 0), -1);
    }
    assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::ENOSYS));
}

#[test]
fn a_file_that_only_the_kernel_knows_is_counted_and_rings_are_not_there() {
    let reads = reads("opens_what_cannot_be_told");
    assert_eq!((reads.unseen, reads.why.as_deref()), (1, Some("a file was opened by its handle")));
}

/// Takes a filter upon this thread under which `seccomp` fails with `error`, as containers have it.
fn deny_seccomp(error: i32) {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let mut program = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        libc::sock_filter { jf: 1, ..statement(libc::BPF_JMP | libc::BPF_JEQ, libc::SYS_seccomp as u32) },
        statement(libc::BPF_RET, libc::SECCOMP_RET_ERRNO | error.cast_unsigned()),
        statement(libc::BPF_RET, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: program.as_mut_ptr() };
    // SAFETY: the kernel reads four instructions, which live as long as the call.
    let taken = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
    };
    assert_eq!(taken, 0, "{}", io::Error::last_os_error());
}

#[test]
fn where_the_system_does_not_grant_it_the_command_runs_unwatched() {
    let directory = tempfile::tempdir().unwrap();
    for error in [libc::EPERM, libc::ENOSYS] {
        let root = directory.path();
        let run = move || {
            deny_seccomp(error);
            spawn(Command::new("sh").args(["-c", "cat /dev/null; exit 3"]), scope(root), Command::new("cat"))
        };
        let (child, watch) = std::thread::scope(|threads| threads.spawn(run).join().unwrap());
        assert_eq!(child.unwrap().wait().unwrap().code(), Some(3));
        let unavailable = watch.unwrap_err();
        assert!(
            matches!(&unavailable, Unavailable::Refused(said) if said.raw_os_error() == Some(error)),
            "{unavailable}"
        );
        assert!(unavailable.hint().is_some());
    }
}
