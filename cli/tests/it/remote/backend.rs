//! A store with a server in front of it, in this process, that does what a test tells it.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use sci_conformance::distance::Distance;
use sci_conformance::http::{Heard, Said, Server, over};
use sci_conformance::issuer::TestIssuer;
use sci_native::NativeService;
use sci_native::open::service;
use sci_service::http::{Front, Limits};
use sci_service::identity::Gate;

use crate::sandbox::{Ran, Sandbox};

type Meddler = Box<dyn FnMut(&Heard, &dyn Fn(&Heard) -> Said) -> Said + Send>;

/// The server, over the store of the sandbox's state directory.
pub(crate) struct Backend {
    server: Server,
    meddler: Arc<Mutex<Option<Meddler>>>,
    heard: Arc<Mutex<Vec<Heard>>>,
    /// The way to it.
    pub(crate) distance: Arc<Distance>,
}

impl Backend {
    fn start(sandbox: &Sandbox) -> Self {
        let opened: NativeService = service(&sandbox.beside("state/store")).unwrap();
        let front = Front::new(opened, Gate::new("", Vec::new(), TestIssuer::default()), Limits::default(), "0.0.0");
        let meddler: Arc<Mutex<Option<Meddler>>> = Arc::default();
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let distance: Arc<Distance> = Arc::default();
        let (meddler_of, heard_of, distance_of) = (Arc::clone(&meddler), Arc::clone(&heard), Arc::clone(&distance));
        let server = Server::start(Arc::new(move |request| {
            heard_of.lock().unwrap().push(Heard { body: Vec::new(), ..request.clone() });
            let honest = |request: &Heard| over(&front, request);
            distance_of.go(|| match meddler_of.lock().unwrap().as_mut() {
                Some(meddle) => meddle(request, &honest),
                None => honest(request),
            })
        }));
        Self { server, meddler, heard, distance }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Meddles with every request from now on.
    pub(crate) fn meddle(&self, meddler: impl FnMut(&Heard, &dyn Fn(&Heard) -> Said) -> Said + Send + 'static) {
        *self.meddler.lock().unwrap() = Some(Box::new(meddler));
    }

    /// Answers every request to paths that begin so with this.
    pub(crate) fn answer(&self, path: &'static str, said: Said) {
        self.meddle(move |heard, honest| if heard.path().starts_with(path) { said.clone() } else { honest(heard) });
    }

    /// The requests so far, forgotten then.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

/// A workspace whose store is behind a server, and a token for it in the environment.
pub(crate) fn served() -> (Sandbox, Backend) {
    let mut sandbox = Sandbox::new();
    sandbox.sci("repo add 1001 --owner 77").ends_with(0);
    let scope = "--scope trusted:refs/heads/main --allow-trusted";
    let token = sandbox.sci(&format!("token create --repository 1001 {scope}")).ends_with(0).stdout;
    sandbox.set("SCI_TOKEN", token.trim());
    sandbox.set("SCI_TIMEOUT", "2s");
    let backend = Backend::start(&sandbox);
    let key = sandbox.sci("key export").ends_with(0).stdout.trim().to_owned();
    point(&sandbox, &backend.url(), &format!("\"{key}\""));
    (sandbox, backend)
}

/// Points sci.toml to a store.
pub(crate) fn point(sandbox: &Sandbox, url: &str, keys: &str) {
    let toml = sandbox.read("sci.toml");
    let paths = &toml[toml.find("[path").unwrap()..];
    sandbox.write("sci.toml", &format!("[store]\nurl = \"{url}\"\ntrusted-public-keys = [{keys}]\n\n{paths}"));
}

/// An address where nobody listens.
pub(crate) fn nowhere() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

/// Runs `sci` where the store is, beside the server: without a token, in its directory.
pub(crate) fn here(sandbox: &Sandbox, line: &str) -> Ran {
    let store = sandbox.beside("state/store");
    let mut words = vec!["--store", store.to_str().unwrap()];
    words.extend(line.split_whitespace());
    sandbox.sci_in(&sandbox.beside("home"), &words)
}

/// A token that is made where the store is.
pub(crate) fn token(sandbox: &Sandbox, flags: &str) -> String {
    here(sandbox, &format!("token create {flags}")).ends_with(0).stdout.trim().to_owned()
}

/// Moves the person to another machine, without a workspace or state of its own, who knows the store by its address.
pub(crate) fn elsewhere(sandbox: &mut Sandbox, backend: &Backend, token: &str) {
    sandbox.set("SCI_STATE", sandbox.beside("elsewhere"));
    sandbox.set("SCI_STORE", backend.url());
    sandbox.set("SCI_TOKEN", token);
}

/// Runs `sci` outside the workspace.
pub(crate) fn away(sandbox: &Sandbox, line: &str) -> Ran {
    sandbox.sci_in(&sandbox.beside("home"), &line.split_whitespace().collect::<Vec<_>>())
}
