//! Next.js: the compiler's cache comes back so that a build compiles almost nothing, and nothing that the build fetched does.

use std::fs;

use sci_e2e::disturb::copy_tree;
use sci_e2e::{Machine, Ran};
use serde_json::Value;

use crate::npm::storefront;

const CACHE: &str = ".next/cache";

/// A page that asks for data which Next.js keeps between builds.
const PAGE: &str = r#"import { unstable_cache } from "next/cache";
import { Greeting } from "./greeting";

const fetched = unstable_cache(async () => "private data", ["fetched"]);

export default async function Page() {
  return <main><Greeting />{await fetched()}</main>;
}
"#;

fn machine() -> Machine {
    let mut machine = Machine::new();
    machine.set("NEXT_TELEMETRY_DISABLED", "1");
    fs::remove_dir(machine.workspace()).unwrap();
    copy_tree(&storefront(), &machine.workspace());
    machine.write("sci.toml", "presets = [\"next\"]\n");
    machine.write("next.config.mjs", "export default {};\n");
    machine.write("app/page.js", PAGE);
    machine.write("app/greeting.js", "export function Greeting() { return <p>hello</p>; }\n");
    machine
}

fn build(machine: &Machine) -> Ran {
    machine.run("node_modules/.bin/next", &["build"]).success()
}

/// How many bytes the compiler had to write into its cache, as the build's own trace says.
fn compiled(machine: &Machine) -> u64 {
    let trace = fs::read_to_string(machine.path(".next/trace")).unwrap();
    let spans = trace.lines().flat_map(|line| serde_json::from_str::<Vec<Value>>(line).unwrap());
    let persisted = spans.filter(|span| span["name"] == "turbopack-persistence");
    persisted.map(|span| span["tags"]["bytes_written"].as_u64().unwrap()).sum()
}

#[test]
fn a_fresh_machine_compiles_almost_nothing_and_gets_no_data() {
    let machine = machine();
    machine.sci(&["restore"]).expect_verdict(CACHE, "miss");
    build(&machine);
    let all = compiled(&machine);
    assert!(all > 5_000_000, "only {all} bytes were compiled");
    let data = machine.path(".next/cache/fetch-cache");
    assert!(data.is_dir(), "the page kept no data");
    // On a machine that is no container Next.js keeps keys there, too.
    for key in [".previewinfo", ".rscinfo"] {
        machine.write(&format!("{CACHE}/{key}"), "a key");
    }
    machine.sci(&["save"]).expect_outcome(CACHE, "saved");

    machine.remove(".next");
    machine.sci(&["restore"]).expect_verdict(CACHE, "exact");
    let restored: Vec<_> = fs::read_dir(machine.path(CACHE)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(restored, ["turbopack"]);
    build(&machine);
    let again = compiled(&machine);
    assert!(again * 10 < all, "{again} of {all} bytes were compiled again");

    machine.remove(".next");
    machine.edit("app/greeting.js", "hello", "good day");
    machine.sci(&["restore"]).expect_verdict(CACHE, "nearest");
    let explained = machine.sci(&["explain"]).stdout;
    assert!(explained.contains("app/greeting.js") && !explained.contains("app/page.js"), "{explained}");
    build(&machine);
    let edited = compiled(&machine);
    assert!(edited * 5 < all, "{edited} of {all} bytes were compiled again");
    assert!(fs::read_to_string(machine.path(".next/server/app/index.html")).unwrap().contains("good day"));
    machine.sci(&["save"]).expect_outcome(CACHE, "saved");

    let mut lock: Value =
        serde_json::from_str(&fs::read_to_string(machine.path("package-lock.json")).unwrap()).unwrap();
    let version = &mut lock["packages"]["node_modules/postcss"]["version"];
    let before = version.as_str().unwrap().to_owned();
    *version = "999.0.0".into();
    machine.write("package-lock.json", lock.to_string());
    machine.sci(&["restore"]).expect_verdict(CACHE, "nearest");
    let explained = machine.sci(&["explain"]).stdout;
    for word in ["postcss", &before, "999.0.0"] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
}
