//! The record and its envelope: JSON from whoever serves the index.
//!
//! The bytes are read as a payload, whether or not a signature holds, as an envelope, as a key and as a scope.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sci_fuzz as _;
use sci_store_api::dsse::{Envelope, PublicKey, RECORD_TYPE, SecretKey, verify};
use sci_store_api::{KeyId, Record, Scope, SnapshotId};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = Record::decode(bytes) {
        assert_eq!(record.encode().expect("what was read can be written"), bytes);
        let envelope = secret().sign(RECORD_TYPE, bytes.to_vec());
        let verified = verify(&envelope, &[secret().public()]).expect("it is signed and read");
        assert_eq!((verified.id, verified.record), (SnapshotId::of(bytes), record));
    }
    if let Ok(envelope) = serde_json::from_slice::<Envelope>(bytes) {
        let written = serde_json::to_vec(&envelope).expect("what was read can be written");
        assert_eq!(serde_json::from_slice::<Envelope>(&written).expect("and read again"), envelope);
        if verify(&envelope, &[secret().public()]).is_ok() {
            assert!(is_signed(&envelope), "a forged signature is believed");
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string().parse::<PublicKey>().expect("a key reads back"), key);
    }
    if let Ok(scope) = text.parse::<Scope>() {
        assert_eq!(scope.to_string(), text);
    }
});

/// The key that made the signature among the seeds.
fn secret() -> SecretKey {
    SecretKey::from_seed(KeyId::new("sci-1").expect("a key's name"), &[7; 32])
}

/// Whether one of the signatures is the one that the key makes: nobody forges another.
fn is_signed(envelope: &Envelope) -> bool {
    let own = secret().sign(RECORD_TYPE, envelope.payload.clone());
    envelope.signatures.contains(&own.signatures[0])
}
