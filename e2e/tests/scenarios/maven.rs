//! Maven: its local repository comes back so that it downloads nothing, also offline.

use std::fs;
use std::path::{Path, PathBuf};

use sci_e2e::machine::finish;
use sci_e2e::{Machine, Ran};

const PATH: &str = "~/.m2/repository";

/// A plugin whose one goal needs the dependencies of the project.
const PLUGIN: &str = "<plugin><groupId>org.example</groupId><artifactId>say</artifactId><version>1.0.0</version><goalPrefix>say</goalPrefix><mojos><mojo>\
<goal>say</goal><requiresDependencyResolution>compile</requiresDependencyResolution><implementation>Say</implementation><language>java</language>\
<instantiationStrategy>per-lookup</instantiationStrategy></mojo></mojos></plugin>";

const CODE: &str = "public class Say extends org.apache.maven.plugin.AbstractMojo { public void execute() { getLog().info(\"said\"); } }";

fn coordinates(group: &str, name: &str, version: &str) -> String {
    format!("<groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>")
}

/// A machine with a project, and with artifacts in a directory that stands for the network.
fn machine() -> Machine {
    let mut machine = Machine::new();
    machine.set("MAVEN_OPTS", format!("-Duser.home={}", machine.home().display()));
    for (group, name, version) in [
        ("org.example", "left", "1.0.0"),
        ("org.example", "left", "1.1.0"),
        ("org.example", "right", "2.0.0"),
        ("org.codehaus.plexus", "plexus-utils", "1.1"),
    ] {
        fs::write(publish(&machine, group, name, version), "an archive").unwrap();
    }
    publish_plugin(&machine);
    let mirror = format!("file://{}", machine.dir().join("artifacts").display());
    let settings = format!(
        "<settings><mirrors><mirror><id>stand-in</id><mirrorOf>*</mirrorOf><url>{mirror}</url></mirror></mirrors></settings>"
    );
    fs::create_dir_all(machine.home().join(".m2")).unwrap();
    fs::write(machine.home().join(".m2/settings.xml"), settings).unwrap();
    let dependencies: String = [("left", "1.0.0"), ("right", "2.0.0")]
        .iter()
        .map(|(name, version)| format!("<dependency>{}</dependency>\n", coordinates("org.example", name, version)))
        .collect();
    let app = coordinates("org.example", "app", "1");
    machine.write(
        "pom.xml",
        format!("<project><modelVersion>4.0.0</modelVersion>{app}<packaging>pom</packaging>\n<dependencies>\n{dependencies}</dependencies></project>\n"),
    );
    machine.sci(&["init"]);
    machine
}

/// Writes the description of an artifact, and gives where its archive belongs.
fn publish(machine: &Machine, group: &str, name: &str, version: &str) -> PathBuf {
    let dir = machine.dir().join(format!("artifacts/{}/{name}/{version}", group.replace('.', "/")));
    fs::create_dir_all(&dir).unwrap();
    let pom = format!("<project><modelVersion>4.0.0</modelVersion>{}</project>", coordinates(group, name, version));
    fs::write(dir.join(format!("{name}-{version}.pom")), pom).unwrap();
    dir.join(format!("{name}-{version}.jar"))
}

fn publish_plugin(machine: &Machine) {
    let source = machine.dir().join("plugin");
    fs::create_dir_all(source.join("META-INF/maven")).unwrap();
    fs::write(source.join("META-INF/maven/plugin.xml"), PLUGIN).unwrap();
    fs::write(source.join("Say.java"), CODE).unwrap();
    let told = machine.run("mvn", &["--version"]).success().stdout;
    let home = told.lines().find_map(|line| line.strip_prefix("Maven home: ")).unwrap();
    let libraries = format!("{}/*", Path::new(home).join("lib").display());
    finish(machine.command("javac").current_dir(&source).args(["-cp", &libraries, "Say.java"])).success();
    let archive = publish(machine, "org.example", "say", "1.0.0");
    let mut jar = machine.command("jar");
    finish(jar.current_dir(&source).arg("cf").arg(archive).args(["META-INF", "Say.class"])).success();
}

/// Runs the goal; the text has a line for each download.
fn build(machine: &Machine, options: &[&str]) -> Ran {
    let goal = ["--batch-mode", "org.example:say:1.0.0:say"];
    machine.run("mvn", &[options, &goal].concat()).success()
}

#[test]
fn artifacts_come_back_and_maven_downloads_nothing() {
    let machine = machine();
    let repository = machine.home().join(".m2/repository");
    machine.sci(&["restore"]).expect_verdict(PATH, "miss");
    let first = build(&machine, &[]);
    assert!(first.stdout.contains("Downloaded") && first.stdout.contains("left-1.0.0.jar"), "{first}");
    // A download that failed is asked for again elsewhere.
    let failed = repository.join("org/example/left/1.0.0/left-1.0.0-sources.jar.lastUpdated");
    fs::write(&failed, "").unwrap();
    machine.sci(&["save"]).expect_outcome(PATH, "saved");

    fs::remove_dir_all(&repository).unwrap();
    machine.sci(&["restore"]).expect_verdict(PATH, "exact");
    assert!(!failed.exists());
    let second = build(&machine, &["--offline"]);
    assert!(second.stdout.contains("said") && !second.stdout.contains("Download"), "{second}");

    // Maven removes nothing: what another state needed is not taken over.
    fs::remove_dir_all(&repository).unwrap();
    machine.edit("pom.xml", "1.0.0", "1.1.0");
    machine.sci(&["restore"]).expect_verdict(PATH, "miss");
    let explained = machine.sci(&["explain"]).stdout;
    for word in ["org.example:left", "1.0.0", "1.1.0"] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    assert!(!explained.contains("org.example:right"), "explain names an artifact that did not change:\n{explained}");
    build(&machine, &[]);
    machine.sci(&["save"]).expect_outcome(PATH, "saved");
}
