//! With `text = "auto"` a text file has one digest with either line ending; without it every byte counts.

mod support;

use proptest::prelude::*;
use support::{Workspace, refused};

const AUTO: &str = "text = \"auto\"\n";
const PATH: &str =
    "[path.out]\npath = \"out\"\nconfigs = [\"*.json\"]\nlockfiles = [\"*.lock\"]\nsources = [\"src/**\"]\n";

fn workspace(mode: &str, files: &[(&str, &[u8])]) -> Workspace {
    let workspace = Workspace::new(&format!("{mode}{PATH}"));
    for (path, content) in [("a.json", &b"{}"[..]), ("a.lock", b""), ("src/main", b"")].iter().chain(files) {
        workspace.write(path, content);
    }
    workspace
}

fn key(mode: &str, files: &[(&str, &[u8])]) -> String {
    workspace(mode, files).key("out")
}

#[test]
fn inputs_of_each_class_have_one_key_with_either_ending() {
    for path in ["a.json", "a.lock", "src/main"] {
        let [lf, crlf] = [&b"{\n}\n"[..], b"{\r\n}\r\n"].map(|content| key(AUTO, &[(path, content)]));
        assert_eq!(lf, crlf, "{path}");
        assert_ne!(lf, key(AUTO, &[(path, b"{\n\n}\n")]), "{path}");
        // The default, in words or without, and the keys of a checkout with LF, are what they were.
        for bytes in ["", "text = \"bytes\"\n"] {
            assert_eq!(key(bytes, &[(path, b"{\n}\n")]), lf, "{path}");
            assert_ne!(key(bytes, &[(path, b"{\r\n}\r\n")]), lf, "{path}");
        }
    }
}

#[test]
fn attributes_say_what_is_text() {
    let converts = |attributes: &str, nested: &str, content: &[u8]| {
        let crlf: Vec<u8> = String::from_utf8_lossy(content).replace('\n', "\r\n").into();
        let files = [(".gitattributes", attributes.as_bytes()), ("src/.gitattributes", nested.as_bytes())];
        let key = |content: &[u8]| key(AUTO, &[&files[..], &[("src/x.dat", content)]].concat());
        // The attributes themselves are inputs here, and the same on both sides.
        key(content) == key(&crlf)
    };
    let (text, binary) = (&b"a\nb\n"[..], &b"a\0\n"[..]);
    for (attributes, nested, of_text, of_binary) in [
        ("", "", true, false),
        ("* text=auto", "", true, false),
        ("*.dat text", "", true, true),
        ("*.dat -text", "", false, false),
        ("*.dat binary", "", false, false),
        ("*.dat crlf", "", true, true),
        ("*.dat -crlf", "", false, false),
        ("*.dat eol=crlf", "", true, true),
        ("*.dat eol=lf -text", "", false, false),
        ("*.dat text=auto eol=crlf", "", true, false),
        ("*.dat text\n*.dat -text", "", false, false),
        ("*.dat -text\n*.dat text", "", true, true),
        ("*.dat -text\n*.dat !text", "", true, false),
        ("*.dat -text", "*.dat text", true, true),
        ("*.dat text", "x.dat -text", false, false),
        ("src/*.dat -text", "", false, false),
        ("/src/*.dat -text", "", false, false),
        ("/*.dat -text", "", true, false),
        ("src/ -text", "", true, false),
        ("src -text", "", true, false),
        ("**/x.dat -text", "", false, false),
        ("src/** -text", "", false, false),
        ("\"src/x.dat\" -text", "", false, false),
        ("*.{dat,txt} -text", "", true, false),
        ("# *.dat -text", "", true, false),
        ("!*.dat -text", "", true, false),
        ("[attr]mine -text\n*.dat mine\r\n", "", false, false),
        ("*.dat mine", "[attr]mine -text", true, false),
        ("*.dat diff", "", true, false),
    ] {
        assert_eq!(converts(attributes, nested, text), of_text, "{attributes:?} and {nested:?}");
        assert_eq!(converts(attributes, nested, binary), of_binary, "{attributes:?} and {nested:?}, binary");
    }
}

#[test]
fn attributes_from_above_do_not_reach_into_another_repository() {
    let key = |content: &[u8]| {
        let files = [(".gitattributes", &b"* -text"[..]), ("src/lib/file", content), ("src/lib/.git", b"gitdir: x")];
        key(AUTO, &files)
    };
    assert_eq!(key(b"a\r\n"), key(b"a\n"));
}

#[test]
fn the_mode_is_one_of_two() {
    insta::assert_snapshot!(refused("text = \"crlf\"\n"), @r#"
    1:8 "\"crlf\""
      `crlf` is not a value of `text`
      hint: expected one of `bytes`, `auto`
    "#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn endings_never_count_and_all_else_does(lines in prop::collection::vec("[a-z\t ]{0,5}", 1..6), endings in any::<u8>(), binary in any::<bool>()) {
        let mark = if binary { "\0" } else { "" };
        let mixed: String = lines.iter().enumerate().map(|(at, line)| {
            format!("{line}{mark}{}", if endings >> at & 1 == 1 { "\r\n" } else { "\n" })
        }).collect();
        let plain = mixed.replace("\r\n", "\n");
        let [of_mixed, of_plain] = [&mixed, &plain].map(|text| key(AUTO, &[("src/x", text.as_bytes())]));
        prop_assert_eq!(of_mixed == of_plain, !binary || mixed == plain);
        let other = plain.replacen('\n', "x\n", 1);
        prop_assert_ne!(key(AUTO, &[("src/x", other.as_bytes())]), of_plain);
    }
}
