//! The store as `sci doctor` sees it: where it is, whether it answers, whom it takes us for.

use std::path::Path;

use sci_native::Objects;
use sci_remote::Remote;
use sci_store_api::dsse::PublicKey;
use sci_store_api::session::Session;
use sci_store_api::snapshots::SnapshotQuery;

use super::{Finding, Health};
use crate::context::Context;
use crate::error::Kind;
use crate::output::format::{counted, safe};
use crate::state::run_id;
use crate::store::{self, Backend, Store, failed, remote};
use crate::workspace::Workspace;

/// A clock that is further off than this, in milliseconds, makes identities fail.
const TOLERATED: u64 = 30_000;

pub(super) fn examine(context: &Context, workspace: Option<&Workspace>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(place) = remote::place(context, workspace) {
        let run = run_id::fresh(&context.environment, context.now());
        let connected = remote::client(context, &place, &run).map_err(|error| Finding::of_error("store", &error));
        match connected.and_then(|remote| connection(&remote).map(|found| (remote, found))) {
            Err(finding) => return vec![finding],
            Ok((remote, found)) => {
                findings.push(found);
                findings.push(Finding::new("identity", Health::Good, remote.identity()));
            }
        }
    }
    match store::expect(context, workspace) {
        // Nothing is wrong before the first save.
        Err(error) if error.kind == Kind::Store => {
            let finding = Finding::new("store", Health::Fair, error.message);
            findings.push(Finding { hint: error.hint, ..finding });
            return findings;
        }
        _ => {}
    }
    match Store::open(context, workspace) {
        Ok(store) => findings.extend(opened(&store)),
        Err(_) if workspace.is_none() && context.globals.project().is_none() => {}
        Err(error) => findings.push(Finding::of_error("store", &error)),
    }
    findings
}

/// Whether the store answers at all, before anybody says who is asking.
fn connection(remote: &Remote) -> Result<Finding, Finding> {
    let health = remote.health().map_err(|error| Finding::of_error("connection", &failed(error)))?;
    let says = format!("{} answers, sci {}", remote.address(), safe(&health.version));
    Ok(Finding::new("connection", Health::Good, says))
}

fn opened(store: &Store) -> Vec<Finding> {
    let session = &store.session;
    let write = session.scope_write.as_ref().map_or_else(|| "nowhere".to_owned(), ToString::to_string);
    let read: Vec<String> = session.scopes_read.iter().map(ToString::to_string).collect();
    let mut findings = vec![
        Finding::new("store", Health::Good, format!("{} (id {})", store.place(), session.store)),
        Finding::new("project", Health::Good, safe(&store.project)),
        keys(store.keys(), session),
        Finding::new("scopes", Health::Good, format!("writes {write}, reads {}", read.join(", "))),
    ];
    match &store.backend {
        Backend::Remote(remote) => findings.extend(clock(remote)),
        Backend::Embedded(embedded) => findings.extend(bucket(embedded.objects())),
    }
    match store.snapshots(SnapshotQuery::default()) {
        Ok(all) => findings.push(Finding::new("snapshots", Health::Good, counted(all.len() as u64, "snapshot"))),
        Err(error) => findings.push(Finding::of_error("snapshots", &error)),
    }
    findings.extend(store.directory().and_then(private));
    findings
}

/// Whether the bucket of a store that has one can be used.
fn bucket(objects: &Objects) -> Option<Finding> {
    let Objects::Elsewhere(bucket) = objects else { return None };
    Some(match bucket.check() {
        Ok(()) => Finding::new("objects", Health::Good, bucket.to_string()),
        Err(error) => Finding::of_error("objects", &failed(error)),
    })
}

/// The keys that are trusted; without one of the store's own among them nothing new is ever believed.
fn keys(trusted: &[PublicKey], session: &Session) -> Finding {
    let listed = |keys: &[PublicKey]| keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let is_known = |own: &PublicKey| trusted.iter().any(|key| key.id == own.id && key.as_bytes() == own.as_bytes());
    if session.public_keys.iter().any(is_known) {
        return Finding::new("keys", Health::Good, listed(trusted));
    }
    let says =
        format!("sci.toml trusts {}, and the store signs with {}", listed(trusted), listed(&session.public_keys));
    Finding::new("keys", Health::Bad, says).hint("`sci key export` prints the store's keys where it runs")
}

fn clock(remote: &Remote) -> Option<Finding> {
    let offset = remote.clock_offset().ok()?;
    let is_near = offset.unsigned_abs() <= TOLERATED;
    let says = match (is_near, offset > 0) {
        (true, _) => "as the store's".to_owned(),
        (false, ahead) => {
            let side = if ahead { "behind" } else { "ahead of" };
            format!("{} s {side} the store's", offset.unsigned_abs() / 1_000)
        }
    };
    Some(Finding::new("clock", if is_near { Health::Good } else { Health::Fair }, says))
}

/// Windows keeps no modes: who may write a directory is not asked there.
#[cfg(windows)]
fn private(_: &Path) -> Option<Finding> {
    None
}

/// Whoever can write the store can make this user's builds run anything.
#[cfg(unix)]
fn private(directory: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(directory).ok()?.permissions().mode();
    (mode & 0o022 != 0).then(|| {
        let says = format!("other users may write {} (mode {:03o})", directory.display(), mode & 0o777);
        Finding::new("store", Health::Bad, says).hint(format!("chmod go-w {}", directory.display()))
    })
}
