//! The parts of lockfiles that members reach.
//!
//! What is wrong with a lockfile that sci.toml narrows is an error of that entry, as is a pattern that matches nothing: a plan
//! that counted the whole file instead would be right, but nobody would see that it is not what was asked for.

use std::collections::BTreeMap;

use sci_hasher::InputName;
use sci_presets::lockfiles::{Closure, Graph, LockfileError, NarrowError};

use crate::Host;
use crate::config::{Errors, suggest};
use crate::inputs::{EntryId, Hashes, Tree, UnreadableInput, to_path};
use crate::instances::{Instance, Narrowed};
use crate::packages::MAX_BYTES;

/// The member that an input of the class `lockfiles` is narrowed to, by the input's name; `None` when it is a whole file.
pub fn member_of(name: &InputName) -> Option<String> {
    let name = name.as_bytes();
    let at = name.windows(2).position(|window| window == b"//")?;
    Some(String::from_utf8_lossy(&name[at + 2..]).into_owned())
}

/// What was asked for and could be found.
#[derive(Debug, Default)]
pub(crate) struct Closures(BTreeMap<(EntryId, String), Result<Closure, UnreadableInput>>);

/// What keeps a part from being known.
enum Unknown {
    /// The file could not be read: the path has no key.
    Unread(UnreadableInput),
    /// What sci.toml says of it does not hold.
    Refused(String, String),
}

impl From<UnreadableInput> for Unknown {
    fn from(unread: UnreadableInput) -> Self {
        Self::Unread(unread)
    }
}

impl Closures {
    /// Reads each lockfile once, for all members.
    pub(crate) fn of(
        instances: &[Instance<'_>],
        host: &Host,
        tree: &Tree,
        hashes: &Hashes<'_>,
        errors: &mut Errors<'_>,
    ) -> Self {
        let mut wanted: Vec<&Narrowed<'_>> = instances.iter().flat_map(|instance| &instance.narrowed).collect();
        wanted.sort_by_key(|narrowed| narrowed.lockfile);
        let mut closures = Self::default();
        for of_one_lockfile in wanted.chunk_by(|left, right| left.lockfile == right.lockfile) {
            let lockfile = of_one_lockfile[0].lockfile;
            let path = String::from_utf8_lossy(tree.entry(lockfile).path);
            let graph = graph(tree, hashes, lockfile);
            // Its settings lie beside the lockfile, so they are the same for all members.
            let hoisted = asked_for_hoisted(host, tree, hashes, of_one_lockfile[0]);
            for narrowed in of_one_lockfile {
                let closure = match &graph {
                    Ok(Ok(graph)) => refuse_hoisted(&hoisted, tree, narrowed)
                        .and_then(|()| closure(tree, hashes, graph, narrowed, &path)),
                    Ok(Err(error)) => Err(Unknown::Refused(format!("`{path}` {error}"), hint(error))),
                    Err(unread) => Err(Unknown::Unread(unread.clone())),
                };
                let closure = match closure {
                    Ok(closure) => Ok(closure),
                    Err(Unknown::Unread(unread)) => Err(unread),
                    Err(Unknown::Refused(message, hint)) => {
                        errors.push_with_hint(narrowed.member.span(), message, hint);
                        continue;
                    }
                };
                closures.0.insert((lockfile, narrowed.directory.clone()), closure);
            }
        }
        closures
    }

    /// What the member reaches.
    pub(crate) fn get(&self, narrowed: &Narrowed<'_>) -> Result<&Closure, UnreadableInput> {
        match self.0.get(&(narrowed.lockfile, narrowed.directory.clone())) {
            Some(Ok(closure)) => Ok(closure),
            Some(Err(unread)) => Err(unread.clone()),
            None => Err(UnreadableInput { reason: "the lockfile was not narrowed".to_owned() }),
        }
    }
}

fn graph(tree: &Tree, hashes: &Hashes<'_>, id: EntryId) -> Result<Result<Graph, NarrowError>, UnreadableInput> {
    let size = usize::try_from(hashes.get(id)?.size).unwrap_or(usize::MAX);
    if size > MAX_BYTES {
        return Ok(Err(LockfileError::TooLarge { size }.into()));
    }
    Ok(Graph::read(to_path(tree.entry(id).path), &hashes.content(id)?))
}

/// Refuses to narrow what pnpm lays out as npm does: then where a package of one member is depends on all the others, and
/// pnpm's lockfile, unlike npm's, does not say where. At the root everything counts anyway.
fn refuse_hoisted(
    hoisted: &Result<Option<String>, UnreadableInput>,
    tree: &Tree,
    narrowed: &Narrowed<'_>,
) -> Result<(), Unknown> {
    if narrowed.below_lockfile(tree) == Some(".") {
        return Ok(());
    }
    let Some(who) = hoisted.clone()? else { return Ok(()) };
    let message = format!("`{who}` asks pnpm for the hoisted layout, in which every member depends on all others");
    Err(Unknown::Refused(message, "name the lockfile without `member`, and the whole file counts".to_owned()))
}

/// The file or variable that asks pnpm for the hoisted layout; none for any other lockfile.
fn asked_for_hoisted(
    host: &Host,
    tree: &Tree,
    hashes: &Hashes<'_>,
    narrowed: &Narrowed<'_>,
) -> Result<Option<String>, UnreadableInput> {
    if !tree.entry(narrowed.lockfile).path.ends_with(b"pnpm-lock.yaml") {
        return Ok(None);
    }
    let variable = host.env.iter().find(|(name, value)| {
        let name = name.to_string_lossy().to_lowercase();
        name.ends_with("npm_config_node_linker") && *value == "hoisted"
    });
    let mut who = variable.map(|(name, _)| name.to_string_lossy().into_owned());
    for file in &narrowed.settings {
        let content = hashes.content(*file)?;
        if String::from_utf8_lossy(&content).lines().any(asks_for_hoisted) {
            who = Some(String::from_utf8_lossy(tree.entry(*file).path).into_owned());
        }
    }
    Ok(who)
}

/// A line of `.npmrc` or pnpm-workspace.yaml.
fn asks_for_hoisted(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    let set = ["node-linker", "nodelinker", "\"nodelinker", "'nodelinker"].iter().any(|name| line.starts_with(name));
    set && line.contains("hoisted")
}

fn closure(
    tree: &Tree,
    hashes: &Hashes<'_>,
    graph: &Graph,
    narrowed: &Narrowed<'_>,
    path: &str,
) -> Result<Closure, Unknown> {
    let member = match narrowed.manifest {
        Some(manifest) => package_name(tree, hashes, manifest)?,
        None => match narrowed.below_lockfile(tree) {
            Some(below) => below.to_owned(),
            None => {
                let message = format!("the member `{}` is not below the directory of `{path}`", narrowed.directory);
                return Err(Unknown::Refused(message, "a lockfile names the members below it".to_owned()));
            }
        },
    };
    graph.closure(&member).map_err(|error| {
        let hint = match &error {
            NarrowError::NoMember { .. } => suggest(&member, &graph.members().take(LISTED).collect::<Vec<_>>()),
            other => hint(other),
        };
        Unknown::Refused(format!("`{path}` {error}"), hint)
    })
}

/// Of more members than these, only the first are suggested.
const LISTED: usize = 20;

fn hint(error: &NarrowError) -> String {
    match error {
        NarrowError::Incomplete { .. } => "bring the lockfile up to date".to_owned(),
        NarrowError::Unread(LockfileError::Malformed { .. }) => {
            "mend the lockfile, or let its tool write it".to_owned()
        }
        _ => "name it without `member`, and the whole file counts".to_owned(),
    }
}

fn package_name(tree: &Tree, hashes: &Hashes<'_>, manifest: EntryId) -> Result<String, Unknown> {
    let path = String::from_utf8_lossy(tree.entry(manifest).path);
    let nameless = || {
        let hint = "name the directory of a package; its Cargo.toml says what Cargo.lock calls it".to_owned();
        Unknown::Refused(format!("`{path}` names no package"), hint)
    };
    if hashes.get(manifest)?.size > MAX_BYTES as u64 {
        return Err(nameless());
    }
    let content = hashes.content(manifest)?;
    let table = std::str::from_utf8(&content).ok().and_then(|text| text.parse::<toml::Table>().ok());
    let name = table.as_ref().and_then(|table| table.get("package")?.get("name")?.as_str());
    name.map(str::to_owned).ok_or_else(nameless)
}
