//! Pinned digests. One that drifts changes every key there is: raise the version in its context string, on purpose.

use sci_hasher::{Derivation, Digest, Encoder, InputClass, InputName, Ladder, Sketch};

const EVERY_PART: [&str; 8] = [
    "082ad4c736f74c5969dc44bd517a522851aebd26c5ed13b1dbeea41662ace5ae",
    "febedb1359a116e28c5f223da9338b95aee3402c3d05b824bbae15a646065861",
    "afa9b2064a30c7612a7043a1018dc4028295f05eb18d40be7dc9ab666f670066",
    "d73a90f04929f103c0b8d2f69ddd003550f43ed9863368540408393673e59875",
    "3123b3d8db001509089ffb059d938ab9896c430fd2f780fcd24eee9523dd17a2",
    "14ec5d376fcd36d96ab21c51fdf603ca0ca62c58e482d8b604d2ac33c84ff90d",
    "d16a91482604337c9c05ba0d83af0447191c9ea6e937fbc6a59a634d973d479c",
    "6e578165f25940403ef3717465f002ba7874edbbc44ed26fbfe6506719cc65fb",
];

const EMPTY_LADDER: [&str; 7] = [
    "b3fb821555769c4d811e00322dde766a7bc42a887e0c373c88ab4552f29392a8",
    "9625a4292d3eb3a48cf0e0b55beeebce1d7d63c290d71aed5b596b689b66b56a",
    "edcc488cb06ff20149e4db8377939f5efb177b78e6f4e75546871ed08b824e7c",
    "2edba4ecd4d6b6135b2bb96979ee27b6b69c73c65f6d9edad19d6a76d31d8883",
    "40b30e16c66ed2ad3bb4c2ba0dee8cb6f460c03e7c2866137fd4dfe38f26ab4c",
    "2342573a0b171da8278e61f035c7a000d901ac375489c799073dad6b1ca25764",
    "e78d38dd406f4a765a9b3134bbf0351c2acaebecc15da103058a7c694222f24a",
];

const FULL_LADDER: [&str; 7] = [
    "d1a5a3134958c70622dd087af923ff4bc3fb84df473264e65b34b23a3e0127f1",
    "91d2074a10ab32f939f88f9fba5809be46319726c53cce428d527d440cb10634",
    "dcf73de673ed0e8a91aa467ad54f1e766a7472e14c522941d30d7fdd999c8a5c",
    "1d11cd3a2b501926cd6c2f8c72dc6bc8dab7c9c19f65c45e79bdf3c9c343db60",
    "311f21d2167f465963c7db000cb685d13d1ca19e9d375f0ae4f7569e1ff17481",
    "0baca352c0199089a575e91ed7e030968c4399fcb3ff6a29b69143beaa80df70",
    "0e1f728c0b29d8ed1d46dc867df6dd0d88dd0ffba8ae18f18205a44981f8fc4e",
];

const UPSTREAM_LADDER: [&str; 7] = [
    "638fd87164153b89a8535489cda6f0e7a6b6fd6855739ae04a44ce219c8a950b",
    "3c08b3e74c0d8172feeed4adfaa16fe60654854e4b8cd8bb842d4d85c35f4611",
    "eb920ff85b425b82c78b8939ccdb2a21e8676d58c27513c561b1683edb1e2e15",
    "8a3d4240c611fdd5ab2f937509009ba2865575f8bde4ae1bcd92ed6957663b3d",
    "43980128826ae3e62b6bb9483d8e60fd0d32767163aa6466a0dd6bd60ecffe49",
    "3acb0d3a98dae9798736d894986422c9c52ad537c90b974ae6394bde21e6a081",
    "98f3a57c8e41de8463a87d9beae474b732cbab53fd2b84db979216351381ac05",
];

const SKETCH_ELEMENT: &str = "a7357e93d9d8b07dd52a7cfa86e010946f67cb9dbd1eb6d182566c229812e892";
const SKETCH: &str = "5799dc9c46972740eff0736965858294f563443f90af1fc2e55e0476a59b3959";
const POSTCARD: &str = "2e015894b6849fa8416ca4072025fcfb7da6ced17cef4a9deab800186463a075";
const JSON: &str = "fa3e55711173673db6459fb9b751f3028a5df9d916aef4a3f2f42cea9808f1ad";

fn derivation() -> Derivation {
    let mut derivation = Derivation::default();
    for (class, name, value) in [
        (InputClass::System, &b"os"[..], "linux"),
        (InputClass::Tools, b"rustc -vV", "rustc 1.95.0"),
        (InputClass::Env, b"RUSTFLAGS", ""),
        (InputClass::Configs, b"Cargo.toml", "[package]"),
        (InputClass::Lockfiles, b"Cargo.lock", "version = 4"),
        (InputClass::Sources, b"src/main.rs", "fn main() {}"),
        (InputClass::Sources, b"src/\xff\n=", "a name that is not UTF-8"),
        (InputClass::Variant, b"job", "test"),
    ] {
        derivation.insert(class, InputName::new(name), Digest::of(value.as_bytes()));
    }
    derivation
}

fn hex(ladder: &Ladder) -> Vec<String> {
    ladder.rungs().iter().map(Digest::to_string).collect()
}

#[test]
fn every_part_of_the_encoding() {
    let digest = |write: fn(&mut Encoder)| {
        let mut encoder = Encoder::new("sci v1 golden");
        write(&mut encoder);
        encoder.finish().to_string()
    };
    let digests = [
        digest(|_| {}),
        digest(|to| _ = to.integer(0x0102_0304_0506_0708)),
        digest(|to| _ = to.bytes(b"\xff\0")),
        digest(|to| _ = to.text("é")),
        digest(|to| _ = to.raw_digest(&Digest::of(b"abc"))),
        digest(|to| _ = to.list(&["a".to_owned(), String::new()])),
        digest(|to| _ = to.option(None::<&u64>)),
        digest(|to| _ = to.option(Some(&7_u64))),
    ];
    assert_eq!(digests, EVERY_PART);
}

#[test]
fn the_encoding_is_what_its_rule_says() {
    let mut encoder = Encoder::new("sci v1 golden");
    encoder.text("ab").integer(3).option(Some(&7_u64)).list(&[1_u64, 2]);
    let mut by_hand = blake3::Hasher::new_derive_key("sci v1 golden");
    for part in [&[2, 0, 0, 0, 0, 0, 0, 0][..], b"ab"] {
        by_hand.update(part);
    }
    for integer in [3_u64, 1, 7, 2, 1, 2] {
        by_hand.update(&integer.to_le_bytes());
    }
    assert_eq!(encoder.finish(), Digest::from(by_hand.finalize()));
}

#[test]
fn the_ladder_of_an_empty_derivation() {
    assert_eq!(hex(&Derivation::default().ladder()), EMPTY_LADDER);
}

#[test]
fn the_ladder_of_a_derivation_with_every_class() {
    let derivation = derivation();
    assert_eq!(hex(&derivation.ladder()), FULL_LADDER);
    assert_eq!(derivation.key().to_string(), FULL_LADDER[6]);
}

#[test]
fn the_ladder_below_an_upstream() {
    let mut downstream = derivation();
    downstream.insert_upstream("node_modules", derivation().ladder());
    assert_eq!(hex(&downstream.ladder()), UPSTREAM_LADDER);
}

#[test]
fn the_sketch() {
    let element = Sketch::element("lockfiles", b"Cargo.lock", b"serde 1.0.0");
    assert_eq!(element.to_string(), SKETCH_ELEMENT);
    let derivation = derivation();
    let element = |(class, name, digest): (InputClass, &InputName, &Digest)| {
        Sketch::element(class.name(), name.as_bytes(), digest.as_bytes())
    };
    let sketch = Sketch::of(derivation.inputs().map(element));
    assert_eq!(Digest::of(&sketch.to_bytes()).to_string(), SKETCH);
    assert_eq!(serde_json::to_string(&sketch).unwrap().len(), 2048 + 2);
}

#[test]
fn the_stored_forms() {
    let stored = postcard::to_stdvec(&derivation()).unwrap();
    assert_eq!(Digest::of(&stored).to_string(), POSTCARD);
    let json = serde_json::to_string(&derivation()).unwrap();
    assert_eq!(Digest::of(json.as_bytes()).to_string(), JSON, "{json}");
}
