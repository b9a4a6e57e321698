//! The image that an imported root file system becomes: one layer, a config, a manifest.

use std::io::Read;

use barge_oci::{Descriptor, Digest, Manifest, Platform, Reference, media_type, to_go_json};
use serde::Serialize;

use super::changes::Changes;
use super::layer::keep_layer;
use crate::content::Image;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::store::{Ingest, Store};

/// What an imported image is called and how it is run.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Its name; without one it is known by its ID.
    pub name: Option<Reference>,
    /// What it runs on.
    pub platform: Platform,
    /// A comment for its history.
    pub message: String,
    /// Instructions of a Dockerfile, such as `CMD ["sh"]`.
    pub changes: Vec<String>,
    /// When it is made, RFC 3339.
    pub now: String,
}

/// The config as docker writes it.
#[derive(Serialize)]
struct Config<'a> {
    created: &'a str,
    #[serde(flatten)]
    platform: &'a Platform,
    rootfs: RootFs,
    history: [Step<'a>; 1],
    config: &'a Changes,
}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [Digest; 1],
}

#[derive(Serialize)]
struct Step<'a> {
    created: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    comment: &'a str,
}

/// Makes an image of a tar, compressed in any way that `load` knows; gzip and zstd stay as they are, anything
/// else becomes gzip. Returns its ID.
///
/// # Errors
/// `InvalidArgument` for changes that make no sense, and for an archive of images; `Refused` for what is no tar; `Io`.
/// The store is as before then.
pub fn import(
    store: &Store,
    input: &mut dyn Read,
    options: &ImportOptions,
    progress: &dyn Progress,
) -> Result<Digest> {
    let changes = Changes::parse(&options.changes)?;
    progress.start(None);
    let mut ingest = Ingest::new(store)?;
    let (layer, diff_id) = keep_layer(&mut ingest, input, progress)?;
    let now = options.now.as_str();
    let config = Config {
        created: now,
        platform: &options.platform,
        rootfs: RootFs { r#type: "layers", diff_ids: [diff_id] },
        history: [Step { created: now, comment: &options.message }],
        config: &changes,
    };
    let json = |e: serde_json::Error| Error::invalid(e.to_string());
    let config = to_go_json(&config).map_err(json)?;
    let config_descriptor = Descriptor::of(media_type::OCI_CONFIG, &config);
    let manifest = Manifest::new(media_type::OCI_MANIFEST, config_descriptor.clone(), vec![layer.clone()]);
    let manifest = to_go_json(&manifest).map_err(json)?;
    let target = Descriptor::of(media_type::OCI_MANIFEST, &manifest);
    ingest.put(config_descriptor.digest, &config)?;
    ingest.put(target.digest, &manifest)?;
    let id = target.digest;
    let image = Image { name: options.name.clone(), target };
    ingest.commit(&[layer.digest, config_descriptor.digest, id], vec![image], now)?;
    Ok(id)
}
