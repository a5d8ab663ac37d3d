//! Bodies that leave: an object part after part, the next one being read while the one before is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sci_native::Download;
use tokio::task::JoinHandle;

use super::record::Record;

/// Reading one part.
pub(super) struct Part;

impl Part {
    /// The most bytes of one part.
    pub(super) const MOST: usize = 128 * 1_024;
}

/// Bytes in memory, with the request's record.
pub(super) struct Whole {
    bytes: Option<Bytes>,
    record: Record,
}

impl Whole {
    pub(super) const fn new(bytes: Bytes, record: Record) -> Self {
        Self { bytes: Some(bytes), record }
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let bytes = self.bytes.take().filter(|bytes| !bytes.is_empty());
        self.record.sent += bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// An object.
pub(super) struct Object {
    next: Next,
    /// Bytes that were not given to the framework yet.
    left: u64,
    deadline: Instant,
    record: Record,
}

enum Next {
    /// A part that was read, and where the others come from.
    Ready(Bytes, Download),
    Reading(JoinHandle<io::Result<(Bytes, Download)>>),
    Ended,
}

impl Object {
    /// A body of `length` bytes whose first part was read already; all of it has `time` to leave.
    pub(super) fn new(first: Bytes, rest: Download, length: u64, time: Duration, record: Record) -> Self {
        Self { next: Next::Ready(first, rest), left: length, deadline: Instant::now() + time, record }
    }

    fn give(&mut self, part: Bytes, rest: Download) -> io::Result<Frame<Bytes>> {
        let length = part.len() as u64;
        if length == 0 || length > self.left {
            return Err(io::Error::other("the object has another length than its index says"));
        }
        self.left -= length;
        self.record.sent += length;
        if self.left > 0 {
            self.next = Next::Reading(tokio::task::spawn_blocking(move || {
                let mut rest = rest;
                rest.next_part(Part::MOST).map(|part| (part, rest))
            }));
        }
        Ok(Frame::data(part))
    }

    fn failed(&mut self, error: io::Error) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.next = Next::Ended;
        tracing::error!(id = self.record.id, route = self.record.route, %error, "an object was not sent to its end");
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for Object {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if Instant::now() > self.deadline {
            return self.failed(io::Error::new(io::ErrorKind::TimedOut, "the peer takes it too slowly"));
        }
        let read = match &mut self.next {
            Next::Ended => return Poll::Ready(None),
            Next::Reading(reading) => ready!(Pin::new(reading).poll(context)).map_err(io::Error::other).flatten(),
            Next::Ready(..) => match std::mem::replace(&mut self.next, Next::Ended) {
                Next::Ready(part, rest) => Ok((part, rest)),
                Next::Reading(_) | Next::Ended => return Poll::Ready(None),
            },
        };
        self.next = Next::Ended;
        match read.and_then(|(part, rest)| self.give(part, rest)) {
            Ok(frame) => Poll::Ready(Some(Ok(frame))),
            Err(error) => self.failed(error),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
