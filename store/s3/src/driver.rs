//! A small runtime of its own, which carries requests out while the caller's thread waits.
//!
//! Not the host's: the commands that open a store without a server have none, the host's is as large as its requests, and a
//! thread that waits for its own runtime would stand in its own way.

use std::sync::mpsc;

use sci_native::Error;
use tokio::runtime::{Builder, Runtime};

/// Threads that move bytes and sign them.
const THREADS: usize = 2;

#[derive(Debug)]
pub(crate) struct Driver(Option<Runtime>);

impl Driver {
    pub(crate) fn new() -> Result<Self, Error> {
        let built = Builder::new_multi_thread().worker_threads(THREADS).thread_name("sci-s3").enable_all().build();
        let hint = "allow this user more threads";
        built.map(|runtime| Self(Some(runtime))).map_err(|error| Error::Bucket { problem: error.to_string(), hint })
    }

    /// Carries out a future while this thread waits; `None` when it panicked.
    pub(crate) fn wait<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Option<T> {
        self.start(future)?.recv().ok()
    }

    /// Lets a future go on by itself; its value is received when it is ready.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<mpsc::Receiver<T>> {
        let (send, receive) = mpsc::sync_channel(1);
        self.0.as_ref()?.spawn(async move {
            // Whoever has stopped to wait does not want it any more.
            let _ = send.send(future.await);
        });
        Some(receive)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may be dropped by a task of another runtime, where waiting is not allowed.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
