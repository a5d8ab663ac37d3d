//! Which names Windows can have. A pure rule, the same wherever it is asked.

use std::fmt;

/// Why Windows cannot have a name, or must not be given it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is not valid UTF-8.
    NotUnicode,
    /// It is empty, or one of `.` and `..`.
    NoName,
    /// It has a character that means something else there: `:` names a stream of a file, `\` a directory.
    Character(char),
    /// It ends with a dot or a blank, which most programs leave out: they would reach another file.
    Ending,
    /// It is a device's, with any extension.
    Device,
    /// It looks like the short name that the system makes up for a long one: it could reach another file.
    ShortName,
    /// It is a link to another machine, or to nothing: following it would tell that machine who this user is.
    Elsewhere,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUnicode => write!(f, "its name is not valid Unicode"),
            Self::NoName => write!(f, "it has no name"),
            Self::Character(it) if it.is_control() => {
                write!(f, "its name has the control character U+{:04X}", u32::from(*it))
            }
            Self::Character(it) => write!(f, "its name has a `{it}`"),
            Self::Ending => write!(f, "its name ends with a dot or a blank"),
            Self::Device => write!(f, "its name is that of a device"),
            Self::ShortName => write!(f, "its name looks like the short name of another file"),
            Self::Elsewhere => write!(f, "it is a link to another machine, or to nothing"),
        }
    }
}

/// Names that stand for devices, whatever follows their first dot.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// The name as text, if Windows can have it: one component, by which nothing else is reached.
///
/// # Errors
/// What is wrong with it.
pub fn fit(name: &[u8]) -> Result<&str, Unfit> {
    let name = std::str::from_utf8(name).map_err(|_| Unfit::NotUnicode)?;
    let is_wrong = |it: &char| it.is_ascii_control() || r#"<>:"/\|?*"#.contains(*it);
    if matches!(name, "" | "." | "..") {
        Err(Unfit::NoName)
    } else if let Some(wrong) = name.chars().find(is_wrong) {
        Err(Unfit::Character(wrong))
    } else if name.ends_with(['.', ' ']) {
        Err(Unfit::Ending)
    } else if is_device(name) {
        Err(Unfit::Device)
    } else if is_short(name) {
        Err(Unfit::ShortName)
    } else {
        Ok(name)
    }
}

/// A link's target as Windows writes it, with `\\` between names; every name in it is one that Windows can have.
///
/// # Errors
/// What is wrong with it.
pub fn target(target: &[u8]) -> Result<String, Unfit> {
    let text = std::str::from_utf8(target).map_err(|_| Unfit::NotUnicode)?;
    let is_drive = matches!(target, [letter, b':', b'/', ..] if letter.is_ascii_alphabetic());
    let path = if is_drive { &text[2..] } else { text };
    if path.is_empty() || path.starts_with("//") {
        return Err(Unfit::Elsewhere);
    }
    for name in path.split('/').filter(|name| !matches!(*name, "" | "." | "..")) {
        fit(name.as_bytes())?;
    }
    Ok(text.replace('/', "\\"))
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ');
    let is = |device: &str| stem.eq_ignore_ascii_case(device);
    let numbered = |kind: &str| {
        let number = stem.get(..3).filter(|start| start.eq_ignore_ascii_case(kind)).map(|_| &stem[3..]);
        // The superscripts one to three count as digits there.
        number.is_some_and(|number| matches!(number, "\u{b9}" | "\u{b2}" | "\u{b3}") || is_digit(number))
    };
    DEVICES.into_iter().any(is) || numbered("COM") || numbered("LPT")
}

fn is_digit(text: &str) -> bool {
    text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// At most eight characters that end with `~` and a number, and an extension of at most three.
fn is_short(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let number = stem.rsplit_once('~').map(|(_, number)| number);
    let is_number = number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    is_number && stem.chars().count() <= 8 && extension.chars().count() <= 3 && !extension.contains('.')
}

/// What two names have in common that are one on Windows. Some that it tells apart have it in common, too.
pub fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_fit() {
        for name in
            ["a", "node_modules", ".bin", "a b", "naïve", "日本", "x.tar.gz", "CONSOLE", "com", "com10", "a~b", "~1x"]
        {
            assert_eq!(fit(name.as_bytes()), Ok(name));
        }
        for name in ["COM", "LPTX", "auxiliary.h", "nul_.txt", "libfoo-0123456789abcdef~1.rlib", "foo.~1~", ".a."] {
            let fits = fit(name.as_bytes()).is_ok();
            assert_eq!(fits, name != ".a.", "{name}");
        }
    }

    #[test]
    fn names_by_which_something_else_is_reached_are_refused() {
        for (name, why) in [
            ("", Unfit::NoName),
            (".", Unfit::NoName),
            ("..", Unfit::NoName),
            ("a:b", Unfit::Character(':')),
            ("file::$DATA", Unfit::Character(':')),
            ("..\\up", Unfit::Character('\\')),
            ("a/b", Unfit::Character('/')),
            ("what?", Unfit::Character('?')),
            ("a*", Unfit::Character('*')),
            ("\"", Unfit::Character('"')),
            ("<", Unfit::Character('<')),
            (">", Unfit::Character('>')),
            ("a|b", Unfit::Character('|')),
            ("a\nb", Unfit::Character('\n')),
            ("a\0", Unfit::Character('\0')),
            ("dot.", Unfit::Ending),
            ("...", Unfit::Ending),
            ("blank ", Unfit::Ending),
            ("CON", Unfit::Device),
            ("nul.txt", Unfit::Device),
            ("Aux .c", Unfit::Device),
            ("prn", Unfit::Device),
            ("com1", Unfit::Device),
            ("LPT9.tar.gz", Unfit::Device),
            ("COM\u{b9}", Unfit::Device),
            ("CONOUT$", Unfit::Device),
            ("GIT~1", Unfit::ShortName),
            ("PROGRA~1.TXT", Unfit::ShortName),
        ] {
            assert_eq!(fit(name.as_bytes()), Err(why), "{name:?}");
        }
        assert_eq!(fit(b"\xff"), Err(Unfit::NotUnicode));
        assert_eq!(fit(b"\xed\xa0\x80"), Err(Unfit::NotUnicode), "half a surrogate pair");
    }

    #[test]
    fn a_link_leads_to_names_on_this_machine() {
        for (link, written) in [("a", "a"), ("../a/./b", r"..\a\.\b"), ("C:/a", r"C:\a"), ("/a/b", r"\a\b"), (".", ".")]
        {
            assert_eq!(target(link.as_bytes()).as_deref(), Ok(written));
        }
        for (link, why) in [
            ("", Unfit::Elsewhere),
            ("//server/share", Unfit::Elsewhere),
            ("C://server/share", Unfit::Elsewhere),
            (r"\\server\share", Unfit::Character('\\')),
            (r"..\..\x", Unfit::Character('\\')),
            ("/??/C:/a", Unfit::Character('?')),
            ("C:a", Unfit::Character(':')),
            ("a:stream", Unfit::Character(':')),
            ("../nul", Unfit::Device),
        ] {
            assert_eq!(target(link.as_bytes()), Err(why), "{link}");
        }
    }

    #[test]
    fn names_that_differ_in_case_only_are_one() {
        for (one, other) in [("Readme", "README"), ("É", "é"), ("ΣΑΣ", "σας"), ("a", "A")] {
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("a"), folded("b"));
    }
}
