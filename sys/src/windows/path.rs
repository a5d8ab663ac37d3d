//! Names and paths, as bytes and as the kernel wants them.

use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::path::{Path, PathBuf};

use super::errno::{Errno, Result};
use crate::names;

/// Stands for a name that is not valid Unicode. No file can be called so.
const NOT_UNICODE: &str = "<not Unicode>";

/// Text of the system as bytes: UTF-8, and what is not valid Unicode in it, encoded likewise.
pub trait OsStrExt {
    /// The text of these bytes; of any others, a name that no file can have.
    fn from_bytes(bytes: &[u8]) -> &Self;
    /// The bytes of the text.
    fn as_bytes(&self) -> &[u8];
}

impl OsStrExt for OsStr {
    fn from_bytes(bytes: &[u8]) -> &Self {
        Self::new(std::str::from_utf8(bytes).unwrap_or(NOT_UNICODE))
    }

    fn as_bytes(&self) -> &[u8] {
        self.as_encoded_bytes()
    }
}

/// The same for text that is owned.
pub trait OsStringExt {
    /// The text of these bytes; of any others, a name that no file can have.
    fn from_vec(bytes: Vec<u8>) -> Self;
    /// The bytes of the text.
    fn into_vec(self) -> Vec<u8>;
}

impl OsStringExt for OsString {
    fn from_vec(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).unwrap_or_else(|_| NOT_UNICODE.into()).into()
    }

    fn into_vec(self) -> Vec<u8> {
        self.into_encoded_bytes()
    }
}

/// A name or a path, as it is given to a call.
pub trait Arg {
    /// As text, and whether `\` parts directories in it as `/` does. In names it does not: there it is an odd character.
    ///
    /// # Errors
    /// [`Errno::ILSEQ`]
    fn text(&self) -> Result<(Cow<'_, str>, bool)>;
}

fn unicode(bytes: &[u8]) -> Result<Cow<'_, str>> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Errno::ILSEQ)
}

impl Arg for [u8] {
    fn text(&self) -> Result<(Cow<'_, str>, bool)> {
        Ok((unicode(self)?, false))
    }
}

impl Arg for str {
    fn text(&self) -> Result<(Cow<'_, str>, bool)> {
        Ok((self.into(), false))
    }
}

impl Arg for OsStr {
    fn text(&self) -> Result<(Cow<'_, str>, bool)> {
        Ok((unicode(self.as_encoded_bytes())?, true))
    }
}

macro_rules! as_that {
    ($($owned:ty => $how:ident,)*) => {
        $(impl Arg for $owned {
            fn text(&self) -> Result<(Cow<'_, str>, bool)> {
                self.$how().text()
            }
        })*
    };
}

as_that! {
    Vec<u8> => as_slice,
    String => as_str,
    OsString => as_os_str,
    Path => as_os_str,
    PathBuf => as_os_str,
    CStr => to_bytes,
    CString => to_bytes,
}

impl<T: Arg + ?Sized> Arg for &T {
    fn text(&self) -> Result<(Cow<'_, str>, bool)> {
        (**self).text()
    }
}

/// A path below a directory that is open, as the kernel wants it; empty for the directory itself.
///
/// # Errors
/// [`Errno::INVAL`] for a path that could lead out of the directory, [`Errno::NOENT`] for one by which nothing can be called,
/// which includes streams of files.
pub(super) fn below(path: &(impl Arg + ?Sized)) -> Result<Vec<u16>> {
    let (text, is_path) = path.text()?;
    let parts = |it: char| it == '/' || is_path && it == '\\';
    if text.starts_with(parts) {
        return Err(Errno::INVAL);
    }
    let mut wide = Vec::with_capacity(text.len());
    for name in text.split(parts).filter(|name| !matches!(*name, "" | ".")) {
        if name == ".." {
            return Err(Errno::INVAL);
        }
        if name.contains([':', '\\', '\0']) {
            return Err(Errno::NOENT);
        }
        if !wide.is_empty() {
            wide.push(u16::from(b'\\'));
        }
        wide.extend(name.encode_utf16());
    }
    Ok(wide)
}

/// The name of something that is to be made in a directory.
///
/// # Errors
/// [`Errno::INVAL`] when Windows must not be given it.
pub(super) fn to_make(name: &(impl Arg + ?Sized)) -> Result<Vec<u16>> {
    let (text, _) = name.text()?;
    let name = names::fit(text.as_bytes()).map_err(|_| Errno::INVAL)?;
    Ok(name.encode_utf16().collect())
}

/// A path of the current directory, or an absolute one, as the kernel wants it.
pub(super) fn anywhere(path: &(impl Arg + ?Sized)) -> Result<Vec<u16>> {
    let (text, _) = path.text()?;
    if text.is_empty() || text.contains('\0') {
        return Err(Errno::NOENT);
    }
    let absolute = std::path::absolute(text.as_ref()).map_err(|_| Errno::INVAL)?;
    let absolute = absolute.to_str().ok_or(Errno::ILSEQ)?;
    let nt = if let Some(rest) = absolute.strip_prefix(r"\\?\").or_else(|| absolute.strip_prefix(r"\\.\")) {
        format!(r"\??\{rest}")
    } else if let Some(rest) = absolute.strip_prefix(r"\\") {
        format!(r"\??\UNC\{rest}")
    } else {
        format!(r"\??\{absolute}")
    };
    Ok(nt.encode_utf16().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_a_directory_does_not_lead_out_of_it() {
        let text = |path: &Path| below(path).map(|wide| String::from_utf16(&wide).unwrap());
        assert_eq!(text(Path::new("a/b\\c")), Ok(r"a\b\c".into()));
        assert_eq!(text(Path::new(".")), Ok(String::new()));
        for out in ["..", "a/../../b", "/a", "\\a"] {
            assert_eq!(text(Path::new(out)), Err(Errno::INVAL), "{out}");
        }
        for none in ["C:", "C:a", "a:stream", "a::$DATA", "a\0"] {
            assert_eq!(text(Path::new(none)), Err(Errno::NOENT), "{none}");
        }
    }

    #[test]
    fn a_name_has_no_directories_in_it() {
        assert_eq!(below(b"..\\up".as_slice()), Err(Errno::NOENT));
        assert_eq!(below(b"\xff".as_slice()), Err(Errno::ILSEQ));
        for hostile in ["..\\up", "a/b", "nul", "a:b", "dot.", ""] {
            assert_eq!(to_make(hostile), Err(Errno::INVAL), "{hostile}");
        }
    }
}
