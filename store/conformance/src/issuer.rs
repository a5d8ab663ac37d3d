//! An issuer of identities for tests: signs what it is told with a key that is published in this repository, and so worth
//! nothing anywhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use data_encoding::BASE64URL_NOPAD;
use rsa::PrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey as _, LineEnding};
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use sci_service::identity::{Fetch, FetchError};
use serde_json::{Value, json};
use sha2::Sha256;

/// What the issuer calls its key.
pub const KEY_ID: &str = "test-key-1";

/// The issuer.
#[derive(Clone)]
pub struct TestIssuer {
    key: Arc<PrivateKey>,
    /// How often its keys were asked for.
    pub fetches: Arc<AtomicU32>,
    /// Whether it gives none.
    pub is_down: Arc<AtomicBool>,
}

impl Default for TestIssuer {
    fn default() -> Self {
        let key = PrivateKey::from_pkcs8_pem(include_str!("issuer_key.pem")).unwrap();
        Self { key: Arc::new(key), fetches: Arc::default(), is_down: Arc::default() }
    }
}

impl TestIssuer {
    /// Signs claims as the issuer would.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "typ": "JWT", "alg": "RS256", "kid": KEY_ID }), claims)
    }

    /// Signs claims under any header, with RS256 whatever it says.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        self.signed(&header.to_string(), &claims.to_string())
    }

    /// Signs any two texts with RS256.
    pub fn signed(&self, header: &str, claims: &str) -> String {
        let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = SigningKey::<Sha256>::new((*self.key).clone()).sign(signed.as_bytes());
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature.to_bytes()))
    }

    /// The public key as a file.
    pub fn public_pem(&self) -> String {
        self.key.to_public_key().to_public_key_pem(LineEnding::LF).unwrap()
    }

    /// The document at the address of its keys.
    pub fn jwks(&self) -> Vec<u8> {
        self.jwks_of(&[KEY_ID])
    }

    /// The same, with the key under these names.
    pub fn jwks_of(&self, ids: &[&str]) -> Vec<u8> {
        let number = |bytes: Box<[u8]>| {
            let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
            BASE64URL_NOPAD.encode(&bytes[start..])
        };
        let (n, e) = (number(self.key.n().to_be_bytes()), number(self.key.e().to_be_bytes()));
        let key = |id| json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": id, "n": n, "e": e });
        json!({ "keys": ids.iter().map(key).collect::<Vec<_>>() }).to_string().into_bytes()
    }

    /// The claims of a push to the protected main branch of repository 1001, as GitHub makes them at `seconds` since 1970.
    pub fn push(&self, audience: &str, seconds: u64) -> Value {
        json!({
            "iss": sci_store_api::repositories::GITHUB, "aud": audience, "sub": "repo:o/r:ref:refs/heads/main",
            "iat": seconds, "nbf": seconds, "exp": seconds + 300,
            "repository": "o/r", "repository_id": "1001", "repository_owner": "o", "repository_owner_id": "77",
            "event_name": "push", "ref": "refs/heads/main", "ref_type": "branch", "ref_protected": "true",
            "base_ref": "", "head_ref": "", "sha": "0123456789012345678901234567890123456789", "actor": "somebody",
            "workflow": "ci", "job_workflow_ref": "o/r/.github/workflows/ci.yml@refs/heads/main",
            "runner_environment": "github-hosted", "run_id": "5000", "run_attempt": "1",
        })
    }

    /// The claims of pull request `number` against main.
    pub fn pull_request(&self, audience: &str, seconds: u64, number: u64) -> Value {
        let mut claims = self.push(audience, seconds);
        claims["event_name"] = "pull_request".into();
        claims["ref"] = format!("refs/pull/{number}/merge").into();
        claims["ref_protected"] = "false".into();
        claims["base_ref"] = "main".into();
        claims["run_id"] = format!("{}", 6_000 + number).into();
        claims
    }
}

impl Fetch for TestIssuer {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let has_keys = url.ends_with("/.well-known/jwks") && !self.is_down.load(Ordering::SeqCst);
        if has_keys { Ok(self.jwks()) } else { Err(FetchError(format!("no keys at {url}"))) }
    }
}
