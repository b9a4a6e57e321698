//! The forms of an archive, and what becomes of one that lacks something.

use super::image::{Part, edited};
use super::old::{BASE_LAYER, CONFIG, MANIFEST, TOP_LAYER, old_edited};
use super::tar::Member;
use super::{LOADS, Refusals};

/// The forms of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// docker 25 and later: an OCI layout with a `manifest.json`.
    Modern,
    /// docker 1.10 to 24: `manifest.json`, and what older dockers read.
    Classic,
    /// docker before 1.10: `repositories`.
    Legacy,
}

impl Form {
    pub(super) const ALL: [Self; 3] = [Self::Modern, Self::Classic, Self::Legacy];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Modern => "modern",
            Self::Classic => "classic",
            Self::Legacy => "legacy",
        }
    }

    pub(super) fn members(self) -> Vec<Member> {
        match self {
            Self::Modern => edited(|_, _| {}),
            Self::Classic | Self::Legacy => old_edited(self, |_, _| {}),
        }
    }

    /// What a member is called in the names of archives.
    pub(super) fn member(self, n: usize) -> &'static str {
        const MODERN: [&str; 14] = [
            "blobs",
            "blobs-sha256",
            "index",
            "manifest-amd64",
            "manifest-arm64",
            "config-amd64",
            "config-arm64",
            "base",
            "layer-amd64",
            "layer-arm64",
            "index.json",
            "manifest.json",
            "oci-layout",
            "repositories",
        ];
        const OLD: [&str; 8] = [
            "base-folder",
            "base-version",
            "base-json",
            "base-layer",
            "top-folder",
            "top-version",
            "top-json",
            "top-layer",
        ];
        match (self, n) {
            (Self::Modern, _) => MODERN[n],
            (_, 0..8) => OLD[n],
            (Self::Classic, CONFIG) => "config",
            (Self::Classic, MANIFEST) => "manifest.json",
            _ => "repositories",
        }
    }

    /// What becomes of it without these members.
    pub(super) fn lacking(self, missing: &[usize]) -> Refusals {
        let has = |places: &[usize]| places.iter().all(|n| !missing.contains(n));
        let or = |whole: bool| if whole { LOADS } else { &["BLOB_MISSING"] };
        match self {
            Self::Modern => {
                let parts = Part::BLOBS.into_iter().chain(Part::ROOTS);
                modern_lacking(&parts.filter(|part| missing.contains(&part.at())).collect::<Vec<_>>())
            }
            Self::Classic if has(&[MANIFEST]) => or(has(&[BASE_LAYER, TOP_LAYER, CONFIG])),
            Self::Classic if !has(&[10]) => &["NOT_AN_IMAGE"],
            Self::Legacy if !has(&[8]) => &["NOT_AN_IMAGE"],
            // What dockers before 1.10 read.
            Self::Classic | Self::Legacy => or(has(&[2, BASE_LAYER, 6, TOP_LAYER])),
        }
    }

    /// The refusals for a member that is spoilt: `alone`, or `both` if without it there is no image to speak of.
    pub(super) fn unless_lost(self, n: usize, alone: Refusals, both: Refusals) -> Refusals {
        if self.lacking(&[n]).contains(&"NOT_AN_IMAGE") { both } else { alone }
    }
}

fn modern_lacking(missing: &[Part]) -> Refusals {
    use Part::{
        Base, ConfigAmd, ConfigArm, Index, IndexJson, LayerAmd, LayerArm, ManifestAmd, ManifestArm,
        ManifestJson, OciLayout, Repositories,
    };
    let has = |parts: &[Part]| parts.iter().all(|part| !missing.contains(part));
    let of_manifest_json = has(&[ConfigAmd, Base, LayerAmd]);
    if !has(&[IndexJson]) {
        return match (has(&[ManifestJson]), has(&[OciLayout]), has(&[Repositories])) {
            (true, _, _) if of_manifest_json => LOADS,
            (true, _, _) | (false, false, true) => &["BLOB_MISSING"],
            (false, _, _) => &["NOT_AN_IMAGE"],
        };
    }
    // What manifest.json lists is looked for in what index.json leads to.
    if has(&[ManifestJson]) && of_manifest_json && !has(&[Index, ManifestAmd]) {
        return &["BLOB_MISSING", "VIEWS_DISAGREE"];
    }
    let amd64 = has(&[Index, ManifestAmd]) && of_manifest_json;
    let arm64 = has(&[Index, ManifestArm, ConfigArm, Base, LayerArm]);
    if amd64 || arm64 { LOADS } else { &["BLOB_MISSING"] }
}
