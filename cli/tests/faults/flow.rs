//! Save, restore and gc from several beginnings, and what must hold whatever cut them off.

use std::cell::Cell;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::machine::{Machine, Ran};
use crate::store::{verify, write_out};
use crate::tree::{lay, listing, make_fifo, remove};

/// A command, and what is there before it.
pub(crate) struct Flow {
    pub(crate) name: &'static str,
    pub(crate) prepare: fn(&Machine),
    /// What is done on the prepared machine right before the command, and shows in inodes and times that no copy has.
    pub(crate) begin: fn(&Machine),
    pub(crate) words: &'static [&'static str],
    /// Snapshots that were acknowledged before, and may not be lost.
    acknowledged: usize,
}

/// All of them.
pub(crate) static FLOWS: [&Flow; 6] = [&FIRST_SAVE, &NEXT_SAVE, &FIRST_RESTORE, &NEXT_RESTORE, &RECOVERY, &GC];

/// The first save of all: it makes the store, too.
pub(crate) static FIRST_SAVE: Flow = Flow {
    name: "the first save",
    prepare: |machine| lay(&machine.out(), 1),
    begin: nothing,
    words: &["save"],
    acknowledged: 0,
};

/// A save upon a snapshot.
pub(crate) static NEXT_SAVE: Flow =
    Flow { name: "the next save", prepare: about_to_save, begin: nothing, words: &["save"], acknowledged: 1 };

/// A restore into an empty directory, in a checkout that is new.
pub(crate) static FIRST_RESTORE: Flow = Flow {
    name: "the first restore",
    prepare: |machine| {
        both_saved(machine);
        remove(&machine.out());
        fs::create_dir(machine.out()).unwrap();
        remove(&machine.at("state"));
    },
    begin: nothing,
    words: &["restore"],
    acknowledged: 2,
};

/// A restore over another version, with something in the way.
pub(crate) static NEXT_RESTORE: Flow =
    Flow { name: "the next restore", prepare: about_to_restore, begin: nothing, words: &["restore"], acknowledged: 2 };

/// What follows a restore that was killed when it could not go back any more.
pub(crate) static RECOVERY: Flow = Flow {
    name: "the recovery",
    prepare: about_to_restore,
    begin: |machine| {
        let order = "kill:restore.intent.written:1";
        let status = machine.command(&["restore"]).env("SCI_FAULT", order).status().unwrap();
        assert_eq!(status.code(), None, "the restore that is to be completed was not killed");
    },
    words: &["restore"],
    acknowledged: 2,
};

/// A collection that forgets a snapshot and deletes its objects.
pub(crate) static GC: Flow = Flow {
    name: "gc",
    prepare: |machine| {
        lay(&machine.out(), 1);
        machine.sci(&["save"]);
        // Without its state the machine does not ask for what it saved, so no lease keeps that.
        remove(&machine.at("state"));
        machine.write("lock", "b");
        lay(&machine.out(), 2);
        machine.sci(&["save"]);
    },
    begin: nothing,
    words: &["gc", "--keep=1", "--grace=0s", "--unsafe-grace"],
    acknowledged: 1,
};

fn nothing(_: &Machine) {}

/// Version 1 is saved; version 2 is on disk.
fn about_to_save(machine: &Machine) {
    machine.sci(&["restore"]);
    lay(&machine.out(), 1);
    machine.sci(&["save"]);
    machine.write("lock", "b");
    machine.sci(&["restore"]);
    lay(&machine.out(), 2);
}

/// Both versions are saved; the sources are as in a new checkout.
fn both_saved(machine: &Machine) {
    about_to_save(machine);
    machine.sci(&["save"]);
    machine.write("src/a", "one");
}

/// Both versions are saved, and the one on disk is not the wanted one.
fn about_to_restore(machine: &Machine) {
    both_saved(machine);
    machine.write("lock", "a");
    machine.sci(&["restore"]);
    machine.write("lock", "b");
    machine.write("src/a", "one");
    fs::write(machine.out().join("in the way"), "of nobody").unwrap();
    // No snapshot holds it, so no plan removes it: it is found when a directory goes there.
    make_fifo(&machine.out().join("new"));
}

/// A flow that is about to begin, as often as needed.
pub(crate) struct Ready {
    flow: &'static Flow,
    pub(crate) machine: Machine,
    /// Everything on the machine.
    everything: Vec<String>,
    /// Whether that is what is there now.
    untouched: Cell<bool>,
    old: Vec<String>,
    new: Vec<String>,
    beside: Vec<String>,
}

impl Flow {
    /// Prepares a machine, and finds out what the command does when nothing cuts it off.
    pub(crate) fn ready(&'static self) -> Ready {
        let machine = Machine::new();
        (self.prepare)(&machine);
        machine.keep();
        (self.begin)(&machine);
        let everything = machine.everything();
        let (old, beside) = (listing(&machine.out()), machine.beside());
        self.check_done(&machine.sci(self.words));
        let new = listing(&machine.out());
        Ready { flow: self, machine, everything, untouched: Cell::new(false), old, new, beside }
    }

    fn is_save(&self) -> bool {
        self.words[0] == "save"
    }

    /// Fails unless the result says that all was done.
    #[track_caller]
    pub(crate) fn check_done(&self, result: &Value) {
        let path = &result["paths"][0];
        let done = match self.words[0] {
            "save" => ["saved", "already-saved", "skipped"].contains(&path["outcome"].as_str().unwrap()),
            "restore" => path["verdict"] == "exact" && path["trouble"] == false,
            _ => true,
        };
        assert!(done, "{}: {result}", self.name);
    }
}

impl Ready {
    /// The command, on the machine as it was prepared.
    pub(crate) fn command(&self) -> Command {
        if !self.untouched.take() {
            self.machine.reset();
            (self.flow.begin)(&self.machine);
        }
        self.machine.command(self.flow.words)
    }

    /// Fails when the command panicked, or claims what is not so.
    pub(crate) fn check_claims(&self, ran: &Ran) {
        assert!(ran.code.is_some_and(|code| code < 100) && !ran.stderr.contains("panicked"), "{ran:?}");
        if ran.code == Some(0) && !self.flow.is_save() && ran.result()["paths"][0]["verdict"] == "exact" {
            assert_eq!(listing(&self.machine.out()), self.new, "restored, it says: {ran:?}");
        }
        if ran.code == Some(0) && self.flow.is_save() && ran.result()["paths"][0]["outcome"] == "saved" {
            let snapshots = verify(&self.machine).len();
            assert_eq!(snapshots, self.flow.acknowledged + 1, "saved, it says: {ran:?}");
        }
    }

    /// Fails unless everything holds that must hold after the command was cut off, and the next one does the whole work.
    pub(crate) fn check(&self) {
        let Self { flow, machine, old, new, beside, .. } = self;
        if machine.everything() == self.everything {
            // Then the next command does what it did when this was made ready.
            return self.untouched.set(true);
        }
        let snapshots = verify(machine).len();
        assert!(snapshots >= flow.acknowledged, "only {snapshots} snapshots are left");
        // What every command does first.
        sci_snapshot::restore::recover(&machine.at("ws"), &machine.out(), &mut || panic!("nobody changed it")).unwrap();
        let tree = listing(&machine.out());
        assert!(tree == *new || tree == *old && flow.name != RECOVERY.name, "neither old nor new: {tree:#?}");

        flow.check_done(&machine.sci(flow.words));
        assert_eq!(listing(&machine.out()), *new);
        if flow.is_save() {
            let (newest, restored) = (verify(machine).swap_remove(0), machine.at("restored"));
            write_out(machine, newest.manifest, &restored);
            assert_eq!(listing(&restored), *new, "what was saved is not what is restored");
        }
        if flow.name == GC.name {
            let objects: usize = verify(machine).iter().map(|snapshot| snapshot.objects).sum();
            assert_eq!(objects, machine.objects(), "the next collection leaves something behind");
        }
        assert_eq!(machine.beside(), *beside, "something outside the path changed");
        assert!(machine.left_over().is_empty(), "left behind: {:?}", machine.left_over());
    }
}
