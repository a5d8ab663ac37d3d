//! What the deployed bundle is set up with: the variables that `sci deploy` gives it.

use sci_native::{Founding, founding};
use serde_json::{Value, json};

/// What the Worker calls itself.
pub const URL: &str = "https://sci.example";

/// Variables and secrets, and who holds the first administrator's token.
#[derive(Debug, Clone)]
pub struct Variables {
    /// The bindings, without the issuers.
    pub bindings: Value,
    /// The administrator's token.
    pub admin: String,
    /// The secret half of the signing key.
    pub secret: String,
}

impl Default for Variables {
    fn default() -> Self {
        let Founding { keys, administrator, .. } = Founding::make(Vec::new(), 3_600_000).unwrap();
        let bindings = json!({
            "SCI_URL": URL,
            "SCI_STORE": founding::new_store("worker").unwrap(),
            "SCI_SIGNING_KEY": serde_json::to_string(&keys).unwrap(),
            "SCI_ADMINISTRATOR": serde_json::to_string(&administrator.summary).unwrap(),
        });
        let secret = keys.seed.expose().to_owned();
        Self { bindings, admin: administrator.token.expose().to_owned(), secret }
    }
}

impl Variables {
    /// The bindings of a Worker that believes the issuer at `issuer` alone.
    pub fn believing(&self, issuer: &str) -> Value {
        let mut bindings = self.bindings.clone();
        bindings["SCI_ISSUERS"] = json!([{ "kind": "github", "url": issuer }]).to_string().into();
        bindings
    }
}
