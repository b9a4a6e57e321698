//! barge itself, the program, with a store of its own.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use barge_testkit::peers::Seen;
use serde_json::Value;
use tempfile::TempDir;

use crate::image::{self, Image, text, texts};

/// The program and its store, which goes when the value is dropped.
#[derive(Debug)]
pub(crate) struct Barge {
    folder: TempDir,
}

impl Barge {
    /// With an empty store.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()? })
    }

    /// What it prints; its standard error when it fails.
    pub(crate) fn run(&self, args: &[&str]) -> Result<String> {
        let output = Command::new(env!("CARGO_BIN_EXE_barge"))
            .arg("--store")
            .arg(self.folder.path().join("store"))
            .args(args)
            .output()
            .context("start barge")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`barge {}`: {}: {}", args.join(" "), output.status, said.trim());
        String::from_utf8(output.stdout).context("barge printed no UTF-8")
    }

    /// Loads an archive or a layout.
    pub(crate) fn load(&self, input: &Path, flags: &[&str]) -> Result<()> {
        self.run(&[&["load", "--input", path(input)?], flags].concat()).map(drop)
    }

    /// Saves to a file; `args` are images and flags.
    pub(crate) fn save(&self, args: &[&str], output: &Path) -> Result<()> {
        self.run(&[&["save", "--output", path(output)?], args].concat()).map(drop)
    }

    /// All its images, sorted by name: the nameless first. What `image inspect` tells is what an archive of
    /// the image holds, or else that is an error.
    pub(crate) fn images(&self) -> Result<Vec<Image>> {
        let mut images = Vec::new();
        for line in self.run(&["image", "ls", "--all", "--no-trunc", "--format", "{{json .}}"])?.lines() {
            let line: Value = serde_json::from_str(line)?;
            let (repository, tag, id) = (text(&line, "/Repository"), text(&line, "/Tag"), text(&line, "/ID"));
            let reference = if tag == "<none>" { id } else { format!("{repository}:{tag}") };
            images.push(self.image(&reference)?);
        }
        images.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(images)
    }

    fn image(&self, reference: &str) -> Result<Image> {
        let archive = self.folder.path().join("image.tar");
        self.save(&[reference, "--keep-index"], &archive)?;
        let [image] = <[Image; 1]>::try_from(image::images(&archive)?).ok().context("not one image")?;
        for seen in &image.platforms {
            let told = self.inspect(reference, Some(&seen.platform()))?;
            ensure!(Seen { config: None, ..seen.clone() } == told, "{seen:#?} in the archive, but {told:#?}");
        }
        let told = self.inspect(reference, None)?.id;
        ensure!(told == image.id, "{} in the archive, but {told}", image.id);
        Ok(image)
    }

    /// What it tells about an image, the digest of the config apart.
    pub(crate) fn inspect(&self, reference: &str, platform: Option<&str>) -> Result<Seen> {
        let told = self.told(reference, platform)?;
        Ok(Seen {
            id: text(&told, "/Id"),
            config: None,
            os: text(&told, "/Os"),
            architecture: text(&told, "/Architecture"),
            variant: text(&told, "/Variant"),
            diff_ids: texts(&told, "/RootFS/Layers"),
        })
    }

    /// All that it tells about an image.
    pub(crate) fn told(&self, reference: &str, platform: Option<&str>) -> Result<Value> {
        let mut args = vec!["image", "inspect", "--format", "json"];
        args.extend(platform.iter().flat_map(|platform| ["--platform", platform]));
        args.push(reference);
        let told: Value = serde_json::from_str(&self.run(&args)?)?;
        told.get(0).cloned().context("inspect printed nothing")
    }
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("path is not UTF-8")
}
