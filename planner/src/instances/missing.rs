//! Words for patterns that match nothing.

use sci_hasher::InputClass;

use crate::config::{Declaration, Errors, Origin};
use crate::inputs::{Cause, DirGlob, InputPattern, Missing};

/// Notes a pattern that must match and does not; `instance` tells which of several instances lacks it.
pub(super) fn refuse(
    declaration: &Declaration,
    class: InputClass,
    missing: &Missing<'_>,
    instance: Option<&str>,
    errors: &mut Errors<'_>,
) {
    let text = missing.pattern.text();
    let whose = match (&declaration.origin, instance) {
        (Origin::Preset { name, .. }, _) => format!(" (path `{}` of preset `{name}`)", declaration.name.value),
        (Origin::Workspace, Some(instance)) => format!(" for `{instance}`"),
        (Origin::Workspace, None) => String::new(),
    };
    let (what, hint) = told(missing.pattern, &missing.cause);
    errors.push_with_hint(missing.pattern.span(), format!("`{text}` in `{class}` {what}{whose}"), hint);
}

/// Notes a path whose base matches no directory that could hold an instance.
pub(super) fn refuse_no_instance(declaration: &Declaration, base: &DirGlob, errors: &mut Errors<'_>) {
    let path = declaration.path.value.text();
    let whose = match &declaration.origin {
        Origin::Preset { name, .. } => format!(" (path `{}` of preset `{name}`)", declaration.name.value),
        Origin::Workspace => String::new(),
    };
    let needed = declaration.lockfiles.iter().find(|pattern| !pattern.is_optional() && !pattern.is_exclusion());
    let needed = needed.map(|pattern| format!(" and the `{}` that it needs", pattern.text())).unwrap_or_default();
    let hint = match &declaration.beside {
        Some(file) => format!("no directory that matches `{}` has a {file}{needed}", base.text()),
        None => format!("no directory matches `{}` and has the inputs that must be there", base.text()),
    };
    errors.push_with_hint(
        &declaration.path.span,
        format!("`{path}` matches nothing{whose}"),
        format!("{hint}; if that is right, set optional = true"),
    );
}

fn told(pattern: &InputPattern, cause: &Cause) -> (String, String) {
    let text = pattern.text();
    match cause {
        Cause::Nothing if pattern.member().is_some() => {
            ("matches nothing".to_owned(), "if there may be no such file, add optional = true".to_owned())
        }
        Cause::Nothing => (
            "matches nothing".to_owned(),
            format!(
                "patterns match files that .gitignore does not exclude; if there may be none, write {{ pattern = \"{text}\", optional = true }}"
            ),
        ),
        Cause::Directory => {
            ("is a directory".to_owned(), format!("write `{}/**` for the files in it", text.trim_end_matches('/')))
        }
        Cause::Output(path) => (
            format!("looks into the workspace path `{path}`"),
            "what a path holds is no input: name what it is made from".to_owned(),
        ),
        Cause::Excluded => {
            ("matches only what an exclusion takes out again".to_owned(), "narrow the `!` pattern".to_owned())
        }
        Cause::Submodule(path) => {
            let path = String::from_utf8_lossy(path);
            (
                format!("looks into the submodule `{path}`, which is not checked out"),
                format!("run `git submodule update --init {path}`, or exclude it with \"!{path}\""),
            )
        }
        Cause::Pointer(path) => {
            let path = String::from_utf8_lossy(path);
            (
                format!("matches `{path}`, a Git LFS pointer whose content was not fetched"),
                format!("run `git lfs pull`, or exclude it with \"!{path}\""),
            )
        }
    }
}
