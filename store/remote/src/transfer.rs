//! Objects come by ranges and go whole. What was cut off is asked for again from where it stopped.

use std::ops::Range;

use sci_store_api::record::MAX_OBJECT_SIZE;
use sci_store_api::{ErrorCode, ObjectId, ObjectSource, SaveId, TransferError, routes};
use ureq::http::Method;

use crate::call::{Attempt, Kind};
use crate::error::Error;
use crate::remote::Remote;
use crate::wire::{Failure, Incoming, Outgoing};

/// The largest object that is read as a whole, in bytes.
const LARGEST_WHOLE: u64 = 64 << 20;
/// Bytes that are read at a time.
const STEP: usize = 64 << 10;
/// Bytes that an attempt has to bring so that it counts as progress.
const PROGRESS: usize = 16 << 10;

impl Remote {
    /// Puts an object: for a save, or for the plans of this run.
    pub(crate) fn put_object(&self, id: &ObjectId, save: Option<&SaveId>, bytes: &[u8]) -> Result<(), Error> {
        let place = routes::fill(routes::OBJECT, id);
        let target = match save {
            Some(save) => format!("{place}?{}={save}", routes::SAVE_PARAMETER),
            None => place,
        };
        let kind = Kind { bytes: bytes.len() as u64, changes: true, least: 2, ..Kind::default() };
        self.line.with_ticket(kind, |attempt| {
            let body = Some(("application/octet-stream", bytes));
            let request = Outgoing { method: Method::PUT, target: &target, bearer: attempt.bearer, range: None, body };
            self.line.wire.send(&request, attempt.attempts.left(), attempt.work)?.nothing()
        })
    }

    /// The size in bytes of an object that the caller may read.
    ///
    /// # Errors
    /// [`Error`]; `unknown-object` when there is none for this caller.
    pub fn object_size(&self, id: &ObjectId) -> Result<u64, Error> {
        let target = routes::fill(routes::OBJECT, id);
        self.line.with_ticket(Kind::default(), |attempt| {
            let range = Some("bytes=0-0".to_owned());
            let request = Outgoing { range, ..Outgoing::get(&target, attempt.bearer) };
            let mut answer = self.line.wire.send(&request, attempt.attempts.left(), attempt.work)?;
            let size = if answer.status == 206 { total(&answer) } else { answer.length() };
            answer.bytes(1)?;
            size.ok_or_else(|| Failure::Nonsense("it does not say how large an object is".to_owned()))
        })
    }

    /// A whole object (a manifest, a derivation), verified.
    ///
    /// # Errors
    /// [`Error`]: `unknown-object` when there is none for this caller, `corrupt` when its bytes are not its own.
    pub fn object(&self, id: &ObjectId) -> Result<Vec<u8>, Error> {
        let target = routes::fill(routes::OBJECT, id);
        let kind = Kind { bytes: LARGEST_WHOLE, ..Kind::default() };
        let bytes = self.line.with_ticket(kind, |attempt| {
            let request = Outgoing::get(&target, attempt.bearer);
            let mut answer = self.line.wire.send(&request, attempt.attempts.left(), attempt.work)?;
            let announced = answer.length();
            let bytes = answer.bytes(LARGEST_WHOLE)?;
            match announced {
                Some(length) if length != bytes.len() as u64 => Err(cut_off(bytes.len(), length)),
                _ => Ok(bytes),
            }
        })?;
        if ObjectId::of(&bytes) == *id { Ok(bytes) } else { Err(Error::Damaged { object: *id }) }
    }

    fn read_range(&self, id: &ObjectId, range: &Range<u64>) -> Result<Vec<u8>, Error> {
        let wanted = range.end.saturating_sub(range.start);
        if range.start > range.end || wanted > MAX_OBJECT_SIZE {
            return Err(self.nonsense(format!("no object has the range {range:?}")));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default().min(16 << 20));
        if wanted == 0 {
            return Ok(bytes);
        }
        let target = routes::fill(routes::OBJECT, id);
        let kind = Kind { bytes: wanted, ..Kind::default() };
        self.line.with_ticket(kind, |attempt| self.read_on(&target, range, &mut bytes, attempt))?;
        Ok(bytes)
    }

    /// Reads what is missing of a range.
    fn read_on(
        &self,
        target: &str,
        range: &Range<u64>,
        bytes: &mut Vec<u8>,
        attempt: Attempt<'_>,
    ) -> Result<(), Failure> {
        let rest = range.start + bytes.len() as u64..range.end;
        let header = Some(format!("bytes={}-{}", rest.start, rest.end - 1));
        let request = Outgoing { range: header, ..Outgoing::get(target, attempt.bearer) };
        let mut answer = self.line.wire.send(&request, attempt.attempts.left(), attempt.work)?;
        check_range(&answer, &rest)?;
        let had = bytes.len();
        let read = fill(&mut answer, range.end - range.start, bytes);
        if bytes.len() - had >= PROGRESS {
            attempt.attempts.moved();
        }
        read
    }
}

/// Whether an answer is the range that was asked for: a server may send the whole when the range is the whole.
fn check_range(answer: &Incoming, wanted: &Range<u64>) -> Result<(), Failure> {
    let length = wanted.end - wanted.start;
    let is_range = match answer.status {
        206 => {
            let first = format!("bytes {}-{}/", wanted.start, wanted.end - 1);
            answer.content_range().is_some_and(|range| range.starts_with(&first))
                && total(answer).is_some_and(|size| size >= wanted.end)
        }
        200 => wanted.start == 0 && answer.length() == Some(length),
        _ => false,
    };
    if is_range && answer.length().is_none_or(|announced| announced == length) {
        return Ok(());
    }
    let range = answer.content_range().unwrap_or_else(|| "the whole".to_owned());
    let reason = format!("asked for bytes {}-{} it sends {range}", wanted.start, wanted.end - 1);
    Err(Failure::Nonsense(reason))
}

/// The size of the object in the header `Content-Range`.
fn total(answer: &Incoming) -> Option<u64> {
    answer.content_range()?.rsplit_once('/')?.1.parse().ok().filter(|size| *size <= MAX_OBJECT_SIZE)
}

/// Reads until there are `length` bytes, and then the end.
fn fill(answer: &mut Incoming, length: u64, bytes: &mut Vec<u8>) -> Result<(), Failure> {
    let length = usize::try_from(length).map_err(|_| Failure::TooLong(u64::from(u32::MAX)))?;
    while bytes.len() < length {
        let had = bytes.len();
        bytes.resize(length.min(had + STEP), 0);
        let read = answer.some(&mut bytes[had..]);
        bytes.truncate(had + *read.as_ref().unwrap_or(&0));
        if read? == 0 {
            return Err(cut_off(bytes.len(), length as u64));
        }
    }
    if answer.some(&mut [0])? > 0 { Err(Failure::TooLong(length as u64)) } else { Ok(()) }
}

fn cut_off(found: usize, length: u64) -> Failure {
    let reason = format!("the answer ended after {found} of {length} bytes");
    Failure::Again { reason, asked: None, sent: true }
}

impl ObjectSource for Remote {
    fn reads_at_once(&self) -> usize {
        self.line.wire.machine().readers()
    }

    fn read(&self, object: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError> {
        self.read_range(object, &range).map_err(|error| match error.code() {
            Some(ErrorCode::UnknownObject) => TransferError::Missing { object: *object },
            _ => TransferError::Failed { object: *object, reason: error.to_string() },
        })
    }
}
