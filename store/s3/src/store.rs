//! The bucket as a store's objects.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use futures_util::StreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use sci_native::{Bucket, Download, Elsewhere, Error, Upload};
use sci_service::{Blob, BlobError, BlobKey};
use sci_store_api::StoreId;

use crate::connect::{Client, Patience};
use crate::driver::Driver;
use crate::memory::Memory;
use crate::observed::Sight;
use crate::trouble::Trouble;

/// Memory that all uploads hold together, in bytes.
const UPLOADS: usize = 256 << 20;
/// Looks at objects that are under way at once.
const LOOKS: usize = 16;

/// A store's objects in a bucket.
pub(crate) struct S3 {
    pub(crate) client: Client,
    pub(crate) bucket: Bucket,
    pub(crate) store: StoreId,
    pub(crate) driver: Driver,
    pub(crate) memory: Memory,
    /// Whether the server is taken to store something only where nothing is, when it is asked to.
    pub(crate) conditional: AtomicBool,
    /// Set once the bucket is known to be this store's.
    claimed: OnceLock<()>,
}

impl S3 {
    pub(crate) fn new(client: AmazonS3, bucket: Bucket, store: StoreId, patience: Patience) -> Result<Self, Error> {
        Ok(Self {
            client: Arc::new(client),
            bucket,
            store,
            driver: Driver::new()?,
            memory: Memory::new(UPLOADS, patience.memory),
            conditional: AtomicBool::new(true),
            claimed: OnceLock::new(),
        })
    }

    /// The place of something in the bucket.
    pub(crate) fn place(&self, name: impl fmt::Display) -> Path {
        Path::from(self.bucket.key(&name.to_string()))
    }

    /// Asks the bucket for something, and waits for the answer.
    pub(crate) fn ask<T, F>(&self, operation: impl FnOnce(Client) -> F) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        self.wait(asked(operation(Arc::clone(&self.client))))
    }

    /// Waits for what is asked.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        asking: impl Future<Output = Result<T, Trouble>> + Send + 'static,
    ) -> Result<T, Trouble> {
        self.driver.wait(asking).unwrap_or(Err(Trouble::PANICKED))
    }

    pub(crate) fn blob_error(&self, trouble: &Trouble) -> BlobError {
        trouble.of_blob(&self.bucket)
    }

    /// Nothing is read, written or deleted before the bucket is known to be this store's.
    pub(crate) fn ready(&self) -> Result<(), BlobError> {
        self.check().map_err(|error| match error {
            Error::Bucket { problem, hint } => BlobError::Unreachable { problem, hint },
            error => BlobError::Failed(error.to_string()),
        })
    }
}

/// Carries out an operation, and sees what goes wrong.
pub(crate) async fn asked<T>(operation: impl Future<Output = object_store::Result<T>>) -> Result<T, Trouble> {
    let sight = Sight::default();
    let answer = sight.of(operation).await;
    answer.map_err(|error| sight.trouble(&error))
}

/// The size of what is at a place; an answer to this question has no body, so its status is all that there is.
async fn look(client: Client, place: Path) -> Result<Option<u64>, Trouble> {
    match asked(async { client.head(&place).await }).await {
        Ok(found) => Ok(Some(found.size)),
        Err(trouble) if matches!(trouble.answer(), Some((404, _))) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

impl Elsewhere for S3 {
    fn check(&self) -> Result<(), Error> {
        if self.claimed.get().is_none() {
            self.claim()?;
            let _ = self.claimed.set(());
        }
        Ok(())
    }

    fn put(&self, blob: &Blob, body: Upload) -> Result<(), BlobError> {
        self.ready()?;
        self.write(blob, body)
    }

    fn get(&self, key: &BlobKey, range: Range<u64>) -> Result<Download, BlobError> {
        self.ready()?;
        self.read(key, range)
    }

    fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        self.ready()?;
        self.wait(look(Arc::clone(&self.client), self.place(key))).map_err(|trouble| self.blob_error(&trouble))
    }

    fn is_whole(&self, blob: &Blob) -> Result<bool, BlobError> {
        self.ready()?;
        self.examine(blob)
    }

    fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        self.ready()?;
        let place = self.place(key);
        match self.ask(|client| async move { client.delete(&place).await }) {
            Ok(()) => Ok(()),
            Err(trouble) if trouble.is_missing() => Ok(()),
            Err(trouble) => Err(self.blob_error(&trouble)),
        }
    }

    fn first_missing(&self, blobs: &[Blob]) -> Result<Option<usize>, BlobError> {
        self.ready()?;
        let wanted: Vec<(Path, u64)> = blobs.iter().map(|blob| (self.place(&blob.key), blob.size)).collect();
        let client = Arc::clone(&self.client);
        let looking = async move {
            let look = |(place, size)| {
                let looking = look(Arc::clone(&client), place);
                async move { Ok(looking.await? == Some(size)) }
            };
            let mut found = futures_util::stream::iter(wanted.into_iter().map(look)).buffered(LOOKS).enumerate();
            while let Some((position, is_there)) = found.next().await {
                if !is_there? {
                    return Ok(Some(position));
                }
            }
            Ok(None)
        };
        self.wait(looking).map_err(|trouble| self.blob_error(&trouble))
    }
}

impl fmt::Display for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bucket.fmt(f)
    }
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds the credentials.
        write!(f, "S3({})", self.bucket)
    }
}
