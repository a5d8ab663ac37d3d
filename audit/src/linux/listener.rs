//! The kernel's side: installing the filter, hearing of requests, answering them. All that is unsafe is here.

#![allow(unsafe_code, reason = "neither the standard library nor rustix has these system calls")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::{
    SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
    SECCOMP_GET_NOTIF_SIZES, SECCOMP_IOCTL_NOTIF_ID_VALID, SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND,
    SECCOMP_SET_MODE_FILTER, SECCOMP_USER_NOTIF_FLAG_CONTINUE, SYS_seccomp, seccomp_notif, seccomp_notif_resp,
    seccomp_notif_sizes, sock_filter, sock_fprog,
};

/// Takes the filter upon the calling thread, and upon all that it starts from now on; none of them can ever gain privileges.
///
/// # Errors
/// The system's answer; the thread has no filter then.
pub(super) fn install(program: &mut [sock_filter]) -> io::Result<OwnedFd> {
    rustix::thread::set_no_new_privs(true)?;
    // This is no sandbox: processors need not guess less in it than elsewhere.
    let flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    // With it a signal does not break off a call that is being looked at. Linux has it since 5.19.
    match set(program, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => set(program, flags),
        outcome => outcome,
    }
}

fn set(program: &mut [sock_filter], flags: libc::c_ulong) -> io::Result<OwnedFd> {
    let len = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = sock_fprog { len, filter: program.as_mut_ptr() };
    // SAFETY: `program` holds as many instructions as it says, for as long as the call takes; the kernel only reads them.
    let answer = unsafe { libc::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    let descriptor = libc::c_int::try_from(checked(answer)?).map_err(|_| io::ErrorKind::InvalidData)?;
    // SAFETY: with NEW_LISTENER the answer is a descriptor that was made for us, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// A request for a file; its process waits.
pub(super) struct Request {
    pub(super) id: u64,
    /// The thread that waits, 0 when it is in another name space.
    pub(super) thread: u32,
    pub(super) arch: u32,
    pub(super) number: u32,
    pub(super) args: [u64; 6],
}

/// The descriptor that tells of requests, and room for one.
pub(super) struct Listener {
    pub(super) descriptor: OwnedFd,
    /// As large as this kernel's requests and answers are, which may be more than we know of.
    request: Vec<u64>,
    answer: Vec<u64>,
}

impl Listener {
    /// Takes the descriptor.
    ///
    /// # Errors
    /// The system's answer when asked how large requests are.
    pub(super) fn new(descriptor: OwnedFd) -> io::Result<Self> {
        let mut sizes = seccomp_notif_sizes { seccomp_notif: 0, seccomp_notif_resp: 0, seccomp_data: 0 };
        // SAFETY: the kernel writes the three numbers of `sizes` and nothing else.
        checked(unsafe { libc::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0_u64, &raw mut sizes) })?;
        let words = |kernels: u16, ours: usize| vec![0_u64; usize::from(kernels).max(ours).div_ceil(8)];
        let request = words(sizes.seccomp_notif, size_of::<seccomp_notif>());
        let answer = words(sizes.seccomp_notif_resp, size_of::<seccomp_notif_resp>());
        Ok(Self { descriptor, request, answer })
    }

    /// The next request; waits for one.
    ///
    /// # Errors
    /// `ENOENT` when the process that asked is gone, and whatever else the system says.
    pub(super) fn next(&mut self) -> io::Result<Request> {
        // The kernel wants it empty.
        self.request.fill(0);
        let room = self.request.as_mut_ptr();
        // SAFETY: there is room for a request as large as this kernel's.
        let outcome = unsafe { libc::ioctl(self.descriptor.as_raw_fd(), SECCOMP_IOCTL_NOTIF_RECV, room) };
        checked(outcome.into())?;
        // SAFETY: the words are aligned for the struct, are at least as many, and every pattern of bits is a valid one.
        let heard: seccomp_notif = unsafe { room.cast::<seccomp_notif>().read() };
        let number = heard.data.nr.cast_unsigned();
        Ok(Request { id: heard.id, thread: heard.pid, arch: heard.data.arch, number, args: heard.data.args })
    }

    /// Whether the process that asked still waits: then all that was found out about it since is about it.
    pub(super) fn waits(&self, id: u64) -> bool {
        // SAFETY: the kernel reads one number.
        let outcome = unsafe { libc::ioctl(self.descriptor.as_raw_fd(), SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) };
        outcome == 0
    }

    /// Lets a request go on, as if nobody had looked. One whose process is gone needs no answer.
    pub(super) fn let_go(&mut self, id: u64) {
        let go_on = seccomp_notif_resp { id, val: 0, error: 0, flags: SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32 };
        let answered = self.answer(go_on);
        // Linux before 5.5 knows no such answer. Whoever waits must get one: the call then is as if there were none.
        if answered.is_err_and(|error| error.raw_os_error() == Some(libc::EINVAL)) {
            let _gone = self.answer(seccomp_notif_resp { id, val: 0, error: -libc::ENOSYS, flags: 0 });
        }
    }

    fn answer(&mut self, answer: seccomp_notif_resp) -> io::Result<()> {
        self.answer.fill(0);
        let room = self.answer.as_mut_ptr();
        // SAFETY: the words are aligned for the struct and at least as many.
        unsafe { room.cast::<seccomp_notif_resp>().write(answer) };
        // SAFETY: there is an answer as large as this kernel's, which it reads.
        let outcome = unsafe { libc::ioctl(self.descriptor.as_raw_fd(), SECCOMP_IOCTL_NOTIF_SEND, room) };
        checked(outcome.into()).map(drop)
    }
}

fn checked(answer: libc::c_long) -> io::Result<libc::c_long> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
