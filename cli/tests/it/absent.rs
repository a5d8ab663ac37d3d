//! A store that is named and not there: nothing that only looks makes one.

use crate::sandbox::{Sandbox, assert_screen};

#[test]
fn what_only_looks_makes_no_store_where_one_is_named() {
    let sandbox = Sandbox::new();
    assert_screen!(sandbox.sci("ls --store ../stroe"), @r"
    exit code: 3
    ----- stderr -----
    Error: there is no store in [TOP]/ws/../stroe
    Hint: look how it is spelt in --store (SCI_STORE); the first `sci restore` or `sci save` there makes one
    ");
    for line in [
        "explain",
        "show out",
        "diff out out",
        "verify",
        "verify --repair",
        "verify --repository 1001",
        "gc",
        "gc --all-projects",
        "forget out",
        "forget --scope pr:1",
        "quarantine --run 1 --repository 1001",
        "repo list",
        "token list",
        "key list",
    ] {
        let ran = sandbox.sci(&format!("{line} --store ../stroe")).ends_with(3);
        assert!(ran.stderr.contains("Error: there is no store in [TOP]/ws/../stroe"), "{line}: {ran}");
    }
    let doctor = sandbox.sci("doctor --store ../stroe").ends_with(0);
    assert!(doctor.stdout.contains("note  store        there is no store in [TOP]/ws/../stroe"), "{doctor}");
    assert!(!sandbox.beside("stroe").exists());

    sandbox.write("sci.toml", &(sandbox.read("sci.toml") + "[store]\npath = \"../stroe\"\n"));
    let ran = sandbox.sci("ls").ends_with(3);
    assert!(ran.stderr.contains("spelt in `path` in [store] of sci.toml"), "{ran}");
    std::fs::create_dir(sandbox.beside("stroe")).unwrap();
    sandbox.sci("ls").ends_with(3);
    assert!(sandbox.beside("stroe").read_dir().unwrap().next().is_none(), "an empty directory is no store either");
}

#[test]
fn a_restore_makes_the_store_that_is_named_and_says_so() {
    let mut sandbox = Sandbox::new();
    sandbox.set("SCI_STORE", "../store");
    assert_screen!(sandbox.sci("restore --require"), @r"
    exit code: 0
    ----- stdout -----
    miss      out
              the store has no snapshot of this path  (key [ID])
    ----- stderr -----
    there was no store in [TOP]/ws/../store: a new one was made
    ");
    let again = sandbox.sci("restore --require").ends_with(0);
    assert_eq!(again.stderr, "");
    assert!(sandbox.sci("explain").ends_with(0).stdout.contains("miss"));
    assert_eq!(Sandbox::new().sci("restore").ends_with(0).stderr, "", "the default one is nobody's to misspell");
}
