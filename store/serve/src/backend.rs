//! The backend as the host sees it: one call for a request, one for a collection, both of which block.

use pollster::block_on;
use sci_native::{Download, Upload};
use sci_service::http::{Front, Request, Response};
use sci_service::{Access, Blobs, Clock, Error, Keys, Sql};
use sci_store_api::admin::{GcPolicy, GcReport};

/// A service behind its routes, whatever keeps its objects and rows. Every method may block.
pub trait Backend: Send + Sync + 'static {
    /// Answers a request.
    fn handle(&self, request: Request<Upload>) -> Response<Download>;

    /// Collects in every repository.
    ///
    /// # Errors
    /// As the service's `gc`.
    fn collect(&self, policy: &GcPolicy) -> Result<GcReport, Error>;
}

impl<B, S, C, K, A> Backend for Front<B, S, C, K, A>
where
    B: Blobs<Upload = Upload, Download = Download> + Send + Sync + 'static,
    S: Sql + Send + Sync + 'static,
    C: Clock + Send + Sync + 'static,
    K: Keys + Send + Sync + 'static,
    A: Access<B, S, C, K> + Send + Sync + 'static,
{
    fn handle(&self, request: Request<Upload>) -> Response<Download> {
        block_on(Front::handle(self, request))
    }

    fn collect(&self, policy: &GcPolicy) -> Result<GcReport, Error> {
        block_on(self.service().gc(None, policy))
    }
}
