//! What the Action makes of a document that no workspace of a test has: a program stands for sci that says it.

use sci_e2e::actions::{Issuer, Job, Step};
use sci_e2e::event::Event;
use sci_e2e::server::Server;
use serde_json::{Value, json};

use super::{Life, annotations};

/// Runs the step with a program that prints this document, whatever it is asked.
fn run_with(job: Job, document: &Value) -> Step {
    saying(job, document).main().success()
}

/// The job with a program that prints this document, whatever it is asked.
fn saying(job: Job, document: &Value) -> Job {
    let directory = job.machine().dir().to_owned();
    std::fs::write(directory.join("document"), document.to_string()).unwrap();
    let program = directory.join("program");
    std::fs::write(&program, format!("#!/bin/sh\nexec cat '{}'\n", directory.join("document").display())).unwrap();
    job.machine().run("chmod", &["+x", program.to_str().unwrap()]).success();
    job.with("program", program.to_str().unwrap())
}

/// The numbers of what is left out.
fn left_out(summary: &str, name: &str) -> Vec<usize> {
    let end = format!(" more {name} are left out");
    summary.lines().filter_map(|line| line.split_once(&end)?.0.parse().ok()).collect()
}

#[test]
fn a_summary_is_never_larger_than_github_shows() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 1200 };
    let mut summary = |count: usize, length: usize| {
        let job = life.begin(&Event::push("main"), "1").with("command", "run").with("run", "true");
        let path = |number: usize| {
            let name = format!("p{number}");
            json!({"name": name, "instance": name, "verdict": "miss", "outcome": "skipped", "reason": "é<".repeat(length)})
        };
        let paths: Vec<Value> = (0..count).map(path).collect();
        let part = json!({"plan": "p", "paths": paths});
        run_with(job, &json!({"command": "run", "ok": true, "warnings": [], "result": {"restore": part, "save": part, "paths": paths}})).summary
    };
    let whole = summary(100, 100);
    assert!(!whole.contains("left out") && whole.matches("<details>").count() == 100, "{whole}");
    // Of many paths not all are in the tables, and of none is half a reason.
    for (count, length) in [(3000, 20), (1500, 500), (3, 200_000)] {
        let summary = summary(count, length);
        assert!(summary.len() < 1 << 20, "{count} × {length}: {}", summary.len());
        let shown = |mark: &str| summary.matches(mark).count();
        assert_eq!(left_out(&summary, "reasons"), [count - shown("<details>")], "{count} × {length}");
        assert_eq!(shown("<details>"), shown("</details>"));
        let rows = left_out(&summary, "paths").iter().sum::<usize>() + shown("<tr><td>");
        assert_eq!(rows, 2 * count, "{count} × {length}");
        assert_eq!(shown("<table>"), shown("</table>"));
        assert!(summary.contains("`sci explain` and the output `json` have all of them"));
    }
}

#[test]
fn outputs_of_a_path_are_its_own_or_nobodys() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 1300 };
    let job = life.begin(&Event::push("main"), "1").with("command", "restore");
    let names = ["node_modules", "packages/web/node_modules", "~/.cargo/registry", "a/b", "a.b", "C", "c"];
    let path = |name: &str| json!({"name": name, "instance": name, "verdict": "exact", "key": name, "snapshot": name});
    let paths: Vec<Value> = names.iter().map(|name| path(name)).collect();
    let step = run_with(job, &json!({"command": "restore", "ok": true, "warnings": [], "result": {"paths": paths}}));
    for (output, name) in [
        ("node_modules", "node_modules"),
        ("packages-web-node_modules", "packages/web/node_modules"),
        ("-cargo-registry", "~/.cargo/registry"),
    ] {
        assert_eq!(step.output(&format!("hit-{output}")), "exact");
        assert_eq!((step.output(&format!("key-{output}")), step.output(&format!("snapshot-{output}"))), (name, name));
    }
    for shared in ["hit-a-b", "key-a-b", "snapshot-a-b", "hit-c", "hit-C"] {
        assert!(!step.has_output(shared), "{shared}: {}", step.ran);
    }
    let said = annotations(&step);
    assert!(said.len() == 2 && said.iter().all(|line| line.contains("the output `json` tells them apart")), "{said:?}");
    assert!(said[0].contains("a/b and a.b") && said[1].contains("C and c"), "{said:?}");
}

#[test]
fn the_end_of_a_job_begins_whatever_was_said_before() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 1400 };
    // Each has a trouble of its own: all of them are more than a variable may hold.
    let path = |number: usize| {
        let (name, reason) = (format!("p{number}"), format!("trouble {number} {}", "x".repeat(200)));
        json!({"name": name, "instance": name, "verdict": "miss", "trouble": true, "reason": reason})
    };
    let paths: Vec<Value> = (0..1000).map(path).collect();
    let document = json!({"command": "restore", "ok": true, "warnings": [], "result": {"paths": paths}});
    for require in ["false", "true"] {
        let job = saying(life.begin(&Event::push("main"), "1").with("require", require), &document);
        let main = job.main().success();
        assert_eq!(annotations(&main).len(), 1000);
        std::fs::remove_file(job.machine().dir().join("program")).unwrap();
        let post = job.post(&main, "success");
        let post = if require == "true" { post.failure() } else { post.success() };
        let said = annotations(&post);
        assert!(said.len() == 1 && said[0].contains("program is not there any more: nothing is saved"), "{said:?}");
    }
}
