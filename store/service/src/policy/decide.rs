//! The decision table.

use sci_store_api::{Registration, Scope, ScopeClass};

use super::{Event, Identity};

/// What a run may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Where it writes; nowhere when absent.
    pub write: Option<Scope>,
    /// Where it reads, in the order of resolve.
    pub read: Vec<Scope>,
}

/// Why a run may do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Another issuer speaks for the repository.
    #[error("another issuer speaks for this repository")]
    Issuer,
    /// The repository has changed hands.
    #[error("the repository belongs to another owner than the registered one")]
    Owner,
    /// The event can be caused by somebody who may not write, or is not known.
    #[error("runs of this event have no access: what starts them is not trusted")]
    Event,
    /// A pull request's job whose reference is not that of its merge.
    #[error("a pull request has access only as refs/pull/<number>/merge")]
    PullRequest,
    /// A timetable or a manual start on a reference that is not trusted.
    #[error("a scheduled or manual run has access only on a trusted, protected branch")]
    Untrusted,
    /// A release outside the registered environments and workflows.
    #[error("a release has access only with a registered environment and workflow")]
    Release,
    /// What a self-hosted runner may not do.
    #[error("this repository does not let self-hosted runners make releases")]
    SelfHosted,
    /// The reference cannot be a scope.
    #[error("the reference cannot be the name of a scope")]
    Reference,
}

/// Decides what the identity may do in the repository that an administrator registered.
///
/// # Errors
/// [`Denial`] when it may do nothing at all.
pub fn decide(identity: &Identity, registration: &Registration) -> Result<Grant, Denial> {
    if identity.issuer != registration.issuer {
        return Err(Denial::Issuer);
    }
    if identity.owner != registration.owner || identity.repository != registration.repository {
        return Err(Denial::Owner);
    }
    let run = Run { identity, registration };
    match identity.event {
        Event::Push if !identity.is_branch => run.release(),
        Event::Release => run.release(),
        Event::Push if run.is_trusted() => run.trusted(),
        Event::Push => run.branch(),
        Event::Schedule if run.is_trusted() => run.trusted(),
        Event::WorkflowDispatch if run.is_trusted() => run.dispatch(),
        Event::Schedule | Event::WorkflowDispatch => Err(Denial::Untrusted),
        Event::MergeGroup => run.queue(),
        Event::PullRequest => run.pull_request(),
        Event::Other => Err(Denial::Event),
    }
}

/// One identity before one registration.
struct Run<'a> {
    identity: &'a Identity,
    registration: &'a Registration,
}

impl Run<'_> {
    fn is_trusted(&self) -> bool {
        self.identity.is_branch && self.identity.protected && self.is_listed(&self.identity.reference)
    }

    fn is_listed(&self, reference: &str) -> bool {
        self.registration.trusted_refs.iter().any(|listed| listed == reference)
    }

    /// Whether the machine may write more than a branch's scope.
    const fn is_capped(&self) -> bool {
        self.identity.self_hosted && !self.registration.self_hosted_trusted
    }

    fn trusted(&self) -> Result<Grant, Denial> {
        if self.is_capped() {
            return self.branch();
        }
        let own = scope(ScopeClass::Trusted, &self.identity.reference)?;
        Ok(Grant { read: vec![own.clone()], write: Some(own) })
    }

    fn branch(&self) -> Result<Grant, Denial> {
        self.own(ScopeClass::Branch, &self.identity.reference, [Some(self.default_trusted()?), None])
    }

    fn dispatch(&self) -> Result<Grant, Denial> {
        let own = scope(ScopeClass::Trusted, &self.identity.reference)?;
        let writes = self.registration.dispatch_writes && !self.is_capped();
        Ok(Grant { write: writes.then(|| own.clone()), read: vec![own] })
    }

    fn queue(&self) -> Result<Grant, Denial> {
        let class = if self.is_capped() { ScopeClass::Branch } else { ScopeClass::Queue };
        let base = self.identity.queue_base.as_ref().map(|base| format!("refs/heads/{base}"));
        let base = base.filter(|base| self.is_listed(base));
        let base = base.map(|base| scope(ScopeClass::Trusted, &base)).transpose()?;
        self.own(class, &self.identity.reference, [base, None])
    }

    fn pull_request(&self) -> Result<Grant, Denial> {
        let number = self.identity.pull_request.ok_or(Denial::PullRequest)?;
        let base = self.identity.base.as_ref().map(|base| format!("refs/heads/{base}"));
        let base = base.map(|base| {
            let class = if self.is_listed(&base) { ScopeClass::Trusted } else { ScopeClass::Branch };
            scope(class, &base)
        });
        self.own(ScopeClass::Pr, &number.to_string(), [base.transpose()?, Some(self.default_trusted()?)])
    }

    fn release(&self) -> Result<Grant, Denial> {
        let listed = |list: &[String], name: &Option<String>| name.as_ref().is_some_and(|name| list.contains(name));
        let policy = &self.registration.release;
        let tag = self.identity.reference.strip_prefix("refs/tags/").ok_or(Denial::Release)?;
        if !listed(&policy.environments, &self.identity.environment)
            || !listed(&policy.workflow_refs, &self.identity.workflow)
        {
            return Err(Denial::Release);
        }
        if self.is_capped() {
            return Err(Denial::SelfHosted);
        }
        let trusted = if policy.reads_trusted { Some(self.default_trusted()?) } else { None };
        self.own(ScopeClass::Release, tag, [trusted, None])
    }

    fn default_trusted(&self) -> Result<Scope, Denial> {
        scope(ScopeClass::Trusted, &self.registration.default_ref)
    }

    /// Writes its own scope, and reads that before the others.
    fn own(&self, class: ScopeClass, reference: &str, further: [Option<Scope>; 2]) -> Result<Grant, Denial> {
        let own = scope(class, reference)?;
        let mut read = vec![own.clone()];
        for scope in further.into_iter().flatten() {
            if !read.contains(&scope) {
                read.push(scope);
            }
        }
        Ok(Grant { write: Some(own), read })
    }
}

fn scope(class: ScopeClass, reference: &str) -> Result<Scope, Denial> {
    Scope::new(class, reference).map_err(|_| Denial::Reference)
}
