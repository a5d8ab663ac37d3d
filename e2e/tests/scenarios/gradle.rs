//! Gradle: modules and what it made of build scripts come back so that it downloads nothing, also offline.

use std::fs;

use sci_e2e::{Downloads, Machine, Ran};

const CACHES: &str = "~/.gradle/caches";

/// A machine with a project, and with modules on a server that stands for the network.
fn machine() -> (Machine, Downloads) {
    let mut machine = Machine::new();
    machine.set("GRADLE_USER_HOME", machine.dir().join("gradle"));
    for (name, version) in [("left", "1.0.0"), ("left", "1.1.0"), ("right", "2.0.0")] {
        let dir = machine.dir().join(format!("modules/org/example/{name}/{version}"));
        fs::create_dir_all(&dir).unwrap();
        let pom = format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId><artifactId>{name}</artifactId><version>{version}</version></project>"
        );
        fs::write(dir.join(format!("{name}-{version}.pom")), pom).unwrap();
        fs::write(dir.join(format!("{name}-{version}.jar")), "an archive").unwrap();
    }
    let modules = Downloads::serve(&machine.dir().join("modules"));
    let script = format!(
        "repositories {{ maven {{ url '{}' }} }}\nconfigurations {{ needed }}\ndependencies {{\n  needed 'org.example:left:1.0.0'\n  needed 'org.example:right:2.0.0'\n}}\n\
         task show {{ doLast {{ configurations.needed.each {{ println \"has $it.name\" }} }} }}\n",
        modules.url()
    );
    machine.write("build.gradle", script);
    machine.write("settings.gradle", "rootProject.name = 'small'\n");
    machine.write(".gitignore", ".gradle\nbuild\n");
    machine.sci(&["init"]);
    (machine, modules)
}

/// Runs a task that needs every module; with `--info` the text has a line for each download.
fn build(machine: &Machine, options: &[&str]) -> Ran {
    machine.run("gradle", &[options, &["--no-daemon", "--info", "show"]].concat()).success()
}

#[test]
fn modules_come_back_and_gradle_downloads_nothing() {
    let (machine, _modules) = machine();
    let home = machine.dir().join("gradle");
    machine.sci(&["restore"]).expect_verdict(CACHES, "miss");
    let first = build(&machine, &[]);
    assert!(first.stdout.contains("Download ") && first.stdout.contains("has left-1.0.0.jar"), "{first}");
    // What runs in every build of this user, and what holds credentials, is no cache.
    fs::create_dir_all(home.join("init.d")).unwrap();
    fs::write(home.join("init.d/secret.gradle"), "").unwrap();
    machine.sci(&["save"]).expect_outcome(CACHES, "saved");

    fs::remove_dir_all(&home).unwrap();
    machine.sci(&["restore"]).expect_verdict(CACHES, "exact");
    assert!(!home.join("init.d").exists());
    let second = build(&machine, &["--offline"]);
    assert!(second.stdout.contains("has right-2.0.0.jar") && !second.stdout.contains("Download "), "{second}");

    fs::remove_dir_all(&home).unwrap();
    machine.edit("build.gradle", "left:1.0.0", "left:1.1.0");
    machine.sci(&["restore"]).expect_verdict(CACHES, "nearest");
    let explained = machine.sci(&["explain"]).stdout;
    assert!(explained.contains("build.gradle"), "{explained}");
    let third = build(&machine, &[]);
    assert!(third.stdout.contains("left-1.1.0.jar") && !third.stdout.contains("/right-"), "{third}");
    machine.sci(&["save"]).expect_outcome(CACHES, "saved");
}
