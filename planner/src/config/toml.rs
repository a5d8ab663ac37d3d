//! Typed access to a TOML document with spans: each reader returns the value, or notes the error and returns nothing.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Errors, Located, listed, nearest, suggest};

/// A spanned TOML value.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// The longest text of one value, in bytes: that of a path is hardly longer on any system.
const TEXT_LIMIT: usize = 4096;

impl Errors<'_> {
    /// Refuses every key of `table` that is not in `known`; `owner` names the table in the message.
    pub(super) fn known_keys(&mut self, table: &DeTable<'_>, known: &[&str], owner: &str) {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let hint = match nearest(name, known.iter().copied()) {
                Some(candidate) => format!("did you mean `{candidate}`?"),
                None => format!("valid keys are {}", listed(known)),
            };
            self.push_with_hint(&key.span(), format!("unknown key `{name}` in {owner}"), hint);
        }
    }

    /// `what` is the subject of the sentence: "`key`", or "an element of `key`".
    fn wrong_type(&mut self, value: &Value<'_>, what: &str, expected: &str, hint: Option<String>) {
        let found = match value.get_ref().type_str() {
            "array" => "a list",
            "integer" => "an integer",
            other => &format!("a {other}"),
        };
        let message = format!("{what} must be {expected}, not {found}");
        match hint {
            Some(hint) => self.push_with_hint(&value.span(), message, hint),
            None => self.push(&value.span(), message),
        }
    }

    /// `form` is how the table is written, for the hint.
    pub(super) fn table<'v, 't>(&mut self, value: &'v Value<'t>, key: &str, form: &str) -> Option<&'v DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(value, &format!("`{key}`"), "a table", Some(format!("write it as {form}")));
        }
        table
    }

    /// Text, not empty and without control characters.
    pub(super) fn string(&mut self, value: &Value<'_>, key: &str) -> Option<Located<String>> {
        self.text(value, &format!("`{key}`"))
    }

    /// Text as an element of a list.
    pub(super) fn element(&mut self, value: &Value<'_>, key: &str) -> Option<Located<String>> {
        self.text(value, &format!("an element of `{key}`"))
    }

    fn text(&mut self, value: &Value<'_>, what: &str) -> Option<Located<String>> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(value, what, "a string", None);
            return None;
        };
        if text.is_empty() {
            self.push(&value.span(), format!("{what} is empty"));
            return None;
        }
        if text.len() > TEXT_LIMIT {
            self.push(&value.span(), format!("{what} is longer than {TEXT_LIMIT} bytes"));
            return None;
        }
        if let Some(control) = text.chars().find(|character| character.is_control()) {
            self.push(&value.span(), format!("{what} contains the control character {control:?}"));
            return None;
        }
        Some(Located::new(text.to_owned(), value.span()))
    }

    pub(super) fn boolean(&mut self, value: &Value<'_>, key: &str) -> Option<bool> {
        let boolean = value.get_ref().as_bool();
        if boolean.is_none() {
            let hint = value
                .get_ref()
                .as_str()
                .filter(|text| matches!(*text, "true" | "false"))
                .map(|text| format!("write {text} without quotes"));
            self.wrong_type(value, &format!("`{key}`"), "true or false", hint);
        }
        boolean
    }

    /// One of a fixed set of words.
    pub(super) fn choice<T: Copy>(&mut self, value: &Value<'_>, key: &str, choices: &[(&'static str, T)]) -> Option<T> {
        let word = self.string(value, key)?;
        let chosen = choices.iter().find(|(name, _)| *name == word.value);
        if chosen.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.push_with_hint(
                &word.span,
                format!("`{}` is not a value of `{key}`", word.value),
                suggest(&word.value, &names),
            );
        }
        chosen.map(|(_, choice)| *choice)
    }

    /// The elements of a list. A lone string gets a hint, since that is the usual slip.
    pub(super) fn list<'v, 't>(&mut self, value: &'v Value<'t>, key: &str) -> Option<&'v [Value<'t>]> {
        let list = value.get_ref().as_array();
        if list.is_none() {
            let hint = value.get_ref().as_str().map(|text| format!("write it as a list: [{text:?}]"));
            self.wrong_type(value, &format!("`{key}`"), "a list", hint);
        }
        list.map(|list| &list[..])
    }

    /// A list of strings without repetitions.
    pub(super) fn strings(&mut self, value: &Value<'_>, key: &str) -> Option<Vec<Located<String>>> {
        let list = self.list(value, key)?;
        let strings: Vec<_> = list.iter().filter_map(|element| self.element(element, key)).collect();
        self.refuse_repetitions(key, strings.iter().map(|text| (text.value.as_str(), &text.span)));
        Some(strings)
    }

    pub(super) fn refuse_repetitions<'v>(
        &mut self,
        key: &str,
        elements: impl IntoIterator<Item = (&'v str, &'v Range<usize>)>,
    ) {
        let mut seen = std::collections::BTreeSet::new();
        for (text, span) in elements {
            if !seen.insert(text) {
                self.push_with_hint(span, format!("`{text}` stands twice in `{key}`"), "remove one of them");
            }
        }
    }
}
