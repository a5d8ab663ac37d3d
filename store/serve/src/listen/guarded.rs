//! A connection that does not wait for ever: closed when it is the peer's turn and nothing happens.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::host::Busy;

/// A stream with a limit of idleness.
pub(super) struct Guarded<S> {
    stream: S,
    busy: Busy,
    reading: Patience,
    writing: Patience,
}

/// How long one direction has made no progress.
struct Patience {
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    const fn new(limit: Duration) -> Self {
        Self { limit, timer: None }
    }

    /// Progress: the time begins anew with the next wait.
    fn calm(&mut self) {
        self.timer = None;
    }

    /// Waits; ready when the limit is over.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        timer.as_mut().poll(context)
    }

    fn begin_anew(&mut self, context: &mut Context<'_>) {
        if let Some(timer) = &mut self.timer {
            timer.as_mut().reset(Instant::now() + self.limit);
            // Registers the waker; a limit of no time at all is no limit that anybody sets.
            let _pending = timer.as_mut().poll(context);
        }
    }
}

impl<S> Guarded<S> {
    pub(super) const fn new(stream: S, busy: Busy, limit: Duration) -> Self {
        Self { stream, busy, reading: Patience::new(limit), writing: Patience::new(limit) }
    }

    fn written<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.writing.calm();
            return result;
        }
        self.writing.poll(context).map(|()| Err(idle()))
    }
}

fn idle() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the peer was idle for too long")
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let result = Pin::new(&mut this.stream).poll_read(context, buffer);
        if result.is_ready() {
            this.reading.calm();
            return result;
        }
        if this.reading.poll(context).is_ready() {
            if this.busy.is_idle() {
                return Poll::Ready(Err(idle()));
            }
            // The peer waits for an answer. A body that does not arrive is its receiver's business.
            this.reading.begin_anew(context);
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.written(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.written(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.written(context, result)
    }
}
