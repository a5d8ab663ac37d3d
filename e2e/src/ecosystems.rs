//! The tools that `cargo xtask e2e` installs for the scenarios, each on the `PATH` of the machine that uses it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::Machine;
use crate::stand_in::{StandIn, port};

/// A server of downloads, on loopback. It ends when dropped.
pub struct Downloads(StandIn);

impl Downloads {
    /// Serves the files of `dir`.
    pub fn serve(dir: &Path) -> Self {
        Self(StandIn::start("ecosystems/files.mjs", Some(dir.as_os_str())))
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", port(&self.0.told))
    }
}

/// A program, and where below the tools it is.
pub enum Manager {
    /// Yarn 1.
    YarnClassic,
    /// Yarn since version 2.
    Yarn,
    /// bun, which is called so on every platform.
    Bun,
    /// uv.
    Uv,
    /// Poetry.
    Poetry,
    /// Turborepo.
    Turbo,
    /// Vite.
    Vite,
    /// Nx.
    Nx,
    /// Playwright, as the program of its test runner.
    Playwright,
}

fn tools(tmp: &str) -> PathBuf {
    Path::new(tmp).parent().unwrap().join("tools")
}

/// Where npm has installed tools; `tmp` is the `CARGO_TARGET_TMPDIR` of the test.
pub fn modules(tmp: &str) -> PathBuf {
    tools(tmp).join("ecosystems/node_modules")
}

impl Manager {
    /// A machine that has the program; `tmp` is the `CARGO_TARGET_TMPDIR` of the test, beside which the tools are.
    pub fn machine(&self, tmp: &str) -> Machine {
        let mut machine = Machine::new();
        let (tools, modules) = (tools(tmp), modules(tmp));
        let (name, program) = match self {
            Self::YarnClassic => ("yarn", modules.join("yarn/bin/yarn.js")),
            Self::Yarn => ("yarn", modules.join("@yarnpkg/cli-dist/bin/yarn.js")),
            Self::Bun => ("bun", modules.join("bun/bin/bun.exe")),
            Self::Uv => ("uv", tools.join("python/bin/uv")),
            Self::Turbo => ("turbo", modules.join("turbo/bin/turbo")),
            Self::Nx => ("nx", modules.join("nx/dist/bin/nx.js")),
            Self::Playwright => ("playwright", modules.join("@playwright/test/cli.js")),
            Self::Vite => ("vite", modules.join("vite/bin/vite.js")),
            Self::Poetry => ("poetry", tools.join("python/bin/poetry")),
        };
        assert!(program.exists(), "{} is missing: cargo xtask e2e installs it", program.display());
        let bin = machine.dir().join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(program, bin.join(name)).unwrap();
        machine.prepend_path(&bin);
        machine
    }
}
