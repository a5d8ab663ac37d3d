//! The filter: which system calls the kernel tells of, as a program of the kind that seccomp runs.
//!
//! It lets pass what cannot be the reading of a file, by the flags that it can see: directories, descriptors that only name
//! something, and files that are only written, truncated, or made.

use std::mem::offset_of;

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, ENOSYS, O_ACCMODE, O_CREAT,
    O_DIRECTORY, O_EXCL, O_PATH, O_TRUNC, O_WRONLY, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SECCOMP_RET_USER_NOTIF,
    seccomp_data, sock_filter,
};

use super::syscalls::{ABIS, Abi, Call};

/// Opening with one of these reads no content that was there before.
const READS_NOTHING: u32 = (O_PATH | O_DIRECTORY | O_TRUNC) as u32;
/// Opening with both of these makes the file.
const MAKES: u32 = (O_CREAT | O_EXCL) as u32;

/// Whether a file that is opened with these flags is read, as far as one can tell.
pub(super) const fn reads(flags: u32) -> bool {
    flags & READS_NOTHING == 0 && flags & O_ACCMODE as u32 != O_WRONLY as u32 && flags & MAKES != MAKES
}

/// The program.
pub(super) fn program() -> Vec<sock_filter> {
    let mut program = vec![load(offset_of!(seccomp_data, arch))];
    for abi in &ABIS {
        let block = block(abi);
        program.push(unless_equal(abi.arch, block.len()));
        program.extend(block);
    }
    // A call of another architecture, which no machine of this kind runs.
    program.push(answer(SECCOMP_RET_ALLOW));
    program
}

fn block(abi: &Abi) -> Vec<sock_filter> {
    let mut block = vec![load(offset_of!(seccomp_data, nr)), and(abi.mask)];
    for (number, call) in abi.calls {
        let body = body(*call);
        block.push(unless_equal(*number, body.len()));
        block.extend(body);
    }
    block.push(answer(SECCOMP_RET_ALLOW));
    block
}

fn body(call: Call) -> Vec<sock_filter> {
    match call {
        Call::Open => if_it_reads(1),
        Call::OpenAt => if_it_reads(2),
        Call::OpenAt2 | Call::Exec | Call::ExecAt | Call::ByHandle => vec![answer(SECCOMP_RET_USER_NOTIF)],
        Call::Ring => vec![answer(SECCOMP_RET_ERRNO | ENOSYS as u32)],
    }
}

/// [`reads`] of the flags in this argument. They fill its lower half, which comes first on both machines.
fn if_it_reads(argument: usize) -> Vec<sock_filter> {
    let flags = offset_of!(seccomp_data, args) + 8 * argument;
    vec![
        load(flags),
        jump(BPF_JSET, READS_NOTHING, 6, 0),
        and(O_ACCMODE as u32),
        jump(BPF_JEQ, O_WRONLY as u32, 4, 0),
        load(flags),
        and(MAKES),
        jump(BPF_JEQ, MAKES, 1, 0),
        answer(SECCOMP_RET_USER_NOTIF),
        answer(SECCOMP_RET_ALLOW),
    ]
}

fn load(offset: usize) -> sock_filter {
    instruction(BPF_LD | BPF_W | BPF_ABS, offset as u32)
}

fn and(mask: u32) -> sock_filter {
    instruction(BPF_ALU | BPF_AND | BPF_K, mask)
}

fn answer(action: u32) -> sock_filter {
    instruction(BPF_RET | BPF_K, action)
}

/// Passes over so many instructions unless the value is this one.
fn unless_equal(value: u32, over: usize) -> sock_filter {
    jump(
        BPF_JEQ,
        value,
        0,
        u8::try_from(over).unwrap_or_else(|_| unreachable!("a block has less than 256 instructions")),
    )
}

fn jump(test: u32, value: u32, if_so: u8, if_not: u8) -> sock_filter {
    sock_filter { jt: if_so, jf: if_not, ..instruction(BPF_JMP | test | BPF_K, value) }
}

fn instruction(code: u32, value: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k: value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the program says to a call, as the kernel would run it.
    fn run(arch: u32, number: u32, args: [u64; 6]) -> u32 {
        let mut data = [0_u8; size_of::<seccomp_data>()];
        data[offset_of!(seccomp_data, nr)..][..4].copy_from_slice(&number.to_ne_bytes());
        data[offset_of!(seccomp_data, arch)..][..4].copy_from_slice(&arch.to_ne_bytes());
        for (index, arg) in args.iter().enumerate() {
            data[offset_of!(seccomp_data, args) + 8 * index..][..8].copy_from_slice(&arg.to_ne_bytes());
        }
        let program = program();
        let (mut at, mut value) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            let code = u32::from(step.code);
            let jump = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
            match code {
                _ if code == BPF_LD | BPF_W | BPF_ABS => {
                    value = u32::from_ne_bytes(data[step.k as usize..][..4].try_into().unwrap());
                }
                _ if code == BPF_ALU | BPF_AND | BPF_K => value &= step.k,
                _ if code == BPF_JMP | BPF_JEQ | BPF_K => at += jump(value == step.k),
                _ if code == BPF_JMP | BPF_JSET | BPF_K => at += jump(value & step.k != 0),
                _ if code == BPF_RET | BPF_K => return step.k,
                _ => panic!("an instruction that this test does not know: {code:#x}"),
            }
        }
    }

    fn flags(flags: i32) -> u64 {
        flags as u32 as u64
    }

    #[test]
    fn only_what_may_read_is_told() {
        use libc::{O_APPEND, O_CLOEXEC, O_RDONLY, O_RDWR};
        for (arch, at) in ABIS.iter().flat_map(|abi| abi.calls.iter().map(|call| (abi.arch, call))) {
            let place = match at.1 {
                Call::Open => 1,
                Call::OpenAt => 2,
                _ => continue,
            };
            let asked = |value: i32| {
                let mut args = [u64::MAX; 6];
                args[place] = flags(value);
                run(arch, at.0, args)
            };
            for value in [O_RDONLY, O_RDONLY | O_CLOEXEC, O_RDWR, O_RDWR | O_CREAT, O_RDONLY | O_CREAT] {
                assert_eq!(asked(value), SECCOMP_RET_USER_NOTIF, "{value:o}");
                assert!(reads(value as u32), "{value:o}");
            }
            let passed = [
                O_WRONLY,
                O_WRONLY | O_APPEND | O_CREAT,
                O_RDWR | O_TRUNC | O_CREAT,
                O_RDWR | O_CREAT | O_EXCL,
                O_RDONLY | O_DIRECTORY,
                O_PATH,
            ];
            for value in passed {
                assert_eq!(asked(value), SECCOMP_RET_ALLOW, "{value:o}");
                assert!(!reads(value as u32), "{value:o}");
            }
        }
    }

    #[test]
    fn programs_are_told_rings_are_refused_and_the_rest_passes() {
        for abi in &ABIS {
            for (number, call) in abi.calls {
                let expected = match call {
                    Call::Open | Call::OpenAt => continue,
                    Call::Ring => SECCOMP_RET_ERRNO | ENOSYS as u32,
                    _ => SECCOMP_RET_USER_NOTIF,
                };
                assert_eq!(run(abi.arch, *number, [0; 6]), expected, "{call:?}");
            }
            // read, in every one of them or nearly so; and what no kernel has.
            for number in [0, 3, 63, 100_000] {
                assert_eq!(run(abi.arch, number, [0; 6]), SECCOMP_RET_ALLOW, "{number}");
            }
        }
        assert_eq!(run(7, ABIS[0].calls[0].0, [0; 6]), SECCOMP_RET_ALLOW);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_bit_of_x32_hides_no_call() {
        assert_eq!(run(ABIS[0].arch, 0x4000_0000 | 257, [0; 6]), SECCOMP_RET_USER_NOTIF);
    }
}
