//! An allocator that fails for what no reader should ask for at once, however little of it is then used.
//!
//! libFuzzer watches the memory in use. Room that is reserved on the word of a hostile length is not in use yet, and its own
//! limit on single allocations works with a sanitizer only.
#![allow(unsafe_code, reason = "allocators are unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};

/// The largest allocation, in bytes.
const LIMIT: usize = 256 << 20;

struct Limited;

#[global_allocator]
static ALLOCATOR: Limited = Limited;

// SAFETY: every call is passed on as it is, or fails, which an allocator may.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LIMIT {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}
