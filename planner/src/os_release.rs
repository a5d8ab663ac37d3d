//! Which release of an operating system os-release(5) names.
//!
//! This module deliberately reads no file but the two that the manual names, and none of the fields that a person reads:
//! `PRETTY_NAME` changes with every patch of a release whose libraries stay the same.

use std::fs::File;
use std::io::Read;

/// Where the file is; the first that can be read counts, whole and alone.
const PLACES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
const MAX_BYTES: usize = 64 * 1024;
/// What stands for a release that nothing names.
const UNKNOWN: &str = "unknown";

/// The release of this machine's system; `system` where there is no os-release(5).
pub(crate) fn detect() -> String {
    if !cfg!(target_os = "linux") {
        return "system".to_owned();
    }
    PLACES.into_iter().find_map(read).map_or_else(|| UNKNOWN.to_owned(), |text| named(&text))
}

fn read(place: &str) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(place).and_then(|file| file.take(MAX_BYTES as u64).read_to_end(&mut bytes)).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// `ID` and `VERSION_ID`, with a blank between them; a rolling distribution has only the first.
fn named(text: &str) -> String {
    let (mut id, mut version) = (String::new(), String::new());
    for (name, value) in text.lines().filter_map(assignment) {
        // As in a shell, the last assignment counts.
        match name {
            "ID" => id = value,
            "VERSION_ID" => version = value,
            _ => {}
        }
    }
    let fields = [id, version];
    let said: Vec<&str> = fields.iter().map(String::as_str).filter(|field| !field.is_empty()).collect();
    if said.is_empty() { UNKNOWN.to_owned() } else { said.join(" ") }
}

fn assignment(line: &str) -> Option<(&str, String)> {
    // What a comment assigns has a name that nobody asks for.
    let (name, value) = line.trim_start().split_once('=')?;
    Some((name, unquoted(value)))
}

/// What a shell would take `value` for, without expansions, which the format does not have. A quote that nothing closes ends
/// with its line.
fn unquoted(value: &str) -> String {
    let mut plain = String::new();
    let mut quote = None;
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            (None, '\\') => plain.extend(chars.next()),
            // Between double quotes a backslash takes the meaning of these from them, and of nothing else.
            (Some('"'), '\\') => plain.push(chars.next_if(|next| "$\"\\`".contains(*next)).unwrap_or(c)),
            (None, _) if c.is_whitespace() => break,
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_by_id_and_version() {
        let ubuntu = "PRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nVERSION=\"24.04.1 LTS (Noble Numbat)\"\nID=ubuntu\nID_LIKE=debian\n";
        assert_eq!(named(ubuntu), "ubuntu 24.04");
        assert_eq!(named("ID=alpine\r\nVERSION_ID=3.20.3\r\n"), "alpine 3.20.3");
        assert_eq!(named("NAME=\"Arch Linux\"\nID=arch\nBUILD_ID=rolling\n"), "arch", "a rolling distribution");
        assert_eq!(named("VERSION_ID=1\n"), "1", "a missing field is empty");
    }

    #[test]
    fn what_names_no_release_is_unknown() {
        for text in ["", "\n", "NAME=Something\n", "ID=\nVERSION_ID=\"\"\n", "ID\n", "# ID=ubuntu\n"] {
            assert_eq!(named(text), "unknown", "{text:?}");
        }
    }

    #[test]
    fn comments_and_other_fields_do_not_count_and_the_last_assignment_does() {
        let text = "# ID=a\n  # ID=b\n\nID_LIKE=c\nXID=d\nVERSION_ID_LIKE=7\nID=e\nID=f\n";
        assert_eq!(named(text), "f");
        assert_eq!(named("  ID=debian   # as shells read it\nVERSION_ID=12 13\n"), "debian 12");
    }

    #[test]
    fn quotes_and_escapes_are_a_shells() {
        for (written, meant) in [
            ("rhel", "rhel"),
            ("'rhel'", "rhel"),
            ("\"rhel\"", "rhel"),
            (r#""a b""#, "a b"),
            (r#""a\"b\\c\$d\`e""#, "a\"b\\c$d`e"),
            (r#""a\nb""#, r"a\nb"),
            (r"'a\b'", r"a\b"),
            (r"'a\$b'", r"a\$b"),
            (r#"'a"b'"#, "a\"b"),
            (r#""a'b""#, "a'b"),
            (r"a\ b", "a b"),
            (r#""a=b#c""#, "a=b#c"),
            ("\"a", "a"),
            ("a\\", "a"),
            ("\"a\\", "a\\"),
            ("'a' ; b", "a"),
            ("$HOME", "$HOME"),
        ] {
            assert_eq!(unquoted(written), meant, "{written}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_is_read_up_to_its_bound_and_one_that_is_not_there_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("os-release");
        let place = place.to_str().unwrap();
        assert_eq!(read(place), None);
        assert_eq!(read(directory.path().to_str().unwrap()), None, "a directory");
        std::fs::write(place, [b"ID=a\xff\n".as_slice(), &vec![b'#'; MAX_BYTES]].concat()).unwrap();
        let text = read(place).unwrap();
        assert!(text.starts_with("ID=a\u{fffd}\n#"));
        assert_eq!(text.len(), MAX_BYTES + '\u{fffd}'.len_utf8() - 1);
    }

    #[test]
    #[cfg(not(target_os = "linux"))]
    fn elsewhere_there_is_no_such_file() {
        assert_eq!(detect(), "system");
    }
}
