//! Two hundred random edit histories of a small cargo workspace: whatever was restored, the built program is the one that the
//! sources describe.
//!
//! The expected output is computed from the same model that writes the sources, so no second build is needed to judge the first.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use sci_e2e::Machine;
use sci_e2e::disturb::{ago, set_mtime};
use sci_e2e::rust::compiled;

const HISTORIES: usize = 200;
const CHAINS: u64 = 2;

/// What the sources say: modules, a text that is included, and files that a build script reads.
#[derive(Clone, PartialEq, Debug)]
struct Sources {
    modules: BTreeMap<u8, u16>,
    included: u16,
    data: BTreeMap<u8, u16>,
    root: u16,
}

impl Sources {
    fn new() -> Self {
        Self {
            modules: BTreeMap::from([(1, 101), (2, 102)]),
            included: 100,
            data: BTreeMap::from([(1, 100)]),
            root: 100,
        }
    }

    /// What the program prints.
    fn expected(&self) -> String {
        let list =
            |map: &BTreeMap<u8, u16>| map.iter().map(|(name, value)| format!("{name}={value},")).collect::<String>();
        format!(
            "modules {}included {} data {}root {}\n",
            list(&self.modules),
            self.included,
            list(&self.data),
            self.root
        )
    }

    /// Every file of the checkout.
    fn files(&self) -> BTreeMap<String, String> {
        let names: Vec<u8> = self.modules.keys().copied().collect();
        let declared = names.iter().map(|name| format!("mod m{name};\n")).collect::<String>();
        let called = names.iter().map(|name| format!("text += m{name}::VALUE; ")).collect::<String>();
        let mut files = BTreeMap::from([
            ("sci.toml".into(), "presets = [\"cargo\"]\n".into()),
            (".gitignore".into(), "/target\n".into()),
            (
                "Cargo.toml".into(),
                "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"parts\"]\n[profile.dev]\ndebug = 0\n".into(),
            ),
            ("Cargo.lock".into(), LOCKFILE.into()),
            ("parts/Cargo.toml".into(), manifest("parts", "")),
            (
                "parts/src/lib.rs".into(),
                format!("{declared}pub fn all() -> String {{ let mut text = String::new(); {called}text }}\n"),
            ),
            ("app/Cargo.toml".into(), manifest("app", "[dependencies]\nparts = { path = \"../parts\" }\n")),
            ("app/build.rs".into(), BUILD_SCRIPT.into()),
            ("app/src/main.rs".into(), MAIN.replace("ROOT", &self.root.to_string())),
            ("app/included.txt".into(), self.included.to_string()),
        ]);
        for (name, value) in &self.modules {
            files.insert(format!("parts/src/m{name}.rs"), format!("pub const VALUE: &str = \"{name}={value},\";\n"));
        }
        for (name, value) in &self.data {
            files.insert(format!("app/data/{name}"), value.to_string());
        }
        files
    }

    /// One random edit. Values keep their length, so that a size never tells.
    fn edit(&mut self, rng: &mut Rng) {
        let value = rng.u16(100..1000);
        let name = rng.u8(1..6);
        match rng.u8(0..8) {
            0 => self.root = value,
            1 => self.included = value,
            2 | 3 => drop(self.modules.insert(name, value)),
            4 => drop(self.modules.remove(&name)),
            5 | 6 => drop(self.data.insert(name, value)),
            _ if self.data.len() > 1 => drop(self.data.remove(&name)),
            _ => self.included = value,
        }
    }
}

const LOCKFILE: &str = "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"parts\",\n]\n\n[[package]]\nname = \"parts\"\nversion = \"0.1.0\"\n";

const MAIN: &str = r#"fn main() {
    println!("modules {}included {} data {}root ROOT", parts::all(), include_str!("../included.txt"), env!("DATA"));
}
"#;

const BUILD_SCRIPT: &str = r#"fn main() {
    println!("cargo::rerun-if-changed=data");
    let mut files: Vec<_> = std::fs::read_dir("data").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let data: String = files.iter().map(|path| format!("{}={},", name(path), std::fs::read_to_string(path).unwrap())).collect();
    println!("cargo::rustc-env=DATA={data}");
}
"#;

fn manifest(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{rest}")
}

/// How the files of a checkout got their mtimes.
#[derive(Debug, Clone, Copy)]
enum Stamps {
    /// git: now.
    Now,
    /// A tool that puts back commit times: every file that changed is older than the last build.
    ChangedAreOld,
    /// An archive: one old time for all.
    AllOld,
}

/// How a history reaches the next build.
#[derive(Debug, Clone, Copy)]
struct Way {
    fresh_checkout: bool,
    stamps: Stamps,
}

fn lay(machine: &Machine, sources: &Sources, before: &Sources, way: Way, rng: &mut Rng) {
    let files = sources.files();
    let old = before.files();
    if way.fresh_checkout {
        machine.forget_all_but_store();
    } else {
        for name in old.keys().filter(|name| !files.contains_key(*name)) {
            machine.remove(name);
        }
    }
    let one_time = ago(rng.u64(3600..400_000_000));
    for (name, content) in &files {
        let changed = old.get(name) != Some(content);
        if way.fresh_checkout || changed {
            machine.write(name, content);
        }
        match way.stamps {
            Stamps::ChangedAreOld if changed => {
                set_mtime(&machine.path(name), one_time - Duration::from_secs(rng.u64(0..1000)))
            }
            Stamps::AllOld if way.fresh_checkout || changed => set_mtime(&machine.path(name), one_time),
            _ => {}
        }
    }
}

#[derive(Default, Debug)]
struct Tally {
    exact: usize,
    nearest: usize,
    compiled_nothing: usize,
    compiled_some: usize,
}

/// Runs one chain of histories; each restores from what the earlier ones saved.
fn chain(seed: u64, length: usize) -> Tally {
    let machine = Machine::new();
    let mut rng = Rng::with_seed(seed);
    let mut past = vec![Sources::new()];
    let mut tally = Tally::default();
    let mut before = Sources::new();
    for step in 0..length {
        let mut sources = before.clone();
        if step > 0 && rng.u8(0..5) == 0 {
            sources = past[rng.usize(0..past.len())].clone();
        } else {
            (0..rng.u8(1..4)).for_each(|_| sources.edit(&mut rng));
        }
        let stamps = [Stamps::Now, Stamps::ChangedAreOld, Stamps::AllOld][rng.usize(0..3)];
        let way = Way { fresh_checkout: step == 0 || rng.u8(0..4) > 0, stamps };
        lay(&machine, &sources, &before, way, &mut rng);
        let context = format!("seed {seed}, step {step}, {way:?}\nbefore {before:?}\nafter {sources:?}");
        one(&machine, &sources, &context, &mut tally);
        past.push(sources.clone());
        before = sources;
    }
    tally
}

fn one(machine: &Machine, sources: &Sources, context: &str, tally: &mut Tally) {
    let restored = machine.sci(&["restore", "target"]);
    let verdict = restored.verdict("target");
    let build = machine.run("cargo", &["build", "-v", "--offline", "--locked"]).success();
    let said = machine.run("target/debug/app", &[]).success().stdout;
    assert_eq!(said, sources.expected(), "{context}\nverdict {verdict}\n{build}");
    match (verdict.as_str(), compiled(&build.stderr).len()) {
        ("exact", 0) => tally.exact += 1,
        ("exact", _) => panic!("an exact restore, and cargo compiled:\n{context}\n{build}"),
        ("nearest", count) => {
            tally.nearest += 1;
            tally.compiled_nothing += usize::from(count == 0);
            tally.compiled_some += usize::from(count == 1);
        }
        _ => {}
    }
    machine.sci(&["save", "target"]);
}

#[test]
fn the_built_program_is_what_the_sources_say() {
    let length = HISTORIES / CHAINS as usize;
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let chains: Vec<_> = (0..CHAINS).map(|seed| scope.spawn(move || chain(seed, length))).collect();
        chains.into_iter().map(|chain| chain.join().unwrap()).collect()
    });
    println!("{tallies:?}");
    let sum = |field: fn(&Tally) -> usize| tallies.iter().map(field).sum::<usize>();
    // The scenario is worth nothing if state was not restored, or if everything was compiled each time.
    assert!(sum(|tally| tally.exact) >= 10, "{tallies:?}");
    assert!(sum(|tally| tally.nearest) >= HISTORIES / 2, "{tallies:?}");
    assert!(sum(|tally| tally.compiled_some) >= 10, "{tallies:?}");
}
