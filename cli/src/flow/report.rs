//! What restore and save tell of each path: the JSON shape and the human lines.

use std::time::Duration;

use sci_hasher::{Digest, InputClass};
use sci_store_api::SnapshotId;
use serde::{Deserialize, Serialize};

use crate::output::format::{bytes, counted, duration, rate, safe};
use crate::output::style::Paint;
use crate::output::{Styles, Text};

/// The verdict on a path, as people say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// The snapshot with the very key was restored.
    Exact,
    /// The nearest trusted one was.
    Nearest,
    /// Nothing was restored.
    Miss,
}

impl Word {
    /// The word itself.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Nearest => "nearest",
            Self::Miss => "miss",
        }
    }

    /// How it is painted where a miss is what the lines are about.
    pub const fn paint(self, style: Styles) -> Paint {
        match self {
            Self::Exact => style.good,
            Self::Nearest => style.fair,
            Self::Miss => style.bad,
        }
    }
}

/// What restore did with one path instance.
#[derive(Debug, Clone, Serialize)]
pub struct RestoredPath {
    /// The name in sci.toml.
    pub name: String,
    /// The instance.
    pub instance: String,
    /// The verdict.
    pub verdict: Word,
    /// Why.
    pub reason: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// True when the cache, not the inputs, is the cause of a miss: what `--require` turns into exit code 1.
    pub trouble: bool,
    /// The planned key; absent when the path could not be keyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Digest>,
    /// The restored snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotId>,
    /// Of a nearest one: the highest class up to which all inputs are equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<InputClass>,
    /// Of a nearest one: the estimated part of shared inputs, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f64>,
    /// What was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<RestoreWork>,
    /// Of a miss: whether what another job had left there was removed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cleared: bool,
    /// Of a miss: whether somebody changed the tree while it was restored, so that what stands there may be a part.
    #[serde(skip)]
    pub overtaken: bool,
}

/// What a restore did on disk.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RestoreWork {
    /// Files of the restored tree, links included.
    pub files: u64,
    /// Bytes of the restored tree.
    pub bytes: u64,
    /// Entries that were written; the others were there already.
    pub written: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// Bytes of disk that it took, in whole blocks.
    pub disk_bytes: u64,
    /// Entries that were removed because the snapshot does not have them.
    pub removed: u64,
    /// Seconds it took.
    pub seconds: f64,
}

impl RestoredPath {
    /// Writes the human lines.
    pub fn render(&self, text: &mut Text) {
        let style = text.style;
        let (word, paint) = match self.verdict {
            Word::Exact => ("exact", style.good),
            Word::Nearest => ("nearest", style.fair),
            Word::Miss => ("miss", if self.trouble { style.bad } else { style.dim }),
        };
        let did = self.work.map(|work| work.sentence()).unwrap_or_default();
        heading(text, paint.paint(format!("{word:<8}")), &self.instance, &did);
        let ids = ids(self.key, self.snapshot);
        text.indented(5, format_args!("{}{}", safe(&self.reason), style.dim.paint(ids)));
        if let Some(hint) = &self.hint {
            text.indented(5, format_args!("{}: {}", style.hint.paint("Hint"), safe(hint)));
        }
    }
}

impl RestoreWork {
    fn sentence(self) -> String {
        let time = Duration::from_secs_f64(self.seconds.max(0.0));
        let tree = format!("{}, {}", counted(self.files, "file"), bytes(self.bytes));
        if self.written == 0 && self.removed == 0 {
            return format!("{tree}: all in place, {}", duration(time));
        }
        let removed =
            if self.removed > 0 { format!(", {} removed", counted(self.removed, "entry")) } else { String::new() };
        // Of a few bytes the rate says nothing.
        let worth_a_rate = self.written_bytes >= 1 << 20;
        let speed = if worth_a_rate { format!(" ({})", rate(self.written_bytes, time)) } else { String::new() };
        let part = format!("; {} of it written", bytes(self.written_bytes));
        let part = if self.written_bytes == self.bytes { "" } else { &part };
        format!("{tree}{part}{removed} in {}{speed}", duration(time))
    }
}

/// What became of the save of one path instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaveWord {
    /// A snapshot was added.
    Saved,
    /// The store holds this key already.
    AlreadySaved,
    /// There was nothing to save, or the policy says not to.
    Skipped,
    /// It should have been saved and was not.
    Failed,
}

/// What save did with one path instance.
#[derive(Debug, Clone, Serialize)]
pub struct SavedPath {
    /// The name in sci.toml.
    pub name: String,
    /// The instance.
    pub instance: String,
    /// What became of it.
    pub outcome: SaveWord,
    /// Why; empty for a settled save, which needs no reason.
    pub reason: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether the snapshot may be exact; absent when nothing was saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<bool>,
    /// The key it was saved under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Digest>,
    /// The snapshot that holds the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotId>,
    /// What was read and stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<SaveWork>,
    /// What was left out of the snapshot, and other remarks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What a save read and stored.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SaveWork {
    /// Files of the tree, links included.
    pub files: u64,
    /// Bytes of the tree.
    pub bytes: u64,
    /// Files that were left out, because the build no longer uses them.
    pub pruned_files: u64,
    /// Their bytes.
    pub pruned_bytes: u64,
    /// Bytes added to the store, compressed.
    pub stored_bytes: u64,
    /// Seconds it took.
    pub seconds: f64,
}

impl SavedPath {
    /// True when the cache is in trouble: what `--require` turns into exit code 1.
    pub fn is_trouble(&self) -> bool {
        self.outcome == SaveWord::Failed
    }

    /// Writes the human lines.
    pub fn render(&self, text: &mut Text) {
        let style = text.style;
        let (word, paint) = match (self.outcome, self.settled) {
            (SaveWord::Saved, Some(false)) => ("saved", style.fair),
            (SaveWord::Saved, _) => ("saved", style.good),
            (SaveWord::AlreadySaved, _) => ("known", style.good),
            (SaveWord::Skipped, _) => ("skipped", style.dim),
            (SaveWord::Failed, _) => ("failed", style.bad),
        };
        let did = self.work.map(|work| work.sentence()).unwrap_or_default();
        heading(text, paint.paint(format!("{word:<8}")), &self.instance, &did);
        let unsettled = if self.settled == Some(false) { "unsettled: " } else { "" };
        let ids = ids(self.key, self.snapshot);
        let reason = if self.reason.is_empty() { "settled" } else { &self.reason };
        text.indented(5, format_args!("{unsettled}{}{}", safe(reason), style.dim.paint(ids)));
        if let Some(hint) = &self.hint {
            text.indented(5, format_args!("{}: {}", style.hint.paint("Hint"), safe(hint)));
        }
    }
}

impl SaveWork {
    fn sentence(self) -> String {
        let time = Duration::from_secs_f64(self.seconds.max(0.0));
        let tree = format!("{}, {}", counted(self.files, "file"), bytes(self.bytes));
        let pruned = match self.pruned_files {
            0 => String::new(),
            files => format!("; {}, {} no longer used and left out", counted(files, "file"), bytes(self.pruned_bytes)),
        };
        if self.stored_bytes == 0 {
            return format!("{tree}: nothing new, {}{pruned}", duration(time));
        }
        format!("{tree}; {} stored in {}{pruned}", bytes(self.stored_bytes), duration(time))
    }
}

/// How near a chosen snapshot is: "equal up to configs, about 98 % of all inputs shared".
pub fn nearness(shared: InputClass, similarity: f64) -> String {
    match shared {
        InputClass::Variant => "every input is equal, but the snapshot is unsettled".to_owned(),
        class => format!("equal up to {class}, {}", sharing(similarity)),
    }
}

/// The estimated part of shared inputs: "about 98 % of all inputs shared". Where some differ it is never said to be all.
pub fn sharing(similarity: f64) -> String {
    let percent = similarity * 100.0;
    let part = if percent >= 99.5 { "over 99 %".to_owned() } else { format!("about {percent:.0} %") };
    format!("{part} of all inputs shared")
}

fn heading(text: &mut Text, word: impl std::fmt::Display, instance: &str, did: &str) {
    let name = text.style.name.paint(safe(instance));
    let separator = if did.is_empty() { "" } else { "  " };
    text.line(format_args!("{word}  {name}{separator}{did}"));
}

fn ids(key: Option<Digest>, snapshot: Option<SnapshotId>) -> String {
    let key = key.map(|key| format!("key {}", key.short()));
    let snapshot = snapshot.map(|snapshot| format!("snapshot {}", snapshot.short()));
    let ids: Vec<String> = key.into_iter().chain(snapshot).collect();
    if ids.is_empty() { String::new() } else { format!("  ({})", ids.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_save_left_out_is_said() {
        let saved = SaveWork {
            files: 93,
            bytes: 10_000_000,
            pruned_files: 0,
            pruned_bytes: 0,
            stored_bytes: 2_000_000,
            seconds: 0.5,
        };
        assert!(!saved.sentence().contains("left out"));
        let pruned = SaveWork { pruned_files: 12, pruned_bytes: 3_000_000, ..saved };
        let said = pruned.sentence();
        assert!(said.starts_with(&saved.sentence()), "{said}");
        assert!(said.contains("; 12 files, ") && said.ends_with(" no longer used and left out"), "{said}");
    }
}
