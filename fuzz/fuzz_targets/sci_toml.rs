//! sci.toml: whatever it says, it is read, or every error stands in the text and says something.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sci_fuzz as _;
use sci_planner::config::{self, ConfigError};

fuzz_target!(|text: &str| {
    match config::parse(Path::new("/workspace"), Path::new("sci.toml"), text) {
        Ok(config) => {
            for declaration in &config.paths {
                assert!(!declaration.path.value.tail().is_empty());
                assert!(!declaration.path.value.covers("sci.toml"));
            }
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason");
            errors.iter().for_each(|error| check(text, error));
        }
    }
});

fn check(text: &str, error: &ConfigError) {
    assert_eq!(text.get(error.span.clone()), Some(error.text.as_str()));
    let line = text.split('\n').nth(error.line - 1).expect("the line is in the text");
    assert!(error.column - 1 <= line.chars().count(), "{error} is not in its line");
    for sentence in [Some(&error.message), error.hint.as_ref()].into_iter().flatten() {
        assert!(!sentence.trim().is_empty(), "{error} says nothing");
        assert!(!sentence.contains(char::is_control), "{error} upsets a terminal: {sentence:?}");
    }
}
