//! What people do with the program, and what has to be true then.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::machine::Machine;
use crate::shell::Failure;

const WORKSPACE: &str = "workspace";
const PACKAGE: &str = "node_modules/left-pad";

/// A file as it was found: content, whether it may be written to, its time in steps of 100 ns.
type Found = (Vec<u8>, bool, u128);

pub(super) fn tell(machine: &Machine) -> Result<(), Failure> {
    let root = machine.path(WORKSPACE);
    fs::create_dir_all(&root)?;
    lock(&root, "1.3.0")?;
    machine.sci(WORKSPACE, &["init"])?;
    nested(machine)?;
    tool(machine, &root)?;
    expect(&machine.sci(WORKSPACE, &["restore", "node_modules"])?, "miss")?;
    lay(&root)?;
    let laid = look(&root)?;
    expect(&machine.sci(WORKSPACE, &["save", "node_modules"])?, "saved     node_modules  ")?;
    restores(machine, &root, &laid)?;
    upgrade(machine, &root)?;
    for (args, word) in [
        (["ls"].as_slice(), "node_modules"),
        (&["verify", "--read-data"], "2 of 2 snapshots sound"),
        (&["gc"], "deleted 0 objects"),
    ] {
        expect(&machine.sci(WORKSPACE, args)?, word)?;
    }
    machine.sci(WORKSPACE, &["doctor"])?;
    match machine.run(WORKSPACE, &["run", "--", "cmd", "/c", "exit 7"])? {
        (_, Some(7)) => served(machine, &laid),
        (_, code) => Err(format!("a command that ended with 7 made sci end with {code:?}").into()),
    }
}

/// What `sci init` writes of a project below has no backslashes.
fn nested(machine: &Machine) -> Result<(), Failure> {
    fs::create_dir_all(machine.path("mono/apps/web"))?;
    lock(&machine.path("mono/apps/web"), "1.3.0")?;
    machine.sci("mono", &["init"])?;
    let written = fs::read_to_string(machine.path("mono/sci.toml"))?;
    if written.contains('\\') {
        return Err(format!("sci.toml has a backslash:\n{written}").into());
    }
    machine.sci("mono", &["plan"]).map(drop)
}

/// A tool that is there as `.cmd` is found and asked.
fn tool(machine: &Machine, root: &Path) -> Result<(), Failure> {
    fs::write(machine.path("bin/tool.cmd"), "@echo tool 1.2.3 %1\r\n")?;
    let declared = fs::read_to_string(root.join("sci.toml"))?;
    let path = "\n[path.out]\npath = \"out\"\nlockfiles = [\"package-lock.json\"]\ntools = [\"tool --version\"]\n";
    fs::write(root.join("sci.toml"), declared + path)?;
    let said = machine.sci(WORKSPACE, &["plan", "--approve-tools", "--inputs"])?;
    expect(&said, "tool 1.2.3 --version")
}

/// A tree that is gone, one that is whole, and one that somebody altered.
fn restores(machine: &Machine, root: &Path, laid: &BTreeMap<PathBuf, Found>) -> Result<(), Failure> {
    let restore = || machine.sci(WORKSPACE, &["restore", "node_modules"]);
    fs::remove_dir_all(root.join("node_modules"))?;
    expect(&restore()?, "exact     node_modules")?;
    same(&look(root)?, laid)?;
    let stamps = || -> Result<Vec<(SystemTime, SystemTime)>, Failure> {
        let of = |file: &PathBuf| fs::metadata(root.join(file)).and_then(|it| Ok((it.created()?, it.modified()?)));
        Ok(laid.keys().map(of).collect::<Result<_, _>>()?)
    };
    let before = stamps()?;
    expect(&restore()?, "all in place")?;
    if stamps()? != before {
        return Err("a restore of what is all in place wrote something".into());
    }
    fs::write(root.join(PACKAGE).join("index.js"), "somebody else's")?;
    fs::remove_file(root.join(PACKAGE).join("lib/file-7.js"))?;
    fs::write(root.join(PACKAGE).join("lib/more.js"), "more")?;
    restore()?;
    same(&look(root)?, laid)
}

/// Another lockfile: the nearest snapshot comes back, sci says what differs, and a run saves what it changed.
fn upgrade(machine: &Machine, root: &Path) -> Result<(), Failure> {
    lock(root, "1.3.1")?;
    expect(&machine.sci(WORKSPACE, &["restore", "node_modules"])?, "nearest   node_modules")?;
    expect(&machine.sci(WORKSPACE, &["explain", "node_modules"])?, "left-pad 1.3.0 → 1.3.1")?;
    let build = r"echo built> node_modules\left-pad\built.js";
    expect(&machine.sci(WORKSPACE, &["run", "--", "cmd", "/c", build])?, "saved     node_modules")?;
    let built = fs::read_to_string(root.join(PACKAGE).join("built.js"))?;
    if built.trim() == "built" { Ok(()) } else { Err("the command did not run".into()) }
}

/// What one machine saves over the network, another one has.
fn served(machine: &Machine, laid: &BTreeMap<PathBuf, Found>) -> Result<(), Failure> {
    fs::create_dir_all(machine.path("server"))?;
    let administer = |args: &[&str]| -> Result<Value, Failure> {
        let output = machine.command("server", "served", &[&["--json"], args].concat()).output()?;
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    administer(&["repo", "add", "1001", "--owner", "77"])?;
    let key = administer(&["key", "export"])?;
    let token = administer(&["token", "create", "--repository", "1001", "--scope", "branch:ci"])?;
    let key = key["result"]["public_keys"][0].as_str().ok_or(format!("no key in {key}"))?.to_owned();
    let token = token["result"]["token"].as_str().ok_or(format!("no token in {token}"))?.to_owned();
    let server = machine.serve("server", "served")?;
    let store =
        format!("[store]\nurl = \"{}\"\nrepository = \"1001\"\ntrusted-public-keys = [\"{key}\"]\n", server.url);
    let sci = |workspace: &str, args: &[&str], word: &str| -> Result<(), Failure> {
        let output =
            machine.command(workspace, "none", args).env("SCI_TOKEN", &token).env_remove("SCI_STORE").output()?;
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        println!("   sci {} in {workspace}", args.join(" "));
        expect(&said, word)
    };
    for workspace in ["one", "other"] {
        let root = machine.path(workspace);
        fs::create_dir_all(&root)?;
        lock(&root, "1.3.0")?;
        fs::write(root.join("sci.toml"), format!("presets = [\"npm\"]\n{store}"))?;
        sci(workspace, &["restore"], if workspace == "one" { "miss" } else { "exact     node_modules" })?;
        if workspace == "one" {
            lay(&root)?;
            sci(workspace, &["save"], "saved     node_modules")?;
        } else {
            let contents = |found: &BTreeMap<PathBuf, Found>| -> Vec<(PathBuf, Vec<u8>)> {
                found.iter().map(|(path, (content, ..))| (path.clone(), content.clone())).collect()
            };
            if contents(&look(&root)?) != contents(laid) {
                return Err("another machine has another tree".into());
            }
        }
    }
    Ok(())
}

/// A package and its lockfile.
fn lock(root: &Path, version: &str) -> Result<(), Failure> {
    let package = json!({ "name": "x", "version": "1.0.0", "dependencies": { "left-pad": version } });
    let mut packages = installed(version);
    packages[""] = package.clone();
    let lockfile = json!({ "name": "x", "version": "1.0.0", "lockfileVersion": 3, "packages": packages });
    fs::write(root.join("package.json"), package.to_string())?;
    Ok(fs::write(root.join("package-lock.json"), lockfile.to_string())?)
}

fn installed(version: &str) -> Value {
    let resolved = format!("https://registry.npmjs.org/left-pad/-/left-pad-{version}.tgz");
    json!({ PACKAGE: { "version": version, "resolved": resolved, "integrity": "sha512-AA==" } })
}

/// What npm would have installed, and some of what is hard to keep.
fn lay(root: &Path) -> Result<(), Failure> {
    let package = root.join(PACKAGE);
    fs::create_dir_all(package.join("lib/empty"))?;
    fs::create_dir_all(package.join("naïve directory"))?;
    let record = json!({ "name": "x", "version": "1.0.0", "lockfileVersion": 3, "packages": installed("1.3.0") });
    fs::write(root.join("node_modules/.package-lock.json"), record.to_string())?;
    fs::write(package.join("package.json"), json!({ "name": "left-pad", "version": "1.3.0" }).to_string())?;
    fs::write(package.join("index.js"), "module.exports = 1;\n")?;
    fs::write(package.join("naïve directory/日本.txt"), "names\n")?;
    let large: Vec<u8> = (0..3_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(package.join("lib/large.bin"), large)?;
    for number in 0..200 {
        fs::write(package.join(format!("lib/file-{number}.js")), format!("file {number}\n"))?;
    }
    let fixed = package.join("fixed.txt");
    fs::write(&fixed, "not to be written to\n")?;
    let mut permissions = fs::metadata(&fixed)?.permissions();
    permissions.set_readonly(true);
    Ok(fs::set_permissions(fixed, permissions)?)
}

/// Everything in the tree.
fn look(root: &Path) -> Result<BTreeMap<PathBuf, Found>, Failure> {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![root.join("node_modules")]);
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            let metadata = path.symlink_metadata()?;
            let content = if metadata.is_file() { fs::read(&path)? } else { Vec::new() };
            let time = metadata.modified()?.duration_since(SystemTime::UNIX_EPOCH)?.as_nanos() / 100;
            let seen = (content, metadata.permissions().readonly(), time);
            found.insert(path.strip_prefix(root)?.to_owned(), seen);
            waiting.extend(Some(path).filter(|_| metadata.is_dir()));
        }
    }
    Ok(found)
}

fn same(found: &BTreeMap<PathBuf, Found>, wanted: &BTreeMap<PathBuf, Found>) -> Result<(), Failure> {
    let differs = |path: &&PathBuf| found.get(*path) != wanted.get(*path);
    match found.keys().chain(wanted.keys()).find(differs) {
        Some(path) => Err(format!("{} is not what was saved", path.display()).into()),
        None => Ok(()),
    }
}

fn expect(said: &str, word: &str) -> Result<(), Failure> {
    if said.contains(word) { Ok(()) } else { Err(format!("it does not say `{word}`:\n{said}").into()) }
}
