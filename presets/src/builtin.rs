//! The built-in presets: the TOML files of `data/`.

use std::sync::LazyLock;

use crate::Preset;

/// In the order of a listing.
const FILES: [&str; 22] = [
    include_str!("../data/cargo.toml"),
    include_str!("../data/npm.toml"),
    include_str!("../data/pnpm.toml"),
    include_str!("../data/yarn.toml"),
    include_str!("../data/yarn-classic.toml"),
    include_str!("../data/bun.toml"),
    include_str!("../data/uv.toml"),
    include_str!("../data/poetry.toml"),
    include_str!("../data/pip.toml"),
    include_str!("../data/go.toml"),
    include_str!("../data/bundler.toml"),
    include_str!("../data/composer.toml"),
    include_str!("../data/turbo.toml"),
    include_str!("../data/next.toml"),
    include_str!("../data/vite.toml"),
    include_str!("../data/nx.toml"),
    include_str!("../data/ccache.toml"),
    include_str!("../data/sccache.toml"),
    include_str!("../data/playwright.toml"),
    include_str!("../data/buildx.toml"),
    include_str!("../data/maven.toml"),
    include_str!("../data/gradle.toml"),
];

static ALL: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    let parse = |text| toml::from_str(text).expect("the embedded presets parse, as tests/builtin.rs shows");
    FILES.into_iter().map(parse).collect()
});

impl Preset {
    /// Every built-in preset.
    pub fn all() -> &'static [Self] {
        &ALL
    }

    /// The built-in preset of that name.
    pub fn get(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|preset| preset.name == name)
    }
}
