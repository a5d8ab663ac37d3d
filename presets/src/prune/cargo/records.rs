//! The records that cargo and rustc leave of a unit: its fingerprint, the hash of that, and the list of its sources.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::locked::Origin;

/// A unit that leans on more others than this is not one of cargo's.
const MAX_DEPENDENCIES: usize = 20_000;

/// What of a fingerprint (`lib-serde.json`) says which unit it is of and which units that leans on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    /// The target in its package, as a hash; 0 for the run of a build script.
    pub(super) target: u64,
    /// The profile with the mode (build, check, test), as a hash.
    pub(super) profile: u64,
    /// The platform it is for, as a hash; 0 for the host.
    pub(super) kind: u64,
    /// What it leans on.
    pub(super) dependencies: Vec<Dependency>,
}

/// A unit that another one leans on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dependency {
    /// The package with its version and source, as a hash.
    pub(super) package: u64,
    /// The hash of its fingerprint.
    pub(super) fingerprint: u64,
}

#[derive(Deserialize)]
struct File {
    target: u64,
    profile: u64,
    compile_kind: u64,
    deps: Vec<(u64, IgnoredAny, IgnoredAny, u64)>,
}

/// Reads a fingerprint; `None` when it is not of the form that cargo has written since 1.45.
pub(super) fn fingerprint(json: &[u8]) -> Option<Fingerprint> {
    let File { target, profile, compile_kind, deps } = serde_json::from_slice(json).ok()?;
    if deps.len() > MAX_DEPENDENCIES {
        return None;
    }
    let dependency = |(package, _, _, fingerprint)| Dependency { package, fingerprint };
    Some(Fingerprint { target, profile, kind: compile_kind, dependencies: deps.into_iter().map(dependency).collect() })
}

/// Reads the hash of a fingerprint (`lib-serde`). The inner `None` is that of a unit that did not come to be built.
pub(super) fn hash(text: &[u8]) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    let digits = std::str::from_utf8(text).ok().filter(|text| is_hash(text))?;
    // Cargo writes the bytes of the number, the lowest first.
    u64::from_str_radix(digits, 16).ok().map(|number| Some(number.swap_bytes()))
}

/// Whether the text is a hash as cargo writes it into names.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The hash in the name of an artefact: `libserde-90ea9c81a65cb426.rlib`, `app-39935b2061264a1c`.
pub(super) fn hash_in_name(name: &str) -> Option<&str> {
    name.rmatch_indices('-').find_map(|(at, _)| {
        let (hash, rest) = name[at + 1..].split_at_checked(16)?;
        (is_hash(hash) && (rest.is_empty() || rest.starts_with('.'))).then_some(hash)
    })
}

/// Where the sources of `package` came from, by rustc's list of them (`serde-90ea9c81a65cb426.d`).
pub(super) fn origin(list: &str, package: &str) -> Origin {
    let sources = list.lines().next().and_then(|line| line.split_once(": ")).map_or("", |(_, sources)| sources);
    if let Some((_, below)) = sources.split_once("/registry/src/") {
        let source = below.split('/').nth(1).unwrap_or_default();
        let version = source.strip_prefix(package).and_then(|rest| rest.strip_prefix('-'));
        if let Some(version) = version.filter(|version| version.starts_with(|first: char| first.is_ascii_digit())) {
            return Origin::Registry(version.to_owned());
        }
    }
    if let Some((_, below)) = sources.split_once("/git/checkouts/") {
        let revision = below.split('/').nth(1).unwrap_or_default();
        if revision.len() >= 7 && revision.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Origin::Git(revision.to_owned());
        }
    }
    Origin::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_own_records_are_read() {
        let json = br#"{"rustc":7458672600737419911,"features":"[]","declared_features":"[]","target":586088003218259792,"profile":8731458305071235362,"path":4942398508502643691,"deps":[[5037372466785579007,"itoa",false,17916204839278617707]],"local":[{"CheckDepInfo":{"dep_info":"debug/.fingerprint/app-39935b2061264a1c/dep-bin-app","checksum":false}}],"rustflags":[],"config":8247474407144887393,"compile_kind":0}"#;
        let read = fingerprint(json).unwrap();
        let itoa = Dependency { package: 5037372466785579007, fingerprint: 17916204839278617707 };
        assert_eq!((read.target, read.dependencies), (586088003218259792, vec![itoa]));
        // What cargo wrote beside it, and how a dependent named it.
        assert_eq!(hash(b"082ce7496df1905f"), Some(Some(6886269281943104520)));
        assert_eq!(hash(b""), Some(None));
    }

    #[test]
    fn what_has_another_form_is_not_read() {
        for json in ["", "{}", "[]", r#"{"target":1,"profile":1,"compile_kind":null,"deps":[]}"#] {
            assert_eq!(fingerprint(json.as_bytes()), None, "{json}");
        }
        assert_eq!(fingerprint(br#"{"target":1,"profile":1,"compile_kind":0,"deps":[[1,"a",2]]}"#), None);
        for text in ["082ce7496df1905", "082CE7496DF1905F", "082ce7496df1905f\n", "082ce7496df1905g"] {
            assert_eq!(hash(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn artefacts_are_known_by_the_hash_in_their_names() {
        for name in ["liba-90ea9c81a65cb426.rlib", "a-90ea9c81a65cb426", "a-b-90ea9c81a65cb426.1.rcgu.o"] {
            assert_eq!(hash_in_name(name), Some("90ea9c81a65cb426"), "{name}");
        }
        for name in ["liba.so", "a-90ea9c81a65cb42", "a-90ea9c81a65cb426x", "90ea9c81a65cb426", "a-ééééééééééééé"]
        {
            assert_eq!(hash_in_name(name), None, "{name}");
        }
    }

    #[test]
    fn the_place_of_the_sources_tells_their_origin() {
        let of = |sources: &str| origin(&format!("/w/target/debug/deps/a-0.d: {sources}\n"), "a-b");
        let registry = "/home/u/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/a-b-1.0.19+x/src/lib.rs";
        assert_eq!(of(registry), Origin::Registry("1.0.19+x".to_owned()));
        assert_eq!(of("/h/.cargo/git/checkouts/a-12/0123abc/src/lib.rs"), Origin::Git("0123abc".to_owned()));
        for sources in ["src/main.rs", "/v/a-b-1.0.0/src/lib.rs", "/r/registry/src/i/a-c-1.0.0/src/lib.rs", ""] {
            assert_eq!(of(sources), Origin::Unknown, "{sources}");
        }
    }
}
