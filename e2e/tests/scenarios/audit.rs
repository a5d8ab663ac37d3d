//! `sci run --audit`: what real tools read, against what is declared.

use sci_e2e::machine::finish;
use sci_e2e::{Machine, Ran};
use serde_json::{Value, json};

/// Runs `sci run --audit` on a command, which has to succeed.
fn audit(machine: &Machine, command: &[&str]) -> (Ran, Value) {
    let ran = machine.sci(&[&["run", "--audit", "--"], command].concat());
    let audit = ran.result()["audit"].clone();
    assert_eq!(audit["watched"], true, "{ran}");
    (ran, audit)
}

/// The files that a path instance declares and that were never read.
fn unread(audit: &Value, instance: &str) -> Vec<String> {
    let paths = audit["paths"].as_array().unwrap();
    let path = paths.iter().find(|path| path["instance"] == instance).unwrap();
    path["unread"].as_array().unwrap().iter().map(|unread| unread["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn cargo_reads_what_a_build_script_asks_for_and_not_what_no_module_names() {
    let machine = Machine::new();
    let narrowed = "[path.target]\nsources = [\"src/**\", \"build.rs\"]\n";
    machine.write("sci.toml", format!("presets = [\"cargo\"]\n\n{narrowed}"));
    machine
        .write("Cargo.toml", "[package]\nname = \"small\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n");
    machine.write("src/main.rs", "mod used;\n\nfn main() {\n    println!(\"{}\", used::TEXT);\n}\n");
    machine.write("src/used.rs", "pub const TEXT: &str = env!(\"TEXT\");\n");
    machine.write("src/forgotten.rs", "pub const TEXT: &str = \"\";\n");
    let script = "fn main() {\n    let read = |name| std::fs::read_to_string(name).unwrap();\n    println!(\"cargo:rustc-env=TEXT={}{}\", read(\"schema.txt\"), read(\".env\"));\n}\n";
    machine.write("build.rs", script);
    machine.write(".gitignore", "/target\n.env\n");
    machine.write("schema.txt", "schema ");
    machine.write(".env", "secret");
    machine.run("cargo", &["generate-lockfile", "--quiet"]).success();

    let (ran, first) = audit(&machine, &["cargo", "build", "--quiet"]);
    assert_eq!(first["undeclared"], json!(["schema.txt"]), "{ran}");
    assert_eq!(first["ignored"], json!([".env"]), "{ran}");
    assert_eq!(unread(&first, "target"), ["src/forgotten.rs"], "{ran}");
    assert_eq!(first["notes"], Value::Null, "{ran}");

    // Declared, they are in the key; and cargo, which finds its work done, reads next to nothing, as the audit says.
    let declared = narrowed.replace("\"build.rs\"", "\"build.rs\", \"schema.txt\", \".env\"");
    machine.write("sci.toml", format!("presets = [\"cargo\"]\n\n{declared}"));
    let (ran, second) = audit(&machine, &["cargo", "build", "--quiet"]);
    assert_eq!((&second["undeclared"], &second["ignored"]), (&json!([]), &json!([])), "{ran}");
    assert!(second["notes"][0].as_str().unwrap().starts_with("target held something before"), "{ran}");
}

#[test]
fn npm_reads_what_an_install_script_asks_for() {
    let machine = Machine::new();
    machine.write("sci.toml", "presets = [\"npm\"]\n");
    let scripts = r#""scripts": { "postinstall": "node scripts/post.js" }"#;
    let package =
        format!(r#"{{ "name": "small", "private": true, {scripts}, "dependencies": {{ "dayjs": "1.11.19" }} }}"#);
    machine.write("package.json", package);
    machine.write(".npmrc", "audit=false\nfund=false\n");
    machine
        .write("scripts/post.js", "require('fs').readFileSync(require('path').join(__dirname, '../settings.json'))\n");
    machine.write("settings.json", "{}\n");
    machine.run("npm", &["install", "--package-lock-only"]).success();

    let (ran, audit) = audit(&machine, &["npm", "ci"]);
    assert_eq!(audit["undeclared"], json!(["scripts/post.js", "settings.json"]), "{ran}");
    assert_eq!(audit["ignored"], json!([]), "{ran}");
    assert_eq!(unread(&audit, "node_modules"), [""; 0], "{ran}");
}

#[test]
fn a_static_program_of_many_threads_is_seen_whole() {
    let machine = Machine::new();
    let names: Vec<String> = (10..42).map(|number| format!("data/{number}")).collect();
    names.iter().for_each(|name| machine.write(name, name));
    machine.write("sci.toml", "[path.out]\npath = \"out\"\nconfigs = [\"sci.toml\"]\n");
    let program = "package main\n\nimport (\n\t\"os\"\n\t\"sync\"\n)\n\nfunc main() {\n\tvar all sync.WaitGroup\n\tfor _, name := range os.Args[1:] {\n\t\tall.Add(1)\n\t\tgo func(name string) {\n\t\t\tdefer all.Done()\n\t\t\tif _, err := os.ReadFile(name); err != nil {\n\t\t\t\tpanic(err)\n\t\t\t}\n\t\t}(name)\n\t}\n\tall.Wait()\n}\n";
    let source = machine.dir().join("read.go");
    std::fs::write(&source, program).unwrap();
    let read = machine.dir().join("read");
    let mut go = machine.command("go");
    finish(go.env("CGO_ENABLED", "0").args(["build", "-o"]).arg(&read).arg(&source)).success();

    let command: Vec<&str> = std::iter::once(read.to_str().unwrap()).chain(names.iter().map(String::as_str)).collect();
    let (ran, audit) = audit(&machine, &command);
    assert_eq!(audit["undeclared"], json!(names), "{ran}");
}
