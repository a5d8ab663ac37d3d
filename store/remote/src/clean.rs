//! Text from a server, made safe to show.

use std::borrow::Cow;

use sci_store_api::Secret;

/// The longest text of a server that is shown, in characters.
const LONGEST: usize = 300;
/// Parts of a bearer from this length on are looked for by themselves, in bytes. Shorter ones say what kind it is, and which key
/// signed it.
const PROOF: usize = 32;

/// The text without the bearer of the request that it answers: a server, or what stands before it, may repeat what it was sent,
/// and logs are read by more people than may open the store.
pub(crate) fn without<'t>(text: &'t str, bearer: Option<&Secret>) -> Cow<'t, str> {
    let parts = bearer.iter().flat_map(|bearer| bearer.expose().split('.')).filter(|part| part.len() >= PROOF);
    parts.fold(Cow::Borrowed(text), |text, part| match text.contains(part) {
        true => Cow::Owned(text.replace(part, "…")),
        false => text,
    })
}

/// One line, cut, without anything that moves a terminal's cursor, colours it or turns the direction of writing.
pub(crate) fn clean(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() || is_invisible(c) => '\u{fffd}',
        c => c,
    };
    let mut cleaned: String = text.chars().take(LONGEST).map(shown).collect();
    if text.chars().nth(LONGEST).is_some() {
        cleaned.push('…');
    }
    cleaned
}

const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_is_left_out_in_whole_and_in_parts() {
        let (what, proof) = ("w".repeat(40), "p".repeat(86));
        let bearer = Secret::new(format!("sci_ticket.{what}.{proof}.sci-1"));
        let told = |text: &str| without(text, Some(&bearer)).into_owned();
        assert_eq!(told(&format!("no: Bearer {}", bearer.expose())), "no: Bearer sci_ticket.….….sci-1");
        assert_eq!(told(&format!("{proof} and {proof}")), "… and …");
        assert_eq!(told("sci-1 is no sci_ticket"), "sci-1 is no sci_ticket");
        assert_eq!(without(&proof, None), proof);
    }

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        assert_eq!(clean("a\u{1b}[31mb\nc\u{202e}d\u{9b}"), "a\u{fffd}[31mb c\u{fffd}d\u{fffd}");
        assert_eq!(clean(&"x".repeat(400)).chars().count(), LONGEST + 1);
        assert_eq!(clean("größer ≤ 8 MiB"), "größer ≤ 8 MiB");
    }
}
