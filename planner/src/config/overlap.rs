//! Two declared paths must not contain one another: what one restores the other would save.

use super::{Declaration, DeclaredPath, Errors};

/// Notes each pair of declarations that overlap, at the later one in the file.
///
/// Two paths with globs are compared by their instances when the plan is made, since only the directories that exist tell.
pub(super) fn check(declarations: &[Declaration], errors: &mut Errors<'_>) {
    for (index, left) in declarations.iter().enumerate() {
        for right in &declarations[..index] {
            let overlaps =
                contains(&left.path.value, &right.path.value) || contains(&right.path.value, &left.path.value);
            if !overlaps {
                continue;
            }
            let (first, second) =
                if left.path.span.start < right.path.span.start { (left, right) } else { (right, left) };
            errors.push_with_hint(
                &second.path.span,
                format!(
                    "path `{}` ({}) overlaps path `{}` ({})",
                    second.name.value,
                    second.path.value.text(),
                    first.name.value,
                    first.path.value.text()
                ),
                "each file belongs to one path: declare the outer one, or name the parts",
            );
        }
    }
}

/// Whether `outer` is `inner` or one of the directories above it.
fn contains(outer: &DeclaredPath, inner: &DeclaredPath) -> bool {
    if outer.is_home() != inner.is_home() {
        return false;
    }
    if outer.text() == inner.text() {
        return true;
    }
    if inner.base().is_some() {
        return false;
    }
    if outer.is_home() {
        return inner.tail().strip_prefix(outer.tail()).is_some_and(|rest| rest.starts_with('/'));
    }
    let inner = inner.tail();
    let above = inner.match_indices('/').map(|(slash, _)| &inner[..slash]);
    above.chain([inner]).any(|path| outer.covers(path))
}
