//! The system calls that open files, by the number that each architecture of a machine gives them.

/// What a system call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// `open(path, flags)`
    Open,
    /// `openat(directory, path, flags)`
    OpenAt,
    /// `openat2(directory, path, how)`
    OpenAt2,
    /// `execve(path, …)`
    Exec,
    /// `execveat(directory, path, …, flags)`
    ExecAt,
    /// `open_by_handle_at(…)`: which file that is, nobody but the kernel can tell.
    ByHandle,
    /// `io_uring_setup(…)`: what a ring opens passes no filter, so there is none, as in most containers.
    Ring,
}

/// The calls of one architecture. `creat` is none of them: it only ever writes.
pub(super) struct Abi {
    /// As the audit subsystem names it.
    pub(super) arch: u32,
    /// What of a number counts: x32 sets a bit of its own.
    pub(super) mask: u32,
    pub(super) calls: &'static [(u32, Call)],
}

/// The machine's own architecture first, then the 32-bit one that its kernel also runs.
#[cfg(target_arch = "x86_64")]
pub(super) const ABIS: [Abi; 2] = [
    Abi {
        arch: 0xc000_003e,
        mask: !0x4000_0000,
        calls: &[
            (257, Call::OpenAt),
            (2, Call::Open),
            (59, Call::Exec),
            (520, Call::Exec),
            (437, Call::OpenAt2),
            (322, Call::ExecAt),
            (545, Call::ExecAt),
            (304, Call::ByHandle),
            (425, Call::Ring),
        ],
    },
    Abi {
        arch: 0x4000_0003,
        mask: !0,
        calls: &[
            (295, Call::OpenAt),
            (5, Call::Open),
            (11, Call::Exec),
            (437, Call::OpenAt2),
            (358, Call::ExecAt),
            (342, Call::ByHandle),
            (425, Call::Ring),
        ],
    },
];

/// The machine's own architecture first, then the 32-bit one that its kernel may also run.
#[cfg(target_arch = "aarch64")]
pub(super) const ABIS: [Abi; 2] = [
    Abi {
        arch: 0xc000_00b7,
        mask: !0,
        calls: &[
            (56, Call::OpenAt),
            (221, Call::Exec),
            (437, Call::OpenAt2),
            (281, Call::ExecAt),
            (265, Call::ByHandle),
            (425, Call::Ring),
        ],
    },
    Abi {
        arch: 0x4000_0028,
        mask: !0,
        calls: &[
            (322, Call::OpenAt),
            (5, Call::Open),
            (11, Call::Exec),
            (437, Call::OpenAt2),
            (387, Call::ExecAt),
            (371, Call::ByHandle),
            (425, Call::Ring),
        ],
    },
];

/// The call behind a number.
pub(super) fn call(arch: u32, number: u32) -> Option<Call> {
    let abi = ABIS.iter().find(|abi| abi.arch == arch)?;
    abi.calls.iter().find(|(known, _)| *known == number & abi.mask).map(|(_, call)| *call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_own_numbers_are_those_of_its_headers() {
        let own = |number: libc::c_long| call(ABIS[0].arch, u32::try_from(number).unwrap());
        assert_eq!(own(libc::SYS_openat), Some(Call::OpenAt));
        assert_eq!(own(libc::SYS_openat2), Some(Call::OpenAt2));
        assert_eq!(own(libc::SYS_execve), Some(Call::Exec));
        assert_eq!(own(libc::SYS_execveat), Some(Call::ExecAt));
        assert_eq!(own(libc::SYS_open_by_handle_at), Some(Call::ByHandle));
        assert_eq!(own(libc::SYS_io_uring_setup), Some(Call::Ring));
        #[cfg(target_arch = "x86_64")]
        assert_eq!(own(libc::SYS_open), Some(Call::Open));
        assert_eq!(own(libc::SYS_read), None);
    }
}
