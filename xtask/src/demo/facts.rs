//! What the tour promises, and whether it came true.

use std::collections::BTreeSet;

use crate::shell::Failure;

/// The promises checked so far.
#[derive(Default)]
pub(super) struct Facts(Vec<(String, Result<(), String>)>);

impl Facts {
    /// Notes a promise; `seen` is shown when it is not kept.
    pub(super) fn check(&mut self, promise: &str, kept: bool, seen: &str) {
        self.0.push((promise.to_owned(), if kept { Ok(()) } else { Err(seen.trim().to_owned()) }));
    }

    /// Notes the promise that exactly these crates were compiled.
    pub(super) fn compiled(&mut self, promise: &str, output: &str, expected: &[&str]) {
        let seen = compiled(output);
        let list = seen.iter().copied().collect::<Vec<_>>().join(", ");
        self.check(promise, seen == expected.iter().copied().collect(), &format!("compiled: {list}"));
    }

    pub(super) fn print(&self) {
        println!("\n# what was promised");
        for (promise, outcome) in &self.0 {
            match outcome {
                Ok(()) => println!("  ok      {promise}"),
                Err(seen) => println!("  BROKEN  {promise}\n          {}", seen.replace('\n', "\n          ")),
            }
        }
    }

    pub(super) fn into_result(self) -> Result<(), Failure> {
        let broken = self.0.iter().filter(|(_, outcome)| outcome.is_err()).count();
        if broken == 0 { Ok(()) } else { Err(format!("{broken} of {} promises were not kept", self.0.len()).into()) }
    }
}

/// The crates that cargo says it compiled.
pub(super) fn compiled(output: &str) -> BTreeSet<&str> {
    let lines = output.lines().filter_map(|line| line.trim_start().strip_prefix("Compiling "));
    lines.filter_map(|rest| rest.split(' ').next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_crates_are_read_from_cargos_lines() {
        let output = "   Compiling a v0.1.0\n    Fresh b v1.0.0\n   Compiling c-d v0.2.0 (/x)\n    Finished `dev`\n";
        assert_eq!(compiled(output), BTreeSet::from(["a", "c-d"]));
    }

    #[test]
    fn one_broken_promise_breaks_the_tour() {
        let mut facts = Facts::default();
        facts.check("kept", true, "");
        facts.compiled("nothing compiles", "   Compiling a v0.1.0\n", &[]);
        assert_eq!(
            facts.into_result().map_err(|error| error.to_string()),
            Err("1 of 2 promises were not kept".to_owned())
        );
    }
}
