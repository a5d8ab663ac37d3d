//! JSON as people and some tools write it: with comments, and with commas that nothing follows.

/// The same without either, so that what was JSON but for them is JSON.
pub(crate) fn plain(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut in_text, mut escaped, mut comma) = (false, false, false);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if in_text {
            (in_text, escaped) = (escaped || letter != '"', !escaped && letter == '\\');
        } else if let Some(after) = comment(letter, letters.as_str()) {
            letters = after.chars();
            continue;
        } else if letter == ',' {
            // Two commas in a row are no JSON, and stay so.
            if comma {
                kept.push(',');
            }
            comma = true;
            continue;
        } else if !letter.is_whitespace() {
            if comma && letter != '}' && letter != ']' {
                kept.push(',');
            }
            comma = false;
            in_text = letter == '"';
        }
        kept.push(letter);
    }
    kept
}

/// What follows the comment that begins with this letter and the rest, if one does.
fn comment(letter: char, rest: &str) -> Option<&str> {
    let begun = Some(rest).filter(|_| letter == '/')?;
    if let Some(line) = begun.strip_prefix('/') {
        return Some(line.find('\n').map_or("", |end| &line[end..]));
    }
    let block = begun.strip_prefix('*')?;
    Some(block.split_once("*/").map_or("", |(_, after)| after))
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn comments_and_last_commas_go_and_texts_stay() {
        for (written, expected) in [
            ("{\"a\": 1, // one\n}", "{\"a\": 1 \n}"),
            ("/* x */{\"a\": [1, 2, /* three, */ ], }", "{\"a\": [1 ,2  ] }"),
            ("{\"a\": \"// , /* \\\" ,]\"}", "{\"a\": \"// , /* \\\" ,]\"}"),
            ("[1,,2]", "[1,,2]"),
            ("[1 / 2]", "[1 / 2]"),
            ("{} // end", "{} "),
            ("{} /* end", "{} "),
        ] {
            assert_eq!(plain(written), expected);
        }
    }
}
