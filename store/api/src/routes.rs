//! The routes, written once: hosts match the patterns, clients fill them.

/// `GET`: whether the backend is up.
pub const HEALTH: &str = "/health";
/// `POST`: identity to ticket.
pub const SESSION: &str = "/v1/session";
/// `POST`: paths to verdicts.
pub const RESOLVE: &str = "/v1/resolve";
/// `POST`: begins a save.
pub const SAVES: &str = "/v1/saves";
/// `POST`: commits a save.
pub const COMMIT: &str = "/v1/saves/{save}/commit";
/// `PUT`, `GET`, `HEAD`: one object. With [`SAVE_PARAMETER`] a put belongs to that save, else to the run's plans.
pub const OBJECT: &str = "/v1/objects/{object}";
/// `POST`, `GET`: plans, the query in the parameters of [`crate::plans::PlanQuery`].
pub const PLANS: &str = "/v1/plans";
/// `GET`: snapshots, the query in the parameters of [`crate::snapshots::SnapshotQuery`].
pub const SNAPSHOTS: &str = "/v1/snapshots";
/// `GET`, `DELETE`: one snapshot.
pub const SNAPSHOT: &str = "/v1/snapshots/{snapshot}";
/// `GET`: explains a plan.
pub const EXPLAIN: &str = "/v1/explain/{plan}";
/// `GET`: every repository. Administrators only, like all that follow.
pub const REPOSITORIES: &str = "/v1/admin/repositories";
/// `GET`, `PUT`: one repository's registration.
pub const REPOSITORY: &str = "/v1/admin/repositories/{repository}";
/// `GET`, `POST`: tokens.
pub const TOKENS: &str = "/v1/admin/tokens";
/// `DELETE`: revokes a token.
pub const TOKEN: &str = "/v1/admin/tokens/{token}";
/// `POST`: quarantines a run.
pub const QUARANTINE: &str = "/v1/admin/quarantine";
/// `POST`: forgets a snapshot, of whatever scope.
pub const FORGET: &str = "/v1/admin/forget";
/// `POST`: collects.
pub const GC: &str = "/v1/admin/gc";
/// `POST`: says what a collection would do.
pub const GC_PLAN: &str = "/v1/admin/gc/plan";
/// `GET`: the public halves of the signing keys. `POST`: signs with a new key from now on.
pub const KEYS: &str = "/v1/admin/keys";

/// The query parameter that names the save of a put.
pub const SAVE_PARAMETER: &str = "save";

/// Fills the one name in a route's pattern. Every name of the protocol is safe in a path as it is.
pub fn fill(pattern: &str, name: impl std::fmt::Display) -> String {
    match (pattern.find('{'), pattern.find('}')) {
        (Some(open), Some(close)) => format!("{}{name}{}", &pattern[..open], &pattern[close + 1..]),
        _ => pattern.to_owned(),
    }
}

/// The query of a request: what is given of these parameters, encoded.
pub(crate) fn parameters<const N: usize>(given: [(&str, Option<String>); N]) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    for (name, value) in given {
        if let Some(value) = value {
            text.append_pair(name, &value);
        }
    }
    text.finish()
}

/// What stands in `path` where `pattern` has its name; an empty text for a pattern without one. `None` when the path is
/// another route's.
pub fn matched<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = pattern.split_once('{') else { return (pattern == path).then_some("") };
    let after = after.split_once('}').map_or("", |(_, after)| after);
    let name = path.strip_prefix(before)?.strip_suffix(after)?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filled_is_matched() {
        assert_eq!(matched(COMMIT, &fill(COMMIT, "abc")), Some("abc"));
        assert_eq!(matched(HEALTH, &fill(HEALTH, "")), Some(""));
        assert_eq!(matched(OBJECT, "/v1/objects/"), None);
        assert_eq!(matched(OBJECT, "/v1/objects/a/b"), None);
        assert_eq!(matched(SNAPSHOT, "/v1/objects/a"), None);
        assert_eq!(matched(COMMIT, "/v1/saves/commit"), None);
    }
}
