//! One instance's derivation, from inputs that are all at hand.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use sci_hasher::{Derivation, Digest, Encoder, InputClass, InputName};
use sci_presets::Prune;

use crate::config::{Config, Declaration, Origin};
use crate::inputs::{EntryId, Hashes, Texts, Tree, UnreadableInput, to_path};
use crate::instances::Instance;
use crate::narrow::Closures;
use crate::plan::{Outcome, PlannedPath, Policy};
use crate::record::{Note, NotedPackage, Notes};
use crate::tools::{NoValue, ToolValues};
use crate::{Host, Keyed, NoPlace, Place, env, packages};

/// What every instance of a plan shares.
pub(crate) struct Facts<'f> {
    pub(crate) config: &'f Config,
    pub(crate) host: &'f Host,
    pub(crate) tree: &'f Tree,
    pub(crate) hashes: &'f Hashes<'f>,
    pub(crate) tools: &'f ToolValues,
    pub(crate) closures: &'f Closures,
    pub(crate) texts: &'f Texts,
    /// The packages of lockfiles that were read already: in a monorepo one lockfile serves every instance.
    pub(crate) lockfiles: RefCell<BTreeMap<EntryId, Option<Vec<NotedPackage>>>>,
}

/// Why an instance has no key.
struct Unkeyed {
    reason: String,
    hint: Option<String>,
}

impl From<NoValue> for Unkeyed {
    fn from(NoValue { reason, hint }: NoValue) -> Self {
        Self { reason, hint }
    }
}

impl From<NoPlace> for Unkeyed {
    fn from(NoPlace { reason, hint }: NoPlace) -> Self {
        Self { reason, hint: Some(hint) }
    }
}

impl From<UnreadableInput> for Unkeyed {
    fn from(UnreadableInput { reason }: UnreadableInput) -> Self {
        let hint = "let this user read it, or take it out of the inputs with a `!` pattern".to_owned();
        Self { reason: format!("an input could not be read: {reason}"), hint: Some(hint) }
    }
}

impl Facts<'_> {
    /// Plans one instance, whose upstreams are planned already.
    pub(crate) fn plan(&self, instance: &Instance<'_>, upstreams: &[&PlannedPath]) -> PlannedPath {
        let outcome = match self.derive(instance, upstreams) {
            Ok(keyed) => Outcome::Keyed(Box::new(keyed)),
            Err(Unkeyed { reason, hint }) => Outcome::Unkeyed { reason, hint },
        };
        let nowhere = |_| Place { anchor: PathBuf::new(), root: PathBuf::from(&instance.path), elsewhere: None };
        PlannedPath {
            name: instance.declaration.name.value.clone(),
            instance: instance.path.clone(),
            place: instance.place.clone().unwrap_or_else(nowhere),
            home: instance.path.starts_with("~/"),
            policy: self.policy(instance),
            upstreams: upstreams.iter().map(|upstream| upstream.instance.clone()).collect(),
            outcome,
        }
    }

    fn policy(&self, instance: &Instance<'_>) -> Policy {
        let declared = instance.declaration;
        let lockfiles = instance.files.iter().filter(|(class, _)| *class == InputClass::Lockfiles);
        // Who asks for lockfiles knows them by their names, which that of a link's target need not be; and opens the link.
        let lockfiles = lockfiles.flat_map(|(_, ids)| ids).filter(|id| !instance.led.contains(id));
        Policy {
            restore: declared.restore,
            matching: declared.matching,
            save: declared.save,
            exclude: declared.exclude.clone(),
            replay: declared.replay,
            check: declared.check,
            shared: declared.shared,
            prune: declared.prune,
            lockfiles: lockfiles.map(|id| to_path(self.tree.entry(*id).path).to_owned()).collect(),
        }
    }

    fn derive(&self, instance: &Instance<'_>, upstreams: &[&PlannedPath]) -> Result<Keyed, Unkeyed> {
        if let Err(no_place) = &instance.place {
            return Err(no_place.clone().into());
        }
        if let Some(reason) = instance.unreadable.clone() {
            return Err(UnreadableInput { reason }.into());
        }
        let mut record = Draft::default();
        self.system(instance, &mut record);
        for tool in &instance.declaration.tools {
            let value = self.tools.get(tool)?;
            let name = InputName::from(tool.command.value.as_str());
            record.noted(InputClass::Tools, name, value.digest(), Some(value.note()));
        }
        for (name, value) in env::values(&instance.declaration.env, self.host) {
            record.noted(InputClass::Env, name, value.digest, value.note);
        }
        self.files(instance, &mut record)?;
        let variant = variant(self.config, self.host);
        record.text(InputClass::Variant, "variant", &variant);
        for upstream in upstreams {
            let Some(keyed) = upstream.keyed() else {
                let reason = format!("it comes after `{}`, which has no key", upstream.instance);
                return Err(Unkeyed { reason, hint: None });
            };
            record.derivation.insert_upstream(upstream.instance.clone(), keyed.ladder);
        }
        Ok(record.finish())
    }

    fn system(&self, instance: &Instance<'_>, record: &mut Draft) {
        let declared = instance.declaration;
        let mut field = |name: &str, value: &str| record.text(InputClass::System, name, value);
        field("os", &self.host.os);
        field("arch", &self.host.arch);
        field("libc", &self.host.libc);
        field("path", &declared.name.value);
        field("instance", &instance.path);
        field("preset", &preset_name(declared));
        field("restore", declared.restore.name());
        field("match", declared.matching.name());
        field("save", declared.save.name());
        field("replay", if declared.replay { "true" } else { "false" });
        field("check", declared.check.map_or("none", |check| check.name()));
        field("shared", declared.shared.map_or("none", |shared| shared.name()));
        // Said only where something is left out: so no other key changed when the word came to be.
        if declared.prune != Prune::Never {
            field("prune", declared.prune.name());
        }
        // So is this one: sources, archives and scripts are of use under any release.
        if declared.system_release {
            field("release", &self.host.release);
        }
        let mut encoder = Encoder::new("sci v1 system exclude");
        encoder.list(&declared.exclude);
        let note = Note::Text(declared.exclude.join(", "));
        record.noted(InputClass::System, "exclude".into(), encoder.finish(), Some(note));
        if declared.absolute_root {
            use sci_sys::ffi::OsStrExt;
            let workspace = self.config.workspace.as_os_str();
            let note = Note::Text(workspace.to_string_lossy().into_owned());
            let digest = field_digest(workspace.as_bytes());
            record.noted(InputClass::System, "workspace".into(), digest, Some(note));
        }
    }

    fn files(&self, instance: &Instance<'_>, record: &mut Draft) -> Result<(), Unkeyed> {
        for (class, ids) in &instance.files {
            let mut inputs = Vec::with_capacity(ids.len());
            for id in ids {
                // What counts of it instead follows below.
                if *class == InputClass::Lockfiles && instance.narrowed.iter().any(|part| part.lockfile == *id) {
                    continue;
                }
                let entry = self.tree.entry(*id);
                if *class == InputClass::Lockfiles
                    && let Some(packages) = self.packages(*id)?
                {
                    record.notes.insert(*class, InputName::new(entry.path), Note::Packages(packages));
                }
                let digest = self.texts.input(*id).unwrap_or_else(|| self.hashes.input(*id))?;
                inputs.push((InputName::new(entry.path), digest));
            }
            record.derivation.insert_all(*class, inputs);
        }
        for part in &instance.narrowed {
            let closure = self.closures.get(part)?;
            let note = Note::Packages(packages::noted(closure.packages.clone()));
            record.noted(InputClass::Lockfiles, InputName::new(part.name(self.tree)), closure.digest, Some(note));
        }
        Ok(())
    }
}

impl Facts<'_> {
    /// The packages that a lockfile names; `None` when it is none, or too large to be read.
    fn packages(&self, id: EntryId) -> Result<Option<Vec<NotedPackage>>, UnreadableInput> {
        if let Some(known) = self.lockfiles.borrow().get(&id) {
            return Ok(known.clone());
        }
        let entry = self.tree.entry(id);
        let small = self.hashes.get(id)?.size <= packages::MAX_BYTES as u64;
        let packages = if entry.is_file() && small {
            packages::read(to_path(entry.path), || self.hashes.content(id))?
        } else {
            None
        };
        self.lockfiles.borrow_mut().insert(id, packages.clone());
        Ok(packages)
    }
}

fn preset_name(declared: &Declaration) -> String {
    match &declared.origin {
        Origin::Workspace => "none".to_owned(),
        Origin::Preset { name, version } => format!("{name} {version}"),
    }
}

/// What tells this job from others: what CI says, else what sci.toml says, else GitHub's name of the job with the values of its
/// matrix, which are in no variable of GitHub's own, or GitLab's name, which holds them.
fn variant(config: &Config, host: &Host) -> String {
    if let Some(said) = host.text_var("SCI_VARIANT").or(config.variant.as_deref()) {
        return said.to_owned();
    }
    let names: &[&str] = if host.text_var("GITHUB_ACTIONS").is_some() {
        &["GITHUB_JOB", "SCI_MATRIX"]
    } else if host.text_var("GITLAB_CI").is_some() {
        &["CI_JOB_NAME"]
    } else {
        &[]
    };
    names.iter().filter_map(|name| host.text_var(name)).collect::<Vec<_>>().join(" ")
}

fn field_digest(value: &[u8]) -> Digest {
    let mut encoder = Encoder::new("sci v1 field");
    encoder.bytes(value);
    encoder.finish()
}

/// A derivation in the making, with its notes.
#[derive(Default)]
struct Draft {
    derivation: Derivation,
    notes: Notes,
}

impl Draft {
    fn text(&mut self, class: InputClass, name: &str, value: &str) {
        self.noted(class, name.into(), field_digest(value.as_bytes()), Some(Note::Text(value.to_owned())));
    }

    fn noted(&mut self, class: InputClass, name: InputName, digest: Digest, note: Option<Note>) {
        if let Some(note) = note {
            self.notes.insert(class, name.clone(), note);
        }
        self.derivation.insert(class, name, digest);
    }

    fn finish(self) -> Keyed {
        Keyed::new(self.derivation, self.notes)
    }
}
