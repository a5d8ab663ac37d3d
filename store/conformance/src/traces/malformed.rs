//! Requests that no client sends.

use sci_store_api::{ObjectId, routes};
use serde_json::json;

use super::player::Player;
use crate::http::Heard;

/// Every route with JSON in its body.
const POSTS: [&str; 9] = [
    routes::SESSION,
    routes::RESOLVE,
    routes::SAVES,
    routes::PLANS,
    routes::TOKENS,
    routes::QUARANTINE,
    routes::FORGET,
    routes::GC,
    routes::GC_PLAN,
];

impl Player<'_> {
    /// Sends one of them.
    pub(super) fn malformed(&mut self) {
        match self.dice.below(8) {
            0 | 1 => self.malformed_text(),
            2 => self.malformed_field(),
            3 => self.unknown_target(),
            4 => self.other_method(),
            5 => self.strange_bearer(),
            _ => self.strange_object(),
        }
    }

    /// Who asks: mostly somebody whose request is looked at.
    fn somebody(&mut self) -> String {
        if self.dice.is_one_of(50) { self.setting.admin.to_owned() } else { self.ticket() }
    }

    fn malformed_text(&mut self) {
        let texts: [Vec<u8>; 13] = [
            Vec::new(),
            b"{".to_vec(),
            b"[]".to_vec(),
            b"null".to_vec(),
            b"\"paths\"".to_vec(),
            b"{\"paths\":[]}".to_vec(),
            b"{\"paths\":[]}{}".to_vec(),
            b"{\"paths\":[],\"paths\":[]}".to_vec(),
            b"{\"paths\":[\"\xff\"]}".to_vec(),
            b"\xef\xbb\xbf{\"paths\":[]}".to_vec(),
            b"{\"paths\":[],\"ancestors\":[\"\\ud800\"]}".to_vec(),
            [b"[".repeat(1_000), b"]".repeat(1_000)].concat(),
            b"1e999999".to_vec(),
        ];
        let (target, text, bearer) = (self.dice.pick(&POSTS), self.dice.pick(&texts), self.somebody());
        self.request("POST", target, Some(&bearer), &text);
    }

    /// A request as it should be, but for one field.
    fn malformed_field(&mut self) {
        let state = self.state();
        let (target, mut body) = match self.dice.below(3) {
            0 => (routes::RESOLVE.to_owned(), json!({ "paths": [state.query()] })),
            1 => {
                let begun =
                    self.dice.pick_any(&self.saves).map_or_else(|| "0".repeat(64), |begun| begun.save.save.to_string());
                (routes::fill(routes::COMMIT, begun), serde_json::to_value(state.commit()).unwrap())
            }
            _ => (
                routes::SAVES.to_owned(),
                json!({
                    "nonce": self.nonce(), "path": "target", "instance": "target", "key": state.ladder().key(), "bases": [],
                }),
            ),
        };
        let value = self.dice.pick(&[
            json!(null),
            json!("x"),
            json!("../x"),
            json!(-1),
            json!(1e300),
            json!(u64::MAX),
            json!([1]),
            json!({ "x": 1 }),
        ]);
        let inner = match body.pointer_mut("/paths/0") {
            Some(query) => query,
            None => &mut body,
        };
        let fields: Vec<String> = inner.as_object().unwrap().keys().cloned().chain(["scope".to_owned()]).collect();
        let field = self.dice.pick(&fields);
        if self.dice.is_one_of(20) {
            inner.as_object_mut().unwrap().remove(&field);
        } else {
            inner[&field] = value;
        }
        let ticket = self.ticket();
        self.post(&target, &ticket, &body);
    }

    fn unknown_target(&mut self) {
        let target = self.dice.pick(&[
            "/",
            "/v1",
            "/v1/",
            "/v0/resolve",
            "/v0/resolve",
            "/v2/resolve",
            "/v2/snapshots",
            "/v99999999999/x",
            "/v1/unknown",
            "/v1/objects",
            "/v1/objects/a/b",
            "/v1/objects/zz",
            "/v1/saves//commit",
            "/v1/saves/x/commit",
            "/v1/snapshots/",
            "/v1/snapshots/%00",
            "/v1/explain/x",
            "/v1/resolve/",
            "/V1/resolve",
            "/v1%2Fresolve",
            "/v1/%72esolve",
            "/v1/admin/unknown",
            "/v1/admin/tokens/a%20b",
            "/health",
            "/health?x=%ff&&=",
            "/v1/snapshots?limit=%ff",
            "/v1/snapshots?path=a+b&instance=%2e%2e",
            "/v1/snapshots?scope='%20OR%201=1",
        ]);
        let bearer = self.somebody();
        self.request("GET", target, Some(&bearer), b"");
    }

    fn other_method(&mut self) {
        let method = self.dice.pick(&["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]);
        let target = self.dice.pick(&[
            routes::HEALTH,
            routes::SESSION,
            routes::RESOLVE,
            routes::SAVES,
            routes::SNAPSHOTS,
            routes::PLANS,
            routes::TOKENS,
            routes::GC,
            "/v1/unknown",
        ]);
        let bearer = self.somebody();
        self.request(method, target, Some(&bearer), b"");
    }

    fn strange_bearer(&mut self) {
        let ticket = self.ticket();
        let values: [Vec<String>; 11] = [
            vec![],
            vec![String::new()],
            vec!["Bearer".to_owned()],
            vec!["Bearer ".to_owned()],
            vec!["Basic eDp4".to_owned()],
            vec![format!("bearer {ticket}")],
            vec![format!("BEARER   {ticket}  ")],
            vec![format!("Bearer\t{ticket}")],
            vec![format!("Bearer {ticket},{ticket}")],
            vec![format!("Bearer {ticket}"), format!("Bearer {ticket}")],
            vec!["Basic eDp4".to_owned(), format!("Bearer {ticket}")],
        ];
        let headers = self.dice.pick(&values).into_iter().map(|value| ("authorization".to_owned(), value)).collect();
        let (method, target, body) = self.dice.pick(&[
            ("GET", routes::SNAPSHOTS, json!(null)),
            ("GET", routes::TOKENS, json!(null)),
            ("POST", routes::SESSION, json!({ "repository": "1001" })),
        ]);
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.send(&Heard { method: method.to_owned(), target: target.to_owned(), headers, body });
    }

    /// An object without its length, of a save that is none, of too many bytes; JSON of too many.
    fn strange_object(&mut self) {
        let ticket = self.ticket();
        let mut headers = vec![("authorization".to_owned(), format!("Bearer {ticket}"))];
        let object = routes::fill(routes::OBJECT, ObjectId::of(b"x"));
        let (method, target, body) = match self.dice.below(8) {
            0 => ("PUT", object + "?save=x", b"x".to_vec()),
            1 => ("PUT", object + "?save=", b"x".to_vec()),
            2 => ("PUT", format!("{object}?save={}", "0".repeat(64)), b"x".to_vec()),
            3 => ("PUT", routes::fill(routes::OBJECT, "zz"), b"x".to_vec()),
            4 => ("POST", object, b"x".to_vec()),
            5 => ("POST", routes::RESOLVE.to_owned(), vec![b' '; (4 << 20) + 1]),
            6 if self.dice.is_one_of(20) => {
                headers.push(("transfer-encoding".to_owned(), "chunked".to_owned()));
                ("POST", routes::RESOLVE.to_owned(), vec![b' '; (4 << 20) + 1])
            }
            _ => {
                headers.push(("transfer-encoding".to_owned(), "chunked".to_owned()));
                let target = if self.dice.is_one_of(50) { object } else { routes::RESOLVE.to_owned() };
                (if target == routes::RESOLVE { "POST" } else { "PUT" }, target, b"{\"paths\":[]}".to_vec())
            }
        };
        self.send(&Heard { method: method.to_owned(), target, headers, body });
    }
}
