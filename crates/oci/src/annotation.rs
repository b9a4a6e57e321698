//! Annotation keys that carry an image's identity, and who reads them.

/// The full reference (`docker.io/library/busybox:latest`); containerd, docker, nerdctl and podman read it first.
pub const IMAGE_NAME: &str = "io.containerd.image.name";
/// The OCI layout's reference name; docker writes only the tag here, skopeo and umoci select by it.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// On an attestation manifest in an index: its kind (`attestation-manifest`).
pub(crate) const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
/// On an attestation manifest in an index: the digest of the image manifest it describes.
pub(crate) const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";
/// Before the host of a registry: the repositories there that content came from, comma-separated; containerd's, and
/// [`Descriptor::sources`](crate::Descriptor::sources) reads all of them.
pub const SOURCE: &str = "containerd.io/distribution.source.";
/// On a top-level descriptor that containerd exported as a referrer: the digest of its subject.
pub const MANIFEST_SUBJECT: &str = "io.containerd.manifest.subject";
