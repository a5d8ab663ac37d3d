//! The policies that presets and sci.toml name: each a closed list of words.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! policy {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name used in sci.toml, JSON and messages.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The value with this name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

policy! {
    /// Which snapshots may be restored.
    #[derive(Default)]
    RestorePolicy {
        /// The one with the same key, else the nearest one that is trusted.
        #[default]
        Nearest = "nearest",
        /// Only the one with the same key.
        Exact = "exact",
        /// None.
        Never = "never",
    }
}

policy! {
    /// When a path is saved.
    #[derive(Default)]
    SavePolicy {
        /// When its content differs from what was restored.
        #[default]
        WhenChanged = "when-changed",
        /// After every run.
        Always = "always",
        /// When its content differs and the run succeeded.
        OnSuccess = "on-success",
        /// Never.
        Never = "never",
    }
}

policy! {
    /// A proof that the content of a path is current for its lockfiles.
    Check {
        /// `node_modules/.package-lock.json` says what package-lock.json says.
        Npm = "npm",
        /// `node_modules/.pnpm/lock.yaml` says what pnpm-lock.yaml says.
        Pnpm = "pnpm",
        /// `node_modules/.yarn-state.yml` says what yarn.lock says.
        Yarn = "yarn",
        /// `node_modules/.yarn-integrity` says what the yarn.lock of Yarn 1 says.
        YarnClassic = "yarn-classic",
        /// Every package of bun.lock is there in its version.
        Bun = "bun",
        /// Every package of uv.lock, poetry.lock or a requirements file is installed in its version.
        Venv = "venv",
        /// Every gem of Gemfile.lock has its specification.
        Bundler = "bundler",
        /// `vendor/composer/installed.json` says what composer.lock says.
        Composer = "composer",
        /// Every registry package of Cargo.lock has its archive below `registry/cache`.
        CargoRegistry = "cargo-registry",
        /// Every package of yarn.lock has its archive.
        YarnCache = "yarn-cache",
        /// Every browser is of the revision that the installed Playwright, which is the locked one, asks for.
        Playwright = "playwright",
        /// Every module of go.sum has its archive below `cache/download`.
        GoModules = "go-modules",
    }
}

policy! {
    /// What of a path that workspaces share belongs to one of them.
    Shared {
        /// What its lockfiles name, and what its run created.
        Lockfile = "lockfile",
    }
}

policy! {
    /// Which of the directories below a lockfile's own have an instance.
    #[derive(Default)]
    Members {
        /// Those that the lockfile names as the workspace's members, where it does name them.
        Lockfile = "lockfile",
        /// All that are marked.
        #[default]
        Any = "any",
    }
}

policy! {
    /// What of a path a save leaves out, because the build no longer uses it.
    #[derive(Default)]
    Prune {
        /// Artefacts of packages that Cargo.lock no longer has, and those that the run replaced by others.
        Cargo = "cargo",
        /// Nothing.
        #[default]
        Never = "never",
    }
}
