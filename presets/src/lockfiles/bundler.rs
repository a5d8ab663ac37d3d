//! Gemfile.lock: sections with a heading at the margin, in which gems stand by four blanks, and what they need by six.

use std::collections::BTreeMap;

use super::{LockfileError, Package, Packages};

/// One heading and what is said of all gems below it.
#[derive(Default)]
struct Section<'t> {
    heading: &'t str,
    remote: &'t str,
    revision: Option<&'t str>,
}

/// Gems of the project itself are no packages.
pub(crate) fn packages(text: &str) -> Result<Packages, LockfileError> {
    let mut section = Section::default();
    let mut gems: Vec<(&str, &str, Option<String>)> = Vec::new();
    let mut checksums: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let content = line.trim();
        match line.len() - line.trim_start_matches(' ').len() {
            _ if content.is_empty() => {}
            0 if content.chars().all(|letter| letter.is_ascii_uppercase() || letter == ' ') => {
                section = Section { heading: content, ..Section::default() };
            }
            2 if section.heading == "CHECKSUMS" => {
                let Some((gem, checksum)) = content.rsplit_once(' ') else { continue };
                checksums.extend(split(gem).map(|gem| (gem, checksum)));
            }
            2 => match content.split_once(": ") {
                Some(("remote", remote)) => section.remote = remote,
                Some(("revision", revision)) => section.revision = Some(revision),
                _ => {}
            },
            4 if ["GEM", "GIT"].contains(&section.heading) => {
                let (name, version) = split(content).ok_or_else(|| malformed(index))?;
                let source = section.revision.map(|revision| format!("{}#{revision}", section.remote));
                gems.push((name, version, source));
            }
            0 => return Err(malformed(index)),
            _ => {}
        }
    }
    if section.heading.is_empty() {
        return Err(LockfileError::malformed("there is no section"));
    }
    let package = |(name, version, source): (&str, &str, Option<String>)| Package {
        name: name.to_owned(),
        version: version.to_owned(),
        source,
        integrity: checksums.get(&(name, version)).map(|&checksum| checksum.to_owned()),
    };
    Ok(gems.into_iter().map(package).collect())
}

fn malformed(index: usize) -> LockfileError {
    LockfileError::malformed(format!("line {} is not of Gemfile.lock", index + 1))
}

/// `name (1.0.0)`, with a platform behind the version where the gem has one.
fn split(gem: &str) -> Option<(&str, &str)> {
    let (name, version) = gem.split_once(" (")?;
    Some((name, version.strip_suffix(')')?))
}
