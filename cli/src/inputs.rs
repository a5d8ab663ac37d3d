//! The difference of two sets of inputs, for people: class by class, bounded, package changes with both versions.

use sci_planner::{Change, InputChange, InputDiff, NotedPackage, PackageDiff, PackageVersion, UpstreamChange};

use crate::output::Text;
use crate::output::format::{count, safe};
use crate::output::list::{PAGE, more, page};

/// Writes the difference, indented by `level`. Long lists are cut unless `all`.
pub fn render(text: &mut Text, level: usize, diff: &InputDiff, all: bool) {
    if diff.is_empty() {
        text.indented(level, "no difference");
    }
    for class in &diff.classes {
        let number = count(class.inputs.len() as u64);
        let heading = format!("{} ({number} changed)", text.style.name.paint(class.class));
        text.indented(level, heading);
        let (shown, left) = page(&class.inputs, all);
        for input in shown {
            change(text, level + 1, input, all);
        }
        if let Some(more) = more(left) {
            text.indented(level + 1, more);
        }
    }
    if !diff.upstreams.is_empty() {
        let heading = text.style.name.paint("after");
        text.indented(level, heading);
        diff.upstreams.iter().for_each(|change| upstream(text, level + 1, change));
    }
}

fn sign(text: &Text, change: Change, what: &str) -> String {
    let style = text.style;
    match change {
        Change::Added => style.good.paint(format!("+ {what}")).to_string(),
        Change::Removed => style.bad.paint(format!("- {what}")).to_string(),
        Change::Changed => style.fair.paint(format!("~ {what}")).to_string(),
    }
}

fn change(text: &mut Text, level: usize, input: &InputChange, all: bool) {
    let name = sign(text, input.change, &safe(&input.name.to_string()));
    let values = match (&input.before, &input.after) {
        (Some(before), Some(after)) if before != after => format!("  {} → {}", safe(before), safe(after)),
        // Both first lines are equal: what differs is further down in the tool's output.
        (Some(same), Some(_)) => format!("  {} (differs further down)", safe(same)),
        (Some(value), None) | (None, Some(value)) => format!("  {}", safe(value)),
        (None, None) => String::new(),
    };
    text.indented(level, format_args!("{name}{values}"));
    if let Some(packages) = &input.packages {
        self::packages(text, level + 1, packages, all);
    }
}

fn packages(text: &mut Text, level: usize, diff: &PackageDiff, all: bool) {
    if diff.is_empty() {
        text.indented(level, "the same packages, written otherwise");
        return;
    }
    let changed = diff.changed.iter().map(|package| {
        let [before, after] = [&package.before, &package.after].map(origin);
        let source = if before == after { "" } else { " (from another source)" };
        let versions = format!("{} → {}{source}", package.before.version, package.after.version);
        (Change::Changed, package.name.as_str(), versions)
    });
    let one_sided = |change: Change, packages: &'_ [NotedPackage]| -> Vec<(Change, String, String)> {
        packages.iter().map(|package| (change, package.name.clone(), package.version.clone())).collect()
    };
    let mut lines: Vec<(Change, String, String)> =
        changed.map(|(change, name, versions)| (change, name.to_owned(), versions)).collect();
    lines.extend(one_sided(Change::Added, &diff.added));
    lines.extend(one_sided(Change::Removed, &diff.removed));
    let (shown, left) = page(&lines, all);
    for (change, name, versions) in shown {
        let name = sign(text, *change, &safe(name));
        text.indented(level, format_args!("{name} {}", safe(versions)));
    }
    if let Some(more) = more(left) {
        text.indented(level, more);
    }
    if lines.len() > PAGE {
        let summary = [(diff.changed.len(), "changed"), (diff.added.len(), "added"), (diff.removed.len(), "removed")];
        let parts: Vec<String> = summary
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(n, what)| format!("{} {what}", count(*n as u64)))
            .collect();
        text.indented(level, format_args!("in all: {} packages", parts.join(", ")));
    }
}

/// Where a package comes from, without what its version alone says: npm's lockfile names the file of each version, and those of
/// git the revision.
fn origin(package: &PackageVersion) -> Option<&str> {
    let source = package.source.as_deref()?;
    let source = source.split_once('#').map_or(source, |(before, _)| before);
    let of_version = source.rsplit_once('/').filter(|(_, file)| file.contains(&package.version));
    Some(of_version.map_or(source, |(place, _)| place))
}

fn upstream(text: &mut Text, level: usize, upstream: &UpstreamChange) {
    let name = sign(text, upstream.change, &safe(&upstream.instance));
    let from = upstream.from.map(|class| format!("  differs from {class} on")).unwrap_or_default();
    text.indented(level, format_args!("{name}{from}"));
}
