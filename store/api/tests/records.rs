//! Records and envelopes: one form, and nothing believed that was not signed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use sci_hasher::{Digest, Ladder};
use sci_store_api::dsse::{self, Envelope, PublicKey, RECORD_TYPE, SecretKey, VerifyError};
use sci_store_api::record::{RecordError, VERSION};
use sci_store_api::{KeyId, ObjectId, ObjectKind, ObjectRef, Record, SnapshotId, UnixMillis};

fn key(name: &str, seed: u8) -> SecretKey {
    SecretKey::from_seed(KeyId::new(name).unwrap(), &[seed; 32])
}

fn record() -> Record {
    let ladder = Ladder::from_rungs(std::array::from_fn(|rung| Digest::of(&[rung as u8])));
    let object = |content: &[u8], kind| ObjectRef { id: ObjectId::of(content), size: content.len() as u64, kind };
    let mut objects = vec![
        object(b"manifest", ObjectKind::Manifest),
        object(b"inputs", ObjectKind::Derivation),
        object(b"pack", ObjectKind::Pack),
    ];
    objects.sort();
    Record {
        version: VERSION,
        store: "store".parse().unwrap(),
        repository: "42".parse().unwrap(),
        scope: "trusted:refs/heads/main".parse().unwrap(),
        path: "node_modules".parse().unwrap(),
        instance: "web/node_modules".parse().unwrap(),
        key: ladder.key(),
        ladder,
        derivation: ObjectId::of(b"inputs"),
        manifest: ObjectId::of(b"manifest"),
        objects,
        tree: Digest::of(b"tree"),
        files: 3,
        bytes: u64::MAX,
        claims: BTreeMap::from([("sha".to_owned(), "c0ffee".to_owned()), ("job".to_owned(), "\"=\n/".to_owned())]),
        run: "1.1.test".parse().unwrap(),
        parents: vec![],
        settled: true,
        created: UnixMillis(1_700_000_000_000),
    }
}

fn signed(record: &Record) -> Envelope {
    key("sci-1", 1).sign(RECORD_TYPE, record.encode().unwrap())
}

#[test]
fn payload_is_pinned() {
    let payload = record().encode().unwrap();
    let id = SnapshotId::of(&payload).to_string();
    assert!(
        payload.starts_with(br#"{"version":1,"store":"store","repository":"42","scope":"trusted:refs/heads/main","#)
    );
    assert_eq!(id, "deaf0408714aa4ef8fba8d68eb7466d2b94470118e207f2073a7c34f511dda76");
}

#[test]
fn signed_message_is_that_of_dsse() {
    assert_eq!(
        dsse::pae("http://example.com/HelloWorld", b"hello world"),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
}

#[test]
fn a_signed_record_is_read_back_also_through_json() {
    let envelope = signed(&record());
    let sent = serde_json::to_string(&envelope).unwrap();
    assert!(sent.contains("\"payloadType\""));
    let received: Envelope = serde_json::from_str(&sent).unwrap();
    let verified = dsse::verify(&received, &[key("sci-1", 1).public()]).unwrap();
    assert_eq!((verified.id, verified.record), (envelope.snapshot_id(), record()));
}

#[test]
fn what_no_trusted_key_signed_is_refused_before_it_is_read() {
    let envelope = signed(&record());
    let verify = |envelope: &Envelope, keys: &[PublicKey]| dsse::verify(envelope, keys).unwrap_err();
    assert!(matches!(verify(&envelope, &[]), VerifyError::Untrusted { .. }));
    assert!(matches!(verify(&envelope, &[key("sci-2", 1).public()]), VerifyError::Untrusted { .. }));
    assert!(matches!(verify(&envelope, &[key("sci-1", 2).public()]), VerifyError::Forged { .. }));
    let nonsense = Envelope { payload: b"not a record".to_vec(), ..envelope.clone() };
    assert!(matches!(verify(&nonsense, &[key("sci-1", 1).public()]), VerifyError::Forged { .. }));
    let other = key("sci-1", 1).sign("application/json", envelope.payload.clone());
    assert!(matches!(verify(&other, &[key("sci-1", 1).public()]), VerifyError::Type { .. }));
    let relabelled = Envelope { payload_type: RECORD_TYPE.to_owned(), ..other };
    assert!(matches!(verify(&relabelled, &[key("sci-1", 1).public()]), VerifyError::Forged { .. }));
    let unsigned = Envelope { signatures: vec![], ..envelope.clone() };
    assert!(matches!(verify(&unsigned, &[key("sci-1", 1).public()]), VerifyError::Untrusted { .. }));
    let many = Envelope { signatures: vec![envelope.signatures[0].clone(); 9], ..envelope };
    assert!(matches!(verify(&many, &[key("sci-1", 1).public()]), VerifyError::TooLarge));
}

#[test]
fn a_key_counts_within_its_window() {
    let envelope = signed(&record());
    let created = record().created;
    let cases = [
        (None, None, true),
        (Some(created), Some(created), true),
        (Some(created.plus(1)), None, false),
        (None, Some(created.minus(1)), false),
    ];
    for (not_before, not_after, good) in cases {
        let mut public = key("sci-1", 1).public();
        (public.not_before, public.not_after) = (not_before, not_after);
        let reparsed: PublicKey = public.to_string().parse().unwrap();
        assert_eq!(reparsed, public);
        let verified = dsse::verify(&envelope, &[reparsed]);
        assert_eq!(verified.is_ok(), good, "{verified:?}");
        assert!(good || matches!(verified, Err(VerifyError::Window { .. })));
    }
}

#[test]
fn one_good_signature_of_several_is_enough() {
    let mut envelope = signed(&record());
    let second = key("sci-2", 2).sign(RECORD_TYPE, envelope.payload.clone());
    envelope.signatures.extend(second.signatures);
    let mut retired = key("sci-1", 1).public();
    retired.not_after = Some(UnixMillis(0));
    let verified = dsse::verify(&envelope, &[retired, key("sci-2", 2).public()]).unwrap();
    assert_eq!(verified.key.as_str(), "sci-2");
}

#[test]
fn records_that_break_a_rule_are_neither_written_nor_read() {
    let breaks: [fn(&mut Record); 9] = [
        |record| record.version = 2,
        |record| record.key = Digest::of(b"another"),
        |record| record.objects.reverse(),
        |record| record.objects.push(record.objects[2]),
        |record| record.objects.retain(|object| object.kind != ObjectKind::Manifest),
        |record| record.derivation = record.manifest,
        |record| record.objects[0].size = u64::MAX,
        |record| record.parents = vec![SnapshotId::of(b"a"); 2],
        |record| record.claims = BTreeMap::from([("x".to_owned(), "y".repeat(2 << 20))]),
    ];
    for broken in breaks {
        let mut record = record();
        broken(&mut record);
        assert!(record.encode().is_err());
        assert!(Record::decode(&serde_json::to_vec(&record).unwrap()).is_err());
    }
}

#[test]
fn a_later_version_says_so() {
    let payload = br#"{"version":7,"anything":"else"}"#;
    assert!(matches!(Record::decode(payload), Err(RecordError::Version { found: 7 })));
}

#[test]
fn only_the_canonical_payload_is_read() {
    let payload = String::from_utf8(record().encode().unwrap()).unwrap();
    let others = [
        payload.replace(",\"files\"", ", \"files\""),
        payload.replace("\"files\":3,\"bytes\":18446744073709551615", "\"bytes\":18446744073709551615,\"files\":3"),
        payload.replace("\"settled\":true", "\"settled\":true,\"settled\":true"),
        payload.replace("\"settled\":true", "\"settled\":true,\"extra\":1"),
        payload.replace("sha", "\\u0073ha"),
        format!("{payload}\n"),
        payload.replace("web/node_modules", "../node_modules"),
    ];
    for other in others {
        assert_ne!(other, payload);
        assert!(Record::decode(other.as_bytes()).is_err(), "{other}");
    }
}

proptest! {
    #[test]
    fn any_flipped_bit_is_refused(position in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut envelope = signed(&record());
        let length = envelope.payload.len();
        let at = position.index(length + 64);
        if at < length { envelope.payload[at] ^= 1 << bit } else { envelope.signatures[0].sig[at - length] ^= 1 << bit }
        prop_assert!(dsse::verify(&envelope, &[key("sci-1", 1).public()]).is_err());
    }

    #[test]
    fn hostile_payloads_never_panic(payload in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Record::decode(&payload).is_err());
    }

    #[test]
    fn what_is_decoded_encodes_to_the_same_bytes(files in any::<u64>(), settled in any::<bool>(), claim in ".{0,40}") {
        let record = Record { files, settled, claims: BTreeMap::from([(claim.clone(), claim)]), ..record() };
        let payload = record.encode().unwrap();
        let decoded = Record::decode(&payload).unwrap();
        prop_assert_eq!(&decoded, &record);
        prop_assert_eq!(decoded.encode().unwrap(), payload);
    }
}
