//! `after`: every target exists, and the order has no cycle.

use std::collections::{BTreeMap, BTreeSet};

use super::Declaration;
use super::error::{Errors, listed, nearest};

/// Orders the declarations so that each stands after those it names, otherwise by name. `names` are all that may be named.
///
/// Notes unknown targets and each cycle; the order is then meaningless and the caller has errors to report.
pub(super) fn order(
    declarations: Vec<Declaration>,
    names: &BTreeSet<String>,
    errors: &mut Errors<'_>,
) -> Vec<Declaration> {
    refuse_unknown(&declarations, names, errors);
    let mut waiting: BTreeMap<String, Declaration> =
        declarations.into_iter().map(|declaration| (declaration.name.value.clone(), declaration)).collect();
    let mut ordered = Vec::new();
    while let Some(name) = next_ready(&waiting) {
        ordered.extend(waiting.remove(&name));
    }
    if let Some((name, _)) = waiting.first_key_value() {
        refuse_cycle(name, &waiting, errors);
    }
    ordered
}

fn refuse_unknown(declarations: &[Declaration], names: &BTreeSet<String>, errors: &mut Errors<'_>) {
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    for declaration in declarations {
        if errors.is_full() {
            return;
        }
        for target in declaration.after.iter().filter(|target| !known.contains(&target.value.as_str())) {
            let hint = match nearest(&target.value, known.iter().copied()) {
                Some(candidate) => format!("did you mean `{candidate}`?"),
                None => format!("declared paths are {}", listed(&known)),
            };
            let message = format!("`after` names `{}`, which is not a declared path", target.value);
            errors.push_with_hint(&target.span, message, hint);
        }
    }
}

/// The first name all of whose upstreams are placed (or unknown).
fn next_ready(waiting: &BTreeMap<String, Declaration>) -> Option<String> {
    let ready = |declaration: &Declaration| !declaration.after.iter().any(|target| waiting.contains_key(&target.value));
    waiting.iter().find(|(_, declaration)| ready(declaration)).map(|(name, _)| name.clone())
}

/// Every waiting path has a waiting upstream, so following the first one ends in a cycle.
fn refuse_cycle(start: &str, waiting: &BTreeMap<String, Declaration>, errors: &mut Errors<'_>) {
    let mut walked: Vec<&Declaration> = Vec::new();
    let mut current = waiting.get(start);
    while let Some(declaration) = current {
        if let Some(entry) = walked.iter().position(|seen| seen.name.value == declaration.name.value) {
            let mut chain: Vec<&str> = walked[entry..].iter().map(|seen| seen.name.value.as_str()).collect();
            chain.push(&declaration.name.value);
            let closing =
                walked.last().and_then(|last| last.after.iter().find(|target| target.value == declaration.name.value));
            let span = closing.map_or(&declaration.name.span, |target| &target.span);
            errors.push_with_hint(
                span,
                format!("`after` is a cycle: {}", chain.join(" → ")),
                "remove one of its steps",
            );
            return;
        }
        walked.push(declaration);
        current = declaration.after.iter().find_map(|target| waiting.get(&target.value));
    }
}
