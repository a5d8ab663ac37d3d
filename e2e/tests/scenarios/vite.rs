//! Vite: bundled dependencies come back so that it bundles nothing, and another version of one bundles anew.

use sci_e2e::{Machine, Manager, Ran};

/// A machine with a project whose dependency was installed by hand.
fn machine() -> Machine {
    let machine = Manager::Vite.machine(env!("CARGO_TARGET_TMPDIR"));
    machine.write("package.json", r#"{ "name": "small", "private": true, "dependencies": { "left": "1.0.0" } }"#);
    machine.write(
        "vite.config.mjs",
        "export default {\n  cacheDir: '.vite',\n  optimizeDeps: { include: ['left'] },\n};\n",
    );
    machine.write(".gitignore", "node_modules\n.vite\n");
    install(&machine, "1.0.0");
    let found = machine.sci(&["init"]).stdout;
    assert!(found.contains(r#""preset": "vite""#) || found.contains(r#""preset":"vite""#), "{found}");
    machine.write("sci.toml", "presets = [\"vite\"]\n");
    machine
}

fn install(machine: &Machine, version: &str) {
    let lock = format!(
        r#"{{ "name": "small", "lockfileVersion": 3, "packages": {{ "": {{ "name": "small" }}, "node_modules/left": {{ "version": "{version}" }} }} }}"#
    );
    machine.write("package-lock.json", lock);
    let manifest = format!(r#"{{ "name": "left", "version": "{version}", "type": "module", "main": "left.js" }}"#);
    machine.write("node_modules/left/package.json", manifest);
    machine.write("node_modules/left/left.js", format!("export const left = '{version}';\n"));
}

/// Bundles the dependencies, as the development server does when it starts.
fn optimize(machine: &Machine) -> Ran {
    machine.run("vite", &["optimize"]).success()
}

#[test]
fn bundled_dependencies_come_back_and_vite_bundles_nothing() {
    let machine = machine();
    machine.sci(&["restore"]).expect_verdict(".vite", "miss");
    let first = optimize(&machine);
    assert!(first.stdout.contains("Optimizing dependencies"), "{first}");
    machine.sci(&["save"]).expect_outcome(".vite", "saved");

    machine.remove(".vite");
    machine.sci(&["restore"]).expect_verdict(".vite", "exact");
    let second = optimize(&machine);
    assert!(second.stdout.contains("Hash is consistent. Skipping"), "{second}");

    // What Vite would throw away is not restored.
    machine.remove(".vite");
    install(&machine, "1.1.0");
    machine.sci(&["restore"]).expect_verdict(".vite", "miss");
    let explained = machine.sci(&["explain"]).stdout;
    for word in ["left", "1.0.0", "1.1.0"] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    let third = optimize(&machine);
    assert!(third.stdout.contains("Optimizing dependencies"), "{third}");
    machine.sci(&["save"]).expect_outcome(".vite", "saved");
}
