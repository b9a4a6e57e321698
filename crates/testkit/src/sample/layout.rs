//! The image and the directory that holds it, as the OCI image layout draws it.
//!
//! ```text
//! oci-layout
//! index.json                 names the image index
//! blobs/sha256/<digest>      the image index; for each platform a manifest, a config and a layer
//! ```
//!
//! Documents are compact JSON with their fields in the order Go's OCI types have them, which is how
//! docker and containerd write them.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use sha2::{Digest, Sha256};

use super::program::{PROGRAMS, Program};
use super::{gzip, tar};

/// The name the image has in its layout.
pub const NAME: &str = "docker.io/library/hello-barge:latest";

const CREATED: &str = "2026-01-01T00:00:00Z";
/// [`CREATED`] in seconds since 1970.
const CREATED_SECONDS: u64 = 1_767_225_600;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Every file of the layout, as its path from the layout's root and its bytes, sorted by path.
pub fn files() -> Vec<(String, Vec<u8>)> {
    let mut layout = Layout::default();
    let manifests = PROGRAMS.each_ref().map(|program| {
        let manifest = layout.manifest(program);
        let platform = platform(program);
        manifest.json(&format!(r#","platform":{{{platform}}}"#))
    });
    let index = layout.put(INDEX, index(&manifests.join(",")));
    let named = index.json(&format!(
        r#","annotations":{{"io.containerd.image.name":"{NAME}","org.opencontainers.image.ref.name":"{NAME}"}}"#
    ));

    let mut files = layout.files;
    files.insert("index.json".to_owned(), self::index(&named).into_bytes());
    files.insert("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
    files.into_iter().collect()
}

/// Writes [`files()`] below `dir`, which is made if it does not exist.
///
/// Files of the same names are overwritten; others, such as the blobs of an earlier version, stay.
///
/// # Errors
///
/// The first failure to make a directory or write a file; what was written before it stays.
pub fn write(dir: &Path) -> io::Result<()> {
    for (path, bytes) in files() {
        let path = dir.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// The files put so far, by path.
#[derive(Default)]
struct Layout {
    files: BTreeMap<String, Vec<u8>>,
}

impl Layout {
    fn put(&mut self, media_type: &'static str, bytes: impl Into<Vec<u8>>) -> Descriptor {
        let bytes = bytes.into();
        let hex = sha256(&bytes);
        let size = bytes.len();
        self.files.insert(format!("blobs/sha256/{hex}"), bytes);
        Descriptor { media_type, hex, size }
    }

    fn manifest(&mut self, program: &Program) -> Descriptor {
        let layer = tar::archive("hello", CREATED_SECONDS, &program.executable());
        let config = self.put(CONFIG, config(program, &sha256(&layer))).json("");
        let layer = self.put(LAYER, gzip::compress(&layer)).json("");
        self.put(
            MANIFEST,
            format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[{layer}]}}"#),
        )
    }
}

struct Descriptor {
    media_type: &'static str,
    hex: String,
    size: usize,
}

impl Descriptor {
    /// As JSON; `more` is further fields, each with the comma before it.
    fn json(&self, more: &str) -> String {
        let Self { media_type, hex, size } = self;
        format!(r#"{{"mediaType":"{media_type}","digest":"sha256:{hex}","size":{size}{more}}}"#)
    }
}

fn index(manifests: &str) -> String {
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{manifests}]}}"#)
}

fn config(program: &Program, diff_id: &str) -> String {
    let platform = platform(program);
    [
        format!(r#"{{"created":"{CREATED}",{platform},"config":{{"Cmd":["/hello"]}},"#),
        format!(r#""rootfs":{{"type":"layers","diff_ids":["sha256:{diff_id}"]}},"#),
        format!(r#""history":[{{"created":"{CREATED}","created_by":"COPY hello /hello"}}]}}"#),
    ]
    .concat()
}

/// The fields of a platform, which a config has among its own.
fn platform(program: &Program) -> String {
    let architecture = program.architecture;
    match program.variant {
        Some(variant) => format!(r#""architecture":"{architecture}","os":"linux","variant":"{variant}""#),
        None => format!(r#""architecture":"{architecture}","os":"linux""#),
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_repository_holds_these_bytes() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hello");
        let mut found = BTreeMap::new();
        let mut directories = vec![root.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                    found.insert(name, fs::read(path).unwrap());
                }
            }
        }
        let expected = BTreeMap::from_iter(files());
        let names = |files: &BTreeMap<String, _>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&expected), "examples/hello is not what `sample::write` writes");
        for (name, bytes) in expected {
            assert!(found[&name] == bytes, "examples/hello/{name} is not what `sample::write` writes");
        }
    }

    #[test]
    fn write_writes_every_file() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path()).unwrap();
        for (path, bytes) in files() {
            assert_eq!(fs::read(dir.path().join(path)).unwrap(), bytes);
        }
    }

    /// From `index.json` down: every digest, size and diff ID is right and no blob is left over.
    #[test]
    fn every_blob_is_reached_and_right() {
        let mut files = BTreeMap::from_iter(files());
        let root: Value = serde_json::from_slice(&files.remove("index.json").unwrap()).unwrap();
        files.remove("oci-layout").unwrap();
        assert_eq!(root["manifests"][0]["annotations"]["io.containerd.image.name"], NAME);

        let index = read(&mut files, &root["manifests"][0]);
        for (program, descriptor) in PROGRAMS.iter().zip(index["manifests"].as_array().unwrap()) {
            let manifest = read(&mut files, descriptor);
            let config = read(&mut files, &manifest["config"]);
            let layer = take(&mut files, &manifest["layers"][0]);

            let mut archive = Vec::new();
            flate2::read::GzDecoder::new(layer.as_slice()).read_to_end(&mut archive).unwrap();
            let diff_id = format!("sha256:{}", sha256(&archive));
            assert_eq!(config["rootfs"]["diff_ids"], json!([diff_id]));
            assert!(archive[512..].starts_with(&program.executable()));

            for field in ["architecture", "os", "variant"] {
                assert_eq!(config.get(field), descriptor["platform"].get(field));
            }
            assert_eq!(config["architecture"], program.architecture);
        }
        assert!(files.is_empty(), "unreached: {:?}", files.keys());
    }

    fn read(files: &mut BTreeMap<String, Vec<u8>>, descriptor: &Value) -> Value {
        serde_json::from_slice(&take(files, descriptor)).unwrap()
    }

    fn take(files: &mut BTreeMap<String, Vec<u8>>, descriptor: &Value) -> Vec<u8> {
        let hex = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let bytes = files.remove(&format!("blobs/sha256/{hex}")).unwrap();
        assert_eq!(sha256(&bytes), hex);
        assert_eq!(descriptor["size"], bytes.len());
        bytes
    }
}
