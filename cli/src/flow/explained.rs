//! An explained path: the verdict, the candidates with what speaks for and against them, and the inputs that differ. The
//! JSON shape and the human lines; where they come from is not known here.

use jiff::Timestamp;
use sci_hasher::Digest;
use sci_planner::InputDiff;
use sci_store_api::verdict::{Candidate, Judgement, Outcome, Refusal, Verdict};
use sci_store_api::{ObjectId, PlanId, RunId, SnapshotId, UnixMillis};
use serde::Serialize;

use crate::flow::report::{Word, nearness, sharing};
use crate::inputs;
use crate::output::Text;
use crate::output::format::{age, safe};
use crate::output::list::{more, page};

/// One path instance of a plan, explained.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// The name in sci.toml.
    pub name: String,
    /// The instance.
    pub instance: String,
    /// The plan.
    pub plan: PlanId,
    /// The run that made it.
    pub run: RunId,
    /// When it was stored.
    pub created: UnixMillis,
    /// The planned key.
    pub key: Digest,
    /// The object that holds the planned inputs, where they were stored.
    #[serde(skip)]
    pub derivation: Option<ObjectId>,
    /// What was decided, and every candidate.
    pub verdict: Verdict,
    /// Why this machine could not restore what was chosen; absent when it did, and for what another machine planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// Which inputs differ from a candidate's; absent when there is none to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<Compared>,
}

/// Why a restore came to nothing.
#[derive(Debug, Clone, Serialize)]
pub struct Trouble {
    /// What the restore said.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The candidate whose inputs are compared with the plan's.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// The candidate.
    pub snapshot: SnapshotId,
    /// Whether it was the one that was chosen.
    pub chosen: bool,
    /// The differences; absent when they could not be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differences: Option<InputDiff>,
    /// Why they could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A path that had no key: such a plan has nothing to store.
#[derive(Debug, Clone, Serialize)]
pub struct Unkeyed {
    /// The name in sci.toml.
    pub name: String,
    /// The instance.
    pub instance: String,
    /// Why.
    pub reason: String,
}

/// A candidate that was refused, in words.
#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    /// The candidate.
    pub snapshot: SnapshotId,
    /// Who saved it.
    pub scope: String,
    /// Why, for a person.
    pub reason: String,
}

impl Explained {
    /// The verdict in one word.
    pub const fn word(&self) -> Word {
        match self.verdict.outcome {
            Outcome::Exact { .. } => Word::Exact,
            Outcome::Nearest { .. } => Word::Nearest,
            Outcome::Miss { .. } => Word::Miss,
        }
    }

    /// Why, in one sentence.
    pub fn why(&self) -> String {
        match self.verdict.outcome {
            Outcome::Exact { snapshot } => format!("snapshot {} has the very key", snapshot.short()),
            Outcome::Nearest { snapshot, shared, similarity } => {
                format!("snapshot {}: {}", snapshot.short(), nearness(shared, similarity))
            }
            Outcome::Miss { reason } => reason.sentence().to_owned(),
        }
    }

    /// The candidates that were refused, and why.
    pub fn refused(&self) -> Vec<Refused> {
        let refused = self.verdict.candidates.iter().filter(|candidate| candidate.judgement != Judgement::Chosen);
        refused
            .map(|candidate| Refused {
                snapshot: candidate.snapshot,
                scope: candidate.scope.to_string(),
                reason: judged(candidate),
            })
            .collect()
    }

    /// Writes the human lines. Long lists are cut unless `all`.
    pub fn render(&self, text: &mut Text, all: bool, now: Timestamp) {
        heading(text, self, now);
        if let Some(trouble) = &self.trouble {
            text.indented(1, format_args!("not restored: {}", safe(&trouble.message)));
            trouble.hint.iter().for_each(|said| hint(text, said));
        }
        considered(text, &self.verdict, all, now);
        if let Some(compared) = &self.compared {
            comparison(text, compared, all);
        }
    }
}

impl Unkeyed {
    /// Writes the human lines.
    pub fn render(&self, text: &mut Text) {
        let name = text.style.name.paint(safe(&self.instance)).to_string();
        text.line(format_args!("{name}  no key"));
        text.indented(1, safe(&self.reason));
    }
}

fn heading(text: &mut Text, path: &Explained, now: Timestamp) {
    let style = text.style;
    let (word, why) = (path.word(), path.why());
    text.line(format_args!(
        "{}  {}  {why}",
        style.name.paint(safe(&path.instance)),
        word.paint(style).paint(word.text())
    ));
    let planned = format!("key {}, planned {} by run {}", path.key.short(), age(path.created, now), path.run);
    text.indented(1, style.dim.paint(planned));
}

fn considered(text: &mut Text, verdict: &Verdict, all: bool, now: Timestamp) {
    if verdict.candidates.is_empty() {
        return;
    }
    text.indented(1, "candidates considered:");
    let (shown, left) = page(&verdict.candidates, all);
    for candidate in shown {
        self::candidate(text, candidate, now);
    }
    if let Some(more) = more(left) {
        text.indented(2, more);
    }
    let incomplete = Judgement::Refused { reason: Refusal::Incomplete };
    if verdict.snapshot().is_none() && verdict.candidates.iter().any(|candidate| candidate.judgement == incomplete) {
        hint(
            text,
            "the next save takes its place; `sci verify --repair` where the store is drops all that is not whole",
        );
    }
}

fn hint(text: &mut Text, hint: &str) {
    text.indented(1, format_args!("{}: {}", text.style.hint.paint("Hint"), safe(hint)));
}

fn candidate(text: &mut Text, candidate: &Candidate, now: Timestamp) {
    let style = text.style;
    let word = match candidate.judgement {
        Judgement::Chosen => style.good.paint("chosen "),
        Judgement::Refused { reason } if is_usual(reason) => style.dim.paint("refused"),
        Judgement::Refused { .. } => style.fair.paint("refused"),
    };
    let reason = judged(candidate);
    let id = candidate.snapshot.short();
    let origin = style.dim.paint(format!("({}, {})", candidate.scope, age(candidate.created, now)));
    text.indented(2, format_args!("{word} {id}  {reason} {origin}"));
}

/// What speaks for a candidate, or against it.
fn judged(candidate: &Candidate) -> String {
    match candidate.judgement {
        Judgement::Chosen => shares(candidate),
        Judgement::Refused { reason } if is_usual(reason) => {
            format!("{}; {}", reason.sentence(), shares(candidate))
        }
        Judgement::Refused { reason } => reason.sentence().to_owned(),
    }
}

/// Whether the candidate only shares less than was called for, so that how much it shares says the rest.
fn is_usual(reason: Refusal) -> bool {
    reason.is_by_rank() || reason == Refusal::BelowMatch
}

fn shares(candidate: &Candidate) -> String {
    let percent = sharing(candidate.similarity);
    match candidate.shared {
        Some(sci_hasher::InputClass::Variant) => "every input is equal".to_owned(),
        Some(class) => format!("equal up to {class}, {percent}"),
        None => format!("not even system is equal, {percent}"),
    }
}

fn comparison(text: &mut Text, compared: &Compared, all: bool) {
    let what = if compared.chosen { "the chosen snapshot" } else { "the nearest candidate" };
    let id = compared.snapshot.short();
    match (&compared.differences, &compared.problem) {
        (Some(diff), _) if diff.is_empty() => {
            text.indented(1, format_args!("inputs: no difference from {what}, {id}"));
        }
        (Some(diff), _) => {
            text.indented(1, format_args!("inputs that differ from {what}, {id}:"));
            inputs::render(text, 2, diff, all);
        }
        (None, problem) => {
            let problem = problem.as_deref().unwrap_or_default();
            text.indented(1, format_args!("the inputs of {what}, {id}, cannot be compared: {}", safe(problem)));
        }
    }
}
