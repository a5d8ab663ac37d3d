//! The commands whose work is the store: ls, show, diff, verify, gc.

use std::fs;
use std::path::PathBuf;

use crate::sandbox::{Sandbox, assert_screen};

/// A workspace with two snapshots.
pub(crate) fn two() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.sci_run("", "mkdir out; echo one > out/a; echo same > out/b; ln -s a out/link").ends_with(0);
    sandbox.write("src/main.txt", "changed\n");
    sandbox.sci_run("", "echo two, longer > out/a; rm out/b; mkdir out/dir; echo new > out/dir/c").ends_with(0);
    sandbox
}

pub(crate) fn ids(sandbox: &Sandbox) -> Vec<String> {
    let document = sandbox.sci("ls --json").ends_with(0).json();
    let snapshots = document["result"]["snapshots"].as_array().unwrap();
    snapshots.iter().map(|snapshot| snapshot["snapshot"].as_str().unwrap().to_owned()).collect()
}

fn objects(sandbox: &Sandbox, kind: &str) -> Vec<PathBuf> {
    let document = sandbox.sci("show out --json").ends_with(0).json();
    let wanted: Vec<String> = document["result"]["record"]["objects"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|object| object["kind"] == kind)
        .map(|object| object["id"].as_str().unwrap().to_owned())
        .collect();
    let mut found = Vec::new();
    let mut directories = vec![sandbox.beside("state/store")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                directories.push(path);
            } else if wanted.iter().any(|id| name.starts_with(id.as_str())) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no object of kind {kind}");
    found
}

#[test]
fn ls_shows_the_newest_first() {
    let sandbox = Sandbox::new();
    assert_screen!(sandbox.sci("ls"), @r"
    exit code: 0
    ----- stdout -----
    this project has no snapshots
    ");
    let sandbox = two();
    assert_screen!(sandbox.sci("ls"), @r"
    exit code: 0
    ----- stdout -----
    SNAPSHOT      PATH  KEY           SAVED     FILES  SIZE    STORED
    [ID]  out   [ID]  just now      3  16 B  [SIZE]
    [ID]  out   [ID]  just now      3   9 B  [SIZE]
    ");
    assert_screen!(sandbox.sci("ls nothing"), @r"
    exit code: 0
    ----- stdout -----
    no snapshot matches `nothing`; this project has 2 in all
    ");
    let ran = sandbox.sci("ls out --scope pr:7").ends_with(0);
    assert_eq!(ran.stdout, "no snapshot matches `out` and --scope pr:7; this project has 2 in all\n");
    for id in ids(&sandbox) {
        sandbox.sci(&format!("forget {id}")).ends_with(0);
    }
    assert_eq!(sandbox.sci("ls").ends_with(0).stdout, "this project has no snapshots\n");
    assert_eq!(sandbox.sci("ls out").ends_with(0).stdout, "this project has no snapshots\n");
    sandbox.sci("restore").ends_with(0);
    let explained = sandbox.sci("explain").ends_with(0);
    assert!(explained.stdout.contains("out  miss  the store has no snapshot of this path"), "{explained}");
}

#[test]
fn show_shows_a_snapshot_and_its_tree() {
    let sandbox = two();
    assert_screen!(sandbox.sci("show out --tree"), @r"
    exit code: 0
    ----- stdout -----
    snapshot [DIGEST]
      path         out (out)
      key          [DIGEST]
      scope        trusted:local
      state        settled
      saved        [TIME] (just now)
      run          [RUN]
      signed by    [KEY] (verified)
      tree         3 files, 16 B
      stored       [SIZE] in 1 pack and 1 manifest object
      parents      [DIGEST]

    dir      755            0  .
    file     644           12  a
    dir      755            0  dir
    file     644            4  dir/c
    symlink  000            0  link -> a
    ");
    let newest = &ids(&sandbox)[0];
    let by_prefix = sandbox.sci(&format!("show {} --json", &newest[..8])).ends_with(0).json();
    assert_eq!(by_prefix["result"]["summary"]["snapshot"], newest.as_str());
}

#[test]
fn a_snapshot_that_is_not_there_is_not_found() {
    assert_screen!(two().sci("show 0123456789ab"), @r#"
    exit code: 4
    ----- stderr -----
    Error: this project has no snapshot called "[ID]"
    Hint: `sci ls` lists them; 6 digits of an id will do, and a path's name means its newest one
    "#);
}

#[test]
fn diff_shows_files_and_inputs() {
    let sandbox = two();
    let ids = ids(&sandbox);
    assert_screen!(sandbox.sci(&format!("diff {} {}", ids[1], ids[0])), @r"
    exit code: 0
    ----- stdout -----
    files of [ID] and [ID]
      2 entries added
        + dir
        + dir/c  4 B
      1 entry removed
        - b  5 B
      1 entry changed
        ~ a  4 B → 12 B

    inputs
      sources (1 changed)
        ~ src/main.txt
    ");
    let document = sandbox.sci(&format!("diff {} {} --json", ids[1], ids[0])).ends_with(0).json();
    assert_eq!(document["result"]["files"]["removed"][0]["path"], "b");
    let same = sandbox.sci("diff out out").ends_with(0);
    assert!(same.stdout.contains("no difference"), "{same}");
}

#[test]
fn verify_finds_the_store_sound() {
    let sandbox = two();
    assert_screen!(sandbox.sci("verify"), @r"
    exit code: 0
    ----- stdout -----
    2 of 2 snapshots sound, 6 objects (signatures and objects present; --read-data reads them)
    ");
    assert_screen!(sandbox.sci("verify --read-data"), @r"
    exit code: 0
    ----- stdout -----
    2 of 2 snapshots sound, 6 objects (every byte read)
    ");
}

#[test]
fn verify_names_the_files_that_a_flipped_bit_hurts_and_restore_refuses_them() {
    let sandbox = two();
    objects(&sandbox, "pack").iter().for_each(|pack| flip_last_bit(pack));
    sandbox.sci("verify").ends_with(0);
    let ran = sandbox.sci("verify --read-data").ends_with(1);
    assert!(ran.stdout.contains("hurt: a\n"), "{ran}");
    let document = sandbox.sci("verify --read-data --json").ends_with(1).json();
    assert_eq!(document["error"]["kind"], "damaged");

    sandbox.remove("out");
    let restored = sandbox.sci("restore --json").ends_with(0).json();
    let path = &restored["result"]["paths"][0];
    assert_eq!((path["verdict"].as_str(), path["trouble"].as_bool()), (Some("miss"), Some(true)));
    assert!(!sandbox.path("out").exists());
    sandbox.sci("restore --require").ends_with(1);
}

#[test]
fn verify_finds_a_missing_object_and_restore_says_so() {
    let sandbox = two();
    for manifest in objects(&sandbox, "manifest") {
        fs::remove_file(manifest).unwrap();
    }
    let ran = sandbox.sci("verify").ends_with(1);
    assert!(ran.stdout.contains("damaged  out"), "{ran}");
    sandbox.remove("out");
    let ran = sandbox.sci("restore").ends_with(0);
    assert!(!ran.stdout.starts_with("exact"), "{ran}");
}

#[test]
fn verify_finds_an_object_that_was_cut_off() {
    let sandbox = two();
    let pack = objects(&sandbox, "pack").remove(0);
    make_writable(&pack);
    fs::File::options().write(true).open(&pack).unwrap().set_len(10).unwrap();
    let ran = sandbox.sci("verify").ends_with(1);
    assert!(ran.stdout.contains("it has 10 bytes instead of "), "{ran}");
    // It is a miss, and the next save heals it.
    sandbox.remove("out");
    let build = "mkdir -p out/dir; echo two, longer > out/a; echo new > out/dir/c; ln -sf a out/link";
    sandbox.sci_run("", build).ends_with(0);
    sandbox.remove("out");
    let restored = sandbox.sci("restore --json").ends_with(0).json();
    assert_eq!(restored["result"]["paths"][0]["verdict"], "exact");
}

#[test]
fn a_snapshot_that_one_machine_cannot_restore_stays() {
    let sandbox = Sandbox::new();
    sandbox.sci_run("", "mkdir out; yes | head -c 8000000 > out/large").ends_with(0);
    let saved = ids(&sandbox);
    sandbox.remove("out");
    // No file can grow as large as that here.
    let limited = format!("trap '' XFSZ; ulimit -f 4096; exec {} restore --json", env!("CARGO_BIN_EXE_sci"));
    let ran = sandbox.program("sh").args(["-c", &limited]).output().unwrap();
    let restored: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    let path = &restored["result"]["paths"][0];
    assert_eq!((path["verdict"].as_str(), path["trouble"].as_bool()), (Some("miss"), Some(true)), "{restored}");
    let ran = sandbox.sci("explain").ends_with(0);
    assert!(ran.stdout.contains("it could not be restored on the machine that asked"), "{ran}");
    let told = format!("not restored: {}", path["reason"].as_str().unwrap());
    assert!(told.contains("File too large") && ran.raw().contains(&told), "what the restore said is said again: {ran}");
    sandbox.write("out/small", "built in another way");
    sandbox.sci("save").ends_with(0);
    assert!(ids(&sandbox).contains(&saved[0]), "a sound snapshot was given up");
    sandbox.sci("verify --read-data").ends_with(0);
}

fn make_writable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn the_next_run_replaces_a_damaged_snapshot() {
    for harm in [flip_last_bit as fn(&std::path::Path), |path| fs::remove_file(path).unwrap()] {
        let sandbox = two();
        objects(&sandbox, "pack").iter().for_each(|pack| harm(pack));
        sandbox.remove("out");
        let build = "mkdir -p out/dir; echo two, longer > out/a; echo new > out/dir/c; ln -sf a out/link";
        sandbox.sci_run("", build).ends_with(0);
        sandbox.sci("verify out --read-data").ends_with(0);
        sandbox.remove("out");
        let restored = sandbox.sci("restore --json").ends_with(0).json();
        assert_eq!(restored["result"]["paths"][0]["verdict"], "exact");
    }
}

/// The objects of a store, as files.
pub(crate) fn stored(sandbox: &Sandbox) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![sandbox.beside("state/store/objects")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { directories.push(path) } else { found.push(path) }
        }
    }
    found
}

#[test]
fn repair_drops_what_is_damaged_and_the_next_save_makes_it_whole() {
    let build = "mkdir -p out/dir; echo two, longer > out/a; echo new > out/dir/c; ln -sf a out/link";
    for kind in ["pack", "manifest", "derivation"] {
        for harm in [flip_last_bit as fn(&std::path::Path), |path| fs::remove_file(path).unwrap()] {
            let sandbox = two();
            let before = stored(&sandbox).len();
            objects(&sandbox, kind).iter().for_each(|object| harm(object));
            let document = sandbox.sci("verify --repair --json").ends_with(0).json();
            let repaired = &document["result"]["repaired"];
            let forgotten = repaired["forgotten"].as_array().unwrap().len();
            assert!(forgotten >= 1 && ids(&sandbox).len() == 2 - forgotten, "{kind}: {document}");
            assert!(stored(&sandbox).len() < before, "{kind}: the object is gone");
            sandbox.sci("verify --read-data").ends_with(0);
            sandbox.remove("out");
            let restored = sandbox.sci("restore --json").ends_with(0).json();
            let path = &restored["result"]["paths"][0];
            assert!(path["verdict"] != "exact" && path["trouble"] == false, "{kind}: {path}");
            sandbox.sci_run("", build).ends_with(0);
            sandbox.sci("verify --read-data").ends_with(0);
            sandbox.remove("out");
            let restored = sandbox.sci("restore --json").ends_with(0).json();
            assert_eq!(restored["result"]["paths"][0]["verdict"], "exact", "{kind}");
        }
    }
}

#[test]
fn repair_says_what_it_did() {
    let sandbox = two();
    objects(&sandbox, "pack").iter().for_each(|pack| flip_last_bit(pack));
    let ran = sandbox.sci("verify --repair").ends_with(0);
    assert!(ran.stdout.contains("hurt: a\n"), "{ran}");
    assert!(ran.stdout.contains("\nrepaired: 1 snapshot forgotten, 1 object removed ("), "{ran}");
    assert_screen!(sandbox.sci("verify --repair"), @r"
    exit code: 0
    ----- stdout -----
    1 of 1 snapshot sound, 3 objects (every byte read)
    ");
    sandbox.remove("out");
    let ran = sandbox.sci("restore").ends_with(0);
    assert!(ran.stdout.starts_with("nearest   out"), "{ran}");
    // Of the store's only snapshot, damage leaves nothing: a plain miss.
    objects(&sandbox, "manifest").iter().for_each(|object| fs::remove_file(object).unwrap());
    let ran = sandbox.sci("verify --repair").ends_with(0);
    assert!(ran.stdout.contains("hurt: every file\n"), "{ran}");
    sandbox.remove("out");
    let ran = sandbox.sci("restore").ends_with(0);
    assert!(ran.stdout.contains("the store has no snapshot of this path"), "{ran}");
}

#[test]
fn a_save_after_a_repair_keeps_what_was_restored_before_it() {
    // Restored, repaired away, and not changed since: the tree is sound, and the store should have it again.
    let sandbox = two();
    sandbox.sci("restore").ends_with(0);
    objects(&sandbox, "pack").iter().for_each(|pack| flip_last_bit(pack));
    sandbox.sci("verify --repair").ends_with(0);
    let document = sandbox.sci("save --json").ends_with(0).json();
    let path = &document["result"]["paths"][0];
    assert_eq!((path["outcome"].as_str(), path["settled"].as_bool()), (Some("saved"), Some(true)), "{path}");
    sandbox.sci("verify --read-data").ends_with(0);
    sandbox.remove("out");
    let restored = sandbox.sci("restore --json").ends_with(0).json();
    assert_eq!(restored["result"]["paths"][0]["verdict"], "exact");
}

#[test]
fn a_save_after_a_repair_puts_no_old_tree_under_a_new_key() {
    // The nearest one was restored, repaired away, and nothing was built: it must not become exact.
    let sandbox = two();
    sandbox.write("src/main.txt", "changed again\n");
    sandbox.sci("restore").ends_with(0);
    objects(&sandbox, "pack").iter().for_each(|pack| flip_last_bit(pack));
    sandbox.sci("verify --repair").ends_with(0);
    let document = sandbox.sci("save --json").ends_with(0).json();
    let path = &document["result"]["paths"][0];
    assert_eq!((path["outcome"].as_str(), path["settled"].as_bool()), (Some("saved"), Some(false)), "{path}");
    sandbox.sci("verify --read-data").ends_with(0);
    // What was built upon it is saved whole, though it was restored from what is gone.
    sandbox.sci("restore").ends_with(0);
    sandbox.write("out/a", "built\n");
    let document = sandbox.sci("save --json").ends_with(0).json();
    assert_eq!(document["result"]["paths"][0]["settled"], true, "{document}");
    sandbox.sci("verify --read-data").ends_with(0);
}

#[test]
fn a_snapshot_that_sci_toml_does_not_trust_is_told_and_left_alone() {
    let sandbox = two();
    let pinned = "[store]\ntrusted-public-keys = [\"other:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]\n";
    let toml = sandbox.read("sci.toml");
    sandbox.write("sci.toml", &(pinned.to_owned() + &toml));
    let ran = sandbox.sci("verify --repair").ends_with(1);
    assert!(ran.stderr.contains("2 snapshots not believed"), "{ran}");
    sandbox.write("sci.toml", &toml);
    assert_eq!(ids(&sandbox).len(), 2);
    sandbox.sci("verify --read-data").ends_with(0);
}

pub(crate) fn flip_last_bit(path: &std::path::Path) {
    let mut bytes = fs::read(path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    make_writable(path);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_store_that_cannot_be_opened_says_what_to_do() {
    let sandbox = Sandbox::new();
    sandbox.sci_run("", "mkdir out && echo one > out/file").ends_with(0);
    let store = sandbox.beside("state/store");
    std::fs::write(store.join("index.sqlite"), "no database").unwrap();
    // The log has all that the damaged file had.
    std::fs::remove_file(store.join("index.sqlite-wal")).unwrap();
    assert_screen!(sandbox.sci("ls"), @r"
    exit code: 3
    ----- stderr -----
    Error: the index failed: [TOP]/state/store/index.sqlite: file is not a database
    Hint: what a store holds can be built again: move [TOP]/state/store away, and the next save makes a new one, unless there is a backup
    ");
    std::fs::write(store.join("sci-store.json"), "{").unwrap();
    assert_screen!(sandbox.sci("ls"), @r"
    exit code: 3
    ----- stderr -----
    Error: [TOP]/state/store/sci-store.json: EOF while parsing an object at line 1 column 1
    Hint: what a store holds can be built again: move [TOP]/state/store away, and the next save makes a new one, unless there is a backup
    ");
    std::fs::rename(&store, sandbox.beside("away")).unwrap();
    sandbox.sci("save").ends_with(0);
    std::fs::write(sandbox.beside("home/photo"), "").unwrap();
    let other = sandbox.beside("home").display().to_string();
    let ran = sandbox.sci(&format!("ls --store {other}")).ends_with(3);
    assert!(!ran.stderr.contains("away"), "nobody is told to move their own files: {ran}");
}

#[test]
fn a_candidate_that_is_refused_leads_to_explain() {
    let sandbox = Sandbox::new();
    sandbox.sci_run("", "mkdir out && echo one > out/file").ends_with(0);
    let objects = sandbox.beside("state/store/objects");
    for shard in objects.read_dir().unwrap().flat_map(|repository| repository.unwrap().path().read_dir().unwrap()) {
        std::fs::remove_dir_all(shard.unwrap().path()).unwrap();
    }
    sandbox.remove("out");
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    miss      out
              every candidate was refused  (key [ID])
              Hint: `sci explain` says why, candidate by candidate
    ");
    assert_screen!(sandbox.sci("explain"), @r"
    exit code: 0
    ----- stdout -----
    out  miss  every candidate was refused
      key [ID], planned just now by run [RUN]
      candidates considered:
        refused [ID]  an object that it needs is missing from the store, or damaged there (trusted:local, just now)
      Hint: the next save takes its place; `sci verify --repair` where the store is drops all that is not whole
      inputs: no difference from the nearest candidate, [ID]
    ");
    sandbox.sci("restore --require").ends_with(1);
    // What merely is derived from something else is a miss and no trouble.
    let sandbox = two();
    sandbox.write("lock.txt", "other\n");
    sandbox.write("sci.toml", &(sandbox.read("sci.toml") + "match = \"sources\"\n"));
    sandbox.sci("restore --require").ends_with(0);
}

#[test]
fn a_command_that_cannot_be_started_is_named() {
    let sandbox = Sandbox::new();
    let document = sandbox.sci("run --json -- no-such-command").ends_with(127).json();
    let message = document["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("cannot run no-such-command: "), "{message}");
}

#[test]
fn what_sci_keeps_is_not_in_what_it_restores() {
    let mut sandbox = Sandbox::new();
    assert_screen!(sandbox.sci("restore --store out/store"), @r"
    exit code: 2
    ----- stderr -----
    Error: the store [TOP]/ws/out/store is in the workspace path `out`
    Hint: a restore would roll it back too: name another with --store
    ");
    sandbox.sci("restore --state out").ends_with(2);
    assert!(!sandbox.path("out").exists(), "it was refused before anything was made");
    sandbox.set("HOME", sandbox.path("home"));
    sandbox.write("sci.toml", "[path.cache]\npath = \"~/cache\"\n[path.all]\npath = \"p/*/out\"\noptional = true\n");
    sandbox.sci("restore --store home/cache/x").ends_with(2);
    sandbox.sci("restore --store p/a/out/store").ends_with(2);
    sandbox.sci("restore --store p/a/store").ends_with(0);
    // Whichever links lead there.
    std::fs::create_dir_all(sandbox.path("home/cache")).unwrap();
    std::os::unix::fs::symlink("home/cache", sandbox.path("link")).unwrap();
    sandbox.sci("restore --store link/x").ends_with(2);
    std::os::unix::fs::symlink("ws/home", sandbox.beside("house")).unwrap();
    sandbox.set("HOME", sandbox.beside("house"));
    sandbox.sci("restore --store home/cache/x").ends_with(2);
}

#[test]
fn a_store_among_the_inputs_is_said() {
    let sandbox = Sandbox::new();
    sandbox.sci("restore --store src/store").ends_with(0);
    let ran = sandbox.sci("restore --store src/store").ends_with(0);
    assert!(ran.stderr.contains("src/store is among the inputs of out: list it in .gitignore"), "{ran}");
    sandbox.write(".gitignore", "store\n");
    let ran = sandbox.sci("restore --store src/store").ends_with(0);
    assert_eq!(ran.stderr, "", "{ran}");
}
