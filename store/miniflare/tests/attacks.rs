//! Every attack of the suite on the bundle that is deployed: one Worker for each, with a bucket, a database and an issuer of
//! its own, all of them in one workerd. The doors of the bundle for suites, beside them, look at what they keep.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sci_conformance::http::{Heard, Said};
use sci_conformance::issuer::TestIssuer;
use sci_conformance::loopback::Loopback;
use sci_conformance::threats::Target;
use sci_miniflare::Miniflare;
use sci_miniflare::client::Client;
use sci_miniflare::deployed::{URL, Variables};
use sci_miniflare::remote::Doors;

/// The attacks.
const ATTACKS: &[(&str, fn())] = sci_conformance::attacks_list!(Deployed);

/// One Worker for each attack.
struct Workers {
    miniflare: Miniflare,
    issuers: Vec<Loopback>,
    admin: String,
    /// Those that were taken.
    taken: AtomicUsize,
    /// Lines of the log that were waited for.
    lines: AtomicUsize,
}

static WORKERS: LazyLock<Workers> = LazyLock::new(|| {
    let variables = Variables::default();
    let issuers: Vec<Loopback> = ATTACKS.iter().map(|_| Loopback::default()).collect();
    let bindings: Vec<_> = issuers.iter().map(|issuer| variables.believing(&issuer.url())).collect();
    let miniflare = Miniflare::start_beside(env!("CARGO_TARGET_TMPDIR"), &bindings);
    Workers { miniflare, issuers, admin: variables.admin, taken: AtomicUsize::new(0), lines: AtomicUsize::new(0) }
});

/// A Worker that nobody has used.
struct Deployed {
    client: Client,
    issuer: &'static Loopback,
    doors: Doors,
}

impl Default for Deployed {
    fn default() -> Self {
        let number = WORKERS.taken.fetch_add(1, Ordering::Relaxed);
        Self {
            client: Client::new(WORKERS.miniflare.url_beside(number)),
            issuer: &WORKERS.issuers[number],
            doors: Doors::new(WORKERS.miniflare.url(), number),
        }
    }
}

impl Target for Deployed {
    fn audience(&self) -> String {
        URL.to_owned()
    }

    fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    fn issuer(&self) -> &TestIssuer {
        &self.issuer.issuer
    }

    fn issuer_url(&self) -> String {
        self.issuer.url()
    }

    fn admin(&self) -> &str {
        &WORKERS.admin
    }

    fn send(&self, request: &Heard) -> Said {
        self.client.send(request)
    }

    fn kept(&self) -> Option<String> {
        Some(self.doors.kept())
    }

    fn logged(&self) -> String {
        // The platform names requests, and here the test does: when the last one is in the log, so are those before it.
        let last = format!("last-{}", WORKERS.lines.fetch_add(1, Ordering::Relaxed));
        let headers = vec![("cf-ray".to_owned(), last.clone())];
        self.send(&Heard { method: "GET".to_owned(), target: "/v1/nothing".to_owned(), headers, body: Vec::new() });
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let log = WORKERS.miniflare.log();
            if log.contains(&format!("\"{last}\"")) {
                return log;
            }
            assert!(Instant::now() < deadline, "{last} is not in the log:\n{log}");
            std::thread::yield_now();
        }
    }
}

#[test]
fn every_attack_of_the_suite() {
    sci_conformance::run_all(ATTACKS);
}
