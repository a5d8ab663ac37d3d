//! pom.xml: the parent, dependencies, plugins and extensions that it names. Maven locks nothing: what these need in turn is
//! written nowhere.

use std::collections::BTreeMap;

use quick_xml::events::BytesStart;

use super::xml::{Visitor, walk};
use super::{LockfileError, MAX_REFERRED, Package, Packages};

/// Elements that name an artifact.
const NAMING: [&str; 4] = ["parent", "dependency", "plugin", "extension"];

/// The group of a plugin that names none.
const PLUGINS: &str = "org.apache.maven.plugins";

/// Properties may lead to one another, but not for ever.
const MAX_STEPS: usize = 8;

pub(crate) fn packages(text: &str) -> Result<Packages, LockfileError> {
    let mut pom = Pom::default();
    walk(text, &mut pom)?;
    if !pom.project {
        return Err(LockfileError::malformed("there is no <project>"));
    }
    let Pom { found, properties, .. } = pom;
    Ok(found.iter().map(|artifact| artifact.package(&properties)).collect())
}

#[derive(Default)]
struct Pom {
    /// Whether this is a pom at all.
    project: bool,
    /// The artifacts that are being read: a plugin may have dependencies.
    open: Vec<Artifact>,
    found: Vec<Artifact>,
    properties: BTreeMap<String, String>,
}

#[derive(Default)]
struct Artifact {
    element: String,
    group: String,
    name: String,
    version: String,
}

impl Visitor for Pom {
    fn begin(&mut self, path: &[String], _: &BytesStart<'_>) -> Result<(), LockfileError> {
        match path {
            [root] => self.project |= root == "project",
            [.., element] if NAMING.contains(&element.as_str()) => {
                self.open.push(Artifact { element: element.clone(), ..Artifact::default() });
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, path: &[String], text: &str) {
        match path {
            [_, properties, name] if properties == "properties" => {
                self.properties.insert(name.clone(), text.to_owned());
            }
            [_, version] if version == "version" => {
                self.properties.insert("project.version".to_owned(), text.to_owned());
            }
            [.., element, field] => {
                let Some(artifact) = self.open.last_mut().filter(|artifact| artifact.element == *element) else {
                    return;
                };
                match field.as_str() {
                    "groupId" => text.clone_into(&mut artifact.group),
                    "artifactId" => text.clone_into(&mut artifact.name),
                    "version" => text.clone_into(&mut artifact.version),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, path: &[String]) {
        if path.len() > 1 && path.last().is_some_and(|element| NAMING.contains(&element.as_str())) {
            self.found.extend(self.open.pop().filter(|artifact| !artifact.name.is_empty()));
        }
    }
}

impl Artifact {
    fn package(&self, properties: &BTreeMap<String, String>) -> Package {
        let group = if self.group.is_empty() && self.element == "plugin" { PLUGINS } else { &self.group };
        let name = format!("{}:{}", resolved(group, properties), resolved(&self.name, properties));
        Package { name, version: resolved(&self.version, properties), source: None, integrity: None }
    }
}

/// The text with `${…}` replaced, where this file says what it stands for.
fn resolved(text: &str, properties: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    for _ in 0..MAX_STEPS {
        let property = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        match property.and_then(|name| properties.get(name)).filter(|value| value.len() <= MAX_REFERRED) {
            Some(value) => value.clone_into(&mut text),
            None => break,
        }
    }
    text
}
