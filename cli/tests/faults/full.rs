//! A disk that is really full.
//!
//! Failed calls show what happens wherever there is no more room; only a real disk shows that what is asked of it beforehand
//! is right, that pages of a mapped file need room, too, and that one kind of room can be left without the other.

use serde_json::Value;

use crate::disk::{Disk, Room, where_mounts_are_allowed};
use crate::flow::{Flow, NEXT_RESTORE, NEXT_SAVE};
use crate::machine::{Machine, Ran};
use crate::store::{verify, write_out};
use crate::tree::listing;

/// None, and then more and more room, by so many KiB.
fn scarce(step: usize) -> impl Iterator<Item = Room> {
    (0..).step_by(step).map(Room::of_kib)
}

/// No file more, and then one more each time.
fn scarce_files() -> impl Iterator<Item = Room> {
    (0..).map(Room::of_files)
}

/// A machine on which a command is about to run, with one of its directories on a small disk.
struct Small {
    flow: &'static Flow,
    machine: Machine,
    disk: Disk,
    old: Vec<String>,
}

impl Small {
    fn new(flow: &'static Flow, place: &str) -> Self {
        let machine = Machine::new();
        (flow.prepare)(&machine);
        let disk = Disk::under(machine.at(place));
        let old = listing(&machine.out());
        Self { flow, machine, disk, old }
    }

    /// Runs the command once with this much room, and then makes room.
    fn run(&self, room: Room) -> Ran {
        self.disk.leave(room);
        let ran = Ran::new(self.machine.command(self.flow.words).output().unwrap());
        self.disk.make_room();
        println!("{room:?}: {ran:?}");
        assert!(ran.code.is_some_and(|code| code < 100) && !ran.stderr.contains("panicked"), "{ran:?}");
        ran
    }

    /// What the tree has to be when it is done.
    fn wanted(&self) -> Vec<String> {
        let (newest, place) = (verify(&self.machine).swap_remove(0), self.machine.at("wanted"));
        write_out(&self.machine, newest.manifest, &place);
        listing(&place)
    }

    fn is_old(&self) -> bool {
        listing(&self.machine.out()) == self.old
    }
}

/// Fails unless the person is told that there is no room, and to make some.
#[track_caller]
fn told(path: &Value) {
    let (reason, hint) = (path["reason"].as_str().unwrap_or_default(), path["hint"].as_str().unwrap_or_default());
    let says = ["no room", "room for", "No space left", "are free"].iter().any(|words| reason.contains(words));
    assert!(says && hint.starts_with("free some room"), "{path:#}");
}

/// A save with more and more room where the store is.
fn save(room: impl Iterator<Item = Room>, at_least: usize) {
    let small = Small::new(&NEXT_SAVE, "store");
    let mut refused = 0;
    for room in room {
        let ran = small.run(room);
        assert!(small.is_old(), "a save changed the tree");
        let (path, snapshots) = (&ran.result()["paths"][0], verify(&small.machine).len());
        if path["outcome"] == "saved" {
            assert_eq!(snapshots, 2);
            break;
        }
        assert_eq!((path["outcome"].as_str(), snapshots), (Some("failed"), 1));
        told(path);
        refused += 1;
    }
    assert!(refused >= at_least, "only {refused} saves met a full disk");
    assert_eq!(small.wanted(), small.old, "what was saved is not what is restored");
}

/// A restore with more and more room where the tree is, which is to be refused before it begins but for so many times.
fn restore(room: impl Iterator<Item = Room>, at_least: usize, unforeseen: usize) {
    let small = Small::new(&NEXT_RESTORE, "ws");
    let wanted = small.wanted();
    let (mut foreseen, mut late) = (0, Vec::new());
    for room in room {
        let ran = small.run(room);
        let path = &ran.result()["paths"][0];
        assert!(small.machine.left_over().is_empty(), "left behind: {:?}", small.machine.left_over());
        if path["verdict"] == "exact" {
            break;
        }
        assert!(small.is_old(), "a restore that was refused changed the tree");
        told(path);
        let reason = path["reason"].as_str().unwrap();
        // Without any room even what it reckons from cannot be made.
        match reason.contains(" needs ") || reason.starts_with("cannot make ") && reason.contains(".sci-stage.out:") {
            true => foreseen += 1,
            false => late.push(reason.to_owned()),
        }
    }
    assert!(
        foreseen >= at_least && late.len() <= unforeseen,
        "{foreseen} were refused before they began, not {late:#?}"
    );
    assert_eq!(listing(&small.machine.out()), wanted);
}

/// A command with more and more room where local state is. What was done by then is done all the same, and said.
fn state(flow: &'static Flow, room: impl Iterator<Item = Room>) {
    let small = Small::new(flow, "state");
    let mut met = 0;
    for room in room {
        let ran = small.run(room);
        if ran.code == Some(0) {
            if !ran.stderr.contains("could not be noted: cannot write") {
                break;
            }
            met += 1;
            continue;
        }
        assert_eq!(ran.code, Some(5), "{ran:?}");
        let error = ran.error();
        assert!(error["message"].as_str().unwrap().contains("No space left"), "{error:#}");
        assert!(error["hint"].as_str().unwrap_or_default().starts_with("free some room"), "{error:#}");
        met += 1;
    }
    assert!(met > 0, "no command met a full disk");
    flow.check_done(&small.machine.sci(flow.words));
    assert_eq!(listing(&small.machine.out()), small.wanted());
}

macro_rules! tests {
    ($($test:ident $body:expr;)*) => {
        $(
            #[test]
            fn $test() {
                where_mounts_are_allowed(concat!("full::", stringify!($test)), || $body);
            }
        )*
    };
}

tests! {
    a_save_to_a_full_disk save(scarce(12), 5);
    a_save_to_a_disk_without_inodes save(scarce_files(), 3);
    a_restore_onto_a_full_disk restore(scarce(44), 5, 0);
    // A file system in memory, and no other, counts each further name of a file, of which there are two.
    a_restore_onto_a_disk_without_inodes restore(scarce_files(), 5, 2);
    a_save_with_full_local_state state(&NEXT_SAVE, scarce(4));
    a_restore_with_full_local_state state(&NEXT_RESTORE, scarce(4));
    a_restore_with_local_state_without_inodes state(&NEXT_RESTORE, scarce_files());
}
