//! What a member does not reach never changes its part of a lockfile, and what it reaches always does: over random graphs,
//! written as each ecosystem writes them and followed here by rules of their own.

#![allow(clippy::unwrap_used, reason = "a lockfile that cannot be narrowed fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use sci_presets::lockfiles::{Closure, Graph};
use serde_json::{Map, Value, json};

const PACKAGES: usize = 8;
const MEMBERS: usize = 3;

/// Whether one member depends on another, by their numbers.
type Links = BTreeSet<(usize, usize)>;

/// A workspace: each package and each member with what it depends on, cycles and all.
#[derive(Debug, Clone)]
struct Workspace {
    packages: Vec<Locked>,
    members: Vec<BTreeSet<usize>>,
    links: Links,
    /// For npm: packages of which a member has a copy of its own.
    nested: BTreeSet<(usize, usize)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Locked {
    checksum: u8,
    dependencies: BTreeSet<usize>,
}

/// A change to one package.
#[derive(Debug, Clone)]
enum Change {
    Checksum,
    Dependency(usize),
}

fn workspace() -> impl Strategy<Value = Workspace> {
    let some = || btree_set(0..PACKAGES, 0..3);
    let package = some().prop_map(|dependencies| Locked { checksum: 0, dependencies });
    let links = btree_set((0..MEMBERS, 0..MEMBERS), 0..2);
    let nested = btree_set((0..MEMBERS, 0..PACKAGES), 0..4);
    (vec(package, PACKAGES), vec(some(), MEMBERS), links, nested)
        .prop_map(|(packages, members, links, nested)| Workspace { packages, members, links, nested })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![Just(Change::Checksum), (0..PACKAGES).prop_map(Change::Dependency)]
}

impl Workspace {
    fn changed(&self, package: usize, change: &Change) -> Self {
        let mut changed = self.clone();
        let locked = &mut changed.packages[package];
        match change {
            Change::Checksum => locked.checksum += 1,
            Change::Dependency(other) if !locked.dependencies.remove(other) => drop(locked.dependencies.insert(*other)),
            Change::Dependency(_) => {}
        }
        changed
    }

    /// The members that one leads to, itself included.
    fn members_of(&self, member: usize) -> BTreeSet<usize> {
        fixpoint([member].into(), |from| self.links.iter().filter(|link| link.0 == *from).map(|link| link.1).collect())
    }

    /// The packages that a member reaches.
    fn reached(&self, member: usize) -> BTreeSet<usize> {
        let start = self.members_of(member).into_iter().flat_map(|member| self.members[member].clone()).collect();
        fixpoint(start, |package| self.packages[*package].dependencies.iter().copied().collect())
    }

    /// The same for npm, where a member sees its own copies first and has them in any case.
    fn reached_by_npm(&self, member: usize) -> BTreeSet<(Option<usize>, usize)> {
        let seen_from = |member: Option<usize>, package: &usize| {
            let own = member.filter(|member| self.nested.contains(&(*member, *package)));
            (own, *package)
        };
        let own = |member: usize| self.nested.iter().filter(move |copy| copy.0 == member).map(|copy| copy.1);
        let mut start = BTreeSet::new();
        for member in self.members_of(member) {
            start.extend(self.members[member].iter().map(|package| seen_from(Some(member), package)));
            start.extend(own(member).map(|package| (Some(member), package)));
        }
        fixpoint(start, |(copy_of, package)| {
            self.packages[*package].dependencies.iter().map(|other| seen_from(*copy_of, other)).collect()
        })
    }

    fn cargo(&self) -> String {
        // Two packages each share a name, so that a version tells them apart.
        let key = |package: &usize| format!("\"p{} {}.0.0\",", package / 2, package % 2 + 1);
        let list = |packages: &BTreeSet<usize>| packages.iter().map(key).collect::<String>();
        let mut text = "version = 4\n".to_owned();
        for (member, dependencies) in self.members.iter().enumerate() {
            let links = self.links.iter().filter(|link| link.0 == member).map(|link| format!("\"m{}\",", link.1));
            let dependencies = list(dependencies) + &links.collect::<String>();
            writeln!(text, "[[package]]\nname = \"m{member}\"\nversion = \"0.1.0\"\ndependencies = [{dependencies}]")
                .unwrap();
        }
        for (package, Locked { checksum, dependencies }) in self.packages.iter().enumerate() {
            writeln!(
                text,
                "[[package]]\nname = \"p{}\"\nversion = \"{}.0.0\"\nsource = \"registry+https://registry.example\"\nchecksum = \"{checksum}\"\ndependencies = [{}]",
                package / 2,
                package % 2 + 1,
                list(dependencies)
            )
            .unwrap();
        }
        text
    }

    fn npm(&self, copies: &BTreeMap<(usize, usize), u8>) -> String {
        let names = |packages: &BTreeSet<usize>| -> Map<String, Value> {
            packages.iter().map(|package| (format!("p{package}"), json!("*"))).collect()
        };
        let mut places = json!({ "": { "workspaces": ["packages/*"] } });
        for (member, dependencies) in self.members.iter().enumerate() {
            let mut names = names(dependencies);
            let links = self.links.iter().filter(|link| link.0 == member);
            names.extend(links.map(|link| (format!("m{}", link.1), json!("*"))));
            places[format!("packages/m{member}")] = json!({ "version": "1.0.0", "dependencies": names });
            places[format!("node_modules/m{member}")] =
                json!({ "resolved": format!("packages/m{member}"), "link": true });
        }
        let entry = |checksum: u8, dependencies| json!({ "version": "1.0.0", "integrity": format!("{checksum}"), "dependencies": names(dependencies) });
        for (package, Locked { checksum, dependencies }) in self.packages.iter().enumerate() {
            places[format!("node_modules/p{package}")] = entry(*checksum, dependencies);
        }
        for ((member, package), checksum) in copies {
            let place = format!("packages/m{member}/node_modules/p{package}");
            places[place] = entry(*checksum, &self.packages[*package].dependencies);
        }
        json!({ "lockfileVersion": 3, "packages": places }).to_string()
    }

    fn pnpm(&self, version: u8) -> String {
        // Two packages each are one with different peers, so they share what `packages` says of them.
        let slash = if version == 6 { "/" } else { "" };
        let reference = |package: &usize| format!("1.0.0(peer@{})", package % 2);
        let key = |package: &usize| format!("{slash}p{}@{}", package / 2, reference(package));
        // Of two with one name, the second is installed under another.
        let dependency = |package: &usize| match package % 2 {
            0 => (format!("p{}", package / 2), reference(package)),
            _ => (format!("alias{package}"), key(package)),
        };
        let mut text = format!("lockfileVersion: '{version}.0'\nimporters:\n  .: {{}}\n");
        for (member, dependencies) in self.members.iter().enumerate() {
            writeln!(text, "  packages/m{member}:\n    dependencies:\n      none: {{specifier: 'x', version: 'link:../../../away'}}").unwrap();
            for (name, reference) in dependencies.iter().map(dependency) {
                writeln!(text, "      {name}: {{specifier: '*', version: '{reference}'}}").unwrap();
            }
            for link in self.links.iter().filter(|link| link.0 == member) {
                writeln!(text, "      m{0}: {{specifier: 'workspace:*', version: 'link:../m{0}'}}", link.1).unwrap();
            }
        }
        let entry = |package: usize, text: &mut String, resolution: &str| {
            writeln!(text, "  {}:\n    {resolution}optional: false", key(&package)).unwrap();
            text.push_str("    dependencies:\n      none: 'link:away'\n");
            for (name, reference) in self.packages[package].dependencies.iter().map(dependency) {
                writeln!(text, "      {name}: '{reference}'").unwrap();
            }
        };
        text.push_str("packages:\n");
        for (package, Locked { checksum, .. }) in self.packages.iter().enumerate() {
            let resolution = format!("resolution: {{integrity: '{checksum}'}}\n    ");
            if version == 6 {
                entry(package, &mut text, &resolution);
            } else if package % 2 == 0 {
                writeln!(text, "  p{}@1.0.0:\n    {}", package / 2, resolution.trim_end()).unwrap();
            }
        }
        if version == 9 {
            text.push_str("snapshots:\n");
            (0..PACKAGES).for_each(|package| entry(package, &mut text, ""));
        }
        text
    }
}

fn fixpoint<T: Ord + Clone>(start: BTreeSet<T>, leads: impl Fn(&T) -> BTreeSet<T>) -> BTreeSet<T> {
    let mut known = start;
    loop {
        let next: BTreeSet<T> = known.iter().flat_map(&leads).chain(known.iter().cloned()).collect();
        if next.len() == known.len() {
            return known;
        }
        known = next;
    }
}

fn closure(lockfile: &str, text: &str, member: &str) -> Closure {
    let graph = Graph::read(Path::new(lockfile), text.as_bytes());
    graph
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
        .closure(member)
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Whether the member's part differs between two texts.
fn differs(lockfile: &str, member: &str, before: &str, after: &str) -> bool {
    let [before, after] = [before, after].map(|text| closure(lockfile, text, member));
    before.digest != after.digest
}

proptest! {
    #[test]
    fn cargo(workspace in workspace(), package in 0..PACKAGES, change in change()) {
        let changed = workspace.changed(package, &change);
        for member in 0..MEMBERS {
            let differs = differs("Cargo.lock", &format!("m{member}"), &workspace.cargo(), &changed.cargo());
            prop_assert_eq!(differs, workspace.reached(member).contains(&package));
        }
    }

    #[test]
    fn npm(workspace in workspace(), package in 0..PACKAGES, change in change(), copy in any::<prop::sample::Index>()) {
        let copies: BTreeMap<_, u8> = workspace.nested.iter().map(|copy| (*copy, 0)).collect();
        let text = workspace.npm(&copies);
        let mut cases = Vec::new();
        // Copies have the dependencies of what they are copies of, so only the checksum changes one alone.
        let changed = workspace.changed(package, &change);
        let touched: BTreeSet<_> = match change {
            Change::Checksum => [(None, package)].into(),
            Change::Dependency(_) => (0..MEMBERS).map(|member| (Some(member), package)).chain([(None, package)]).collect(),
        };
        cases.push((changed.npm(&copies), touched));
        if !workspace.nested.is_empty() {
            let (member, package) = *workspace.nested.iter().nth(copy.index(workspace.nested.len())).unwrap();
            let mut copies = copies.clone();
            *copies.get_mut(&(member, package)).unwrap() += 1;
            cases.push((workspace.npm(&copies), [(Some(member), package)].into()));
        }
        for (changed, touched) in cases {
            for member in 0..MEMBERS {
                let differs = differs("package-lock.json", &format!("packages/m{member}"), &text, &changed);
                prop_assert_eq!(differs, !workspace.reached_by_npm(member).is_disjoint(&touched));
            }
            prop_assert!(differs("package-lock.json", ".", &text, &changed), "the root has everything");
        }
    }

    #[test]
    fn pnpm(workspace in workspace(), package in 0..PACKAGES, change in change(), version in prop_oneof![Just(6_u8), Just(9)]) {
        // What `packages` says counts for both that share it.
        let package = if version == 9 && matches!(change, Change::Checksum) { package & !1 } else { package };
        let changed = workspace.changed(package, &change);
        let touched: BTreeSet<usize> = match change {
            Change::Checksum if version == 9 => [package, package + 1].into(),
            _ => [package].into(),
        };
        let (before, after) = (workspace.pnpm(version), changed.pnpm(version));
        for member in 0..MEMBERS {
            let differs = differs("pnpm-lock.yaml", &format!("packages/m{member}"), &before, &after);
            prop_assert_eq!(differs, !workspace.reached(member).is_disjoint(&touched));
        }
        prop_assert!(differs("pnpm-lock.yaml", ".", &before, &after), "the root has everything");
    }

    #[test]
    fn what_is_shown_is_what_is_reached(workspace in workspace()) {
        for member in 0..MEMBERS {
            let closure = closure("Cargo.lock", &workspace.cargo(), &format!("m{member}"));
            let packages = workspace.reached(member);
            prop_assert_eq!(closure.packages.len(), packages.len() + workspace.members_of(member).len());
            for package in packages {
                let (name, version) = (format!("p{}", package / 2), format!("{}.0.0", package % 2 + 1));
                prop_assert!(closure.packages.iter().any(|shown| shown.name == name && shown.version == version));
            }
        }
    }
}
