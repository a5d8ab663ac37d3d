//! `sci presets`: the built-in presets, and what one of them declares and why.

use sci_planner::config::nearest;
use sci_presets::{Members, PathSpec, Preset, Prune, Sign};

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::output::Text;

/// Arguments of `sci presets`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Show this preset: its paths, their inputs and policies, and the reasons
    name: Option<String>,
}

/// Lists the presets, or shows one.
///
/// # Errors
/// [`Kind::NotFound`] for a preset that there is not.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    match &arguments.name {
        None => {
            context.out.human(|text| Preset::all().iter().for_each(|preset| line(text, preset)));
            context.out.document("presets", &serde_json::json!({"presets": Preset::all()}));
        }
        Some(name) => {
            let preset = Preset::get(name).ok_or_else(|| {
                let known: Vec<&str> = Preset::all().iter().map(|preset| preset.name.as_str()).collect();
                CliError::new(Kind::NotFound, format!("there is no preset {name:?}")).hint(
                    match nearest(name, known.iter().copied()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!("the presets are {}", known.join(", ")),
                    },
                )
            })?;
            context.out.human(|text| show(text, preset));
            context.out.document("presets", &serde_json::json!({"presets": [preset]}));
        }
    }
    Ok(Exit::Success)
}

fn line(text: &mut Text, preset: &Preset) {
    let name = text.style.name.paint(format!("{:<12}", preset.name));
    let paths: Vec<&str> = preset.paths.values().map(|path| path.path.as_str()).collect();
    let line = format!("{name} {}  {}", preset.summary, text.style.dim.paint(paths.join(", ")));
    text.line(line);
}

fn show(text: &mut Text, preset: &Preset) {
    let name = text.style.name.paint(&preset.name);
    let line = format!("{name} (version {}): {}", preset.version, preset.summary);
    text.line(line);
    let signs: Vec<String> = preset.detect.iter().map(sign).collect();
    text.indented(1, format_args!("used where there is {}", signs.join(" or ")));
    for (name, path) in &preset.paths {
        text.gap();
        show_path(text, name, path);
    }
}

fn sign(sign: &Sign) -> String {
    match sign.contains.as_ref().or(sign.mentions.as_ref()) {
        Some(words) => format!("{} that says {words:?}", sign.file),
        None => sign.file.clone(),
    }
}

fn show_path(text: &mut Text, name: &str, path: &PathSpec) {
    let heading = format!("{}  {}", text.style.name.paint(format!("[path.{name}]")), path.path);
    text.line(heading);
    text.indented(1, &path.why);
    for (field, values) in fields(path) {
        if values.is_empty() {
            continue;
        }
        text.field(field, values.join(", "));
        if let Some(reason) = path.because.get(field) {
            let reason = text.style.dim.paint(format!("because {reason}"));
            text.indented(8, reason);
        }
    }
}

fn fields(path: &PathSpec) -> Vec<(&'static str, Vec<String>)> {
    let patterns = |patterns: &[sci_presets::Pattern]| patterns.iter().map(ToString::to_string).collect();
    let flag = |set: bool| if set { vec!["true".to_owned()] } else { Vec::new() };
    vec![
        ("elsewhere", path.elsewhere.iter().map(ToString::to_string).collect()),
        ("beside", path.beside.iter().flat_map(|beside| beside.0.clone()).collect()),
        ("members", if path.members == Members::Any { Vec::new() } else { vec![path.members.to_string()] }),
        ("tools", path.tools.clone()),
        ("env", path.env.iter().map(|variable| variable.name.clone()).collect()),
        ("configs", patterns(&path.configs)),
        ("lockfiles", patterns(&path.lockfiles)),
        ("sources", patterns(&path.sources)),
        ("after", path.after.clone()),
        ("exclude", path.exclude.clone()),
        ("restore", vec![path.restore.to_string()]),
        ("match", vec![path.matching.to_string()]),
        ("save", vec![path.save.to_string()]),
        ("check", path.check.iter().map(ToString::to_string).collect()),
        ("shared", path.shared.iter().map(ToString::to_string).collect()),
        ("prune", if path.prune == Prune::Never { Vec::new() } else { vec![path.prune.to_string()] }),
        ("absolute-root", flag(path.absolute_root)),
        ("system-release", flag(path.system_release)),
        ("replay", flag(path.replay)),
    ]
}
