//! How the engines and readers differ: what each calls an image, what it keeps of it, and which archives it
//! does not take, in its own words. All this on an amd64 machine.

use crate::{
    engines::{self, Keeps},
    readers::{self, Reads},
};

use engines::Quirk::{Changes, Ignores, Localhost, LosesTags, Refuses, SavesAll, SavesNot};

type EngineQuirks = &'static [(&'static str, engines::Quirk)];
type ReaderQuirks = &'static [(&'static str, readers::Quirk)];

/// docker 28 with the containerd store.
pub(crate) const DOCKER_CONTAINERD: engines::Terms = engines::Terms {
    names: engines::Names::Familiar,
    keeps: Keeps::All,
    variants: true,
    index_type: true,
    quirks: &[&[
        // It forgets an image's platform and an artifact's type, which are in `index.json` only.
        ("the host's platform", Changes(r#"},"platform":{"architecture":"amd64","os":"linux"}}]}"#)),
        (
            "another platform",
            Changes(r#"},"platform":{"architecture":"arm64","os":"linux","variant":"v8"}}]}"#),
        ),
        (
            "what is there of one platform",
            Changes(r#"},"platform":{"architecture":"amd64","os":"linux"}}]}"#),
        ),
        (
            "what is there of another platform",
            Changes(r#"},"platform":{"architecture":"arm64","os":"linux","variant":"v8"}}]}"#),
        ),
        ("no image at all", Changes(r#"},"artifactType":"application/x.test"}]}"#)),
        ("one manifest in several images", LosesTags),
        // It does not save what it cannot run if the index lists what it can.
        ("a sparse index with two other platforms", SavesNot("unable to create manifests file: NotFound")),
        ("a sparse index with another platform", SavesNot("unable to create manifests file: NotFound")),
        ("a foreign layer", Changes("only in the first: [blobs/sha256/")),
    ]],
};

/// docker 28 with the overlay2 store.
pub(crate) const DOCKER_OVERLAY2: engines::Terms = engines::Terms {
    names: engines::Names::Familiar,
    keeps: Keeps::One,
    variants: true,
    index_type: true,
    quirks: &[OVERLAY2],
};

/// docker 20.10.
pub(crate) const DOCKER_20: engines::Terms = engines::Terms {
    quirks: &[
        OVERLAY2,
        &[
            ("zstd layers", Refuses("archive/tar: invalid tar header")),
            ("two zstd frames", Refuses("archive/tar: invalid tar header")),
        ],
    ],
    ..DOCKER_OVERLAY2
};

const OVERLAY2: EngineQuirks = &[
    ("no layers", SavesNot("empty export - not implemented")),
    ("no image at all", Refuses("invalid image JSON, no RootFS key")),
];

/// containerd 2.
pub(crate) const CONTAINERD: engines::Terms = engines::Terms {
    names: engines::Names::Full,
    keeps: Keeps::AllButSavesOne,
    variants: true,
    index_type: true,
    quirks: &[
        CTR,
        &[
            ("one manifest in several images", LosesTags),
            ("two other platforms", SavesNot("no manifest found for platform: not found")),
            ("variants of arm", SavesNot("no manifest found for platform: not found")),
            ("what is there of two other platforms", SavesNot("no manifest found for platform: not found")),
        ],
    ],
};

/// containerd 1.6, which unpacks this machine's platform even when asked for all.
pub(crate) const CONTAINERD_16: engines::Terms = engines::Terms {
    index_type: false,
    quirks: &[
        CTR,
        &[
            ("two other platforms", Refuses("no match for platform in manifest")),
            ("variants of arm", Refuses("no match for platform in manifest")),
            ("what is there of two other platforms", Refuses("no match for platform in manifest")),
            ("no image at all", Refuses("mismatched image rootfs and manifest layers")),
        ],
    ],
    ..CONTAINERD
};

const CTR: EngineQuirks = &[
    ("by ID", Ignores),
    ("an index by ID", Ignores),
    ("a nested index", SavesAll),
    ("a sparse index with two platforms", Refuses("ctr: content digest sha256:")),
    ("a sparse index with two other platforms", Refuses("ctr: content digest sha256:")),
    ("a sparse index with one platform", Refuses("ctr: content digest sha256:")),
    ("a sparse index with another platform", Refuses("ctr: content digest sha256:")),
];

/// podman 5.
pub(crate) const PODMAN: engines::Terms = engines::Terms {
    names: engines::Names::Full,
    keeps: Keeps::One,
    variants: false,
    index_type: true,
    quirks: &[LIBIMAGE],
};

/// podman 4.3.
pub(crate) const PODMAN_4: engines::Terms = engines::Terms {
    quirks: &[
        LIBIMAGE,
        &[
            ("zstd layers", SavesNot("zstd compression is not supported for docker images")),
            ("two zstd frames", SavesNot("zstd compression is not supported for docker images")),
        ],
    ],
    ..PODMAN
};

/// With more than one image, or none for this machine, the archive is no OCI archive for podman, and it goes
/// by `manifest.json`.
const LIBIMAGE: EngineQuirks = &[
    ("three tags", Localhost),
    ("several images", Localhost),
    ("two other platforms", Localhost),
    ("one manifest in several images", Localhost),
    ("two images with one tag", Localhost),
    ("what is there of two other platforms", Localhost),
    ("a sparse index with two other platforms", Localhost),
    ("a sparse index with another platform", Localhost),
    ("no image at all", Refuses("payload does not match any of the supported image formats")),
];

/// skopeo's `docker-archive:`.
pub(crate) const SKOPEO_DOCKER: readers::Terms = readers::Terms {
    names: readers::Names::RepoTags,
    reads: Reads::Docker,
    no_index: None,
    quirks: &[&[("no image at all", readers::Quirk::Refuses("Invalid image config (rootFS is not set)"))]],
};

/// skopeo 1.22's `oci-archive:`.
pub(crate) const SKOPEO_OCI: readers::Terms = readers::Terms {
    names: readers::Names::Tag,
    reads: Reads::OneOrAll,
    no_index: None,
    quirks: &[
        OCI_ARCHIVE,
        // It wants to say in the index that a layer is compressed with zstd.
        &[("zstd layers", readers::Quirk::RefusesAll("Instructed to preserve digests"))],
    ],
};

/// skopeo 1.9's `oci-archive:`.
pub(crate) const SKOPEO_19_OCI: readers::Terms = readers::Terms {
    quirks: &[
        OCI_ARCHIVE,
        &[(
            "docker's media types",
            readers::Quirk::Refuses(r#"no descriptor found for reference \"docker\""#),
        )],
    ],
    ..SKOPEO_OCI
};

const NOT_FOR_HERE: readers::Quirk =
    readers::Quirk::Refuses("no image found in image index for architecture");
const NOT_HERE: readers::Quirk = readers::Quirk::Refuses("no such file or directory");
const NOT_ALL_HERE: readers::Quirk = readers::Quirk::RefusesAll("no such file or directory");

const OCI_ARCHIVE: ReaderQuirks = &[
    ("two other platforms", NOT_FOR_HERE),
    ("variants of arm", NOT_FOR_HERE),
    ("what is there of two other platforms", NOT_FOR_HERE),
    ("a sparse index with two platforms", NOT_ALL_HERE),
    ("a sparse index with two other platforms", NOT_HERE),
    ("a sparse index with one platform", NOT_ALL_HERE),
    ("a sparse index with another platform", NOT_HERE),
    (
        "a nested index",
        readers::Quirk::RefusesAll("Unexpectedly received a manifest list instead of a manifest"),
    ),
    ("two images with one tag", readers::Quirk::First),
    // It fetches a foreign layer from where it says, whether or not the archive has it.
    ("a foreign layer", readers::Quirk::Refuses("failed fetching external blob from all urls")),
];

/// umoci 0.6.
pub(crate) const UMOCI: readers::Terms = readers::Terms {
    names: readers::Names::Tag,
    reads: Reads::One,
    no_index: Some("tag is ambiguous"),
    quirks: &[LAYOUT],
};

/// umoci 0.4.
pub(crate) const UMOCI_04: readers::Terms = readers::Terms {
    quirks: &[LAYOUT, &[("two zstd frames", readers::Quirk::Refuses("blob is not correct mediatype"))]],
    ..UMOCI
};

const LAYOUT: ReaderQuirks = &[
    ("by ID", readers::Quirk::Ignores),
    ("an index by ID", readers::Quirk::Ignores),
    // Its index has one manifest.
    ("annotations", readers::Quirk::Reads),
    (
        "docker's media types",
        readers::Quirk::Refuses("descriptor does not point to ispec.MediaTypeImageManifest"),
    ),
    ("no image at all", readers::Quirk::Refuses("config blob is not correct mediatype")),
];

/// oras.
pub(crate) const ORAS: readers::Terms = readers::Terms {
    names: readers::Names::TagOrId,
    reads: Reads::All,
    no_index: None,
    quirks: &[&[
        ("two images with one tag", readers::Quirk::Last),
        ("a sparse index with two platforms", readers::Quirk::Refuses("not found")),
        ("a sparse index with two other platforms", readers::Quirk::Refuses("not found")),
        ("a sparse index with one platform", readers::Quirk::Refuses("not found")),
        ("a sparse index with another platform", readers::Quirk::Refuses("not found")),
    ]],
};

/// crane.
pub(crate) const CRANE: readers::Terms = readers::Terms {
    names: readers::Names::None,
    reads: Reads::Docker,
    no_index: None,
    quirks: &[&[
        ("several images", readers::Quirk::Refuses("tarball must contain only a single image")),
        ("a repository", readers::Quirk::Refuses("tarball must contain only a single image")),
        ("two images with one tag", readers::Quirk::Refuses("tarball must contain only a single image")),
        ("zstd layers", readers::Quirk::Refuses("gzip: invalid header")),
        ("two zstd frames", readers::Quirk::Refuses("gzip: invalid header")),
        ("no image at all", readers::Quirk::Refuses("invalid ConfigFile.RootFS.Type")),
    ]],
};
