//! What was read, against what is declared.

use std::collections::BTreeSet;

use sci_audit::{Age, Reads};
use sci_hasher::fs::FileKind;
use sci_hasher::{InputClass, InputName};
use serde::Serialize;

/// What one path instance declares.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The name in sci.toml.
    pub name: String,
    /// The instance.
    pub instance: String,
    /// Its input files, or why they are not known.
    pub inputs: Result<Vec<(InputClass, InputName)>, String>,
}

/// What is found.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// How many files of the workspace were read that were there before the command.
    pub files: usize,
    /// What each path instance declares of them, in the order of the plan.
    pub paths: Vec<Used>,
    /// Files and links that were read and that no path declares.
    pub undeclared: Vec<InputName>,
    /// The same, of files that git ignores: no pattern names them but a literal one.
    pub ignored: Vec<InputName>,
}

/// What became of the inputs that one path instance declares.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Used {
    /// The name in sci.toml.
    pub name: String,
    /// The instance.
    pub instance: String,
    /// How many input files it declares.
    pub declared: usize,
    /// Those that were never read.
    pub unread: Vec<Unread>,
    /// Why its inputs are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An input that was never read.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Its class.
    pub class: InputClass,
    /// Its path.
    pub name: InputName,
}

/// Compares. `known` says what was at a path of the workspace before the command, of what git does not ignore.
pub fn compare(declared: &[Declared], reads: &Reads, known: impl Fn(&[u8]) -> Option<FileKind>) -> Findings {
    let linked: BTreeSet<&[u8]> = reads.through.iter().flat_map(|path| parts(path)).collect();
    let is_read = |name: &InputName| reads.files.contains_key(name.as_bytes()) || linked.contains(name.as_bytes());
    let used = |path: &Declared| {
        let inputs = path.inputs.as_deref().unwrap_or_default();
        let unread = inputs.iter().filter(|(_, name)| !is_read(name));
        Used {
            name: path.name.clone(),
            instance: path.instance.clone(),
            declared: inputs.len(),
            unread: unread.map(|(class, name)| Unread { class: *class, name: name.clone() }).collect(),
            reason: path.inputs.as_ref().err().cloned(),
        }
    };
    let paths = declared.iter().map(used).collect();
    let inputs = declared.iter().filter_map(|path| path.inputs.as_ref().ok()).flatten();
    let inputs: BTreeSet<&[u8]> = inputs.map(|(_, name)| name.as_bytes()).collect();

    let mut findings = Findings { paths, ..Findings::default() };
    let links = linked.into_iter().filter(|path| known(path) == Some(FileKind::Symlink));
    let mut undeclared: BTreeSet<&[u8]> = links.filter(|path| !inputs.contains(path)).collect();
    for (path, age) in &reads.files {
        let was_there = match (known(path), age) {
            (_, Age::New) | (None, Age::Moved) => continue,
            (Some(_), _) => true,
            (None, Age::Old) => false,
        };
        findings.files += 1;
        match inputs.contains(&path[..]) {
            true => {}
            false if was_there => drop(undeclared.insert(path)),
            false => findings.ignored.push(InputName::new(path.as_slice())),
        }
    }
    findings.undeclared = undeclared.into_iter().map(InputName::new).collect();
    findings
}

/// The path and all that lead to it.
fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(slash, _)| slash);
    ends.chain([path.len()]).map(|end| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(inputs: &[&str]) -> Declared {
        let inputs = inputs.iter().map(|name| (InputClass::Sources, InputName::from(*name))).collect();
        Declared { name: "out".into(), instance: "out".into(), inputs: Ok(inputs) }
    }

    fn reads(files: &[(&str, Age)], through: &[&str]) -> Reads {
        let mut reads = Reads::default();
        reads.files = files.iter().map(|(name, age)| ((*name).into(), *age)).collect();
        reads.through = through.iter().map(|path| (*path).into()).collect();
        reads
    }

    /// Unread, undeclared and ignored, where the workspace holds `files` and `links` that git does not ignore.
    fn found(declared: &[Declared], reads: &Reads, files: &[&str], links: &[&str]) -> [Vec<String>; 3] {
        let holds = |names: &[&str], path: &[u8]| names.iter().any(|name| name.as_bytes() == path);
        let found = compare(declared, reads, |path| match (holds(files, path), holds(links, path)) {
            (true, _) => Some(FileKind::File),
            (_, true) => Some(FileKind::Symlink),
            _ => None,
        });
        let unread = found.paths.iter().flat_map(|path| path.unread.iter().map(|unread| unread.name.to_string()));
        let names = |names: &[InputName]| names.iter().map(InputName::to_string).collect();
        [unread.collect(), names(&found.undeclared), names(&found.ignored)]
    }

    #[test]
    fn each_file_is_in_its_place() {
        let reads = reads(&[("a", Age::Old), ("c", Age::Old), (".env", Age::Old)], &[]);
        let found = found(&[path(&["a", "b"])], &reads, &["a", "b", "c"], &[]);
        assert_eq!(found, [vec!["b"], vec!["c"], vec![".env"]]);
    }

    #[test]
    fn what_the_command_made_is_no_input_but_a_declared_file_that_it_wrote_first_is_used() {
        let ages = [("new", Age::New), ("moved", Age::Moved), ("touched", Age::Moved), ("lock", Age::New)];
        let found = found(&[path(&["lock"])], &reads(&ages, &[]), &["touched", "lock"], &[]);
        assert_eq!(found, [vec![], vec!["touched"], vec![""; 0]]);
    }

    #[test]
    fn another_paths_input_is_declared_and_each_path_has_its_own_unread_ones() {
        let found = found(&[path(&["a"]), path(&["b"])], &reads(&[("b", Age::Old)], &[]), &["a", "b"], &[]);
        assert_eq!(found, [vec!["a"], vec![], vec![""; 0]]);
    }

    #[test]
    fn a_link_is_read_with_what_it_leads_to() {
        let reads = reads(&[("real/x", Age::Old)], &["dir/x", "other/x", "ignored/x"]);
        let found = found(&[path(&["dir", "real/x"])], &reads, &["real/x"], &["dir", "other"]);
        assert_eq!(found, [vec![], vec!["other"], vec![""; 0]]);
    }

    #[test]
    fn a_path_without_a_key_declares_nothing_and_says_why() {
        let unkeyed = Declared { inputs: Err("no key".into()), ..path(&[]) };
        let found = compare(&[unkeyed], &reads(&[("a", Age::Old)], &[]), |_| Some(FileKind::File));
        assert_eq!((found.paths[0].declared, found.paths[0].reason.as_deref()), (0, Some("no key")));
        assert_eq!((found.files, found.undeclared.len()), (1, 1));
    }
}
