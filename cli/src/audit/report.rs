//! What an audit tells: the JSON shape and the human lines.

use sci_hasher::InputName;
use serde::Serialize;

use super::compare::{Findings, Used};
use super::group::{Group, group};
use crate::output::Text;
use crate::output::format::{count, counted, safe};
use crate::output::list::page;

/// What an audit tells.
#[derive(Debug, Serialize)]
pub struct AuditReport {
    /// Whether the command was watched.
    pub watched: bool,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What was found.
    #[serde(flatten)]
    pub findings: Option<Findings>,
    /// What the findings do not tell, of this run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What no audit sees.
const NOT_SEEN: &str = "not seen: files only asked for their size or time, files outside the workspace, variables";

impl AuditReport {
    /// Of a command that was not watched.
    pub fn unavailable(reason: String, hint: Option<String>) -> Self {
        Self { watched: false, reason: Some(reason), hint, findings: None, notes: Vec::new() }
    }

    /// Of one that was.
    pub fn found(findings: Findings, notes: Vec<String>) -> Self {
        Self { watched: true, reason: None, hint: None, findings: Some(findings), notes }
    }

    /// Writes the human lines: the findings, or what to do to have some.
    pub fn render(&self, text: &mut Text) {
        if let Some(hint) = &self.hint {
            text.line(format_args!("{}: {hint}", text.style.hint.paint("Hint")));
        }
        let Some(findings) = &self.findings else { return };
        findings.paths.iter().for_each(|path| used(text, path));
        undeclared(text, &findings.undeclared);
        ignored(text, &findings.ignored);
        for note in self.notes.iter().map(String::as_str).chain([NOT_SEEN]) {
            let note = text.style.dim.paint(safe(note));
            text.indented(5, note);
        }
    }
}

fn heading(text: &mut Text, is_good: bool, what: &str) {
    let paint = if is_good { text.style.good } else { text.style.fair };
    text.line(format_args!("{}  {what}", paint.paint(format!("{:<8}", "audit"))));
}

fn used(text: &mut Text, path: &Used) {
    let name = text.style.name.paint(safe(&path.instance)).to_string();
    if let Some(reason) = &path.reason {
        return heading(text, false, &format!("{name}  its inputs are not known: {}", safe(reason)));
    }
    let declared = counted(path.declared as u64, "declared file");
    let said = match (path.declared, path.unread.len()) {
        (0, _) => "no file is declared".to_owned(),
        (1, 0) => format!("{declared}, which was read"),
        (_, 0) => format!("{declared}, all of them read"),
        (1, 1) => format!("{declared}, which was never read:"),
        (_, 1) => format!("{declared}, 1 of them never read:"),
        (_, unread) => format!("{declared}, {} of them never read:", count(unread as u64)),
    };
    heading(text, path.unread.is_empty(), &format!("{name}  {said}"));
    list(text, &group(path.unread.iter().map(|unread| &unread.name)));
}

fn undeclared(text: &mut Text, names: &[InputName]) {
    if names.is_empty() {
        return heading(text, true, "no file was read that no path declares");
    }
    heading(text, false, &format!("{} that no path declares:", was_read(names)));
    let groups = group(names);
    list(text, &groups);
    let patterns: Vec<String> = groups.iter().map(|group| quoted(&group.pattern)).collect();
    hint(text, "what a path is built from belongs to its `sources` in sci.toml: ", &patterns);
}

fn ignored(text: &mut Text, names: &[InputName]) {
    if names.is_empty() {
        return;
    }
    heading(text, false, &format!("{} that git ignores and no path declares:", was_read(names)));
    list(text, &group(names));
    let single = names.iter().flat_map(|name| group([name]));
    let patterns: Vec<String> =
        single.map(|group| format!("{{ pattern = {}, optional = true }}", quoted(&group.pattern))).collect();
    hint(text, "an ignored file is an input only by its very name, and a checkout may not have it: ", &patterns);
}

fn was_read(names: &[InputName]) -> String {
    format!("{} {} read", counted(names.len() as u64, "file"), if names.len() == 1 { "was" } else { "were" })
}

fn list(text: &mut Text, groups: &[Group]) {
    let (shown, left) = page(groups, text.verbose);
    for Group { pattern, files } in shown {
        let files = if *files == 1 { String::new() } else { format!("  ({})", counted(*files as u64, "file")) };
        let files = text.style.dim.paint(files).to_string();
        text.indented(6, format_args!("{}{files}", safe(pattern)));
    }
    if left > 0 {
        text.indented(6, format_args!("… and {} more (--verbose shows them)", count(left as u64)));
    }
}

/// As many of the patterns as a line holds.
fn hint(text: &mut Text, says: &str, patterns: &[String]) {
    const LINE: usize = 8;
    let shown = &patterns[..patterns.len().min(if text.verbose { usize::MAX } else { LINE })];
    let more = if shown.len() < patterns.len() { ", …" } else { "" };
    let word = text.style.hint.paint("Hint").to_string();
    text.indented(5, format_args!("{word}: {says}{}{more}", safe(&shown.join(", "))));
}

/// A pattern as TOML writes it.
fn quoted(pattern: &str) -> String {
    toml_edit::Value::from(pattern).to_string()
}
