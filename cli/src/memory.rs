//! How the C library's allocator gives memory back. Knows nothing of what is allocated.

/// Vectors of this length or more are given back to the system as soon as they are freed. Bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: i32 = 8 << 20;
/// So much of what is smaller is kept for later when it is freed: blocks come and go, and with a quarter of this a save of 640 MB
/// spends 2 % of its time on new memory. Bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: i32 = 64 << 20;

/// Makes glibc give large vectors back when they are freed.
///
/// By itself it raises that bound to the longest vector that was freed yet, up to 32 MiB, and keeps those below it for later: with a
/// million files, a quarter of all memory. Other C libraries give everything large back.
#[allow(unsafe_code, reason = "the C library offers its settings in no other way")]
pub(crate) fn give_back_large() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        for (setting, bytes) in [(libc::M_MMAP_THRESHOLD, LARGE), (libc::M_TRIM_THRESHOLD, KEPT)] {
            // SAFETY: it takes two integers, keeps no pointer, and may be called at any time.
            let set = unsafe { libc::mallopt(setting, bytes) };
            debug_assert_eq!(set, 1, "both are within glibc's limits");
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test says where")]

    use std::hint::black_box;

    const MIB: usize = 1 << 20;

    /// Resident memory of this process in MiB.
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() >> 10
    }

    #[test]
    fn what_is_large_and_freed_is_given_back() {
        super::give_back_large();
        // glibc would take from here on that vectors up to this length come and go.
        drop(black_box(vec![1_u8; 16 * MIB]));
        let before = resident();
        let (large, small): (Vec<_>, Vec<_>) = (0..16).map(|_| (vec![1_u8; 10 * MIB], vec![1_u8; 4096])).unzip();
        assert!(resident() >= before + 150);
        drop(black_box(large));
        assert!(resident() < before + 32, "{} MiB after {before} MiB", resident());
        drop(black_box(small));
    }
}
