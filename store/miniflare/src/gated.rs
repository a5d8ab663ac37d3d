//! A world behind the gate that the Worker has when it is deployed, with a clock that obeys.

use pollster::block_on;
use sci_conformance::fakes::{TestClock, TestKeys};
use sci_conformance::http::{Heard, Said};
use sci_conformance::traces;
use sci_service::{Service, Settings};
use sci_store_api::StoreId;
use sci_store_api::admin::DAY;
use serde_json::json;

use crate::client::Client;
use crate::deployed::URL;
use crate::remote::{Doors, RemoteBlobs, RemoteSql, WORLD};

/// One world of the bundle for suites. Its isolate keeps the gate, and with it the issuer's keys, until the world is emptied.
#[derive(Debug, Clone)]
pub struct Gated {
    /// The doors beside the gate.
    pub doors: Doors,
    client: Client,
    issuer: String,
    keys: TestKeys,
}

impl Gated {
    /// World number `world` of the Worker at `base`, which believes one issuer.
    pub fn new(base: &str, world: usize, issuer: String) -> Self {
        let (doors, client) = (Doors::new(base.to_owned(), world), Client::new(base.to_owned()));
        Self { doors, client, issuer, keys: TestKeys::default() }
    }

    /// Empties the world, but for the administrator of [`traces::administrator`]: gives the token.
    pub fn empty(&self, clock: &TestClock) -> String {
        self.doors.reset();
        let (blobs, index) = (RemoteBlobs(self.doors.clone()), RemoteSql(self.doors.clone()));
        let opened = Service::open(blobs, index, clock.clone(), self.keys.clone(), settings());
        let service = block_on(opened).unwrap();
        block_on(service.create_token(&traces::administrator())).unwrap().token.expose().to_owned()
    }

    /// The request, with what makes it one to this world at a time in milliseconds since 1970.
    pub fn named(&self, now: u64, request: &Heard) -> Heard {
        let (key, public) = self.keys.held();
        let mut world = self.doors.world(now, key, &public);
        world["gate"] = json!({ "audience": URL, "issuer": self.issuer });
        let mut request = request.clone();
        request.headers.push((WORLD.to_owned(), world.to_string()));
        request
    }

    /// Sends a request.
    pub fn send(&self, now: u64, request: &Heard) -> Said {
        self.client.send(&self.named(now, request))
    }
}

/// What the bundle for suites has: another host with the same settings and [`TestKeys`] makes the same tickets and records.
pub fn settings() -> Settings {
    Settings { store: StoreId::new("under-test").unwrap(), lease: DAY }
}
