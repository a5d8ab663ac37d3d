//! A backend behind its front, in this process, with a clock and keys that obey.

use pollster::block_on;
use sci_conformance::fakes::{TestClock, TestKeys};
use sci_conformance::http::{Heard, Said, over};
use sci_conformance::issuer::TestIssuer;
use sci_conformance::threats::{Stage, Target};
use sci_native::{MemoryBlobs, Sqlite};
use sci_service::http::{Front, Limits};
use sci_service::identity::{Gate, Issuer};
use sci_service::{Clock as _, Service, Settings, Sql, Statement};
use sci_store_api::StoreId;
use sci_store_api::admin::DAY;
use sci_store_api::repositories::GITHUB;
use sci_store_api::tokens::{CreateToken, TokenPower};

/// What the backend calls itself.
pub(crate) const URL: &str = "https://sci.example";

/// A backend where repository 1001 is registered, and what tests ask of it.
pub(crate) type Bench = Stage<InProcess>;

/// A backend, its clock and its issuer.
pub(crate) struct InProcess {
    pub(crate) front: Front<MemoryBlobs, Sqlite, TestClock, TestKeys, Gate<TestIssuer>>,
    pub(crate) clock: TestClock,
    pub(crate) keys: TestKeys,
    issuer: TestIssuer,
    admin: String,
}

impl Default for InProcess {
    fn default() -> Self {
        let (clock, keys, issuer) = (TestClock::at(20_000 * DAY), TestKeys::default(), TestIssuer::default());
        let settings = Settings { store: StoreId::new("under-test").unwrap(), lease: DAY };
        let index = Sqlite::memory().unwrap();
        let service =
            block_on(Service::open(MemoryBlobs::default(), index, clock.clone(), keys.clone(), settings)).unwrap();
        let request = CreateToken {
            id: "root".parse().unwrap(),
            power: TokenPower::Admin,
            life: 300 * DAY,
            note: String::new(),
            allow_trusted: false,
        };
        let admin = block_on(service.create_token(&request)).unwrap().token.expose().to_owned();
        let gate = Gate::new(URL, vec![Issuer::github()], issuer.clone());
        let front = Front::new(service, gate, Limits::default(), "0.0.0");
        Self { front, clock, keys, issuer, admin }
    }
}

impl Target for InProcess {
    fn audience(&self) -> String {
        URL.to_owned()
    }

    fn now(&self) -> u64 {
        self.clock.now().0 / 1_000
    }

    fn issuer(&self) -> &TestIssuer {
        &self.issuer
    }

    fn issuer_url(&self) -> String {
        GITHUB.to_owned()
    }

    fn admin(&self) -> &str {
        &self.admin
    }

    fn send(&self, request: &Heard) -> Said {
        over(&self.front, request)
    }

    /// How many rows the index has added, changed or removed, even where that was undone.
    fn kept(&self) -> Option<String> {
        let changes = Statement::new("SELECT total_changes()", []);
        let rows = block_on(self.front.service().index().query(changes)).unwrap();
        Some(rows.first().unwrap().integer(0).unwrap().to_string())
    }
}

sci_conformance::attacks!(InProcess);
