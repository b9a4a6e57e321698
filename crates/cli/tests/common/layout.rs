//! Images made to order, as an OCI image layout: every byte from constants, so digests stay what they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use barge_oci::{Algorithm, Digest, media_type};
use barge_testkit::sample;
use serde_json::Value;

use super::tar::tar;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A layout that is being made: its files but `index.json`, and what that will list.
#[derive(Clone, Default)]
pub(crate) struct Layout {
    files: BTreeMap<String, Vec<u8>>,
    roots: Vec<String>,
}

/// What refers to a blob.
#[derive(Clone)]
pub(crate) struct Descriptor {
    pub(crate) digest: String,
    media_type: &'static str,
    size: usize,
    /// Further fields, each with the comma before it.
    more: String,
}

/// An image for one platform.
#[derive(Clone)]
pub(crate) struct Maker {
    platform: String,
    created: Option<String>,
    labels: Vec<(String, String)>,
    /// The files of each layer.
    layers: Vec<Vec<u8>>,
}

impl Layout {
    /// The sample image: seven platforms, `hello-barge:latest`.
    pub(crate) fn hello() -> Self {
        let mut files: BTreeMap<String, Vec<u8>> = sample::files().into_iter().collect();
        let index: Value = serde_json::from_slice(&files.remove("index.json").unwrap()).unwrap();
        Self { files, roots: vec![index["manifests"][0].to_string()] }
    }

    /// `one:1`, an index of linux/amd64, and `both:1`, which lists the same manifest and one for linux/arm64;
    /// and the two manifests and two indexes.
    pub(crate) fn sharing() -> (Self, [Descriptor; 4]) {
        let mut layout = Self::default();
        let amd64 = layout.image(&Maker::new("linux/amd64").layer("amd64"));
        let arm64 = layout.image(&Maker::new("linux/arm64").layer("arm64"));
        let (one, both) = (layout.index(&[&amd64]), layout.index(&[&amd64, &arm64]));
        layout.name(&one, "docker.io/library/one:1");
        layout.name(&both, "docker.io/library/both:1");
        (layout, [amd64, arm64, one, both])
    }

    pub(crate) fn put(&mut self, media_type: &'static str, bytes: impl Into<Vec<u8>>) -> Descriptor {
        self.put_as(Algorithm::Sha256, media_type, bytes)
    }

    pub(crate) fn put_as(
        &mut self,
        algorithm: Algorithm,
        media_type: &'static str,
        bytes: impl Into<Vec<u8>>,
    ) -> Descriptor {
        let bytes = bytes.into();
        let digest = algorithm.digest(&bytes);
        let size = bytes.len();
        self.files.insert(digest.blob_path(), bytes);
        Descriptor { digest: digest.to_string(), media_type, size, more: String::new() }
    }

    /// The manifest, config and layers of an image; the descriptor names the platform, as an index needs it.
    pub(crate) fn image(&mut self, maker: &Maker) -> Descriptor {
        let layers: Vec<Descriptor> =
            maker.layers.iter().map(|content| self.put(LAYER, tar(&[("file", content)]))).collect();
        let config = self.put(CONFIG, maker.config(&layers));
        self.manifest(&config, &layers).with(&format!(r#""platform":{{{}}}"#, maker.platform_fields()))
    }

    pub(crate) fn manifest(&mut self, config: &Descriptor, layers: &[Descriptor]) -> Descriptor {
        let layers: Vec<String> = layers.iter().map(Descriptor::json).collect();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}}"#,
            media_type::OCI_MANIFEST,
            config.json(),
            layers.join(",")
        );
        self.put(media_type::OCI_MANIFEST, manifest)
    }

    /// What buildx adds to an index about `subject`.
    pub(crate) fn attestation(&mut self, subject: &Descriptor) -> Descriptor {
        let statement =
            format!(r#"{{"_type":"https://in-toto.io/Statement/v0.1","of":"{}"}}"#, subject.digest);
        let layer = self.put("application/vnd.in-toto+json", statement);
        let rootfs = format!(
            r#"{{"architecture":"unknown","os":"unknown","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
            layer.digest
        );
        let config = self.put(CONFIG, rootfs);
        let annotations = format!(
            r#""annotations":{{"vnd.docker.reference.digest":"{}","vnd.docker.reference.type":"attestation-manifest"}}"#,
            subject.digest
        );
        self.manifest(&config, &[layer])
            .with(r#""platform":{"architecture":"unknown","os":"unknown"}"#)
            .with(&annotations)
    }

    pub(crate) fn index(&mut self, manifests: &[&Descriptor]) -> Descriptor {
        let list: Vec<String> = manifests.iter().map(|m| m.json()).collect();
        self.put(media_type::OCI_INDEX, index(&list))
    }

    /// Lists `root` under a full name such as `docker.io/library/a:1`.
    pub(crate) fn name(&mut self, root: &Descriptor, name: &str) {
        self.annotate(root, &[("io.containerd.image.name", name)]);
    }

    /// Lists `root` with these annotations.
    pub(crate) fn annotate(&mut self, root: &Descriptor, annotations: &[(&str, &str)]) {
        let list: Vec<String> = annotations.iter().map(|(k, v)| format!(r#""{k}":"{v}""#)).collect();
        self.roots.push(root.with(&format!(r#""annotations":{{{}}}"#, list.join(","))).json());
    }

    /// Lists `root` without a name.
    pub(crate) fn list(&mut self, root: &Descriptor) {
        self.roots.push(root.json());
    }

    pub(crate) fn remove(&mut self, digest: &str) -> Vec<u8> {
        let digest: Digest = digest.parse().unwrap();
        self.files.remove(&digest.blob_path()).unwrap()
    }

    /// The manifest that the index lists for a platform such as `linux/arm64/v8`, with its config and layers.
    pub(crate) fn platform(&self, wanted: &str) -> Vec<String> {
        let root: Value = serde_json::from_str(&self.roots[0]).unwrap();
        let index = self.json(&root["digest"]);
        let fits = |m: &&Value| {
            let platform = &m["platform"];
            let parts = ["os", "architecture", "variant"].map(|part| platform[part].as_str());
            parts.into_iter().flatten().collect::<Vec<_>>().join("/") == wanted
        };
        let manifest = index["manifests"].as_array().unwrap().iter().find(fits).unwrap()["digest"].clone();
        let parsed = self.json(&manifest);
        let layers = parsed["layers"].as_array().unwrap().iter().map(|l| &l["digest"]);
        let all = [&manifest, &parsed["config"]["digest"]].into_iter().chain(layers);
        all.map(|d| d.as_str().unwrap().to_owned()).collect()
    }

    fn json(&self, digest: &Value) -> Value {
        let digest: Digest = digest.as_str().unwrap().parse().unwrap();
        serde_json::from_slice(&self.files[&digest.blob_path()]).unwrap()
    }

    /// Every file, `index.json` and `oci-layout` among them.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.files.clone();
        files.insert("index.json".to_owned(), index(&self.roots).into_bytes());
        files.insert("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
        files
    }

    pub(crate) fn write(&self, folder: &Path) {
        for (path, bytes) in self.files() {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    pub(crate) fn tar(&self) -> Vec<u8> {
        tar(&self.files().into_iter().collect::<Vec<_>>())
    }
}

impl Descriptor {
    /// The same with one more field.
    pub(crate) fn with(&self, field: &str) -> Self {
        Self { more: format!("{},{field}", self.more), ..self.clone() }
    }

    pub(crate) fn json(&self) -> String {
        let Self { media_type, digest, size, more } = self;
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{more}}}"#)
    }
}

impl Maker {
    pub(crate) fn new(platform: &str) -> Self {
        let created = Some("2026-01-01T00:00:00Z".to_owned());
        Self { platform: platform.to_owned(), created, labels: Vec::new(), layers: Vec::new() }
    }

    /// A layer with one file of this content.
    pub(crate) fn layer(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.layers.push(content.into());
        self
    }

    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.push((key.to_owned(), value.to_owned()));
        self
    }

    /// When it was made, RFC 3339, or never.
    pub(crate) fn created(mut self, time: Option<&str>) -> Self {
        self.created = time.map(str::to_owned);
        self
    }

    fn config(&self, layers: &[Descriptor]) -> String {
        let created = self.created.as_ref().map(|c| format!(r#""created":"{c}","#)).unwrap_or_default();
        let labels: Vec<String> = self.labels.iter().map(|(k, v)| format!(r#""{k}":"{v}""#)).collect();
        let diff_ids: Vec<String> = layers.iter().map(|l| format!("\"{}\"", l.digest)).collect();
        let step = format!(r#"{{{created}"created_by":"COPY file /file"}}"#);
        let steps = vec![step; layers.len()];
        [
            format!(
                r#"{{{created}{},"config":{{"Labels":{{{}}}}},"#,
                self.platform_fields(),
                labels.join(",")
            ),
            format!(r#""rootfs":{{"type":"layers","diff_ids":[{}]}},"#, diff_ids.join(",")),
            format!(r#""history":[{}]}}"#, steps.join(",")),
        ]
        .concat()
    }

    fn platform_fields(&self) -> String {
        let names = ["os", "architecture", "variant"];
        let fields = names.iter().zip(self.platform.split('/')).map(|(k, v)| format!(r#""{k}":"{v}""#));
        fields.collect::<Vec<_>>().join(",")
    }
}

fn index(manifests: &[String]) -> String {
    let list = manifests.join(",");
    format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{list}]}}"#, media_type::OCI_INDEX)
}
