//! Which instances an instance comes `after`.

use super::Instance;
use crate::config::Errors;

/// For each instance the indexes of its upstreams, in the order of `after`.
///
/// Of a path with several instances the one in the same or the nearest directory above joins. A path without a glob has one
/// instance, which is upstream of every other; so has one below the home directory.
pub(crate) fn link(instances: &[Instance<'_>], errors: &mut Errors<'_>) -> Vec<Vec<usize>> {
    instances.iter().map(|instance| upstreams(instance, instances, errors)).collect()
}

fn upstreams(instance: &Instance<'_>, instances: &[Instance<'_>], errors: &mut Errors<'_>) -> Vec<usize> {
    let location = location(instance);
    let mut found = Vec::new();
    for target in &instance.declaration.after {
        let of_target =
            || instances.iter().enumerate().filter(|(_, other)| other.declaration.name.value == target.value);
        let above = of_target().filter(|(_, upstream)| contains(&upstream.directory, location));
        match above.max_by_key(|(_, upstream)| upstream.directory.len()) {
            Some((index, _)) => found.push(index),
            None if of_target().next().is_none() => {}
            None => errors.push_with_hint(
                &target.span,
                format!(
                    "`{}` comes after `{}`, which has no instance in the same directory or above",
                    instance.path, target.value
                ),
                "an upstream is the instance in the same or the nearest directory above: give both paths the same base",
            ),
        }
    }
    found
}

/// The directory that an instance belongs to.
fn location<'i>(instance: &'i Instance<'_>) -> &'i str {
    let path = &instance.declaration.path.value;
    match path.base() {
        Some(_) => &instance.directory,
        None if path.is_home() => "",
        None => path.tail().rsplit_once('/').map_or("", |(directory, _)| directory),
    }
}

fn contains(directory: &str, location: &str) -> bool {
    directory.is_empty()
        || location.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
