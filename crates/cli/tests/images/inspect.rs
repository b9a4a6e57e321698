//! One image, looked at closely: `image inspect` and `history`.

use serde_json::Value;

use super::common::{HELLO, Layout, Maker, Place, Ran, golden, without_column};

/// Without the time at which the image got its name.
fn timeless(text: &str) -> String {
    let (before, after) = text.split_once("\"LastTagTime\": \"").unwrap();
    let (time, after) = after.split_once('"').unwrap();
    assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    format!("{before}\"LastTagTime\": \"TIME\"{after}")
}

/// An image with everything in its config.
fn rich() -> Place {
    let mut layout = Layout::default();
    let image =
        layout.image(&Maker::new("linux/arm64/v8").layer("one").layer("two").label("env", "prod <1>"));
    layout.name(&image, "docker.io/library/rich:1");
    layout.name(&image, "example.org/team/rich:2");
    Place::with(&layout)
}

#[test]
fn an_image() {
    let place = rich();
    golden("inspect", &timeless(&place.ok("image inspect rich:1")));
    let id = place.ok("images -q rich:1");
    let id = id.lines().next().unwrap();
    let by_name = place.ok("image inspect rich:1");
    for argument in [id, &id[..4], "example.org/team/rich:2", "docker.io/library/rich:1"] {
        assert_eq!(place.ok(&format!("image inspect {argument}")), by_name, "{argument}");
    }
}

#[test]
fn one_platform_of_an_image() {
    let place = Place::hello();
    golden("inspect-platform", &timeless(&place.ok("image inspect --platform linux/arm64 hello-barge")));
    assert_eq!(
        place.ok("image inspect --platform linux/s390x -f '{{.Architecture}} {{.Size}}' hello-barge"),
        "s390x 2514\n"
    );
}

#[test]
fn a_whole_image_has_the_hosts_config() {
    let inspected: Vec<Value> =
        serde_json::from_str(&Place::hello().ok("image inspect hello-barge")).unwrap();
    assert_eq!((&inspected[0]["Id"], &inspected[0]["Size"]), (&HELLO.into(), &2520.into()));
    assert_eq!(inspected[0]["Descriptor"]["mediaType"], "application/vnd.oci.image.index.v1+json");
}

#[test]
fn platforms_that_are_not_there() {
    let place = Place::hello();
    let ran = place.run("image inspect --platform linux/mips hello-barge");
    assert_eq!((ran.code, ran.out().as_str()), (Some(1), "[]\n"));
    let text = "image with reference hello-barge was found but does not provide the specified platform \
                (linux/mips)\nhint: present: linux/amd64, ";
    assert!(ran.stderr.starts_with(text), "{}", ran.stderr);
    let said = place.fails("image inspect --platform toaster hello-barge");
    assert!(said.starts_with("invalid platform: \"toaster\": "), "{said}");
}

#[test]
fn missing_images() {
    let place = rich();
    let ran = place.run("image inspect gone");
    assert_eq!(
        (ran.code, ran.out().as_str(), ran.stderr.as_str()),
        (Some(1), "[]\n", "No such image: gone:latest\n")
    );
    // What is there is shown all the same, in its order.
    let ran = place.run("image inspect gone rich:1 also:gone");
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(1), "No such image: gone:latest\nNo such image: also:gone\n")
    );
    assert_eq!(ran.out(), place.ok("image inspect rich:1"));
    let ran = place.run("image inspect -f '{{.Os}}' gone rich:1");
    assert_eq!((ran.code, ran.out().trim_start()), (Some(1), "linux\n"));
}

#[test]
fn several_images() {
    let place = rich();
    place.load(&Layout::hello());
    let both: Vec<Value> = serde_json::from_str(&place.ok("image inspect rich:1 hello-barge")).unwrap();
    assert_eq!(both.len(), 2);
    assert_eq!(both[1]["Id"], HELLO);
    assert_eq!(place.ok("image inspect -f '{{.Id}}' hello-barge hello-barge"), format!("{HELLO}\n{HELLO}\n"));
}

#[test]
fn templates() {
    let place = rich();
    let shown = |template: &str| place.ok(&format!("image inspect -f '{template}' rich:1"));
    assert_eq!(shown("{{.Os}}/{{.Architecture}}/{{.Variant}}"), "linux/arm64/v8\n");
    assert_eq!(shown("{{json .RepoTags}}"), "[\"rich:1\",\"example.org/team/rich:2\"]\n");
    assert_eq!(shown("{{range .RepoTags}}{{.}};{{end}}"), "rich:1;example.org/team/rich:2;\n");
    assert_eq!(
        shown("{{range $i, $t := .RepoTags}}{{$i}}={{$t}} {{end}}"),
        "0=rich:1 1=example.org/team/rich:2 \n"
    );
    assert_eq!(shown("{{len .RootFS.Layers}}"), "2\n");
    assert_eq!(shown("{{index .RepoTags 0}}"), "rich:1\n");
    assert_eq!(shown("{{.Config.Labels.env}}"), "prod <1>\n");
    assert_eq!(shown("{{index .Config.Labels \"env\"}}"), "prod <1>\n");
    assert_eq!(shown("{{join .RepoTags \",\"}}"), "rich:1,example.org/team/rich:2\n");
    assert_eq!(shown("{{.RepoTags}}"), "[rich:1 example.org/team/rich:2]\n");
    assert_eq!(shown("{{.Config.Labels}}"), "map[env:prod <1>]\n");
    assert_eq!(shown("{{.Created}}"), "2026-01-01T00:00:00Z\n");
    assert_eq!(
        shown("{{.Config.User}}|{{.Config.WorkingDir}}|{{.Author}}|{{json .Config.Env}}"),
        "|||null\n"
    );
    assert_eq!(shown("{{with .Config.Labels}}{{.env}}{{end}}"), "prod <1>\n");
    assert_eq!(shown("{{if .Config.Entrypoint}}yes{{else}}no{{end}}"), "no\n");
}

#[test]
fn objects() {
    let place = rich();
    let pretty: Value = serde_json::from_str(&place.ok("image inspect rich:1")).unwrap();
    let compact = place.ok("image inspect -f json rich:1");
    assert_eq!(compact.lines().count(), 1);
    assert_eq!(serde_json::from_str::<Value>(&compact).unwrap(), pretty);
    let one: Value = serde_json::from_str(&place.ok("image inspect -f '{{json .}}' rich:1")).unwrap();
    assert_eq!((&one["Id"], &one["RepoTags"]), (&pretty[0]["Id"], &pretty[0]["RepoTags"]));
    assert_eq!(place.ok("image inspect -f '{{json .Config.Labels}}' rich:1"), "{\"env\":\"prod <1>\"}\n");
}

#[test]
fn templates_that_are_none() {
    let place = rich();
    let ran = place.run("image inspect -f '{{.Id' rich:1");
    let text = "template parsing error: template: :1: unclosed action\n";
    assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(64), "", text));
    // Before anything is looked for.
    assert_eq!(place.run("image inspect -f '{{nothing}}' gone").code, Some(64));
    let ran = place.run("image inspect -f '{{.Nothing}}' rich:1");
    assert_eq!((ran.code, ran.out().trim_end()), (Some(1), ""));
    assert!(
        ran.stderr.starts_with("template parsing error: template: :1:2: executing \"\" at <.Nothing>: "),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_image_without_a_name() {
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer("x"));
    layout.list(&image);
    let place = Place::with(&layout);
    let shown = place
        .ok(&format!("image inspect -f '{{{{json .RepoTags}}}} {{{{json .RepoDigests}}}}' {}", image.digest));
    assert_eq!(shown, "[] []\n");
}

#[test]
fn the_sample_image_knows_its_name() {
    let shown = Place::hello().ok("image inspect -f '{{.RepoTags}} {{.RepoDigests}}' hello-barge");
    assert_eq!(shown, format!("[hello-barge:latest] [hello-barge@{HELLO}]\n"));
}

#[test]
fn a_history() {
    let place = rich();
    let out = place.ok("history rich:1");
    golden("history", &without_column(&out, "CREATED "));
    assert!(out.lines().skip(1).all(|l| l.contains(" ago ")), "{out}");
    assert_eq!(place.ok("image history rich:1"), out);
    let digest = place.ok("images -q --no-trunc rich:1");
    assert_eq!(
        place.ok("history -q --no-trunc rich:1"),
        format!("{}\n<missing>\n", digest.lines().next().unwrap())
    );
    assert_eq!(place.ok("history -q rich:1"), format!("{}\n<missing>\n", &digest["sha256:".len()..][..12]));
}

#[test]
fn a_history_for_machines() {
    let place = rich();
    golden("history-not-human", &place.ok("history --human=false rich:1"));
    assert_eq!(
        place.ok("history -H=false --format '{{.CreatedAt}} {{.Size}}' rich:1"),
        "2026-01-01T00:00:00Z 2048\n".repeat(2)
    );
    // Without numbers made for people, neither are the times.
    assert_eq!(
        place.ok("history -H=false --format '{{.CreatedSince}}' rich:1"),
        "2026-01-01T00:00:00Z\n".repeat(2)
    );
    let out = place.ok("history --format json rich:1");
    let step: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&step["CreatedBy"], &step["Size"], &step["Comment"]),
        (&"COPY file /file".into(), &"2.05kB".into(), &"".into())
    );
}

#[test]
fn a_history_of_one_platform() {
    let place = Place::hello();
    let out =
        place.ok("history --platform linux/386 --format '{{.ID}} {{.Size}} {{.CreatedBy}}' hello-barge");
    assert_eq!(out, format!("{} 293B COPY hello /hello\n", &HELLO["sha256:".len()..][..12]));
    let said = place.fails("history --platform linux/mips hello-barge");
    assert!(said.starts_with("image with reference hello-barge was found but does not provide"), "{said}");
    assert_eq!(place.fails("history gone"), "No such image: gone:latest\n");
}

#[test]
fn a_long_step_is_cut() {
    let mut layout = Layout::default();
    let config = format!(
        r#"{{"created":"2026-01-01T00:00:00Z","architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":[]}},"history":[{{"created_by":"RUN {}","comment":"buildkit","empty_layer":true}}]}}"#,
        "é".repeat(60)
    );
    let config = layout.put("application/vnd.oci.image.config.v1+json", config);
    let manifest = layout.manifest(&config, &[]);
    layout.name(&manifest, "docker.io/library/long:1");
    let place = Place::with(&layout);
    let step = |ran: &str| ran.trim_end().to_owned();
    assert_eq!(
        step(&place.ok("history --format '{{.CreatedBy}}' long:1")),
        format!("RUN {}…", "é".repeat(40))
    );
    assert_eq!(
        step(&place.ok("history --no-trunc --format '{{.CreatedBy}}' long:1")),
        format!("RUN {}", "é".repeat(60))
    );
    assert_eq!(place.ok("history --format '{{.Size}} {{.Comment}}' long:1"), "0B buildkit\n");
}

/// Texts of an image reach the terminal harmless.
#[test]
fn an_image_cannot_upset_a_terminal() {
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer("x").label("a", "\\u001b[2J"));
    layout.name(&image, "docker.io/library/evil:1");
    let place = Place::with(&layout);
    for line in ["images", "images --tree", "image inspect evil:1", "history evil:1", "images --format json"]
    {
        let ran: Ran = place.run(line);
        assert!(!ran.out().contains('\u{1b}'), "{line}");
    }
}

/// An image's ID is its root's digest; whether docker's was a config's depends on its store.
#[test]
fn digests_that_are_no_ids() {
    let place = Place::hello();
    let config = &Layout::hello().platform("linux/amd64")[1];
    let other = format!("sha384:{}", "a".repeat(96));
    for digest in [config.as_str(), &other] {
        let ran = place.run(&format!("image inspect {digest}"));
        assert_eq!((ran.code, ran.out().as_str()), (Some(1), "[]\n"));
        assert_eq!(ran.stderr, format!("No such image: {digest}\n"));
    }
}
