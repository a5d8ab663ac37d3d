//! Objects are on the disk before anything relies on them, although another process put them, or put them before.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use sci_faults::Step;
use sci_hasher::Digest;
use sci_store_api::{Instance, Object, ObjectSink as _, PathName};

use crate::machine::Machine;
use crate::store;

fn times(notes: &Path, step: Step) -> usize {
    std::fs::read_to_string(notes).unwrap().lines().filter(|label| *label == step.label()).count()
}

fn build(machine: &Machine) {
    std::fs::create_dir(machine.out()).unwrap();
    machine.write("out/a", "built");
}

#[test]
fn a_server_syncs_what_the_one_before_it_was_sent() {
    let machine = Machine::new();
    build(&machine);
    machine.sci(&["save"]);
    let store = store::open(&machine);
    let (path, instance) = (PathName::new("out").unwrap(), Instance::new("out").unwrap());
    let save = store.begin(&path, &instance, Digest::of(b"key"), Vec::new()).unwrap();
    for body in ["one", "two", "three"] {
        save.put(Object::of(body.as_bytes().to_vec())).unwrap();
    }
    let notes = machine.at("notes");
    let mut serve = machine.command(&["serve", "--url", "http://127.0.0.1:1", "--listen", "127.0.0.1:0"]);
    serve.env(sci_faults::VARIABLE, format!("note:{}", notes.display()));
    let mut serve = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(serve.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line.contains("\"address\"")), "the server does not start");
    serve.kill().unwrap();
    serve.wait().unwrap();
    assert!(times(&notes, Step::ObjectSynced) >= 3);
}

#[test]
fn an_object_is_replaced_only_by_one_that_is_on_the_disk() {
    let machine = Machine::new();
    build(&machine);
    machine.sci(&["save"]);
    // Another runner builds the same from another lockfile, and knows nothing of the first.
    std::fs::remove_dir_all(machine.at("state")).unwrap();
    machine.write("lock", "b");
    let notes = machine.at("notes");
    let mut save = machine.command(&["save"]);
    let saved = save.env(sci_faults::VARIABLE, format!("note:{}", notes.display())).output().unwrap();
    assert!(saved.status.success(), "{saved:?}");
    let (stored, synced) = (times(&notes, Step::ObjectStored), times(&notes, Step::ObjectSynced));
    // Beside the sync before each commit: pack and manifest are the same as before.
    assert!(stored >= 3 && synced >= stored + 2, "{stored} stored, {synced} synced");
}
