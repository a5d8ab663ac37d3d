//! What the deployed bundle is set up with: variables whose keys a store on this machine made.

use pollster::block_on;
use sci_store_api::TokenId;
use sci_store_api::tokens::{CreateToken, TokenPower};
use serde_json::{Value, json};
use tempfile::TempDir;

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
        let directory = TempDir::new().unwrap();
        let store = directory.path().join("store");
        let service = sci_native::open::service(&store).unwrap();
        let request = CreateToken {
            id: TokenId::new("first").unwrap(),
            power: TokenPower::Admin,
            life: 3_600_000,
            note: String::new(),
            allow_trusted: false,
        };
        let created = block_on(service.create_token(&request)).unwrap();
        let key = std::fs::read_to_string(store.join("signing-key.json")).unwrap();
        let secret = serde_json::from_str::<Value>(&key).unwrap()["seed"].as_str().unwrap().to_owned();
        let bindings = json!({
            "SCI_URL": URL,
            "SCI_STORE": service.store(),
            "SCI_SIGNING_KEY": key,
            "SCI_ADMINISTRATOR": serde_json::to_string(&created.summary).unwrap(),
        });
        Self { bindings, admin: created.token.expose().to_owned(), secret }
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
