//! `docs/CLI.md` is true: it names every command, flag, variable, exit code and JSON field that the program has.

use std::collections::BTreeSet;

use clap::CommandFactory;
use sci_cli::args::Cli;
use serde_json::Value;

use crate::sandbox::Sandbox;

const DOCUMENT: &str = include_str!("../../../docs/CLI.md");

/// The part of the page about one command.
fn section(command: &str) -> &'static str {
    let heading = format!("\n## `sci {command}");
    let at = DOCUMENT.find(&heading).unwrap_or_else(|| panic!("docs/CLI.md has no section on sci {command}"));
    let rest = &DOCUMENT[at + 4..];
    &rest[..rest.find("\n## ").unwrap_or(rest.len())]
}

#[test]
fn every_command_and_flag_is_described() {
    for command in Cli::command().get_subcommands() {
        let text = section(command.get_name());
        for part in std::iter::once(command).chain(command.get_subcommands()) {
            for flag in part.get_arguments().filter_map(|argument| argument.get_long()).filter(|flag| *flag != "help") {
                assert!(text.contains(&format!("--{flag}")), "sci {} --{flag}", command.get_name());
            }
        }
    }
}

#[test]
fn every_global_flag_and_its_variable_is_described() {
    for argument in Cli::command().get_arguments().filter(|argument| argument.is_global_set()) {
        let (flag, variable) = (argument.get_long().unwrap(), argument.get_env().unwrap().to_str().unwrap());
        let row = DOCUMENT.lines().find(|line| line.contains(&format!("`{variable}`")));
        assert!(row.unwrap_or_default().contains(&format!("--{flag}")), "--{flag} {variable}");
    }
}

#[test]
fn every_exit_code_is_described() {
    use sci_cli::exit::Exit;
    for exit in
        [Exit::Success, Exit::Negative, Exit::Usage, Exit::Store, Exit::NotFound, Exit::Local, Exit::Interrupted(2)]
    {
        assert!(DOCUMENT.contains(&format!("\n| {} | ", exit.code())), "{exit:?}");
    }
}

#[test]
fn every_json_field_is_described() {
    let sandbox = Sandbox::new();
    let tool = "tools = [\"sh -c 'echo tool 1.0'\"]\n";
    sandbox.write("sci.toml", &(sandbox.read("sci.toml") + tool));
    sandbox.sci("plan --approve-tools").ends_with(0);
    sandbox.sci_run("", "mkdir out; echo one > out/a; ln -s a out/l").ends_with(0);
    sandbox.write("src/main.txt", "changed\n");
    let run = sandbox.sci_run("--json", "echo two > out/a; echo three > out/b").ends_with(0);
    check("run", &run.json());
    sandbox.write(".gitignore", "ignored\n");
    sandbox.write("ignored", "");
    check("run", &sandbox.sci_run("--audit --json", "cat sci.toml ignored").ends_with(0).json());
    let first = sandbox.sci("ls --json").json()["result"]["snapshots"][1]["snapshot"].as_str().unwrap().to_owned();
    let diff = format!("diff {first} out");
    let lines = [
        "plan",
        "restore",
        "save",
        "explain",
        "ls",
        "ui",
        "show out --tree",
        &diff,
        "verify --repair",
        "gc",
        "presets",
        "doctor",
        "completions bash",
        "init --force",
    ];
    for line in lines {
        check(line.split_whitespace().next().unwrap(), &sandbox.sci(&format!("{line} --json")).ends_with(0).json());
    }
    sandbox.write("src/main.txt", "changed since the restore\n");
    let explained = sandbox.sci("explain --json").ends_with(0).json();
    assert!(explained["result"]["paths"][0].get("since").is_some(), "{explained}");
    check("explain", &explained);
}

fn check(command: &str, document: &Value) {
    for field in ["schema", "command", "ok", "warnings", "result"] {
        assert!(document.get(field).is_some(), "{command} has no {field}");
    }
    let mut fields = BTreeSet::new();
    collect(&document["result"], &mut fields);
    assert!(!fields.is_empty());
    for field in fields {
        assert!(DOCUMENT.contains(&format!("`{field}`")), "{command}: {field}");
    }
}

/// The names of all fields, but for maps whose keys are data.
fn collect(value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                fields.insert(name.clone());
                // Classes, claims and a preset's paths are data.
                if !["ladder", "claims", "path"].contains(&name.as_str()) {
                    collect(value, fields);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, fields)),
        _ => {}
    }
}
