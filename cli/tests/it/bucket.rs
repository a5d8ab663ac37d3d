//! A store whose objects are in a bucket: served, and used by every command where the store is. One test, since each would
//! start a server of buckets of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use sci_conformance::moto::Moto;

use crate::sandbox::Sandbox;

const SECRET: &str = "sesame-open-the-bucket";

/// Starts `sci serve`, and waits until it says where it is.
fn serve(sandbox: &Sandbox, more: &[&str]) -> (Child, String) {
    let mut words = vec!["serve", "--json", "--url", "http://127.0.0.1:1", "--listen", "127.0.0.1:0"];
    words.extend(more);
    let mut child = sandbox.command(&words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.map(Result::unwrap).find(|line| line.contains("\"address\"")).unwrap();
    let address = said.split('"').find(|word| word.starts_with("127.0.0.1:")).unwrap().to_owned();
    (child, address)
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn objects(moto: &Moto, bucket: &str) -> usize {
    let (_, keys) = moto.send("GET", &format!("/{bucket}?list-type=2"), b"");
    assert_eq!(keys.matches("<Key>team/sci/sci-store.json</Key>").count(), 1, "{keys}");
    keys.matches("<Key>team/sci/objects/").count()
}

#[test]
fn a_store_in_a_bucket() {
    let moto = Moto::start(env!("CARGO_TARGET_TMPDIR"));
    let (bucket, endpoint) = (moto.bucket(), moto.url());
    let mut sandbox = Sandbox::new();
    // Administration comes first, as on the page about hosting; nothing is stored by it.
    sandbox.sci("repo add 1001 --owner 77").ends_with(0);
    let flags = format!("--objects s3://{bucket}/team/sci --s3-endpoint {endpoint}");
    let flags: Vec<&str> = flags.split(' ').collect();
    refusals_at_the_start(&mut sandbox, &endpoint, &bucket);
    let (served, _) = serve(&sandbox, &flags);
    // Beside the server, and without being told where the objects are.
    sandbox.sci_run("", "mkdir out; echo built > out/a; seq 200000 > out/b").ends_with(0);
    let stored = objects(&moto, &bucket);
    assert!(stored >= 3, "{stored}");
    assert!(!sandbox.beside("state/store/objects").exists());
    end(served);
    // The next server is told nothing either.
    end(serve(&sandbox, &[]).0);
    // Before anybody restores it, which would keep it for a day.
    sandbox.sci("forget out").ends_with(0);
    sandbox.sci("gc --grace 0s --unsafe-grace").ends_with(0);
    assert!(objects(&moto, &bucket) < stored, "collected in the bucket");
    sandbox.sci("save").ends_with(0);
    every_command_looks_there(&sandbox);
    what_is_damaged_is_found(&sandbox, &moto, &bucket);
    without_credentials(&mut sandbox);
    for other in ["--objects s3://another", &format!("--objects s3://{bucket}/team/sci")] {
        let refused = sandbox.sci(&format!("serve --url http://127.0.0.1:1 {other}")).ends_with(3);
        assert!(refused.stderr.contains(&format!("are in s3://{bucket}/team/sci at {endpoint}, not in")), "{refused}");
        assert!(refused.stderr.contains("Hint: leave --objects out"), "{refused}");
    }
}

/// What is wrong is said before anything is served, and without a secret.
fn refusals_at_the_start(sandbox: &mut Sandbox, endpoint: &str, bucket: &str) {
    sandbox.set("AWS_ACCESS_KEY_ID", "AKIDOFTHETESTS");
    let start = "serve --url http://127.0.0.1:1 --listen 127.0.0.1:0 --store";
    let place = |at: &str| sandbox.beside(at).to_str().unwrap().to_owned();
    let half = format!("{start} {} --objects s3://{bucket} --s3-endpoint {endpoint}", place("half"));
    let refused = sandbox.sci(&half).ends_with(3);
    assert!(refused.stderr.contains("Hint: set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"), "{refused}");
    sandbox.set("AWS_SECRET_ACCESS_KEY", SECRET);
    let place = |at: &str| sandbox.beside(at).to_str().unwrap().to_owned();
    let cases = [
        (format!("s3://nobody-made-it --s3-endpoint {endpoint}"), 3, "there is no such bucket"),
        ("s3://builds --s3-endpoint http://127.0.0.1:1".to_owned(), 3, "cannot connect to 127.0.0.1:1"),
        ("s3://builds --s3-endpoint http://minio.example".to_owned(), 2, "to it in the clear"),
        ("https://builds".to_owned(), 2, "expected s3://bucket"),
    ];
    for (number, (objects, code, says)) in cases.iter().enumerate() {
        let refused = sandbox.sci(&format!("{start} {} --objects {objects}", place(&format!("no-{number}"))));
        let refused = refused.ends_with(*code);
        assert!(refused.stderr.contains(says) && !refused.stderr.contains(SECRET), "{refused}");
    }
}

fn every_command_looks_there(sandbox: &Sandbox) {
    sandbox.remove("out");
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/a"), "built\n");
    assert_eq!(sandbox.read("out/b").lines().count(), 200_000);
    for line in ["verify", "verify --read-data", "verify --repair", "ls", "show out --tree", "explain", "doctor"] {
        sandbox.sci(line).ends_with(0);
    }
}

fn what_is_damaged_is_found(sandbox: &Sandbox, moto: &Moto, bucket: &str) {
    sandbox.sci_run("", "echo anew > out/a").ends_with(0);
    sandbox.sci("verify --read-data").ends_with(0);
    let (_, keys) = moto.send("GET", &format!("/{bucket}?list-type=2"), b"");
    for key in keys.split("<Key>").filter_map(|rest| rest.split("</Key>").next()).filter(|key| key.contains("objects/"))
    {
        assert_eq!(moto.send("PUT", &format!("/{bucket}/{key}"), b"damaged").0, 200);
    }
    sandbox.sci("verify --read-data").ends_with(1);
    sandbox.sci("verify --repair").ends_with(0);
    sandbox.sci("save").ends_with(0);
    sandbox.remove("out");
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/a"), "anew\n");
}

/// What needs no object needs no credentials; what does says so, and takes nothing for damaged.
fn without_credentials(sandbox: &mut Sandbox) {
    sandbox.set("AWS_SECRET_ACCESS_KEY", "");
    sandbox.set("AWS_ACCESS_KEY_ID", "");
    // Nobody answers who would have some.
    sandbox.set("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1");
    for line in ["ls", "token list", "repo show"] {
        sandbox.sci(line).ends_with(0);
    }
    sandbox.sci("verify --repair").ends_with(3);
    sandbox.set("AWS_ACCESS_KEY_ID", "AKIDOFTHETESTS");
    sandbox.set("AWS_SECRET_ACCESS_KEY", SECRET);
    sandbox.sci("verify --read-data").ends_with(0);
}
