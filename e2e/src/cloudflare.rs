//! An account of the platform on loopback, in which the real wrangler deploys, and which runs what it is given in workerd.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::Machine;
use crate::machine::{finish, sci};
use crate::node;
use crate::ran::Ran;
use crate::stand_in::{self, StandIn, port};

/// The account. It ends when dropped.
pub struct Account {
    stand_in: StandIn,
    target: PathBuf,
}

impl Account {
    /// An empty account; `tmp` is the `CARGO_TARGET_TMPDIR` of the test, beside which tools and the Worker's files are.
    pub fn start(tmp: &str) -> Self {
        let target = Path::new(tmp).parent().unwrap().to_owned();
        let stand_in = StandIn::start("cloudflare/stand-in.mjs", Some(target.join("tools/worker").as_os_str()));
        Self { stand_in, target }
    }

    /// Where the Worker answers, whatever it is called.
    pub fn worker(&self) -> String {
        format!("http://127.0.0.1:{}", port(&self.stand_in.told["worker"]))
    }

    /// What the account holds, and every change that was made in it.
    pub fn shown(&self) -> Value {
        self.ask("GET", "/account", "")
    }

    /// From now on requests that match fail.
    pub fn refuse(&self, method: &str, path: &str) {
        self.ask("PUT", "/trouble", &json!({ "method": method, "path": path, "code": 10_000 }).to_string());
    }

    /// From now on nothing fails.
    pub fn be_well(&self) {
        self.ask("PUT", "/trouble", "null");
    }

    /// The Worker's built files.
    pub fn bundle(&self) -> PathBuf {
        self.target.join("worker/bundle")
    }

    /// `sci --json deploy` on a machine that has sci as a release is unpacked; no address beyond this machine is reached.
    pub fn deploy(&self, machine: &Machine, args: &[&str]) -> Ran {
        let release = machine.dir().join("release");
        if !release.exists() {
            unpack(&release, &self.bundle());
        }
        let tools = self.target.join("tools/cloudflare/node_modules");
        let mut command = machine.command(release.join("bin/sci"));
        command.env("CLOUDFLARE_API_BASE_URL", format!("http://127.0.0.1:{}/client/v4", self.platform()));
        command.env("CLOUDFLARE_API_TOKEN", "of-the-stand-in").env("WRANGLER_SEND_METRICS", "false");
        command.env("ALL_PROXY", "http://127.0.0.1:9").env("SCI_WRANGLER", tools.join(".bin/wrangler"));
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(std::iter::once(node::bin()).chain(std::env::split_paths(&path))).unwrap();
        finish(command.env("PATH", path).args(["--json", "--timeout", "5s", "deploy"]).args(args))
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        stand_in::ask(self.platform(), method, path, body)
    }

    /// The port of the platform's interface.
    fn platform(&self) -> u16 {
        port(&self.stand_in.told["platform"])
    }
}

/// What `cargo xtask dist` packs.
fn unpack(release: &Path, bundle: &Path) {
    fs::create_dir_all(release.join("bin")).unwrap();
    fs::create_dir_all(release.join("share/sci")).unwrap();
    fs::copy(sci(), release.join("bin/sci")).unwrap();
    symlink(bundle, release.join("share/sci/worker")).unwrap();
}
