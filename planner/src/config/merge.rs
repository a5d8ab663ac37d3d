//! Presets and `[path.…]` tables become declarations: what a table says replaces what the preset says, key by key.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use sci_hasher::InputClass;
use sci_presets::{Beside, Members, PathSpec, Pattern, Preset, Prune, RestorePolicy, SavePolicy};

use super::error::{Errors, Located, suggest};
use super::read::{Document, PathTable};
use super::{Declaration, DeclaredPath, EnvInput, Origin, ToolInput, narrow};
use crate::glob::{self, Separator};
use crate::inputs::InputPattern;

/// A path that a preset declares, and where sci.toml names that preset.
struct FromPreset {
    preset: &'static Preset,
    spec: &'static PathSpec,
    span: Range<usize>,
}

/// Makes the declarations of a document, in byte order of their names; and the names of those that were refused as well, so
/// that nobody is told that they do not exist.
pub(super) fn declarations(document: &mut Document, errors: &mut Errors<'_>) -> (Vec<Declaration>, BTreeSet<String>) {
    let mut specs = preset_paths(&document.presets, errors);
    let tables = document.paths.iter().map(|table| table.name.value.clone());
    let names = specs.keys().map(|name| (*name).to_owned()).chain(tables).collect();
    let mut merged = Vec::new();
    for table in std::mem::take(&mut document.paths) {
        let spec = specs.remove(table.name.value.as_str());
        merged.extend(overridden(table, spec, &document.presets, errors));
    }
    merged.extend(specs.into_iter().filter_map(|(name, spec)| inherited(name, &spec, errors)).map(finished));
    merged.sort_by(|left, right| left.name.value.cmp(&right.name.value));
    (merged, names)
}

fn preset_paths(named: &[Located<String>], errors: &mut Errors<'_>) -> BTreeMap<&'static str, FromPreset> {
    let mut paths: BTreeMap<&'static str, FromPreset> = BTreeMap::new();
    for (index, name) in named.iter().enumerate() {
        // One that stands twice was told already.
        if named[..index].iter().any(|earlier| earlier.value == name.value) {
            continue;
        }
        let Some(preset) = Preset::get(&name.value) else {
            let known: Vec<&str> = Preset::all().iter().map(|preset| preset.name.as_str()).collect();
            errors.push_with_hint(&name.span, format!("unknown preset `{}`", name.value), suggest(&name.value, &known));
            continue;
        };
        for (path, spec) in &preset.paths {
            let declared = FromPreset { preset, spec, span: name.span.clone() };
            let Some(other) = paths.insert(path, declared) else { continue };
            if other.preset.name != preset.name {
                errors.push_with_hint(
                    &name.span,
                    format!("presets `{}` and `{}` both declare the path `{path}`", other.preset.name, preset.name),
                    "keep the one whose tool installs it",
                );
            }
        }
    }
    paths
}

/// A preset's path that no table mentions.
fn inherited(name: &str, from: &FromPreset, errors: &mut Errors<'_>) -> Option<Declaration> {
    let spec = from.spec;
    let path = DeclaredPath::parse(&from.locate(&spec.path), errors)?;
    Some(Declaration {
        name: Located::new(name.to_owned(), from.span.clone()),
        origin: from.origin(),
        elsewhere: spec.elsewhere.clone(),
        beside: spec.beside.clone(),
        configs: from.patterns(&spec.configs, errors),
        lockfiles: from.patterns(&spec.lockfiles, errors),
        sources: from.patterns(&spec.sources, errors),
        env: from.env(),
        tools: from.tools(),
        exclude: spec.exclude.clone(),
        after: from.located(&spec.after),
        optional: spec.optional,
        restore: spec.restore,
        matching: spec.matching,
        save: spec.save,
        replay: spec.replay,
        absolute_root: spec.absolute_root,
        system_release: spec.system_release,
        check: spec.check,
        shared: spec.shared,
        members: spec.members,
        prune: spec.prune,
        path: Located::new(path, from.span.clone()),
    })
}

/// A table's path, on top of a preset's when there is one of that name.
fn overridden(
    table: PathTable,
    from: Option<FromPreset>,
    named: &[Located<String>],
    errors: &mut Errors<'_>,
) -> Option<Declaration> {
    let base = match &from {
        Some(from) => inherited(&table.name.value, from, errors)?,
        None => bare(&table, named, errors)?,
    };
    let (path, elsewhere) = match &table.path {
        Some(Some(text)) => (Located::new(DeclaredPath::parse(text, errors)?, text.span.clone()), Vec::new()),
        Some(None) => return None,
        None => (base.path, base.elsewhere),
    };
    let beside = table.beside.map(|files| checked_beside(files, errors));
    if let Some(file) = beside.iter().flatten().next().filter(|_| path.value.base().is_none()) {
        errors.push_with_hint(
            &file.span,
            format!("`beside` has no meaning for `{}`, which is one directory", path.value.text()),
            "it marks the directories that have an instance, where `path` has a glob",
        );
    }
    let exclude = table.exclude.map_or(base.exclude, |globs| checked_exclude(globs, errors));
    let declaration = Declaration {
        name: table.name,
        origin: base.origin,
        elsewhere,
        path,
        beside: beside.map(|files| Beside(files.into_iter().map(|file| file.value).collect())).or(base.beside),
        configs: table.configs.unwrap_or(base.configs),
        lockfiles: table.lockfiles.unwrap_or(base.lockfiles),
        sources: table.sources.unwrap_or(base.sources),
        env: table.env.unwrap_or(base.env),
        tools: table.tools.unwrap_or(base.tools),
        exclude,
        after: table.after.unwrap_or(base.after),
        optional: table.optional.unwrap_or(base.optional),
        restore: table.restore.unwrap_or(base.restore),
        matching: table.matching.unwrap_or(base.matching),
        save: table.save.unwrap_or(base.save),
        replay: table.replay.unwrap_or(base.replay),
        absolute_root: table.absolute_root.unwrap_or(base.absolute_root),
        system_release: table.system_release.unwrap_or(base.system_release),
        check: table.check.or(base.check),
        shared: table.shared.or(base.shared),
        members: table.members.unwrap_or(base.members),
        prune: table.prune.unwrap_or(base.prune),
    };
    let declaration = finished(declaration);
    narrow::check(&declaration, errors);
    Some(declaration)
}

/// What a table that stands alone starts from; it must say where its path is.
fn bare(table: &PathTable, named: &[Located<String>], errors: &mut Errors<'_>) -> Option<Declaration> {
    let Some(path) = &table.path else {
        let hint = match preset_with(&table.name.value) {
            Some(preset) if !named.iter().any(|name| name.value == preset.name) => {
                format!(
                    "preset `{0}` declares it: add \"{0}\" to `presets`, or say where it is with `path`",
                    preset.name
                )
            }
            _ => "say where it is with `path`".to_owned(),
        };
        errors.push_with_hint(&table.name.span, format!("[path.{}] has no `path`", table.name.value), hint);
        return None;
    };
    let text = path.as_ref()?;
    Some(Declaration {
        name: table.name.clone(),
        origin: Origin::Workspace,
        elsewhere: Vec::new(),
        path: Located::new(DeclaredPath::parse(text, errors)?, text.span.clone()),
        beside: None,
        configs: Vec::new(),
        lockfiles: Vec::new(),
        sources: Vec::new(),
        env: Vec::new(),
        tools: Vec::new(),
        exclude: Vec::new(),
        after: Vec::new(),
        optional: false,
        restore: RestorePolicy::default(),
        matching: InputClass::Tools,
        save: SavePolicy::default(),
        replay: false,
        absolute_root: false,
        system_release: false,
        check: None,
        shared: None,
        members: Members::default(),
        prune: Prune::default(),
    })
}

fn preset_with(path: &str) -> Option<&'static Preset> {
    Preset::all().iter().find(|preset| preset.paths.contains_key(path))
}

/// What depends on the whole declaration: patterns bound to the base, optional inputs, excludes in byte order.
fn finished(mut declaration: Declaration) -> Declaration {
    let base = declaration.path.value.base().cloned();
    let files = [&mut declaration.configs, &mut declaration.lockfiles, &mut declaration.sources];
    for pattern in files.into_iter().flatten() {
        if let Some(base) = &base {
            pattern.bind(base);
        }
        if declaration.optional {
            pattern.make_optional();
        }
    }
    declaration.exclude.sort_unstable();
    declaration
}

fn checked_exclude(globs: Vec<Located<String>>, errors: &mut Errors<'_>) -> Vec<String> {
    let mut kept = Vec::new();
    for glob in globs {
        if glob.value.starts_with(['!', '/', '~']) || glob.value.split('/').any(|component| component == "..") {
            let message = format!("`{}` is not a glob below the path", glob.value);
            errors.push_with_hint(&glob.span, message, "`exclude` is relative to the workspace path itself");
        } else if let Err(error) = glob::compile(&[&glob.value], Separator::Literal) {
            errors.push(&glob.span, format!("`{}` is not a valid glob: {error}", glob.value));
        } else {
            kept.push(glob.value);
        }
    }
    kept
}

fn checked_beside(files: Vec<Located<String>>, errors: &mut Errors<'_>) -> Vec<Located<String>> {
    let mut kept = Vec::new();
    for file in files {
        if file.value.contains(['/', '*', '?', '[', '{']) || matches!(file.value.as_str(), "." | "..") {
            errors.push(&file.span, format!("`beside` names a file in the instance's directory, not `{}`", file.value));
        } else {
            kept.push(file);
        }
    }
    kept
}

impl FromPreset {
    fn origin(&self) -> Origin {
        Origin::Preset { name: self.preset.name.clone(), version: self.preset.version }
    }

    fn locate(&self, text: &str) -> Located<String> {
        Located::new(text.to_owned(), self.span.clone())
    }

    fn located(&self, texts: &[String]) -> Vec<Located<String>> {
        texts.iter().map(|text| self.locate(text)).collect()
    }

    fn tools(&self) -> Vec<ToolInput> {
        // The presets' own tests split every command.
        let split = |command: &String| shell_words::split(command).unwrap_or_default();
        self.spec.tools.iter().map(|text| ToolInput { command: self.locate(text), argv: split(text) }).collect()
    }

    fn env(&self) -> Vec<EnvInput> {
        let input = |var: &sci_presets::EnvVar| EnvInput { name: self.locate(&var.name), show: var.show };
        self.spec.env.iter().map(input).collect()
    }

    fn patterns(&self, patterns: &[Pattern], errors: &mut Errors<'_>) -> Vec<InputPattern> {
        let mut compiled = Vec::new();
        for pattern in patterns {
            match InputPattern::parse(self.locate(&pattern.to_string()), pattern.optional, pattern.search) {
                Ok(pattern) => compiled.push(pattern),
                Err(refused) => errors.push_with_hint(&refused.span, refused.message, refused.hint),
            }
        }
        compiled
    }
}
