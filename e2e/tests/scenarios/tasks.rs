//! Two packages with a task each, for tools that remember what a task wrote.

use std::fs;

use sci_e2e::Machine;

/// Lays out `packages/a` and `packages/b`, in a git repository of their own: such tools ask git what the files are, and one above
/// may ignore them. Their `build` copies `in.txt` to `dist/out.txt`.
pub(crate) fn lay_out(machine: &Machine) {
    machine.run("git", &["init", "--quiet"]).success();
    for name in ["a", "b"] {
        let member = |file: &str| format!("packages/{name}/{file}");
        let manifest =
            format!(r#"{{ "name": "{name}", "version": "1.0.0", "scripts": {{ "build": "node build.js" }} }}"#);
        machine.write(&member("package.json"), manifest);
        let script = "const fs = require('fs'); fs.mkdirSync('dist', { recursive: true }); fs.copyFileSync('in.txt', 'dist/out.txt');";
        machine.write(&member("build.js"), script);
        machine.write(&member("in.txt"), name);
    }
}

/// Removes what was built, what the tool remembers in `cache`, and sci's own state.
pub(crate) fn fresh(machine: &Machine, cache: &str) {
    for name in [cache, "packages/a/dist", "packages/b/dist"] {
        machine.remove(name);
    }
    fs::remove_dir_all(machine.dir().join("state")).unwrap();
}
