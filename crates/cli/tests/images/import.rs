//! `barge import`: an image of a root file system, from the command line.

use serde_json::{Value, json};

use super::common::{HELLO, Place, tar};

/// A root file system beside a store.
fn root() -> Place {
    let place = Place::new();
    place.write("root.tar", tar(&[("etc/", ""), ("etc/motd", "hello")]));
    place
}

fn told(place: &Place, image: &str) -> Value {
    let told: Value = serde_json::from_str(&place.ok(&format!("image inspect {image}"))).unwrap();
    told[0].clone()
}

#[test]
fn what_is_typed_comes_to_something() {
    let place = root();
    let platforms = ["", "--platform linux/riscv64 ", "--platform linux/arm64/v8 "];
    for (n, (command, platform)) in ["import", "image import", "import"].iter().zip(platforms).enumerate() {
        let line = format!(
            "{command} -c 'CMD [\"sh\"]' --change 'ENV A=b' -c 'LABEL of=me' -m 'by hand' {platform}root.tar made:{n}"
        );
        let id = place.ok(&line);
        let told = told(&place, &format!("made:{n}"));
        assert_eq!(format!("{}\n", told["Id"].as_str().unwrap()), id);
        let config = &told["Config"];
        assert_eq!((&config["Cmd"], &config["Env"]), (&json!(["sh"]), &json!(["A=b"])), "{line}");
        assert_eq!(config["Labels"], json!({"of": "me"}), "{line}");
        let history = place.ok(&format!("history --format {{{{.Comment}}}} made:{n}"));
        assert_eq!(history, "by hand\n", "{line}");
        let host = barge_oci::Platform::host();
        let (os, architecture, variant) = match n {
            0 => (host.os.as_str(), host.architecture.as_str(), None),
            1 => ("linux", "riscv64", None),
            _ => ("linux", "arm64", Some("v8")),
        };
        assert_eq!((&told["Os"], &told["Architecture"]), (&json!(os), &json!(architecture)), "{line}");
        assert!(n == 0 || told["Variant"].as_str() == variant, "{line}: {told}");
    }
    // Without a name it is one by its ID; and what is not said is not there.
    let id = place.ok("import root.tar");
    let told = told(&place, id.trim());
    assert_eq!((&told["RepoTags"], &told["Config"]["Cmd"]), (&json!([]), &Value::Null));
    assert!(place.ok("store check").ends_with(": no faults\n"));
}

#[test]
fn image_import_is_import() {
    let place = root();
    let run = |line: &str, input: &[u8]| {
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = place.command(&words);
        command.env("SOURCE_DATE_EPOCH", "0");
        let ran = place.run_in(command, input);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{line}");
        ran.out()
    };
    let id = run("import root.tar a:1", b"");
    assert_eq!(run("image import root.tar b", b""), id);
    assert_eq!(run("image import - c:1", &place.read("root.tar")), id);
    let short = &id["sha256:".len()..][..12];
    assert_eq!(place.names(), ["a:1", "b:latest", "c:1"].map(|name| format!("{name} {short}")));
}

#[test]
fn the_time_of_the_source_counts() {
    let place = root();
    let made = |epoch: &str, name: &str| {
        let mut command = place.command(&["import", "root.tar", name]);
        command.env("SOURCE_DATE_EPOCH", epoch);
        place.run_in(command, b"")
    };
    let first = made("1234567890", "a:1");
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""));
    assert_eq!(made("1234567890", "a:2").stdout, first.stdout, "the same files, another image");
    assert_ne!(made("1234567891", "a:3").stdout, first.stdout);
    assert_eq!(told(&place, "a:1")["Created"], "2009-02-13T23:31:30Z");
    let history = place.ok("history --human=false --format {{.CreatedAt}} a:1");
    assert_eq!(history, "2009-02-13T23:31:30Z\n");
    // An empty one is none: it was made now.
    assert_eq!(made("", "a:4").code, Some(0));
    let created = |name: &str| told(&place, name)["Created"].as_str().unwrap().to_owned();
    assert!(created("a:4") > created("a:1"));
    let names = place.names();
    for bad in ["yesterday", "1.5", "99999999999999"] {
        let ran = made(bad, "a:5");
        let expected = format!("SOURCE_DATE_EPOCH is no time in seconds: `{bad}`\n");
        assert_eq!((ran.code, ran.stderr), (Some(1), expected));
    }
    assert_eq!(place.names(), names);
}

#[test]
fn what_cannot_be_imported() {
    let place = root();
    for command in ["import", "image import"] {
        for arguments in ["gone.tar", "gone.tar a:1"] {
            let said = place.fails(&format!("{command} {arguments}"));
            assert_eq!(said, "open gone.tar: no such file or directory\n", "{command} {arguments}");
        }
        assert_eq!(place.fails(&format!("{command} root.tar a//b")), "invalid reference format\n");
        assert_eq!(
            place.fails(&format!("{command} root.tar UPPER")),
            "invalid reference format: repository name (library/UPPER) must be lowercase\n"
        );
        assert_eq!(place.fails(&format!("{command} root.tar a@{HELLO}")), "cannot import digest reference\n");
    }
    assert!(!place.store().exists());
}
