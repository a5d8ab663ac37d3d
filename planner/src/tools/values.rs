//! The value of each distinct command of a plan.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use sci_hasher::{Digest, Encoder};
use sci_presets::Preset;

use super::{Approval, child};
use crate::Host;
use crate::config::ToolInput;
use crate::record::Note;

/// What a command that ran is worth as an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ToolValue {
    /// Its whole standard output.
    Output(Vec<u8>),
    /// There is no such program: a value too, so that a path may be derived from a tool's absence.
    Missing,
}

/// Why a command has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoValue {
    pub(crate) reason: String,
    pub(crate) hint: Option<String>,
}

/// Every distinct command of a plan and what came of it.
#[derive(Debug, Default)]
pub(crate) struct ToolValues(BTreeMap<Vec<String>, Result<ToolValue, NoValue>>);

impl ToolValues {
    /// Runs each distinct command once, at most eight at a time.
    pub(crate) fn run<'c>(
        tools: impl IntoIterator<Item = &'c ToolInput>,
        workspace: &Path,
        host: &Host,
        approval: &dyn Approval,
        timeout: Duration,
    ) -> Self {
        let distinct: BTreeMap<&[String], &ToolInput> =
            tools.into_iter().map(|tool| (tool.argv.as_slice(), tool)).collect();
        let mut values = BTreeMap::new();
        let distinct: Vec<_> = distinct.into_values().collect();
        for batch in distinct.chunks(8) {
            std::thread::scope(|scope| {
                let run = |tool: &&'c ToolInput| {
                    let tool = *tool;
                    (tool, scope.spawn(move || value(tool, workspace, host, approval, timeout)))
                };
                let running: Vec<_> = batch.iter().map(run).collect();
                for (tool, thread) in running {
                    let value = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                    values.insert(tool.argv.clone(), value);
                }
            });
        }
        Self(values)
    }

    /// What came of one command.
    pub(crate) fn get(&self, tool: &ToolInput) -> Result<&ToolValue, NoValue> {
        match self.0.get(&tool.argv) {
            Some(outcome) => outcome.as_ref().map_err(NoValue::clone),
            None => Err(NoValue { reason: format!("`{}` was not run", tool.command.value), hint: None }),
        }
    }
}

impl ToolValue {
    /// The digest under which the value enters a derivation.
    pub(crate) fn digest(&self) -> Digest {
        let mut encoder = Encoder::new("sci v1 tool output");
        match self {
            Self::Missing => encoder.integer(0),
            Self::Output(output) => encoder.integer(1).bytes(output),
        };
        encoder.finish()
    }

    /// The first line, which is where tools print their version.
    pub(crate) fn note(&self) -> Note {
        match self {
            Self::Missing => Note::Absent,
            Self::Output(output) => {
                let text = String::from_utf8_lossy(output);
                Note::Text(text.lines().next().unwrap_or_default().trim_end().chars().take(200).collect())
            }
        }
    }
}

fn value(
    tool: &ToolInput,
    workspace: &Path,
    host: &Host,
    approval: &dyn Approval,
    timeout: Duration,
) -> Result<ToolValue, NoValue> {
    // As split and joined again, so that one command has one name however it is spaced.
    let command = &shell_words::join(&tool.argv);
    if !is_builtin(&tool.argv) && !approval.approves(command) {
        let reason = format!("the command `{command}` is not approved on this machine");
        return Err(NoValue { reason, hint: Some(approval.how()) });
    }
    child::output(&tool.argv, workspace, host, timeout).map_err(|failure| NoValue {
        reason: format!("`{command}` {failure}"),
        hint: Some(format!("run `{command}` in {} to see why", workspace.display())),
    })
}

/// Whether a built-in preset declares this very command.
fn is_builtin(argv: &[String]) -> bool {
    let mut commands = Preset::all().iter().flat_map(|preset| preset.paths.values()).flat_map(|spec| &spec.tools);
    commands.any(|command| shell_words::split(command).is_ok_and(|builtin| builtin == argv))
}
