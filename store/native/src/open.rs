//! Opening a store's directory: for one caller in this process, or for a server.

use std::fs::{File, TryLockError};
use std::path::Path;

use pollster::block_on;
use sci_faults::Step;
use sci_service::{Service, Settings};
use sci_store_api::admin::DAY;

use crate::bucket::Bucket;
use crate::layout::Layout;
use crate::objects::{Connect, NoBuckets, Objects};
use crate::{Disk, Error, KeyFile, Sqlite, SystemClock};

/// What a server holds while it runs.
const SERVER_LOCK: &str = "sci-serve.lock";

/// The service over a store's directory.
pub type NativeService = Service<Objects, Sqlite, SystemClock, KeyFile>;

/// Opens the store in `directory`, which is made, with a new signing key, when it is absent or empty. Any number of
/// processes may do so.
///
/// # Errors
/// [`Error::NewerFormat`] and [`Error::NotAStore`] before anything is written; [`Error::Io`]; [`Error::Service`] when the
/// index cannot be used.
pub fn service(directory: &Path) -> Result<NativeService, Error> {
    service_with(directory, None, &NoBuckets)
}

/// As [`service`], of a store whose objects may be in a bucket. A store that is made now keeps them in `objects`, for good; of
/// one that exists they must be there. Without `objects` they are where they were.
///
/// # Errors
/// As [`service`]; [`Error::OtherObjects`]; [`Error::Bucket`] when its settings cannot be used. Nothing is asked of the bucket
/// before it is needed: see [`Objects::check`].
pub fn service_with(directory: &Path, objects: Option<&Bucket>, connect: &dyn Connect) -> Result<NativeService, Error> {
    let layout = Layout::open(directory, objects)?;
    let keys = KeyFile::open(&layout.key())?;
    let index = Sqlite::open(&layout.index()).map_err(sci_service::Error::from)?;
    sci_faults::at(Step::IndexMade);
    let settings = Settings { store: layout.store.clone(), lease: DAY };
    let objects = match &layout.objects {
        None => Objects::Here(Disk::open(directory)?),
        Some(bucket) => Objects::Elsewhere(connect.connect(bucket, &layout.store)?),
    };
    let service = block_on(Service::open(objects, index, SystemClock, keys, settings))?;
    sci_faults::at(Step::StoreOpened);
    Ok(service)
}

/// Makes what another server has left for the saves of its clients survive a power cut: a commit syncs what this process put.
///
/// # Errors
/// [`Error::Service`]; [`Error::Io`].
pub fn take_over(service: &NativeService) -> Result<(), Error> {
    match service.blobs() {
        Objects::Here(disk) => disk.take_over(&block_on(service.held_objects())?),
        // A bucket has acknowledged it.
        Objects::Elsewhere(_) => Ok(()),
    }
}

/// Says that a server uses the directory, until it is dropped or the process ends. Two servers would collect the same store
/// at the same times, and each would see half of the load that its limits are for.
#[derive(Debug)]
pub struct ServerLock(#[expect(dead_code, reason = "the lock is held as long as the file is open")] File);

impl ServerLock {
    /// Takes the lock of an opened store.
    ///
    /// # Errors
    /// [`Error::Served`] when another server has it; [`Error::Io`].
    pub fn take(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(SERVER_LOCK);
        let file = File::create(&path).map_err(Error::io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::Served { path: directory.to_owned() }),
            Err(TryLockError::Error(error)) => Err(Error::io(&path)(error)),
        }
    }
}
