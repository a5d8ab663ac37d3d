//! The Worker: its bundles are built, measured, and run in workerd by the suites of `store/miniflare`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::context::Context;
use crate::shell::{self, Failure};
use crate::steps::{checks, rustc, wasm};
use crate::tools;

/// The bundles: the package that each is of, and its directory below `target/worker`.
const BUNDLES: [(&str, &str); 2] = [("sci_worker_bundle", "bundle"), ("sci_worker_testing", "bundle-testing")];
/// The most bytes of the deployed bundle, compressed: a third of what the free plan takes.
const MOST: usize = 1_000_000;

/// Builds, and runs the tests; `--build` only builds. Further arguments go to nextest.
pub(super) fn run(context: &Context, args: &[String]) -> Result<(), Failure> {
    build(context)?;
    tools::worker_local(context)?;
    start(context)?;
    if args.iter().any(|arg| arg == "--build") {
        return Ok(());
    }
    shell::run(checks::nextest(context, "worker")?.args(args))
}

/// Plays as many traces on the Worker and on `sci serve` as are asked for.
pub(crate) fn traces(context: &Context, args: &[String]) -> Result<(), Failure> {
    build(context)?;
    tools::worker_local(context)?;
    let mut command = context.cargo();
    command.args(["test", "--quiet", "--package", "sci-miniflare", "--test", "traces", "--", "--nocapture"]);
    shell::run(command.env("SCI_TRACES", args.first().map_or("1000", String::as_str)))
}

/// Builds both bundles.
pub(super) fn build(context: &Context) -> Result<(), Failure> {
    let bindgen = tools::wasm_bindgen(context)?;
    let target = context.target.join("worker");
    let mut command = wasm::std_from_source(context, "std,panic_unwind")?;
    command.current_dir(context.root.join("worker")).env("CARGO_TARGET_DIR", &target);
    // A panic then fails its own request; otherwise it would fail every request of its isolate.
    command.env("RUSTFLAGS", format!("-Cpanic=unwind {}", remapped(context)?));
    rustc::by_way_of_this(&mut command)?;
    command.args(["build", "--quiet", "--release", "--workspace", "--locked", "--target", wasm::TARGET]);
    shell::run(&mut command)?;
    for (package, name) in BUNDLES {
        let wasm = target.join(wasm::TARGET).join("release").join(package).with_extension("wasm");
        bundle(context, &bindgen, &wasm, &target.join(name))?;
    }
    let deployed = bundle_directory(context);
    measure(&deployed)?;
    println!("   sha256 {}", digest(&deployed)?);
    Ok(())
}

/// Says how long the deployed bundle takes to start.
fn start(context: &Context) -> Result<(), Failure> {
    let mut command = Command::new("node");
    command.arg(context.root.join("worker/local/startup.mjs")).arg(context.tools().join("worker"));
    println!("   {}", shell::output(command.arg(bundle_directory(context)))?.trim());
    Ok(())
}

/// Where the files are that are deployed.
pub(super) fn bundle_directory(context: &Context) -> PathBuf {
    context.target.join("worker").join(BUNDLES[0].1)
}

/// Paths of this machine do not stand in what is built: wherever it is built, it is the same.
fn remapped(context: &Context) -> Result<String, Failure> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let home = home.ok_or("there is no home directory")?;
    let remap = |path: &Path, name: &str| format!("--remap-path-prefix={}={name}", path.display());
    // The sources of std lie below the compiler.
    let sysroot = shell::output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let dirs = [remap(&context.root, "sci"), remap(&home, "cargo"), remap(Path::new(sysroot.trim()), "rust")];
    Ok(dirs.join(" "))
}

fn bundle(context: &Context, bindgen: &Path, wasm: &Path, directory: &Path) -> Result<(), Failure> {
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    let mut command = Command::new(bindgen);
    command.args(["--target", "web", "--no-typescript", "--out-name", "index", "--out-dir"]).arg(directory);
    shell::run(command.arg(wasm))?;
    fs::copy(context.root.join("worker/entry.mjs"), directory.join("entry.mjs"))?;
    // The sci that it belongs to: `sci deploy` takes no other.
    Ok(fs::write(directory.join("version"), concat!(env!("CARGO_PKG_VERSION"), "\n"))?)
}

/// One digest of all that is deployed: that of what `find . -type f | LC_ALL=C sort | xargs sha256sum` says there.
fn digest(directory: &Path) -> Result<String, Failure> {
    let script = "find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum";
    let output = shell::output(Command::new("sh").args(["-c", script]).current_dir(directory))?;
    let digest = output.split_whitespace().next().filter(|digest| digest.len() == 64);
    Ok(digest.ok_or("sha256sum fails")?.to_owned())
}

/// Says how large the bundle is, and fails when it is too large.
fn measure(directory: &Path) -> Result<(), Failure> {
    let (mut plain, mut compressed) = (0, 0);
    for name in ["index_bg.wasm", "index.js", "entry.mjs"] {
        let path = directory.join(name);
        plain += fs::metadata(&path)?.len();
        let output = Command::new("gzip").args(["-9", "-c"]).arg(&path).output()?;
        if !output.status.success() {
            return Err("gzip fails".into());
        }
        compressed += output.stdout.len();
    }
    println!("   {plain} bytes, {compressed} compressed, in {}", directory.display());
    if compressed > MOST { Err(format!("the bundle has more than {MOST} bytes compressed").into()) } else { Ok(()) }
}
