//! `{ file = "pnpm-lock.yaml", member = "packages/web" }`: an entry of `lockfiles` that narrows one to a member.

use std::path::Path;

use sci_presets::lockfiles::{MemberNames, NARROWED};
use toml::de::DeTable;

use super::Declaration;
use super::error::{Errors, Located};
use super::toml::Value;
use crate::inputs::Member;

const FORM: &str = "{ file = \"pnpm-lock.yaml\", member = \"packages/web\" }";

/// The text of the pattern, and the member if it narrows. `key` is the list that the entry stands in.
pub(super) fn named(
    value: &Value<'_>,
    table: &DeTable<'_>,
    key: &str,
    errors: &mut Errors<'_>,
) -> Option<(Located<String>, Option<Member>)> {
    let [pattern, file, member] = ["pattern", "file", "member"].map(|key| table.get(key));
    match (pattern, file, member) {
        (Some(text), None, None) => Some((errors.string(text, "pattern")?, None)),
        (None, Some(file), Some(member)) if key == "lockfiles" => {
            let (file, member) = (errors.string(file, "file")?, errors.string(member, "member")?);
            let file = lockfile(file, errors)?;
            let span = member.span.clone();
            match Member::parse(member) {
                Ok(member) => Some((file, Some(member))),
                Err((message, hint)) => {
                    errors.push_with_hint(&span, message, hint);
                    None
                }
            }
        }
        (_, Some(it), _) | (_, None, Some(it)) if key != "lockfiles" => {
            let message = format!("an entry of `{key}` is not narrowed to a member");
            errors.push_with_hint(&it.span(), message, format!("only lockfiles are: lockfiles = [{FORM}]"));
            None
        }
        (None, None, None) => {
            errors.push_with_hint(&value.span(), "a pattern without `pattern`", "{ pattern = \"…\" }");
            None
        }
        (None, Some(_), None) => {
            let hint = format!("one member's part of it is {FORM}; the whole file is {{ pattern = \"…\" }}");
            errors.push_with_hint(&value.span(), "`file` without `member`", hint);
            None
        }
        (_, _, Some(_)) => {
            let hint = format!("name the one lockfile with `file`: {FORM}");
            errors.push_with_hint(&value.span(), "`member` narrows a `file`, not a pattern", hint);
            None
        }
        (Some(_), Some(file), None) => {
            errors.push_with_hint(&file.span(), "`pattern` and `file` in one entry", "keep one of them");
            None
        }
    }
}

fn lockfile(file: Located<String>, errors: &mut Errors<'_>) -> Option<Located<String>> {
    if file.value.contains(['*', '?', '[', '{', '!', '\\']) {
        let message = format!("`file` names one file, and `{}` is a pattern", file.value);
        errors.push_with_hint(&file.span, message, "write one entry for each lockfile");
        return None;
    }
    if MemberNames::of(Path::new(&file.value)).is_none() {
        let message = format!("`{}` cannot be narrowed to a member", file.value);
        let hint = format!("{} can; any other counts whole: {{ pattern = \"…\" }}", NARROWED.join(", "));
        errors.push_with_hint(&file.span, message, hint);
        return None;
    }
    Some(file)
}

/// Refuses members that name no single directory, now that the path's base is known.
pub(super) fn check(declaration: &Declaration, errors: &mut Errors<'_>) {
    for member in declaration.lockfiles.iter().filter_map(|pattern| pattern.member()).filter(|member| member.is_glob())
    {
        let message = format!("`member` names one directory, and `{}` is a glob", member.text());
        let hint = match declaration.path.value.base() {
            Some(base) => format!("the directory of each instance is `.`, or `{}`", base.text()),
            None => "where `path` has a glob, `.` is the directory of each instance".to_owned(),
        };
        errors.push_with_hint(member.span(), message, hint);
    }
}
