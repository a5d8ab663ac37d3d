//! Globs: of inputs, of directories that hold an instance, of what a path leaves out. The first line is the pattern, the
//! second the path that it is tried on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sci_fuzz as _;
use sci_planner::config::Located;
use sci_planner::{DirGlob, InputPattern};
use sci_presets::{Pattern, Search};
use sci_snapshot::Excludes;

fuzz_target!(|data: &[u8]| {
    let (pattern, path) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let Ok(pattern) = std::str::from_utf8(pattern) else { return };
    let path = path.strip_prefix(b"\n").unwrap_or_default();
    if let Ok(glob) = DirGlob::parse(pattern) {
        assert!(!glob.matches(path) || glob.may_reach(path), "{pattern:?} matches what it cannot reach: {path:?}");
    }
    match InputPattern::parse(Located::new(pattern.to_owned(), 0..pattern.len()), false, Search::Nearest) {
        Ok(parsed) => assert_eq!(parsed.text(), pattern),
        Err(refused) => assert!(!refused.message.is_empty() && !refused.hint.is_empty()),
    }
    assert_eq!(Pattern::parse(pattern).to_string(), pattern);
    let _glob_or_not = Excludes::new(&[pattern]);
});
