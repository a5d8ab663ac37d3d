//! What needs no store: help, usage errors, presets, init, completions, colour.

use crate::sandbox::{Sandbox, assert_screen};

#[test]
fn help_lists_every_command() {
    let help = Sandbox::empty().sci("--help").ends_with(0);
    let commands = [
        "init",
        "plan",
        "restore",
        "save",
        "run",
        "explain",
        "ls",
        "show",
        "diff",
        "verify",
        "gc",
        "presets",
        "doctor",
        "completions",
    ];
    for command in commands {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}: {help}");
    }
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    assert_screen!(Sandbox::empty().sci("restor"), @r"
    exit code: 2
    ----- stderr -----
    error: unrecognized subcommand 'restor'

      tip: some similar subcommands exist: 'presets', 'repo', 'restore'

    Usage: sci [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn a_usage_error_is_a_document_under_json() {
    let ran = Sandbox::empty().sci("--json gc --keep none").ends_with(2);
    let document = ran.json();
    assert_eq!(document["ok"], false);
    assert_eq!(document["error"]["kind"], "usage");
    assert_eq!(document["command"], "gc");
    for (line, command) in [
        ("ls --json --nope", Some("ls")),
        ("--json --nope ls", Some("ls")),
        ("--json -C ls restore --nope", Some("restore")),
        ("--json token create --nope", Some("token")),
        ("--json --nope", None),
        ("--json resotre", None),
    ] {
        let document = Sandbox::empty().sci(line).ends_with(2).json();
        assert_eq!(document.get("command").map(|name| name.as_str().unwrap()), command, "{line}: {document}");
    }
    let mut sandbox = Sandbox::empty();
    for (value, is_document) in [("yes", true), ("0", false)] {
        sandbox.set("SCI_JSON", value);
        let ran = sandbox.sci("ls --nope").ends_with(2);
        assert_eq!(ran.stdout.starts_with('{'), is_document, "SCI_JSON={value}: {ran}");
    }
}

#[test]
fn a_start_directory_that_is_not_there_is_a_usage_error() {
    assert_screen!(Sandbox::empty().sci("-C nowhere plan"), @r"
    exit code: 2
    ----- stderr -----
    Error: cannot start in nowhere: No such file or directory (os error 2)
    ");
}

#[test]
fn every_global_flag_has_a_variable() {
    let mut sandbox = Sandbox::empty();
    sandbox.set("SCI_JSON", "1");
    assert_eq!(sandbox.sci("presets").ends_with(0).json()["command"], "presets");
    sandbox.set("SCI_JSON", "");
    assert!(sandbox.sci("presets").ends_with(0).stdout.starts_with("cargo"));
    sandbox.set("SCI_JSON", "maybe");
    sandbox.sci("presets").ends_with(2);
}

#[test]
fn presets_are_listed() {
    assert_screen!(Sandbox::empty().sci("presets"), @r"
    exit code: 0
    ----- stdout -----
    cargo        Rust: Cargo's build directory and its registry cache  ~/.cargo/registry, target
    npm          Node.js: node_modules as npm installs it  **/node_modules
    pnpm         Node.js: node_modules as pnpm installs it, in every package of the workspace  **/node_modules
    yarn         Node.js: what Yarn 2 and later install, and their cache  **/node_modules, ~/.yarn/berry/cache, .yarn/install-state.gz, .yarn/unplugged
    yarn-classic Node.js: node_modules as Yarn 1 installs it  **/node_modules
    bun          Node.js: node_modules as bun installs it  **/node_modules
    uv           Python: the virtual environment as uv syncs it  .venv
    poetry       Python: the virtual environment as Poetry installs it inside the project  .venv
    pip          Python: a virtual environment that pip fills from requirements files  .venv
    go           Go: the module cache and the build cache  ~/.cache/go-build, ~/go/pkg/mod
    bundler      Ruby: vendor/bundle as Bundler installs it  vendor/bundle
    composer     PHP: vendor as Composer installs it  vendor
    turbo        Turborepo: the results of its tasks  .turbo/cache
    next         Next.js: the compiler's cache  **/.next/cache
    vite         Vite: bundled dependencies, where cacheDir is .vite  **/.vite
    nx           Nx: the results of its tasks  .nx, ~/.nx
    ccache       ccache: what C and C++ compilers made  ~/.cache/ccache
    sccache      sccache: what compilers of Rust, C and C++ made  ~/.cache/sccache
    playwright   Playwright: the browsers that it downloads  ~/.cache/ms-playwright
    buildx       Docker: layers that buildx exports with type=local  .buildx-cache
    maven        Maven: the local repository  ~/.m2/repository
    gradle       Gradle: its caches, and the distribution of its wrapper  ~/.gradle/caches, ~/.gradle/wrapper
    ");
}

#[test]
fn a_preset_is_shown_with_its_reasons() {
    let shown = Sandbox::empty().sci("presets cargo").ends_with(0);
    assert!(shown.stdout.contains("[path.target]  target"), "{shown}");
    assert!(shown.stdout.contains("because cargo compares mtimes"), "{shown}");
}

#[test]
fn a_preset_that_is_not_there_is_not_found() {
    assert_screen!(Sandbox::empty().sci("presets bazel"), @r#"
    exit code: 4
    ----- stderr -----
    Error: there is no preset "bazel"
    Hint: the presets are cargo, npm, pnpm, yarn, yarn-classic, bun, uv, poetry, pip, go, bundler, composer, turbo, next, vite, nx, ccache, sccache, playwright, buildx, maven, gradle
    "#);
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let sandbox = Sandbox::empty();
    assert!(!sandbox.sci("presets").stdout.contains('\u{1b}'));
    assert!(sandbox.sci("presets --color always").stdout.contains('\u{1b}'));
}

#[test]
fn completions_are_a_script() {
    let sandbox = Sandbox::empty();
    assert!(sandbox.sci("completions bash").ends_with(0).stdout.contains("complete -F"));
    let document = sandbox.sci("completions fish --json").ends_with(0).json();
    assert!(document["result"]["script"].as_str().unwrap().contains("restore"));
}

#[test]
fn init_writes_what_it_detects_and_says_what_is_next() {
    let sandbox = Sandbox::empty();
    sandbox.write("Cargo.toml", "[workspace]\n");
    sandbox.write("web/package.json", "{}");
    sandbox.write("web/package-lock.json", "{}");
    assert_screen!(sandbox.sci("init"), @r"
    exit code: 0
    ----- stdout -----
    cargo        Rust: Cargo's build directory and its registry cache (Cargo.toml)
    npm          Node.js: node_modules as npm installs it (web/package-lock.json)
    wrote [TOP]/ws/sci.toml

    Next: `sci plan` shows the keys; `sci run -- <your build>` restores, builds and saves.
    `sci init --workflow` writes a GitHub workflow. Without a store for many machines, on a runner that keeps its disk
    (SCI_ALLOW_EMBEDDED=1 says so), around the build:

        - run: sci restore
        - run: <your build>
        - run: sci save ${{ job.status != 'success' && '--failed' || '' }}
          if: ${{ !cancelled() }}
    ");
    insta::assert_snapshot!(sandbox.read("sci.toml"), @r#"
    # What the state of this workspace is derived from. `sci plan` shows the resulting keys,
    # `sci presets NAME` what a preset declares and why.

    # Rust: Cargo's build directory and its registry cache, because of Cargo.toml
    # Node.js: node_modules as npm installs it, because of web/package-lock.json
    presets = ["cargo", "npm"]

    # Any path of a preset can be overridden, and others declared:
    #
    # [path.site]
    # path      = "docs/.cache"
    # lockfiles = ["package-lock.json"]
    # sources   = ["docs/**"]
    # after     = ["node_modules"]
    #
    # On this machine every directory keeps its own snapshots, unless the project has a name:
    #
    # [store]
    # project = "shop"
    "#);
}

#[test]
fn init_twice_changes_nothing_and_never_overwrites_a_persons_file() {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", "{}");
    sandbox.write("pnpm-lock.yaml", "lockfileVersion: '9.0'\n");
    sandbox.sci("init").ends_with(0);
    let written = sandbox.read("sci.toml");
    assert_screen!(sandbox.sci("init"), @r"
    exit code: 0
    ----- stdout -----
    pnpm         Node.js: node_modules as pnpm installs it, in every package of the workspace (pnpm-lock.yaml)
    [TOP]/ws/sci.toml is up to date
    ");
    assert_eq!(sandbox.read("sci.toml"), written);

    sandbox.write("sci.toml", "presets = []\n");
    assert_screen!(sandbox.sci("init"), @r"
    exit code: 2
    ----- stderr -----
    Error: [TOP]/ws/sci.toml is there already
    Hint: edit it, or replace it with --force
    ");
    assert_eq!(sandbox.read("sci.toml"), "presets = []\n");
    sandbox.sci("init --force").ends_with(0);
    assert_eq!(sandbox.read("sci.toml"), written);
}

#[test]
fn init_points_a_preset_at_a_project_below_the_workspace() {
    let sandbox = Sandbox::empty();
    sandbox.write("services/api/Cargo.toml", "[package]\nname = \"api\"\n");
    sandbox.write("services/api/src/main.rs", "fn main() {}\n");
    sandbox.sci("init").ends_with(0);
    let written = sandbox.read("sci.toml");
    let lock = "{ pattern = \"services/api/Cargo.lock\", optional = true }";
    let place = "path = \"{services/api}/target\" # one for each directory in braces, derived from the files there\n";
    assert!(written.contains(&format!("[path.target]\n{place}beside = \"Cargo.toml\"\n")), "{written}");
    assert!(written.contains(&format!("[path.cargo-registry]\nlockfiles = [{lock}]\n")), "{written}");
    sandbox.sci("plan").ends_with(0);
    let registry =
        |sandbox: &Sandbox| sandbox.sci("plan cargo-registry --json").json()["result"]["paths"][0]["key"].clone();
    let before = registry(&sandbox);
    sandbox.write("services/api/Cargo.lock", "version = 4\n");
    assert_ne!(registry(&sandbox), before, "what is downloaded is derived from the project's lockfile");
}

#[test]
fn init_declares_a_project_within_another_one_beside_it() {
    let sandbox = Sandbox::empty();
    for project in ["", "worker/"] {
        sandbox.write(&format!("{project}Cargo.toml"), "[package]\nname = \"one\"\n");
        sandbox.write(&format!("{project}Cargo.lock"), "version = 4\n");
    }
    sandbox.sci("init").ends_with(0);
    let written = sandbox.read("sci.toml");
    assert!(written.contains("[path.target]\npath = \"{.,worker}/target\" #"), "{written}");
    let both = ["Cargo.lock", "worker/Cargo.lock"].map(|lock| format!("{{ pattern = \"{lock}\", optional = true }}"));
    assert!(written.contains(&format!("[path.cargo-registry]\nlockfiles = [{}]\n", both.join(", "))), "{written}");
    let document = sandbox.sci("plan --json").ends_with(0).json();
    let instances: Vec<_> =
        document["result"]["paths"].as_array().unwrap().iter().map(|path| &path["instance"]).collect();
    assert_eq!(instances, ["~/.cargo/registry", "target", "worker/target"]);
}

#[test]
fn init_points_a_preset_at_each_of_several_projects() {
    let sandbox = Sandbox::empty();
    for project in ["a", "libs/b", "odd, {one}"] {
        sandbox.write(&format!("{project}/requirements.txt"), "six==1.17.0\n");
        sandbox.write(&format!("{project}/pyproject.toml"), "");
    }
    sandbox.sci("init").ends_with(0);
    let written = sandbox.read("sci.toml");
    assert!(written.contains("path = \"{a,libs/b,odd[,] [{]one[}]}/.venv\""), "{written}");
    let keys = || {
        let document = sandbox.sci("plan --json").ends_with(0).json();
        let paths = document["result"]["paths"].as_array().unwrap().clone();
        paths.iter().map(|path| (path["instance"].to_string(), path["key"].to_string())).collect::<Vec<_>>()
    };
    let before = keys();
    sandbox.write("libs/b/pyproject.toml", "# another\n");
    let after = keys();
    let changed: Vec<&str> = before.iter().zip(&after).filter(|(a, b)| a != b).map(|(a, _)| a.0.as_str()).collect();
    assert_eq!((before.len(), changed), (3, vec!["\"libs/b/.venv\""]));
}

#[test]
fn init_below_another_workspace_says_that_it_is_one_of_its_own() {
    let sandbox = Sandbox::empty();
    sandbox.write("a/Cargo.toml", "[package]\nname = \"a\"\n");
    sandbox.sci("init").ends_with(0);
    let ran = sandbox.sci("init -C a").ends_with(0);
    assert!(ran.stderr.contains("apart from [TOP]/ws/sci.toml"), "{ran}");
    assert!(!sandbox.sci("init -C a").ends_with(0).stderr.contains("apart from"), "an equal file changes nothing");
}

#[test]
fn init_chooses_pnpm_where_npm_left_a_lockfile_too() {
    let sandbox = Sandbox::empty();
    sandbox.write("package.json", "{}");
    sandbox.write("pnpm-lock.yaml", "lockfileVersion: '9.0'\n");
    sandbox.write("package-lock.json", "{}");
    let ran = sandbox.sci("init").ends_with(0);
    assert!(ran.stderr.contains("npm was detected too"), "{ran}");
    assert!(sandbox.read("sci.toml").contains("presets = [\"pnpm\"]"));
}

#[test]
fn init_chooses_one_of_several_tools_that_keep_the_same_path() {
    let sandbox = Sandbox::empty();
    for file in [
        "package-lock.json",
        "bun.lock",
        "web/pnpm-lock.yaml",
        "requirements.txt",
        "go.mod",
        "package.json",
        "web/package.json",
    ] {
        sandbox.write(file, "");
    }
    sandbox.write("yarn.lock", "__metadata:\n  version: 8\n");
    sandbox.write("uv.lock", "version = 1\n");
    let ran = sandbox.sci("init").ends_with(0);
    let written = sandbox.read("sci.toml");
    assert!(written.contains("presets = [\"yarn\", \"uv\", \"go\"]\n"), "{written}");
    for (aside, chosen) in [("npm", "yarn"), ("pnpm", "yarn"), ("bun", "yarn"), ("pip", "uv")] {
        let path = if chosen == "uv" { "venv" } else { "node_modules" };
        let said =
            ran.stderr.lines().find(|line| line.contains(&format!("{aside} was detected too"))).unwrap_or_default();
        assert!(said.contains(&format!("{chosen} was chosen, because both keep {path}")), "{ran}");
    }
    assert!(sandbox.sci("init").ends_with(0).stdout.contains("is up to date"));
    assert_eq!(sandbox.read("sci.toml"), written);
}

#[test]
fn a_misspelt_flag_of_run_is_no_command() {
    let sandbox = Sandbox::new();
    let ran = sandbox.sci("run --requrie -- true").ends_with(2);
    assert!(ran.stderr.contains("unexpected argument '--requrie'"), "{ran}");
    let ran = sandbox.sci("run echo --requrie").ends_with(0);
    assert_eq!(ran.stdout, "--requrie\n");
}

#[test]
fn what_init_writes_for_a_project_below_the_workspace_is_valid() {
    for preset in sci_presets::Preset::all() {
        let sandbox = Sandbox::empty();
        for beside in preset.paths.values().filter_map(|path| path.beside.as_ref()) {
            sandbox.write(&format!("web/app/{}", beside.0[0]), "{}");
        }
        let sign = &preset.detect[0];
        let said = [&sign.contains, &sign.mentions].into_iter().flatten().cloned().collect::<Vec<_>>().join("\n");
        sandbox.write(&format!("web/app/{}", sign.file.replace('*', "x")), &said);
        sandbox.write("web/app/src/main.txt", "");
        sandbox.sci("init").ends_with(0);
        let written = sandbox.read("sci.toml");
        assert!(written.contains(&format!("presets = [\"{}\"]", preset.name)), "{}: {written}", preset.name);
        let planned = sandbox.sci("plan").ends_with(0);
        assert!(!planned.stdout.is_empty(), "{}: {planned}\n{written}", preset.name);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_told_and_a_reader_that_went_away_is_not() {
    use std::process::Stdio;
    let sandbox = Sandbox::new();
    sandbox.sci("repo add 1001 --owner 77").ends_with(0);
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let to = |stdout: Stdio, line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let child = sandbox.command(&words).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let commands = [
        "ls --json",
        "plan",
        "token create --repository 1001 --scope branch:b",
        "completions bash",
        "--help",
        "--version",
    ];
    for line in commands {
        let (code, said) = to(full().into(), line);
        assert_eq!(code, 5, "{line}: {said}");
        assert_eq!(
            said.matches("Error: cannot write the output: No space left on device").count(),
            1,
            "{line}: {said}"
        );
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (code, said) = to(writer.into(), line);
        assert!(code == 0 && !said.contains("cannot write"), "{line}: {code}: {said}");
    }
    // Another failure counts for more.
    assert_eq!(to(full().into(), "show nothing --json").0, 4);
    assert_eq!(to(full().into(), "frobnicate --json").0, 2);
}
