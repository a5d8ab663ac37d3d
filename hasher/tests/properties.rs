//! What holds for every derivation.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use sci_hasher::{Derivation, Digest, Encoder, InputClass, InputName, Ladder, ParseHexError, Sketch};

/// Names made of what could be taken for a separator.
fn tricky_text() -> impl Strategy<Value = String> {
    "[ab/=\n\"'\\\\\0!: é]{0,6}"
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn class() -> impl Strategy<Value = InputClass> {
    any::<Index>().prop_map(|index| *index.get(&InputClass::ALL))
}

fn inputs() -> impl Strategy<Value = Vec<(InputClass, String, Digest)>> {
    vec((class(), tricky_text(), digest()), 0..12)
}

fn derivation(inputs: &[(InputClass, String, Digest)]) -> Derivation {
    let mut derivation = Derivation::default();
    for (class, name, digest) in inputs {
        derivation.insert(*class, InputName::from(name.as_str()), *digest);
    }
    derivation
}

fn ladder() -> impl Strategy<Value = Ladder> {
    inputs().prop_map(|inputs| derivation(&inputs).ladder())
}

proptest! {
    #[test]
    fn lists_of_texts_are_equal_when_their_digests_are(
        left in vec(tricky_text(), 0..5), right in vec(tricky_text(), 0..5),
    ) {
        let digest = |texts: &[String]| {
            let mut encoder = Encoder::new("sci v1 test");
            encoder.list(texts);
            encoder.finish()
        };
        prop_assert_eq!(left == right, digest(&left) == digest(&right));
    }

    #[test]
    fn moving_a_character_between_neighbours_changes_the_digest(text in tricky_text(), cut in any::<(Index, Index)>()) {
        let bounds: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let digest = |at: usize| {
            let mut encoder = Encoder::new("sci v1 test");
            encoder.text(&text[..at]).text(&text[at..]);
            encoder.finish()
        };
        let (left, right) = (*cut.0.get(&bounds), *cut.1.get(&bounds));
        prop_assert_eq!(left == right, digest(left) == digest(right));
    }

    #[test]
    fn domains_never_meet(bytes in any::<Vec<u8>>()) {
        let digest = |context| Encoder::digest(context, bytes.as_slice());
        prop_assert_ne!(digest("sci v1 one"), digest("sci v1 two"));
        prop_assert_ne!(digest("sci v1 one"), Digest::of(&bytes));
    }

    #[test]
    fn keys_are_equal_when_derivations_are(left in inputs(), right in inputs()) {
        let (left, right) = (derivation(&left), derivation(&right));
        prop_assert_eq!(left == right, left.key() == right.key());
    }

    #[test]
    fn the_order_of_declaration_is_irrelevant(inputs in inputs(), seed in any::<Index>()) {
        // One digest per class and name, since the last one wins.
        let unique: Vec<_> = derivation(&inputs).inputs().map(|(c, n, d)| (c, n.to_string(), *d)).collect();
        let mut rotated = unique.clone();
        if !rotated.is_empty() {
            let middle = seed.index(rotated.len());
            rotated.rotate_left(middle);
        }
        rotated.reverse();
        prop_assert_eq!(derivation(&rotated).ladder(), derivation(&unique).ladder());
    }

    #[test]
    fn a_rung_is_shared_exactly_when_all_classes_up_to_it_are_equal(
        base in inputs(), changes in vec((class(), tricky_text(), digest()), 0..3),
    ) {
        let left = derivation(&base);
        let mut right = left.clone();
        for (class, name, digest) in &changes {
            right.insert(*class, InputName::from(name.as_str()), *digest);
        }
        let mut equal_so_far = true;
        for class in InputClass::ALL {
            equal_so_far &= left.class(class).eq(right.class(class));
            prop_assert_eq!(equal_so_far, left.ladder().rung(class) == right.ladder().rung(class));
        }
        let lowest = InputClass::ALL.into_iter().take_while(|class| left.class(*class).eq(right.class(*class))).last();
        prop_assert_eq!(left.ladder().shared(&right.ladder()), lowest);
    }

    #[test]
    fn an_input_never_passes_for_one_of_another_class(name in tricky_text(), digest in digest()) {
        let keys: BTreeSet<_> =
            InputClass::ALL.iter().map(|class| derivation(&[(*class, name.clone(), digest)]).key()).collect();
        prop_assert_eq!(keys.len(), InputClass::ALL.len());
    }

    #[test]
    fn an_upstream_joins_the_rung_at_which_it_differs_and_those_above(
        base in inputs(), upstream in inputs(), change in (class(), digest()),
    ) {
        let (mut left, mut right) = (derivation(&base), derivation(&base));
        let mut changed = derivation(&upstream);
        changed.insert(change.0, InputName::from("changed"), change.1);
        left.insert_upstream("up", derivation(&upstream).ladder());
        right.insert_upstream("up", changed.ladder());
        for class in InputClass::ALL {
            prop_assert_eq!(class < change.0, left.ladder().rung(class) == right.ladder().rung(class));
        }
    }

    #[test]
    fn an_upstream_never_passes_for_another(name in tricky_text(), other in tricky_text(), ladder in ladder()) {
        let with = |name: &str| {
            let mut derivation = Derivation::default();
            derivation.insert_upstream(name, ladder);
            derivation.key()
        };
        prop_assert_eq!(name == other, with(&name) == with(&other));
        prop_assert_ne!(with(&name), Derivation::default().key());
    }

    #[test]
    fn derivations_survive_json_and_postcard(inputs in inputs(), upstream in ladder(), name in tricky_text()) {
        let mut derivation = derivation(&inputs);
        derivation.insert_upstream(name, upstream);
        let json = serde_json::to_string(&derivation).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Derivation>(&json).unwrap(), &derivation);
        let binary = postcard::to_stdvec(&derivation).unwrap();
        prop_assert_eq!(&postcard::from_bytes::<Derivation>(&binary).unwrap(), &derivation);
    }

    #[test]
    fn postcard_keeps_every_byte_of_a_name(name in any::<Vec<u8>>()) {
        let name = InputName::new(name);
        let binary = postcard::to_stdvec(&name).unwrap();
        prop_assert_eq!(postcard::from_bytes::<InputName>(&binary).unwrap(), name);
    }

    #[test]
    fn hostile_bytes_are_refused_without_a_panic(bytes in any::<Vec<u8>>()) {
        let _derivation = postcard::from_bytes::<Derivation>(&bytes);
        let _sketch = postcard::from_bytes::<Sketch>(&bytes);
        let _digest = postcard::from_bytes::<Digest>(&bytes);
        prop_assert_eq!(Sketch::from_bytes(&bytes).is_some(), bytes.len() == 1024);
    }

    #[test]
    fn a_digest_has_one_text_form(digest in digest()) {
        let text = digest.to_string();
        prop_assert_eq!(text.parse(), Ok(digest));
        prop_assert!(text.starts_with(&digest.short()));
        let upper = text.to_uppercase();
        prop_assert!(upper == text || upper.parse::<Digest>().is_err());
        for wrong in [&text[1..], &format!("{text}0"), &format!(" {}", &text[1..])] {
            prop_assert_eq!(wrong.parse::<Digest>(), Err(ParseHexError { found: wrong.to_owned() }));
        }
    }

    #[test]
    fn a_sketch_does_not_depend_on_order_or_repetition(elements in vec(digest(), 0..50)) {
        let twice = elements.iter().rev().chain(&elements).copied();
        prop_assert!(Sketch::of(twice) == Sketch::of(elements.iter().copied()));
    }

    #[test]
    fn sketches_survive_json_and_postcard(elements in vec(digest(), 0..5)) {
        let sketch = Sketch::of(elements);
        let json = serde_json::to_string(&sketch).unwrap();
        prop_assert!(serde_json::from_str::<Sketch>(&json).unwrap() == sketch);
        let binary = postcard::to_stdvec(&sketch).unwrap();
        prop_assert!(postcard::from_bytes::<Sketch>(&binary).unwrap() == sketch);
    }

    #[test]
    fn similarity_estimates_the_shared_part(shared in 0..400_u64, left in 0..400_u64, right in 0..400_u64) {
        prop_assume!(shared + left + right > 0);
        let element = |number: u64| Sketch::element("test", b"", &number.to_le_bytes());
        let one = Sketch::of((0..shared + left).map(element));
        let other = Sketch::of((0..shared).chain(1000..1000 + right).map(element));
        let truth = shared as f64 / (shared + left + right) as f64;
        let estimate = one.similarity(&other);
        // Five standard errors.
        prop_assert!((estimate - truth).abs() <= 0.16, "estimated {estimate}, truly {truth}");
        prop_assert_eq!(estimate, other.similarity(&one));
        prop_assert_eq!(one.similarity(&one), 1.0);
    }

    #[test]
    fn one_changed_package_of_a_thousand_is_nearer_than_a_hundred(start in any::<u32>()) {
        let element = |number: u64| Sketch::element("package", b"Cargo.lock", &number.to_le_bytes());
        let start = u64::from(start);
        let with_changed = |changed: u64| Sketch::of((start + changed..start + changed + 1000).map(element));
        let base = with_changed(0);
        prop_assert!(base.similarity(&with_changed(1)) > base.similarity(&with_changed(100)));
    }
}

#[test]
fn a_made_up_ladder_shares_no_rung_above_one_that_differs() {
    let rung = |number: u8| Digest::from_bytes([number; 32]);
    let left = Ladder::from_rungs([1, 2, 3, 4, 5, 6, 7].map(rung));
    assert_eq!(left.shared(&Ladder::from_rungs([1, 2, 9, 4, 5, 6, 7].map(rung))), Some(InputClass::Tools));
    assert_eq!(left.shared(&Ladder::from_rungs([9, 2, 3, 4, 5, 6, 7].map(rung))), None);
}

#[test]
fn class_names_parse_back_and_nothing_else_does() {
    for class in InputClass::ALL {
        assert_eq!(class.name().parse(), Ok(class));
        assert_eq!(InputClass::ALL[class.rung()], class);
        assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{class}\""));
    }
    assert!("Sources".parse::<InputClass>().is_err());
}
