//! What is being put: bytes that take up room before anything says that they are the object.
//!
//! The sum that a put is admitted by leaves its own object out, because a second put of it adds nothing in the end. Meanwhile it
//! does: each put of one object has bytes of its own until it has ended, and so has each put of an object that is stored
//! already, that a record cites, or that another scope has sent since, which are charged to somebody else or to nobody. So
//! what is being put is counted here, put by put, and one scope has no more on its way at once than it may be charged for:
//! the same limits, by the same rule of whom they are held against.
//!
//! This counts bytes, and does not let in one put for each object. Of two runs that save the same thing both go on, each by its
//! own connection; who sends slowly, or only says so, is in the way of nobody whose limit is another one, least of all of a
//! trusted scope that puts the same object; and who puts many objects that cost nothing is bounded as well.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sci_store_api::{ApiError, ErrorCode, RepositoryId};

use crate::caller::Caller;
use crate::error::Error;
use crate::quota;

/// The puts of this process that have not ended. A host has few at once.
#[derive(Debug, Default)]
pub(crate) struct Unfinished {
    puts: Mutex<Vec<Put>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Put {
    repository: RepositoryId,
    /// Whom it is charged to if it is charged.
    owner: String,
    /// What was announced: what it may come to take.
    bytes: u64,
}

/// A put that is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Counted<'a> {
    among: &'a Unfinished,
    put: Put,
}

impl Unfinished {
    /// Counts a put of `size` bytes.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when it has to wait until others have ended.
    pub(crate) fn count(&self, caller: &Caller, size: u64) -> Result<Counted<'_>, Error> {
        let put = Put { repository: caller.repository.clone(), owner: quota::owner(caller), bytes: size };
        let mut puts = self.puts();
        let others = puts.iter().filter(|other| other.repository == put.repository);
        if quota::is_too_much_at_once(caller, size, others.map(|other| (other.owner.as_str(), other.bytes))) {
            let error = ApiError::new(ErrorCode::Busy, "more is being put at once than twice the quota");
            return Err(Error::Refused(error.with_hint("repeat it when something of that has arrived")));
        }
        puts.push(put.clone());
        Ok(Counted { among: self, put })
    }

    fn puts(&self) -> MutexGuard<'_, Vec<Put>> {
        self.puts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let mut puts = self.among.puts();
        // Of equal ones any is as good as another.
        if let Some(at) = puts.iter().position(|put| *put == self.put) {
            puts.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sci_store_api::repositories::Quota;

    use super::*;
    use crate::caller::Sight;

    fn caller(repository: &str, scope: Option<&str>) -> Caller {
        Caller {
            repository: repository.parse().unwrap(),
            scope_write: scope.map(|scope| scope.parse().unwrap()),
            scopes_read: Vec::new(),
            run: "run".parse().unwrap(),
            claims: BTreeMap::new(),
            is_public: false,
            sight: Sight::Scopes,
            quota: Quota { untrusted_scope: Some(50), untrusted: Some(75), repository: Some(100) },
        }
    }

    fn is_busy(counted: Result<Counted<'_>, Error>) -> bool {
        counted.is_err_and(|error| error.code() == ErrorCode::Busy)
    }

    #[test]
    fn one_scope_has_no_more_on_its_way_than_it_may_be_charged_for() {
        let unfinished = Unfinished::default();
        let of = |scope| caller("1001", Some(scope));
        let first = unfinished.count(&of("pr:1"), 60).unwrap();
        let second = unfinished.count(&of("pr:1"), 40).unwrap();
        assert!(is_busy(unfinished.count(&of("pr:1"), 1)));
        // Another one has its own limit, and all of them together have one, whoever writes to no scope included.
        let other = unfinished.count(&of("pr:2"), 50).unwrap();
        assert!(is_busy(unfinished.count(&of("branch:refs/heads/b"), 1)));
        assert!(is_busy(unfinished.count(&caller("1001", None), 1)));
        drop(first);
        let third = unfinished.count(&of("pr:1"), 60).unwrap();
        drop((second, other, third));
        assert!(unfinished.puts().is_empty());
    }

    #[test]
    fn what_others_put_is_not_held_against_a_trusted_scope_nor_against_another_repository() {
        let unfinished = Unfinished::default();
        let _others = ["pr:1", "pr:2"].map(|scope| unfinished.count(&caller("1001", Some(scope)), 75).unwrap());
        let _main = unfinished.count(&caller("1001", Some("trusted:refs/heads/main")), 200).unwrap();
        assert!(is_busy(unfinished.count(&caller("1001", Some("trusted:refs/heads/next")), 1)));
        assert!(is_busy(unfinished.count(&caller("1001", Some("pr:1")), 1)));
        assert!(unfinished.count(&caller("1002", Some("pr:1")), 100).is_ok());
    }

    #[test]
    fn what_is_untrusted_has_one_limit_and_the_repository_another() {
        let unfinished = Unfinished::default();
        let count = |scope, size| unfinished.count(&caller("1001", scope), size);
        let _nowhere = count(None, 100).unwrap();
        let first = count(Some("pr:1"), 50).unwrap();
        assert!(is_busy(count(Some("pr:2"), 1)));
        drop(first);
        let _main = count(Some("trusted:refs/heads/main"), 100).unwrap();
        let refused = count(Some("pr:2"), 1).unwrap_err();
        let Error::Refused(refused) = refused else { panic!("{refused}") };
        assert!(refused.hint.is_some_and(|hint| hint.starts_with("repeat it")));
    }

    #[test]
    fn only_the_one_that_has_ended_is_not_counted_any_more() {
        let unfinished = Unfinished::default();
        let count = |repository, scope, size| unfinished.count(&caller(repository, Some(scope)), size);
        let _others = [count("1002", "pr:1", 40).unwrap(), count("1001", "pr:2", 40).unwrap()];
        let _larger = count("1001", "pr:1", 60).unwrap();
        drop(count("1001", "pr:1", 40).unwrap());
        for (repository, scope, left) in [("1001", "pr:1", 40), ("1001", "pr:2", 60), ("1002", "pr:1", 60)] {
            assert!(is_busy(count(repository, scope, left + 1)), "{repository} {scope}");
        }
    }

    #[test]
    fn what_can_never_be_put_does_not_have_to_come_again() {
        let unfinished = Unfinished::default();
        let _first = unfinished.count(&caller("1001", Some("pr:1")), 60).unwrap();
        // It is the quota that refuses it.
        assert!(unfinished.count(&caller("1001", Some("pr:1")), 101).is_ok());
    }
}
