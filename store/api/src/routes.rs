//! The routes, written once: hosts match the patterns, clients fill them.

/// `GET`: whether the backend is up.
pub const HEALTH: &str = "/health";
/// `POST`: identity to session.
pub const SESSION: &str = "/v1/session";
/// `POST`: paths to verdicts.
pub const RESOLVE: &str = "/v1/resolve";
/// `POST`: begins a save.
pub const SAVES: &str = "/v1/saves";
/// `POST`: commits a save.
pub const COMMIT: &str = "/v1/saves/{save}/commit";
/// `PUT`, `GET`, `HEAD`: one object.
pub const OBJECT: &str = "/v1/objects/{object}";
/// `POST`, `GET`: plans.
pub const PLANS: &str = "/v1/plans";
/// `GET`: snapshots.
pub const SNAPSHOTS: &str = "/v1/snapshots";
/// `GET`, `DELETE`: one snapshot.
pub const SNAPSHOT: &str = "/v1/snapshots/{snapshot}";
/// `GET`: explains a plan.
pub const EXPLAIN: &str = "/v1/explain/{plan}";
/// `POST`: quarantines a run.
pub const QUARANTINE: &str = "/v1/admin/quarantine";
/// `POST`: collects.
pub const GC: &str = "/v1/admin/gc";
