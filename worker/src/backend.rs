//! The service behind its routes, opened once per isolate.

use std::cell::RefCell;
use std::rc::Rc;

use sci_service::http::{Front, Limits};
use sci_service::identity::Gate;
use sci_service::{HeldKeys, Service, Settings};
use sci_store_api::admin::{DAY, GcPolicy};
use worker::Env;

use crate::blobs::R2;
use crate::clock::DateClock;
use crate::config::{self, Config, ConfigError};
use crate::fault;
use crate::fetch::IssuerKeys;
use crate::sql::D1;

/// The service behind its routes.
pub(crate) type Routes = Front<R2, D1, DateClock, HeldKeys, Gate<IssuerKeys>>;

/// What an isolate keeps between requests: bindings and what was read of the configuration, nothing of a request.
pub(crate) struct Backend {
    pub(crate) routes: Routes,
    pub(crate) policy: GcPolicy,
}

thread_local! {
    static OPENED: RefCell<Option<Rc<Backend>>> = const { RefCell::new(None) };
}

/// The isolate's backend. Two requests that come first may both open one, which is harmless.
pub(crate) async fn of(env: &Env) -> Result<Rc<Backend>, ConfigError> {
    if let Some(opened) = OPENED.with_borrow(Clone::clone) {
        return Ok(opened);
    }
    let opened = Rc::new(open(env).await?);
    OPENED.set(Some(Rc::clone(&opened)));
    Ok(opened)
}

async fn open(env: &Env) -> Result<Backend, ConfigError> {
    let Config { url, store, keys, issuers, policy, administrator } = Config::read(env)?;
    let binding = |error: worker::Error| ConfigError(fault::wrapped(&error));
    let blobs = R2(env.bucket(config::BUCKET).map_err(binding)?);
    let index = D1::new(env.d1(config::DATABASE).map_err(binding)?);
    let unusable = |error: sci_service::Error| ConfigError(error.to_string());
    let settings = Settings { store, lease: DAY };
    let service = Service::open(blobs, index, DateClock, keys, settings).await.map_err(unusable)?;
    if let Some(summary) = administrator {
        service.admit_token(&summary).await.map_err(unusable)?;
    }
    let gate = Gate::new(url, issuers, IssuerKeys);
    Ok(Backend { routes: Front::new(service, gate, Limits::default(), env!("CARGO_PKG_VERSION")), policy })
}
