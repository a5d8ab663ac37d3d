//! Identities that open nothing, or less than they seem to.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sci_store_api::{ErrorCode, Registration, routes};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Stage, Target};
use crate::http::Said;
use crate::issuer::KEY_ID;

/// Asks for a ticket with a text.
fn show<T: Target>(stage: &Stage<T>, identity: &str) -> Said {
    stage.post(routes::SESSION, identity, &json!({}))
}

fn unauthorized<T: Target>(stage: &Stage<T>, identity: &str) -> String {
    stage.refused(ErrorCode::Unauthorized, &identity.chars().take(200).collect::<String>(), || show(stage, identity))
}

/// Asks with changed claims, which must be refused.
pub(super) fn refused<T: Target>(stage: &Stage<T>, code: ErrorCode, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = stage.push();
    change(&mut claims);
    let about = claims.to_string();
    stage.refused(code, &about, || stage.session(&claims))
}

fn header(alg: &str) -> Value {
    json!({ "typ": "JWT", "alg": alg, "kid": KEY_ID })
}

fn encoded(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

/// RS256 or nothing: not unsigned, not by another algorithm, however it is spelt, with the signature or without.
pub fn algorithm_confusion<T: Target>() {
    let stage = Stage::<T>::default();
    let claims = stage.push();
    let spellings = ["none", "None", "NONE", "nOnE", "", " RS256", "rs256", "RS256\n", "HS256", "HS384", "HS512"];
    for alg in spellings.into_iter().chain(["RS384", "RS512", "PS256", "ES256", "ES256K", "EdDSA", "RSA-OAEP", "dir"]) {
        let signed = stage.issuer().token_with(&header(alg), &claims);
        unauthorized(&stage, &signed);
        let (content, _) = signed.rsplit_once('.').unwrap();
        unauthorized(&stage, &format!("{content}."));
    }
    for alg in [json!(null), json!(["RS256"]), json!(256), json!({ "RS256": true }), json!(true)] {
        unauthorized(&stage, &stage.issuer().token_with(&json!({ "alg": alg, "kid": KEY_ID }), &claims));
    }
    unauthorized(&stage, &stage.issuer().token_with(&json!({ "kid": KEY_ID }), &claims));
    let said_twice = format!(r#"{{"alg":"RS256","alg":"none","kid":"{KEY_ID}"}}"#);
    unauthorized(&stage, &format!("{}.{}.", BASE64URL_NOPAD.encode(said_twice.as_bytes()), encoded(&claims)));
    assert_eq!(stage.fetches(), 0, "for none of them a key was asked for");
}

/// A token that is signed with the issuer's public key as if that were a shared secret.
pub fn hs256_with_the_public_key<T: Target>() {
    let stage = Stage::<T>::default();
    let document: Value = serde_json::from_slice(&stage.issuer().jwks()).unwrap();
    let key = &document["keys"][0];
    let modulus = BASE64URL_NOPAD.decode(key["n"].as_str().unwrap().as_bytes()).unwrap();
    let pem = stage.issuer().public_pem();
    let secrets = [
        pem.as_bytes(),
        pem.trim_end().as_bytes(),
        &modulus,
        key["n"].as_str().unwrap().as_bytes(),
        b"",
        &stage.issuer().jwks(),
    ];
    for secret in secrets {
        for alg in ["HS256", "RS256"] {
            let content = format!("{}.{}", encoded(&header(alg)), encoded(&stage.push()));
            let signature = hmac_sha256(secret, content.as_bytes());
            unauthorized(&stage, &format!("{content}.{}", BASE64URL_NOPAD.encode(&signature)));
            unauthorized(&stage, &format!("{content}.{}", HEXLOWER.encode(&signature)));
        }
    }
}

/// HMAC (RFC 2104) with SHA-256.
fn hmac_sha256(secret: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    if secret.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(secret));
    } else {
        block[..secret.len()].copy_from_slice(secret);
    }
    let keyed = |pad: u8, message: &[u8]| Sha256::digest([&block.map(|byte| byte ^ pad)[..], message].concat());
    keyed(0x5c, &keyed(0x36, message)).into()
}

/// A header that brings a key, or says where one is, is not listened to: only the pinned issuer's keys count.
pub fn headers_that_name_their_own_keys<T: Target>() {
    let stage = Stage::<T>::default();
    let document: Value = serde_json::from_slice(&stage.issuer().jwks()).unwrap();
    let elsewhere = format!("{}/elsewhere", stage.issuer_url());
    for (name, value) in [
        ("jku", json!(elsewhere)),
        ("x5u", json!(elsewhere)),
        ("jwk", document["keys"][0].clone()),
        ("x5c", json!(["MIIB"])),
    ] {
        let mut header = json!({ "alg": "RS256", "kid": "the attacker's" });
        header[name] = value;
        unauthorized(&stage, &stage.issuer().token_with(&header, &stage.push()));
    }
    // What must be understood is not: the token is refused rather than read without it.
    for critical in [json!(["exp"]), json!(["b64"]), json!([]), json!("exp")] {
        unauthorized(
            &stage,
            &stage.issuer().token_with(&json!({ "alg": "RS256", "kid": KEY_ID, "crit": critical }), &stage.push()),
        );
    }
    assert!(stage.fetches() <= 1, "keys are asked for in one place");
}

/// A token that says no key, or no key that is a text.
pub fn a_token_without_a_key_id<T: Target>() {
    let stage = Stage::<T>::default();
    unauthorized(&stage, &stage.issuer().token_with(&json!({ "alg": "RS256" }), &stage.push()));
    for key in
        [json!(null), json!(""), json!(1), json!([KEY_ID]), json!(KEY_ID.to_uppercase()), json!(format!("{KEY_ID} "))]
    {
        unauthorized(&stage, &stage.issuer().token_with(&json!({ "alg": "RS256", "kid": key }), &stage.push()));
    }
}

/// Texts that are no token, or put together from the parts of several.
pub fn broken_and_spliced_tokens<T: Target>() {
    let stage = Stage::<T>::default();
    let good = stage.issuer().token(&stage.push());
    assert_eq!(show(&stage, &good).status, 200);
    let parts: Vec<&str> = good.split('.').collect();
    let (head, claims, signature) = (parts[0], parts[1], parts[2]);
    let other = stage.issuer().token(&stage.pull_request_claims(1));
    let foreign: Vec<&str> = other.split('.').collect();
    let mut bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let flipped = BASE64URL_NOPAD.encode(&bytes);
    let reversed: String = signature.chars().rev().collect();
    for bad in [
        "x".to_owned(),
        "a.b".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        format!("{head}.{claims}"),
        format!("{head}.{claims}."),
        format!("{head}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{head}.{claims}.{signature}.{signature}"),
        format!("{head}.{claims}.{signature}="),
        format!("{head}.{claims}.{flipped}"),
        format!("{head}.{claims}.{reversed}"),
        format!("{head}.{claims}.{}", &signature[4..]),
        format!("{head}.{claims}.{}", foreign[2]),
        format!("{head}.{}.{signature}", foreign[1]),
        format!("{}.{claims}.{signature}", encoded(&json!({ "alg": "RS256", "kid": KEY_ID }))),
        format!("{head}.{}.{signature}", encoded(&json!([stage.push()]))),
        format!("{head}.{}.{signature}", encoded(&json!("claims"))),
        good.to_uppercase(),
    ] {
        unauthorized(&stage, &bad);
    }
}

/// A claim that stands twice may be read differently by whoever signed it and by whoever believes it.
pub fn claims_said_twice<T: Target>() {
    let stage = Stage::<T>::default();
    let claims = stage.push().to_string();
    let doubled = |more: &str| claims.replacen('{', &format!("{{{more},"), 1);
    for more in [
        r#""ref":"refs/heads/other""#,
        r#""aud":"https://other.example""#,
        r#""event_name":"issue_comment""#,
        r#""exp":0"#,
    ] {
        unauthorized(&stage, &stage.issuer().signed(&header("RS256").to_string(), &doubled(more)));
    }
    let twice = format!(r#"{{"alg":"RS256","kid":"{KEY_ID}","kid":"{KEY_ID}"}}"#);
    unauthorized(&stage, &stage.issuer().signed(&twice, &claims));
    // The same way of signing, without the trick.
    assert_eq!(show(&stage, &stage.issuer().signed(&header("RS256").to_string(), &claims)).status, 200);
}

/// A token that is longer than any of an issuer's is refused unread.
pub fn a_huge_token<T: Target>() {
    let stage = Stage::<T>::default();
    let mut claims = stage.push();
    claims["padding"] = "x".repeat(20_000).into();
    unauthorized(&stage, &stage.issuer().token(&claims));
    unauthorized(&stage, &"x".repeat(30_000));
    let deep = format!("{}{}", "[".repeat(8_000), "]".repeat(8_000));
    unauthorized(&stage, &stage.issuer().signed(&header("RS256").to_string(), &deep[..11_000]));
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(2_000), "]".repeat(2_000));
    unauthorized(&stage, &stage.issuer().signed(&header("RS256").to_string(), &deep));
}

/// Times have a minute of skew, and an identity ends ten minutes after it was made, whatever it says of its end.
pub fn expired_early_and_old_tokens<T: Target>() {
    let stage = Stage::<T>::default();
    let now = stage.now();
    for (claim, seconds) in [
        ("exp", now - 61),
        ("exp", 0),
        // A clock that goes on meanwhile makes these younger, so they are further off than a minute.
        ("nbf", now + 90),
        ("iat", now + 90),
        ("iat", now - 3_600),
        ("iat", now - 661),
        ("iat", 0),
        ("nbf", u64::MAX),
    ] {
        refused(&stage, ErrorCode::Unauthorized, |claims| claims[claim] = seconds.into());
    }
    refused(&stage, ErrorCode::Unauthorized, |claims| {
        claims["iat"] = (now - 3_600).into();
        claims["nbf"] = (now - 3_600).into();
        claims["exp"] = (now + 86_400).into();
    });
    for claim in ["exp", "iat"] {
        let strange = [
            json!(null),
            json!("soon"),
            json!(now.to_string()),
            json!([now]),
            json!(-1),
            json!(1e300),
            json!(now as f64 + 0.5),
        ];
        for value in strange {
            refused(&stage, ErrorCode::Unauthorized, |claims| claims[claim] = value);
        }
        refused(&stage, ErrorCode::Unauthorized, |claims| drop(claims.as_object_mut().unwrap().remove(claim)));
    }
    for (claim, seconds) in [("exp", now - 30), ("nbf", now + 60), ("iat", now + 60), ("iat", now - 600)] {
        let mut claims = stage.push();
        claims[claim] = seconds.into();
        assert_eq!(stage.session(&claims).status, 200, "{claim}");
    }
}

/// An identity is for exactly this backend's URL, and for nothing beside it.
pub fn another_audience<T: Target>() {
    let stage = Stage::<T>::default();
    let own = stage.audience();
    for audience in [
        json!(format!("{own}/")),
        json!(format!("{own}.evil")),
        json!(format!("{own}/v1")),
        json!(format!(" {own}")),
        json!(own.to_uppercase()),
        json!(own.replacen("http", "HTTP", 1)),
        json!(""),
        json!(null),
        json!([own, "https://other.example"]),
        json!([own, own]),
        json!([[own]]),
        json!([]),
        json!({ "aud": own }),
        json!("https://github.com/o"),
    ] {
        let message = refused(&stage, ErrorCode::Unauthorized, |claims| claims["aud"] = audience.clone());
        assert!(message.contains(&own), "{message}");
    }
    refused(&stage, ErrorCode::Unauthorized, |claims| drop(claims.as_object_mut().unwrap().remove("aud")));
    let mut claims = stage.push();
    claims["aud"] = json!([own]);
    assert_eq!(stage.session(&claims).status, 200);
}

/// An issuer is who it is byte for byte; nobody else's keys are asked for.
pub fn another_issuer<T: Target>() {
    let stage = Stage::<T>::default();
    let own = stage.issuer_url();
    for issuer in [
        json!(format!("{own}/")),
        json!(format!("{own}.evil")),
        json!(format!("{own}/o")),
        json!(own.to_uppercase()),
        json!(own.replacen("://", "://x@", 1)),
        json!(format!("{own}\u{0}")),
        json!(""),
        json!(null),
        json!([own]),
        json!("https://gitlab.com"),
    ] {
        refused(&stage, ErrorCode::Unauthorized, |claims| claims["iss"] = issuer.clone());
    }
    refused(&stage, ErrorCode::Unauthorized, |claims| drop(claims.as_object_mut().unwrap().remove("iss")));
    assert_eq!(stage.fetches(), 0);
    // One that the backend knows, and that does not speak for this repository.
    stage.register(Registration { issuer: "https://gitlab.com".to_owned(), ..stage.registration() });
    refused(&stage, ErrorCode::Forbidden, |_| {});
}
