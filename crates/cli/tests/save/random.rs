//! Stores put together at random: whatever is saved of them can be verified, loaded and saved again, to the
//! same bytes; whatever cannot be saved is said before the first byte.

use fastrand::Rng;
use serde_json::Value;

use super::common::{Descriptor, Layout, Maker, Place};
use super::document;

const CASES: u64 = 25;
const PLATFORMS: [&str; 6] =
    ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x", "windows/amd64", "linux/386"];

fn one_in(random: &mut Rng, n: usize) -> bool {
    random.usize(..n) == 0
}

/// Some of `from`, in its order.
fn some<T: Clone>(random: &mut Rng, from: &[T]) -> Vec<T> {
    from.iter().filter(|_| random.bool()).cloned().collect()
}

/// Images that share layers and manifests, with names, some of them with parts that are not there.
fn images(random: &mut Rng) -> (Layout, Vec<String>) {
    let mut layout = Layout::default();
    let contents = ["", "a", "b", &"c".repeat(3000)];
    let mut manifests: Vec<Descriptor> = Vec::new();
    for n in 0..2 + random.usize(..5) {
        let mut maker = Maker::new(PLATFORMS[random.usize(..PLATFORMS.len())]);
        for _ in 0..random.usize(..4) {
            maker = maker.layer(contents[random.usize(..contents.len())]);
        }
        // Some differ in their layers only, or in nothing.
        let maker = if one_in(random, 3) { maker } else { maker.label("n", &n.to_string()) };
        manifests.push(layout.image(&maker));
    }
    let mut names = Vec::new();
    for n in 0..1 + random.usize(..4) {
        let mut parts = some(random, &manifests);
        if one_in(random, 3) {
            let of = parts.first().unwrap_or(&manifests[0]).clone();
            parts.push(layout.attestation(&of));
        }
        let parts: Vec<&Descriptor> = parts.iter().collect();
        let root = match (parts.as_slice(), random.usize(..3)) {
            ([], _) => manifests[random.usize(..manifests.len())].clone(),
            ([first, rest @ ..], 0) => {
                let inner = layout.index(rest);
                layout.index(&[&inner, first])
            }
            (parts, _) => layout.index(parts),
        };
        let tags = random.usize(..3);
        for tag in 0..tags {
            let name = format!("image-{n}:{tag}");
            layout.name(&root, &format!("docker.io/library/{name}"));
            names.push(name);
        }
        if tags == 0 || one_in(random, 4) {
            layout.list(&root);
        }
        names.push(root.digest);
    }
    if one_in(random, 2) {
        layout.remove(&manifests[0].digest);
    }
    (layout, names)
}

fn options(random: &mut Rng) -> String {
    let platforms = if one_in(random, 2) { Vec::new() } else { some(random, &PLATFORMS[..3]) };
    let platforms = platforms.iter().map(|p| format!("--platform {p} "));
    let keep = if one_in(random, 4) { "--keep-index " } else { "" };
    platforms.collect::<String>() + keep
}

#[test]
fn what_is_saved_can_be_loaded() {
    let (mut saved, mut refused) = (0, 0);
    for seed in 1..=CASES {
        let random = &mut Rng::with_seed(seed);
        let (layout, names) = images(random);
        let there = Place::new();
        layout.write(&there.path("layout"));
        if there.run("load -i layout").code != Some(0) {
            refused += 1;
            continue;
        }
        for _ in 0..2 {
            let wanted = some(random, &names);
            let wanted = if wanted.is_empty() { names.clone() } else { wanted };
            let line = format!("save {}{}", options(random), wanted.join(" "));
            let ran = there.run(&line);
            if ran.code == Some(0) {
                goes_round(&ran.stdout, line.contains("--keep-index"), &format!("seed {seed}: {line}"));
                saved += 1;
            } else {
                assert!(
                    ran.code == Some(1) && ran.stdout.is_empty() && !ran.stderr.is_empty(),
                    "seed {seed}: {line}"
                );
                refused += 1;
            }
        }
    }
    assert!(saved > 20 && refused > 10, "{saved} saved, {refused} refused");
}

#[track_caller]
fn goes_round(archive: &[u8], keep_index: bool, case: &str) {
    let here = Place::new();
    here.write("a.tar", archive);
    let verified = here.run("archive verify --format json a.tar");
    assert_eq!(verified.code, Some(0), "{case}: {}", verified.out());
    let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
    if !keep_index {
        let closed =
            report["images"].as_array().unwrap().iter().all(|i| i["absent"] == serde_json::json!([]));
        assert!(closed, "{case}: {report}");
    }
    let loaded = here.run("load -i a.tar");
    assert_eq!(loaded.code, Some(0), "{case}: {}", loaded.stderr);
    assert!(here.ok("store check").ends_with(": no faults\n"), "{case}");

    let index = document(archive, "index.json");
    let mut again = Vec::new();
    for entry in index["manifests"].as_array().unwrap() {
        let digest = entry["digest"].as_str().unwrap().to_owned();
        let name = entry["annotations"]["io.containerd.image.name"].as_str();
        again.push(name.map_or(digest, str::to_owned));
    }
    let keep = if keep_index { "--keep-index " } else { "" };
    let ran = here.run(&format!("save {keep}{}", again.join(" ")));
    assert_eq!(ran.code, Some(0), "{case}: {}", ran.stderr);
    assert!(ran.stdout == archive, "{case}: saved again as {again:?}, it is another archive");
}
