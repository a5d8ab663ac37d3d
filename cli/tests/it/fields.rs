//! The fields of the documents that `--json` prints: within one schema none is lost.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::sandbox::{Ran, Sandbox};
use crate::store::{flip_last_bit, stored};

/// A field a line, after its command; what has to be there in the documents below, and nothing else is.
const LISTED: &str = include_str!("fields.txt");

#[derive(Default)]
struct Found(BTreeSet<String>);

impl Found {
    /// Takes the fields of a document, whose command is that of the line which was run.
    fn take(&mut self, line: &str, ran: &Ran) {
        let document = ran.json();
        let command = line.split_whitespace().next().unwrap();
        assert_eq!((&document["schema"], &document["command"]), (&1.into(), &command.into()), "{line}: {ran}");
        self.collect(command, &document["result"]);
        self.collect("error", &document["error"]);
    }

    fn collect(&mut self, way: &str, value: &Value) {
        match value {
            Value::Object(object) => {
                for (name, value) in object {
                    let way = format!("{way}{}{name}", if way.contains(' ') { "." } else { " " });
                    // The names in these are classes, claims and a preset's paths.
                    if !["ladder", "claims", "path"].contains(&name.as_str()) {
                        self.collect(&way, value);
                    }
                    self.0.insert(way);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.collect(&format!("{way}[]"), value)),
            _ => {}
        }
    }
}

#[test]
fn no_field_is_lost() {
    let sandbox = Sandbox::new();
    let mut found = Found::default();
    let mut run = |sandbox: &Sandbox, line: &str, code: i32| {
        found.take(line, &sandbox.sci(&format!("--json {line}")).ends_with(code));
    };
    let path = sandbox.read("sci.toml");
    sandbox.write("sci.toml", &(path.clone() + "tools = [\"sh -c 'echo tool 1.0'\"]\nnope = 1\n[path.x]\n"));
    run(&sandbox, "plan", 2);
    sandbox.write("sci.toml", &(path.clone() + "tools = [\"sh -c 'echo tool 1.0'\"]\n"));
    for (line, code) in [("plan", 0), ("restore", 0), ("save", 0), ("doctor", 1)] {
        run(&sandbox, line, code);
    }
    run(&sandbox, "plan --approve-tools", 0);
    sandbox.sci_run("", "mkdir out; echo one > out/a; ln -s a out/l").ends_with(0);
    sandbox.write("src/main.txt", "changed\n");
    run(&sandbox, "run -- sh -c true", 0);
    run(&sandbox, "restore", 0);
    sandbox.write("out/a", "two, longer\n");
    sandbox.write("out/b", "three\n");
    assert!(sandbox.program("mkfifo").arg("out/pipe").status().unwrap().success());
    run(&sandbox, "save --failed", 0);
    sandbox.write("src/main.txt", "changed again\n");
    run(&sandbox, "run -- no-such-program", 127);
    let listed = sandbox.sci("ls --json").ends_with(0).json();
    let snapshots = &listed["result"]["snapshots"];
    let (newest, first) = (&snapshots[0]["snapshot"], &snapshots[1]["snapshot"]);
    let diff = format!("diff {} {}", first.as_str().unwrap(), newest.as_str().unwrap());
    let quarantine = format!("quarantine --run {}", snapshots[0]["run"].as_str().unwrap());
    for line in ["explain", "ls", "ui", "show out --tree", &diff, "verify --repair", "gc", "presets", "presets cargo"] {
        run(&sandbox, line, 0);
    }
    stored(&sandbox).iter().for_each(|object| flip_last_bit(object));
    run(&sandbox, "verify --read-data", 1);
    for line in ["completions bash", &quarantine, "forget out", "key list", "repo add 1001 --owner 77"] {
        run(&sandbox, line, 0);
    }
    for line in ["repo list", "token create --repository 1001 --scope branch:b", "token create --admin", "token list"] {
        run(&sandbox, line, 0);
    }
    let tokens = sandbox.sci("token list --json").ends_with(0).json();
    run(&sandbox, &format!("token revoke {}", tokens["result"]["tokens"][0]["id"].as_str().unwrap()), 0);
    sandbox.write("package-lock.json", "{}");
    run(&sandbox, "init --force --workflow", 0);
    run(&sandbox, "show nothing", 4);
    let listed: BTreeSet<String> = LISTED.lines().map(str::to_owned).collect();
    let of = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect::<Vec<_>>();
    let (lost, new) = (of(&listed, &found.0), of(&found.0, &listed));
    assert!(lost.is_empty(), "lost: {lost:#?}");
    assert!(new.is_empty(), "to be described in docs/CLI.md and listed in fields.txt:\n{}", new.join("\n"));
}
