//! Steps that act: this is compiled into what tests build, and into nothing else.
//!
//! `SCI_FAULT=kill:LABEL:N` kills the process (SIGKILL) when it passes the step LABEL for the Nth time, counted from 1 and over
//! all threads. `SCI_FAULT=note:FILE` appends the label of every step that is passed to FILE, one a line.

use std::fs::File;
use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Step;

/// The variable that says what to do.
pub const VARIABLE: &str = "SCI_FAULT";

enum Order {
    Nothing,
    Kill { label: String, left: AtomicUsize },
    Note(File),
}

/// Passes a step; may not return.
///
/// # Panics
/// When the order cannot be understood: a test that asks for the impossible must not pass.
pub fn at(step: Step) {
    static ORDER: OnceLock<Order> = OnceLock::new();
    match ORDER.get_or_init(order) {
        Order::Nothing => {}
        Order::Kill { label, left } => {
            if label == step.label() && left.fetch_sub(1, Ordering::SeqCst) == 1 {
                sci_sys::machine::die();
            }
        }
        // One write for each line: lines of several threads do not mix.
        Order::Note(file) => {
            let line = format!("{}\n", step.label());
            assert!((&*file).write_all(line.as_bytes()).is_ok(), "cannot note {line}");
        }
    }
}

fn order() -> Order {
    let Ok(text) = std::env::var(VARIABLE) else { return Order::Nothing };
    parse(&text).unwrap_or_else(|| panic!("{VARIABLE}={text} is no order"))
}

fn parse(text: &str) -> Option<Order> {
    let (verb, rest) = text.split_once(':')?;
    match verb {
        "note" => Some(Order::Note(File::options().append(true).create(true).open(rest).ok()?)),
        "kill" => {
            let (label, nth) = rest.rsplit_once(':')?;
            let known = Step::ALL.iter().any(|step| step.label() == label);
            let left = nth.parse().ok().filter(|nth| *nth > 0)?;
            known.then(|| Order::Kill { label: label.to_owned(), left: AtomicUsize::new(left) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_names_a_known_step_and_which_time() {
        assert!(matches!(parse("kill:restore.op:3"), Some(Order::Kill { label, .. }) if label == "restore.op"));
        for bad in ["", "kill", "kill:restore.op", "kill:restore.op:0", "kill:restore.opp:1", "panic:restore.op:1"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn labels_are_all_different() {
        let labels: std::collections::BTreeSet<_> = Step::ALL.iter().map(|step| step.label()).collect();
        assert_eq!(labels.len(), Step::ALL.len());
    }
}
