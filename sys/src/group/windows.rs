//! Windows: a job.
#![allow(unsafe_code, reason = "the standard library knows no jobs, and waits for a child only where that is owned")]

use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::process::{Child, Command};
use std::ptr;

use windows_sys::Win32::Foundation::WAIT_OBJECT_0;
use windows_sys::Win32::System::JobObjects::{AssignProcessToJobObject, CreateJobObjectW, TerminateJobObject};
use windows_sys::Win32::System::Threading::{CREATE_NEW_PROCESS_GROUP, INFINITE, WaitForSingleObject};

/// What processes end with that are made to end.
const KILLED: u32 = 1;

/// A process and what it starts.
#[derive(Debug)]
pub struct Group {
    job: OwnedHandle,
    child: OwnedHandle,
}

impl Group {
    /// Starts a command in a job of its own, which the keyboard's interrupts do not reach.
    ///
    /// What the child would start within the first microseconds is not in the job.
    ///
    /// # Errors
    /// What the system says.
    pub fn spawn(command: &mut Command) -> io::Result<(Child, Self)> {
        // SAFETY: neither attributes nor a name are given; what is returned is checked, and ours.
        let job = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
        if job.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is open, and nobody else closes it.
        let job = unsafe { OwnedHandle::from_raw_handle(job) };
        let child = command.creation_flags(CREATE_NEW_PROCESS_GROUP).spawn()?;
        let group = Self { job, child: child.as_handle().try_clone_to_owned()? };
        // SAFETY: both handles are open. One that has ended already cannot be put into a job, and need not be.
        let _ = unsafe { AssignProcessToJobObject(group.job.as_raw_handle(), group.child.as_raw_handle()) };
        Ok((child, group))
    }

    /// Waits until the child ends, and leaves it to be waited for.
    ///
    /// # Errors
    /// What the system says.
    pub fn wait(&self) -> io::Result<()> {
        // SAFETY: the handle is open as long as this value is.
        let ended = unsafe { WaitForSingleObject(self.child.as_raw_handle(), INFINITE) };
        if ended == WAIT_OBJECT_0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Ends all of it.
    pub fn kill(&self) {
        // SAFETY: the handle is open as long as this value is. It may all be gone already.
        let _ = unsafe { TerminateJobObject(self.job.as_raw_handle(), KILLED) };
    }
}
