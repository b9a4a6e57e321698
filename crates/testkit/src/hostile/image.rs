//! The sound image that is spoilt, as docker saves it today.

use barge_oci::Digest;
use barge_oci::media_type::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST};
use serde_json::{Value, json};

use super::form::Form;
use super::old::id;
use super::pack::gz;
use super::tar::{Member, entries, tar};

pub(super) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// The name of the image, and as people write it.
pub(super) const NAME: &str = "docker.io/library/good:1";
pub(super) const TAG: &str = "good:1";

pub(super) const CREATED: &str = "2026-01-01T00:00:00Z";

/// What the image of today is made of, in the order of its archive: an index of two platforms that share a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Index,
    ManifestAmd,
    ManifestArm,
    ConfigAmd,
    ConfigArm,
    /// The layer that both have, compressed.
    Base,
    LayerAmd,
    LayerArm,
    IndexJson,
    ManifestJson,
    OciLayout,
    Repositories,
}

impl Part {
    pub(super) const BLOBS: [Self; 8] = [
        Self::Index,
        Self::ManifestAmd,
        Self::ManifestArm,
        Self::ConfigAmd,
        Self::ConfigArm,
        Self::Base,
        Self::LayerAmd,
        Self::LayerArm,
    ];
    pub(super) const ROOTS: [Self; 4] =
        [Self::IndexJson, Self::ManifestJson, Self::OciLayout, Self::Repositories];

    /// Its place among the members, behind two folders.
    pub(super) fn at(self) -> usize {
        self as usize + 2
    }

    pub(super) fn label(self) -> &'static str {
        Form::Modern.member(self.at())
    }
}

/// Every descriptor of the image of today: what it is called here, the document it is in, where, and what it describes.
pub(super) const DESCRIPTORS: [(&str, Part, &str, Part); 9] = [
    ("root", Part::IndexJson, "/manifests/0", Part::Index),
    ("entry-amd64", Part::Index, "/manifests/0", Part::ManifestAmd),
    ("entry-arm64", Part::Index, "/manifests/1", Part::ManifestArm),
    ("config-amd64", Part::ManifestAmd, "/config", Part::ConfigAmd),
    ("base-amd64", Part::ManifestAmd, "/layers/0", Part::Base),
    ("layer-amd64", Part::ManifestAmd, "/layers/1", Part::LayerAmd),
    ("config-arm64", Part::ManifestArm, "/config", Part::ConfigArm),
    ("base-arm64", Part::ManifestArm, "/layers/0", Part::Base),
    ("layer-arm64", Part::ManifestArm, "/layers/1", Part::LayerArm),
];

/// A layer of the image.
pub(super) struct Layer {
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) diff_id: Digest,
}

impl Layer {
    pub(super) fn plain(content: Vec<u8>) -> Self {
        let diff_id = Digest::sha256(&content);
        Self { media_type: OCI_LAYER, bytes: content, diff_id }
    }

    pub(super) fn gzip(content: &[u8]) -> Self {
        Self::packed(OCI_LAYER_GZIP, gz(content), content)
    }

    /// One that claims to hold `content`.
    pub(super) fn packed(media_type: &'static str, bytes: Vec<u8>, content: &[u8]) -> Self {
        Self { media_type, bytes, diff_id: Digest::sha256(content) }
    }
}

/// A root file system of one empty file, without an end marker.
pub(super) fn content(file: &str) -> Vec<u8> {
    entries(&[Member::file(file, "")])
}

/// The layers of the image: the one that both have, amd64's, arm64's.
pub(super) fn layers() -> [Layer; 3] {
    [Layer::gzip(&content("base")), Layer::plain(content("amd64")), Layer::plain(content("arm64"))]
}

/// The image of today with other layers.
pub(super) fn layered(layers: &[Layer; 3]) -> Vec<Member> {
    build(layers, |_, value| value.to_string().into_bytes())
}

/// The image of today with another base layer.
pub(super) fn based(base: Layer) -> Vec<Member> {
    let [_, amd, arm] = layers();
    layered(&[base, amd, arm])
}

/// The image of today with documents changed; what refers to them follows.
pub(super) fn edited(edit: impl Fn(Part, &mut Value)) -> Vec<Member> {
    build(&layers(), |part, mut value| {
        edit(part, &mut value);
        value.to_string().into_bytes()
    })
}

/// The image of today with documents that may be no JSON; what refers to them follows.
pub(super) fn rewritten(rewrite: impl Fn(Part, Vec<u8>) -> Vec<u8>) -> Vec<Member> {
    build(&layers(), |part, value| rewrite(part, value.to_string().into_bytes()))
}

/// The image of today where in one document a key has this for its value, which may be no JSON.
pub(super) fn spliced(part: Part, pointer: &str, key: &str, json: &str) -> Vec<Member> {
    build(&layers(), |this, mut value| {
        if this == part {
            at(&mut value, pointer)[key] = json!("@");
        }
        value.to_string().replacen("\"@\"", json, 1).into_bytes()
    })
}

/// What is at a place of a document, which has to be there.
pub(super) fn at<'a>(value: &'a mut Value, pointer: &str) -> &'a mut Value {
    value.pointer_mut(pointer).unwrap()
}

fn build(layers: &[Layer; 3], write: impl Fn(Part, Value) -> Vec<u8>) -> Vec<Member> {
    let [base, amd, arm] = layers;
    let config = |part, architecture: &str, own: &Layer| {
        let diff_ids = [base.diff_id, own.diff_id];
        write(part, config(architecture, &diff_ids))
    };
    let config_amd = config(Part::ConfigAmd, "amd64", amd);
    let config_arm = config(Part::ConfigArm, "arm64", arm);
    let manifest = |part, config: &[u8], own: &Layer| {
        let layers = [base, own].map(|layer| descriptor(layer.media_type, &layer.bytes));
        write(part, manifest(&descriptor(OCI_CONFIG, config), &layers))
    };
    let manifest_amd = manifest(Part::ManifestAmd, &config_amd, amd);
    let manifest_arm = manifest(Part::ManifestArm, &config_arm, arm);
    let entry = |manifest: &[u8], architecture: &str| {
        let mut entry = descriptor(OCI_MANIFEST, manifest);
        entry["platform"] = json!({"architecture": architecture, "os": "linux"});
        entry
    };
    let entries = [entry(&manifest_amd, "amd64"), entry(&manifest_arm, "arm64")];
    let index = write(Part::Index, index(&entries));
    let index_json = write(Part::IndexJson, self::index(&[named(descriptor(OCI_INDEX, &index))]));
    let path = |bytes: &[u8]| Digest::sha256(bytes).blob_path();
    let listed = [path(&base.bytes), path(&amd.bytes)];
    let item = json!({"Config": path(&config_amd), "RepoTags": [TAG], "Layers": listed});
    let manifest_json = write(Part::ManifestJson, json!([item]));
    let oci_layout = write(Part::OciLayout, json!({"imageLayoutVersion": "1.0.0"}));
    let repositories = write(Part::Repositories, json!({"good": {"1": id("top")}}));

    let mut members = vec![Member::folder("blobs/"), Member::folder("blobs/sha256/")];
    let blobs = [&index, &manifest_amd, &manifest_arm, &config_amd, &config_arm];
    let blobs = blobs.into_iter().chain(layers.iter().map(|layer| &layer.bytes));
    members.extend(blobs.map(|bytes| Member::file(&path(bytes), bytes.clone())));
    members.push(Member::file("index.json", index_json));
    members.push(Member::file("manifest.json", manifest_json));
    members.push(Member::file("oci-layout", oci_layout));
    members.push(Member::file("repositories", repositories));
    members
}

pub(super) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::sha256(bytes), "size": bytes.len()})
}

/// A descriptor with the image's name, as `index.json` has it.
pub(super) fn named(mut descriptor: Value) -> Value {
    descriptor["annotations"] =
        json!({"io.containerd.image.name": NAME, "org.opencontainers.image.ref.name": "1"});
    descriptor
}

pub(super) fn config(architecture: &str, diff_ids: &[Digest]) -> Value {
    let step = json!({"created": CREATED, "created_by": "COPY file /"});
    let history = vec![step; diff_ids.len()];
    json!({
        "created": CREATED,
        "architecture": architecture,
        "os": "linux",
        "config": {"Cmd": ["/file"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    })
}

fn manifest(config: &Value, layers: &[Value]) -> Value {
    json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers})
}

fn index(entries: &[Value]) -> Value {
    json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
}

/// What messages call a member: the hex of a blob, the path of anything else.
pub(super) fn called(member: &Member) -> &str {
    let blob = member.path.strip_prefix("blobs/sha256/").filter(|hex| !hex.is_empty());
    blob.unwrap_or(&member.path).trim_end_matches('/')
}

/// An OCI layout of one image, to which further blobs are added.
pub(super) struct Layout {
    members: Vec<Member>,
    /// The image's manifest.
    pub(super) manifest: Value,
}

impl Layout {
    pub(super) fn one() -> Self {
        let layer = Layer::plain(content("file"));
        let mut layout = Self { members: Vec::new(), manifest: Value::Null };
        let config = layout.put(OCI_CONFIG, config("amd64", &[layer.diff_id]).to_string().as_bytes());
        let layer = layout.put(layer.media_type, &layer.bytes);
        layout.manifest = layout.put(OCI_MANIFEST, manifest(&config, &[layer]).to_string().as_bytes());
        layout
    }

    /// Adds a blob.
    pub(super) fn put(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        self.members.push(Member::file(&Digest::sha256(bytes).blob_path(), bytes));
        descriptor(media_type, bytes)
    }

    /// Adds an index of these.
    pub(super) fn index(&mut self, entries: &[Value]) -> Value {
        self.put(OCI_INDEX, index(entries).to_string().as_bytes())
    }

    /// The archive, which lists these.
    pub(super) fn tar(&self, roots: &[Value]) -> Vec<u8> {
        let mut members = self.members.clone();
        members.push(Member::file("index.json", index(roots).to_string()));
        members.push(Member::file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#));
        tar(&members)
    }
}
