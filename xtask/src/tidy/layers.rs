//! Who may depend on whom, and which of other people's crates a pure crate must not know.

use crate::context::{Context, Dependency, Member};
use crate::tidy::Finding;

/// A package and what of ours it may use: in its code, and further in its tests.
struct Layer {
    name: &'static str,
    code: &'static [&'static str],
    tests: &'static [&'static str],
}

/// From the bottom up, so a cycle cannot be written down.
const LAYERS: [Layer; 20] = [
    Layer { name: "sci-sys", code: &[], tests: &[] },
    Layer { name: "sci-audit", code: &[], tests: &[] },
    Layer { name: "sci-hasher", code: &["sci-sys"], tests: &[] },
    Layer { name: "sci-presets", code: &["sci-sys", "sci-hasher"], tests: &[] },
    Layer { name: "sci-planner", code: &["sci-sys", "sci-hasher", "sci-presets"], tests: &[] },
    Layer { name: "sci-faults", code: &["sci-sys"], tests: &[] },
    Layer { name: "sci-store-api", code: &["sci-hasher"], tests: &[] },
    Layer { name: "sci-snapshot", code: &["sci-sys", "sci-hasher", "sci-faults", "sci-store-api"], tests: &[] },
    Layer { name: "sci-service", code: &["sci-hasher", "sci-store-api"], tests: &[] },
    Layer { name: "sci-conformance", code: &["sci-hasher", "sci-store-api", "sci-service"], tests: &["sci-native"] },
    Layer {
        name: "sci-native",
        code: &["sci-sys", "sci-hasher", "sci-faults", "sci-store-api", "sci-service"],
        tests: &["sci-conformance", "sci-snapshot"],
    },
    Layer { name: "sci-s3", code: &["sci-store-api", "sci-service", "sci-native"], tests: &["sci-conformance"] },
    Layer {
        name: "sci-serve",
        code: &["sci-store-api", "sci-service", "sci-native"],
        tests: &["sci-hasher", "sci-conformance", "sci-s3"],
    },
    Layer {
        name: "sci-miniflare",
        code: &["sci-conformance", "sci-service", "sci-native", "sci-store-api"],
        tests: &["sci-serve"],
    },
    Layer {
        name: "sci-remote",
        code: &["sci-hasher", "sci-store-api"],
        tests: &["sci-conformance", "sci-native", "sci-service", "sci-snapshot"],
    },
    Layer {
        name: "sci",
        code: &[
            "sci-sys",
            "sci-audit",
            "sci-hasher",
            "sci-presets",
            "sci-faults",
            "sci-planner",
            "sci-store-api",
            "sci-snapshot",
            "sci-native",
            "sci-serve",
            "sci-s3",
            "sci-remote",
        ],
        tests: &["sci-conformance", "sci-service"],
    },
    Layer {
        name: "sci-benches",
        code: &[
            "sci-hasher",
            "sci-presets",
            "sci-planner",
            "sci-store-api",
            "sci-snapshot",
            "sci-native",
            "sci-remote",
        ],
        tests: &["sci-service"],
    },
    Layer {
        name: "sci-fuzz",
        code: &["sci-hasher", "sci-presets", "sci-planner", "sci-store-api", "sci-snapshot"],
        tests: &[],
    },
    // These two drive programs from outside: what they need of ours, a user would need too.
    Layer { name: "sci-e2e", code: &[], tests: &[] },
    Layer { name: "xtask", code: &[], tests: &[] },
];

/// Packages whose code runs wherever wasm does.
const PURE: [&str; 3] = ["sci-hasher", "sci-store-api", "sci-service"];
/// Runtimes, frameworks, system calls and JS: each host brings its own.
const IMPURE: [&str; 16] = [
    "axum",
    "hyper",
    "libc",
    "object_store",
    "reqwest",
    "rusqlite",
    "rustix",
    "sci-sys",
    "sqlx",
    "tempfile",
    "tokio",
    "wasm-bindgen",
    "walkdir",
    "web-sys",
    "windows-sys",
    "worker",
];

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let names: Vec<&str> = context.members.iter().map(|member| member.name.as_str()).collect();
    context.members.iter().flat_map(|member| check_member(member, &names)).collect()
}

fn check_member(member: &Member, ours: &[&str]) -> Vec<Finding> {
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == member.name) else {
        return vec![format!("{}: a package without a layer: give it one in xtask/src/tidy/layers.rs", member.name)];
    };
    let mut findings = Vec::new();
    if !inherits_lints(member) {
        findings.push(format!("{}: its manifest does not inherit the workspace's lints", member.name));
    }
    for dependency in &member.dependencies {
        if ours.contains(&dependency.name.as_str()) && !may_use(layer, dependency) {
            findings.push(format!("{}: must not depend on {}", member.name, dependency.name));
        }
        if PURE.contains(&layer.name) && is_impure(dependency) {
            findings.push(format!("{}: a pure crate must not depend on {}", member.name, dependency.name));
        }
    }
    findings
}

fn may_use(layer: &Layer, dependency: &Dependency) -> bool {
    let name = dependency.name.as_str();
    layer.code.contains(&name) || dependency.dev && (layer.tests.contains(&name) || name == layer.name)
}

fn is_impure(dependency: &Dependency) -> bool {
    !dependency.dev && !dependency.optional && IMPURE.contains(&dependency.name.as_str())
}

fn inherits_lints(member: &Member) -> bool {
    std::fs::read_to_string(member.dir.join("Cargo.toml")).is_ok_and(|text| text.contains("[lints]\nworkspace = true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependency(name: &str) -> Dependency {
        Dependency { name: name.into(), dev: false, optional: false }
    }

    fn findings(name: &str, dependencies: Vec<Dependency>) -> String {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Cargo.toml"), "[lints]\nworkspace = true\n").unwrap();
        let member = Member { name: name.into(), dir: dir.path().into(), dependencies };
        check_member(&member, &["sci-hasher", "sci-planner", "sci-native", "sci-conformance"]).join("; ")
    }

    #[test]
    fn the_planner_knows_no_store() {
        assert_eq!(findings("sci-planner", vec![dependency("sci-hasher")]), "");
        assert_eq!(
            findings("sci-planner", vec![dependency("sci-native")]),
            "sci-planner: must not depend on sci-native"
        );
    }

    #[test]
    fn a_test_may_use_more_than_the_code() {
        let test_only = Dependency { dev: true, ..dependency("sci-conformance") };
        assert_eq!(findings("sci-native", vec![test_only]), "");
        assert_eq!(
            findings("sci-native", vec![dependency("sci-conformance")]),
            "sci-native: must not depend on sci-conformance"
        );
    }

    #[test]
    fn a_pure_crate_reaches_the_system_only_behind_a_feature() {
        let behind_a_feature = Dependency { optional: true, ..dependency("rustix") };
        assert_eq!(findings("sci-hasher", vec![behind_a_feature]), "");
        assert_eq!(
            findings("sci-hasher", vec![dependency("rustix")]),
            "sci-hasher: a pure crate must not depend on rustix"
        );
        assert_eq!(findings("sci-native", vec![dependency("rustix")]), "");
    }

    #[test]
    fn a_new_package_needs_a_layer() {
        assert!(findings("sci-extra", vec![]).contains("without a layer"));
    }
}
