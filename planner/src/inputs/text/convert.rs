//! What git does to a file's content when it takes it in (its `convert.c`).

/// What tells text from other content.
#[derive(Debug, Default)]
struct Statistics {
    nul: usize,
    lone_cr: usize,
    crlf: usize,
    printable: usize,
    unprintable: usize,
}

impl Statistics {
    fn of(content: &[u8]) -> Self {
        let mut found = Self::default();
        let mut bytes = content.iter().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\r' if bytes.next_if(|next| **next == b'\n').is_some() => found.crlf += 1,
                b'\r' => found.lone_cr += 1,
                b'\n' => {}
                0 => {
                    found.nul += 1;
                    found.unprintable += 1;
                }
                // Backspace, tab, form feed and escape are found in text.
                0x08 | b'\t' | 0x0c | 0x1b => found.printable += 1,
                0x7f | ..0x20 => found.unprintable += 1,
                _ => found.printable += 1,
            }
        }
        // The end-of-file mark of DOS.
        if content.last() == Some(&0x1a) {
            found.unprintable -= 1;
        }
        found
    }

    const fn is_binary(&self) -> bool {
        self.lone_cr > 0 || self.nul > 0 || (self.printable >> 7) < self.unprintable
    }
}

/// The content with LF instead of CRLF; `None` when that is the content itself. With `guess` only what looks like text is
/// converted: how its lines end makes no difference to that.
pub(super) fn to_lf(content: &[u8], guess: bool) -> Option<Vec<u8>> {
    let found = Statistics::of(content);
    if found.crlf == 0 || (guess && found.is_binary()) {
        return None;
    }
    let mut converted = Vec::with_capacity(content.len() - found.crlf);
    let mut bytes = content.iter().peekable();
    while let Some(byte) = bytes.next() {
        if *byte != b'\r' || bytes.peek().is_none_or(|next| **next != b'\n') {
            converted.push(*byte);
        }
    }
    Some(converted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(content: &[u8]) -> Option<Vec<u8>> {
        to_lf(content, true)
    }

    #[test]
    fn only_crlf_is_converted() {
        assert_eq!(auto(b"a\r\nb\n\r\n").unwrap(), b"a\nb\n\n");
        assert_eq!(auto(b"a\nb"), None);
        assert_eq!(auto(b""), None);
        assert_eq!(to_lf(b"a\r\r\nb\r", false).unwrap(), b"a\r\nb\r");
    }

    #[test]
    fn what_looks_binary_is_left_alone_unless_it_is_said_to_be_text() {
        let mostly_text = [b"x".repeat(300).as_slice(), b"\x01\x02\r\n"].concat();
        assert!(auto(&mostly_text).is_some());
        for binary in [&b"a\0\r\n"[..], b"a\rb\r\n", b"\x01\r\n", b"\x7f\r\n"] {
            assert_eq!(auto(binary), None, "{binary:?}");
            assert!(to_lf(binary, false).is_some());
        }
        assert!(auto(b"\x1b[1m\x08\t\x0c\r\n\x1a").is_some());
        assert!(auto("ünïcödé\r\n".as_bytes()).is_some());
    }
}
