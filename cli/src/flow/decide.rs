//! When a path is saved, and whether the saved state may ever be exact: pure decisions, each with its reason.
//!
//! The key of a saved tree is the one planned before the run. It is settled only when the run succeeded, its inputs are
//! what they were, and nothing shows that the tree is not what those inputs give.

use sci_hasher::Digest;
use sci_presets::{Proof, SavePolicy};

use crate::state::before::{BeforePath, PARTLY};

/// Whether a save is settled, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It may be exact.
    Settled,
    /// It is a nearest candidate only.
    Unsettled(String),
}

/// What to do with a tree that was scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Save it.
    Save(Standing),
    /// Leave it, with the reason.
    Skip(String),
}

/// A path that is not even scanned: the reason.
pub fn skipped_by_policy(policy: SavePolicy, failed: bool) -> Option<&'static str> {
    match policy {
        SavePolicy::Never => Some("the path is declared save = \"never\""),
        SavePolicy::OnSuccess if failed => Some("the run failed, and the path is declared save = \"on-success\""),
        _ => None,
    }
}

const UNPLANNED: &str = "nothing was planned before the run: `sci restore` was not called before it";
const CHANGED: &str = "its inputs changed during the run";

/// What to do about the reason of an unsettled save, where that is known.
pub fn remedy(reason: &str) -> Option<&'static str> {
    match reason {
        UNPLANNED => Some("`sci restore` before the build, or `sci run -- CMD`, makes the key known"),
        CHANGED => Some(
            "`sci explain` says which: a lockfile that the tool brought up to date is settled from the next run on; set up tools and \
             variables before `sci restore`; what else the build writes by itself is no input: list it in .gitignore, or leave it out \
             with a pattern that begins with `!`",
        ),
        _ if reason.ends_with(PARTLY) => Some("`sci restore` makes it whole; or remove it, and build from clean"),
        _ => None,
    }
}

/// How the run went whose trees are saved.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run {
    /// Its command failed.
    pub failed: bool,
    /// Another sci was at work in the workspace meanwhile, so that a tree may be half of two runs'.
    pub disturbed: Option<&'static str>,
}

impl Run {
    /// Why its trees are not to be trusted, whatever their inputs.
    pub fn doubt(self) -> Option<&'static str> {
        if self.failed { Some("the run failed") } else { self.disturbed }
    }
}

/// Compares the plan made at save time with the one made before the run.
pub fn standing(before: Option<&BeforePath>, key: Digest, run: Run) -> Standing {
    let unsettled = |reason: &str| Standing::Unsettled(reason.to_owned());
    let Some(before) = before else {
        return unsettled(UNPLANNED);
    };
    if let Some(doubt) = run.doubt() {
        return unsettled(doubt);
    }
    match before.ladder {
        None => {
            let why = before.unkeyed.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            Standing::Unsettled(format!("the path had no key before the run{why}"))
        }
        Some(ladder) if ladder.key() != key => unsettled(CHANGED),
        Some(_) => Standing::Settled,
    }
}

/// Decides on a scanned tree. `unchanged` says whether it is what was restored or, where nothing was, what stood there
/// before the run.
pub fn decide(
    policy: SavePolicy,
    before: Option<&BeforePath>,
    standing: Standing,
    unchanged: bool,
    proof: &Proof,
) -> Decision {
    let restored = before.filter(|before| before.restored.is_some());
    match restored {
        Some(before) if unchanged && before.exact && policy != SavePolicy::Always => {
            Decision::Skip("nothing changed since it was restored".to_owned())
        }
        // A skipped install leaves the old tree in place: under the new key it would poison it.
        Some(before) if unchanged && !before.exact => match (&standing, proof) {
            (Standing::Settled, Proof::Current) => Decision::Save(Standing::Settled),
            _ if policy == SavePolicy::Always => {
                Decision::Save(Standing::Unsettled(not_shown("since the nearest restore", proof)))
            }
            _ => Decision::Skip(not_shown("since the nearest restore", proof)),
        },
        // A miss over what another build left, and a run that did nothing: worth keeping, but nobody made it for this key.
        None if unchanged && standing == Standing::Settled && *proof != Proof::Current => {
            Decision::Save(Standing::Unsettled(not_shown("during the run", proof)))
        }
        _ => Decision::Save(match (standing, proof) {
            (Standing::Settled, Proof::NotCurrent { why }) => {
                Standing::Unsettled(format!("the tree is not what its lockfiles ask for: {why}"))
            }
            (standing, _) => standing,
        }),
    }
}

fn not_shown(since: &str, proof: &Proof) -> String {
    let cause = match proof {
        Proof::NotCurrent { why } => format!("the tree is not what its lockfiles ask for: {why}"),
        Proof::Unknown { why } => format!("nothing shows that it is current for the new key: {why}"),
        Proof::Current => "the run was not a success with these inputs".to_owned(),
    };
    format!("nothing changed {since}, and {cause}")
}

#[cfg(test)]
mod tests {
    use sci_hasher::Ladder;
    use sci_store_api::{ObjectId, SnapshotId};

    use super::*;

    fn before(key: &[u8], restored: Option<bool>) -> BeforePath {
        BeforePath {
            name: "p".into(),
            instance: "p".into(),
            ladder: Some(Ladder::from_rungs([Digest::of(key); 7])),
            restored: restored.map(|_| (SnapshotId::of(b"s"), ObjectId::of(b"m"))),
            exact: restored == Some(true),
            ..BeforePath::default()
        }
    }

    fn unknown() -> Proof {
        Proof::Unknown { why: "no check".into() }
    }

    fn reason(standing: Standing) -> String {
        match standing {
            Standing::Settled => "settled".to_owned(),
            Standing::Unsettled(reason) => reason,
        }
    }

    #[test]
    fn settled_needs_a_plan_a_success_and_the_same_key() {
        let key = Digest::of(b"k");
        let (well, failed) = (Run::default(), Run { failed: true, disturbed: None });
        assert_eq!(standing(Some(&before(b"k", None)), key, well), Standing::Settled);
        assert_eq!(reason(standing(Some(&before(b"k", None)), key, failed)), "the run failed");
        let disturbed = Run { disturbed: Some("another was here"), ..well };
        assert_eq!(reason(standing(Some(&before(b"k", None)), key, disturbed)), "another was here");
        assert_eq!(reason(standing(Some(&before(b"x", None)), key, well)), "its inputs changed during the run");
        assert!(reason(standing(None, key, well)).starts_with("nothing was planned"));
    }

    #[test]
    fn an_unchanged_tree_is_never_put_under_a_new_key_without_proof() {
        let nearest = before(b"k", Some(false));
        let of = |policy, proof| decide(policy, Some(&nearest), Standing::Settled, true, &proof);
        assert_eq!(of(SavePolicy::WhenChanged, Proof::Current), Decision::Save(Standing::Settled));
        assert!(matches!(of(SavePolicy::WhenChanged, unknown()), Decision::Skip(_)));
        assert!(matches!(of(SavePolicy::WhenChanged, Proof::NotCurrent { why: "x".into() }), Decision::Skip(_)));
        assert!(matches!(of(SavePolicy::Always, unknown()), Decision::Save(Standing::Unsettled(_))));
        let failed = decide(
            SavePolicy::WhenChanged,
            Some(&nearest),
            Standing::Unsettled("the run failed".into()),
            true,
            &Proof::Current,
        );
        assert!(matches!(failed, Decision::Skip(_)));
    }

    #[test]
    fn an_exact_tree_is_saved_again_only_when_it_changed() {
        let exact = before(b"k", Some(true));
        let of = |policy, unchanged| decide(policy, Some(&exact), Standing::Settled, unchanged, &unknown());
        assert!(matches!(of(SavePolicy::WhenChanged, true), Decision::Skip(_)));
        assert_eq!(of(SavePolicy::WhenChanged, false), Decision::Save(Standing::Settled));
        assert_eq!(of(SavePolicy::Always, true), Decision::Save(Standing::Settled));
    }

    #[test]
    fn a_check_that_contradicts_a_success_unsettles_it() {
        let miss = before(b"k", None);
        let decision = decide(
            SavePolicy::WhenChanged,
            Some(&miss),
            Standing::Settled,
            false,
            &Proof::NotCurrent { why: "no a".into() },
        );
        let Decision::Save(Standing::Unsettled(reason)) = decision else { panic!("{decision:?}") };
        assert!(reason.ends_with("no a"));
    }

    #[test]
    fn what_stood_there_before_a_miss_is_not_taken_for_the_runs_work() {
        let miss = before(b"k", None);
        let of = |unchanged, proof| decide(SavePolicy::WhenChanged, Some(&miss), Standing::Settled, unchanged, &proof);
        assert_eq!(of(false, unknown()), Decision::Save(Standing::Settled));
        assert_eq!(of(true, Proof::Current), Decision::Save(Standing::Settled));
        assert!(matches!(of(true, unknown()), Decision::Save(Standing::Unsettled(_))));
    }

    #[test]
    fn policies_skip_before_anything_is_scanned() {
        assert!(skipped_by_policy(SavePolicy::Never, false).is_some());
        assert!(skipped_by_policy(SavePolicy::OnSuccess, true).is_some());
        assert!(skipped_by_policy(SavePolicy::OnSuccess, false).is_none());
        assert!(skipped_by_policy(SavePolicy::WhenChanged, true).is_none());
    }
}
