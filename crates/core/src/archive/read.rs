//! What an archive holds: the images its `index.json` and `manifest.json` name, checked against each other
//! and against every byte that was read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use barge_oci::{Descriptor, Digest, Document, Reference, annotation, media_type};
use serde::Deserialize;

use super::decompress::{Compression, peek};
use super::docker::{self, DockerImage};
use super::explain::not_an_image;
use super::legacy;
use super::members::{MAX_ROOT_BYTES, Members};
use super::scan::{self, Pass, Scanned};
use super::tar::shown;
use crate::content::Documents;
use crate::error::{Error, Refusal, Result, printable};
use crate::graph::{Kind, Listed, State, Tree, read_config, unreadable};
use crate::progress::Progress;

/// How many images one archive may name.
const MAX_IMAGES: usize = 25_000;

/// An archive whose content is known and, unless it was only listed, verified.
pub struct Archive {
    /// The images it names, in its own order.
    pub images: Vec<Found>,
    /// Manifests that refer to one of the images and come along with it.
    pub referrers: Vec<Descriptor>,
    /// In which forms the images are written.
    pub forms: Forms,
    /// The compression around the whole archive.
    pub compression: Compression,
    /// Oddities that are accepted, each a sentence.
    pub warnings: Vec<String>,
    /// Documents that were made because the archive does not keep them, by digest.
    made: BTreeMap<Digest, Vec<u8>>,
    /// Blobs that stand under other paths than an OCI layout's.
    elsewhere: HashMap<Digest, String>,
    members: Members,
}

/// An image in an archive.
pub struct Found {
    /// Its name, if it has one.
    pub name: Option<Reference>,
    /// A tag without a repository, as OCI layouts of one repository have.
    pub bare_tag: Option<String>,
    /// The index or manifest with the annotations of its place, the naming ones taken off.
    pub target: Descriptor,
    /// Everything it lists.
    pub tree: Tree,
}

impl Found {
    /// The platforms that are listed and not whole in the archive.
    #[must_use]
    pub fn absent(&self) -> Vec<String> {
        let absent = self.tree.images().filter(|m| m.state != State::Whole);
        let name = |m: &Listed| {
            m.platform.as_ref().map_or_else(|| m.descriptor.digest.to_string(), ToString::to_string)
        };
        let indexes = self.tree.absent_indexes.iter().map(|d| d.digest.to_string());
        absent.map(name).chain(indexes).collect()
    }
}

/// The forms of one archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forms {
    /// An OCI image layout (`index.json`).
    pub oci: bool,
    /// Docker's `manifest.json`.
    pub docker: bool,
    /// Only what docker before 1.10 wrote.
    pub legacy: bool,
}

impl Archive {
    /// Reads the archive at `path`: a tar, compressed or not, or a directory with the same content.
    ///
    /// # Errors
    /// `Refused` with the first reason found; `Io`.
    pub fn open<'a>(path: &Path, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Self> {
        let doing = |e| Error::io("open", path, e);
        if path.metadata().map_err(doing)?.is_dir() {
            return Self::interpret(scan::directory(path, pass, progress)?);
        }
        let mut file = File::open(path).map_err(doing)?;
        let meta = file.metadata().map_err(doing)?;
        if !meta.is_file() {
            return Self::stream(file, pass, progress);
        }
        if matches!(pass, Pass::List) {
            let (start, _) = peek(&file, 6)?;
            file.rewind().map_err(doing)?;
            let scanned = match Compression::detect(&start) {
                Compression::None => scan::tar_file(&file, progress)?,
                _ => scan::tar(&file, Pass::List, progress)?,
            };
            if !Self::needs_digests(&scanned.members) {
                return Self::interpret(scanned);
            }
            file.rewind().map_err(doing)?;
            return Self::stream(file, Pass::Verify, progress);
        }
        progress.start(Some(meta.len()));
        Self::stream(file, pass, progress)
    }

    /// Reads an archive from a pipe or anything else that has to be read front to back.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn stream<'a, R: Read>(input: R, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Self> {
        // From a pipe there is no second pass, so digests are computed in the first.
        let pass = if matches!(pass, Pass::List) { Pass::Verify } else { pass };
        Self::interpret(scan::tar(input, pass, progress)?)
    }

    fn interpret(scanned: Scanned) -> Result<Self> {
        let Scanned { members, compression, start } = scanned;
        let mut archive = Self {
            images: Vec::new(),
            referrers: Vec::new(),
            forms: Forms::default(),
            compression,
            warnings: members.warnings.clone(),
            made: BTreeMap::new(),
            elsewhere: HashMap::new(),
            members,
        };
        let (index, manifest) = (archive.root("index.json")?, archive.root("manifest.json")?);
        let (layout, repositories) = (archive.root("oci-layout")?, archive.root("repositories")?);
        if index.is_none() && manifest.is_none() && layout.is_none() && repositories.is_none() {
            return Err(not_an_image(&start, compression, &archive.members));
        }
        if !archive.members.faults.is_empty() {
            return Err(archive.members.faults.remove(0));
        }
        let listed = match (index, &layout, &manifest) {
            (Some(index), _, _) => archive.oci(index, layout.as_deref())?,
            (None, Some(_), None) => {
                return Err(Error::refused(Refusal::NotAnImage, "missing index.json in OCI layout 1.0.0"));
            }
            _ => 0,
        };
        if let Some(manifest) = manifest {
            archive.docker(&manifest, listed)?;
        } else if let (0, Some(repositories)) = (listed, repositories) {
            archive.legacy(&repositories)?;
        }
        if archive.images.is_empty() && archive.referrers.is_empty() {
            return Err(Error::refused(Refusal::NotAnImage, "the archive lists no image"));
        }
        archive.check()?;
        Ok(archive)
    }

    /// Whether the blobs' digests have to be computed before the archive can be interpreted.
    fn needs_digests(members: &Members) -> bool {
        members.file("index.json").is_none() || members.file("oci-layout").is_none()
    }

    /// The path under which a blob stands in the archive.
    #[must_use]
    pub fn place(&self, digest: &Digest) -> String {
        self.elsewhere.get(digest).cloned().unwrap_or_else(|| digest.blob_path())
    }

    /// The documents that are not in the archive but belong to its images.
    pub fn made(&self) -> impl Iterator<Item = (&Digest, &[u8])> {
        self.made.iter().map(|(digest, bytes)| (digest, bytes.as_slice()))
    }

    /// The bytes of a root document, if it is there.
    fn root(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.members.file(path).map(|facts| self.members.read(path, facts)).transpose()
    }

    /// The images of `index.json`; returns how many manifests it lists.
    fn oci(&mut self, index: Vec<u8>, layout: Option<&[u8]>) -> Result<usize> {
        match layout {
            None => self.warnings.push("the OCI layout has no oci-layout file".to_owned()),
            Some(layout) => layout_version(layout)?,
        }
        let of = Descriptor::of(media_type::OCI_INDEX, &index);
        let index = Document::index_up_to(index, MAX_ROOT_BYTES)
            .map_err(|e| unreadable(&of, &e).context("index.json"))?;
        let manifests = &index.parsed().manifests;
        self.forms.oci = !manifests.is_empty();
        if manifests.len() > MAX_IMAGES {
            let message =
                format!("index.json lists {} images, {MAX_IMAGES} at most are read", manifests.len());
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        for descriptor in manifests {
            if descriptor.annotations.contains_key(annotation::MANIFEST_SUBJECT) {
                self.referrers.push(descriptor.clone());
                continue;
            }
            let (name, bare_tag) = name_of(descriptor)?;
            let tree = Tree::walk(self, descriptor)?;
            let mut target = descriptor.clone();
            target.annotations.remove(annotation::IMAGE_NAME);
            target.annotations.remove(annotation::REF_NAME);
            self.images.push(Found { name, bare_tag, target, tree });
        }
        Ok(manifests.len())
    }

    /// The images of `manifest.json`: the archive's only word, or one that has to agree with `index.json`.
    fn docker(&mut self, manifest: &[u8], listed: usize) -> Result<()> {
        let items = match docker::parse(manifest) {
            // Layouts of other things keep a manifest.json of their own meaning.
            Err(e) if listed > 0 && e.refusal() == Some(Refusal::NotAnImage) => {
                self.warnings.push("manifest.json is not docker's, ignored".to_owned());
                return Ok(());
            }
            items => items?,
        };
        self.forms.docker = !items.is_empty();
        for item in &items {
            if listed > 0 && self.members.file(&item.config).is_some_and(|f| f.sha256.is_none()) {
                // Only listed, not hashed: index.json is taken at its word.
                continue;
            }
            let image = match docker::image(item, &self.members) {
                // With index.json a manifest.json may name layers that are foreign and absent.
                Err(e) if listed > 0 && e.refusal() == Some(Refusal::BlobMissing) => continue,
                image => image?,
            };
            if listed == 0 || !self.agree(&image)? {
                self.add(image.names, &image.manifest, image.blobs)?;
            }
        }
        Ok(())
    }

    /// Whether `index.json` has this image of `manifest.json`; tags it does not have are adopted or refused.
    fn agree(&mut self, image: &DockerImage) -> Result<bool> {
        let wanted = image.manifest.parsed();
        let diff_ids = |m: &barge_oci::Manifest| -> Vec<Option<Digest>> {
            m.layers.iter().map(|l| self.diff_id(&l.digest)).collect()
        };
        let same = |m: &Listed| {
            m.manifest.as_ref().is_some_and(|m| {
                let m = m.parsed();
                m.config.digest == wanted.config.digest && diff_ids(m) == diff_ids(wanted)
            })
        };
        let having: Vec<usize> = (0..self.images.len())
            .filter(|n| self.images.get(*n).is_some_and(|i| i.tree.manifests.iter().any(same)))
            .collect();
        if having.is_empty() {
            if image.names.is_empty() {
                return Ok(false);
            }
            return Err(self.disagree(image, "names an image that index.json does not have"));
        }
        for name in &image.names {
            let named: Vec<usize> = (0..self.images.len())
                .filter(|n| self.images.get(*n).is_some_and(|i| i.name.as_ref() == Some(name)))
                .collect();
            if named.iter().any(|n| having.contains(n)) {
                continue;
            }
            let nameless =
                having.iter().find_map(|n| self.images.get(*n).filter(|i| i.name.is_none()).map(|_| *n));
            let (true, Some(n)) = (named.is_empty(), nameless) else {
                return Err(self.disagree(image, "gives an image a name that index.json does not give it"));
            };
            if let Some(found) = self.images.get_mut(n) {
                found.name = Some(name.clone());
            }
        }
        Ok(true)
    }

    fn disagree(&self, image: &DockerImage, how: &str) -> Error {
        let name = image.names.first().map_or_else(|| "a nameless image".to_owned(), Reference::familiar);
        let message = format!("manifest.json {how}: {}", shown(&name));
        Error::refused(Refusal::ViewsDisagree, message)
            .hint("readers of this archive would load different images; it was altered after it was saved")
    }

    /// The images of an archive from before manifest.json.
    fn legacy(&mut self, repositories: &[u8]) -> Result<()> {
        self.forms.legacy = true;
        for image in legacy::images(repositories, &self.members)? {
            self.made.insert(Digest::sha256(&image.config), image.config);
            self.add(image.names, &image.manifest, image.layers)?;
        }
        Ok(())
    }

    /// Adds an image whose manifest was made here, once for each of its names.
    fn add(
        &mut self,
        names: Vec<Reference>,
        manifest: &Document<barge_oci::Manifest>,
        blobs: Vec<(Digest, String)>,
    ) -> Result<()> {
        let target = Descriptor::of(media_type::DOCKER_MANIFEST, manifest.bytes());
        self.made.insert(target.digest, manifest.bytes().to_vec());
        self.elsewhere.extend(blobs);
        let tree = Tree::walk(self, &target)?;
        let names: Vec<_> = if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
        for name in names {
            self.images.push(Found { name, bare_tag: None, target: target.clone(), tree: tree.clone() });
        }
        Ok(())
    }

    /// Every image that is whole must be what its config says; every name must have something whole.
    fn check(&self) -> Result<()> {
        let mut checked = BTreeSet::new();
        for found in &self.images {
            for listed in found.tree.whole().filter(|l| l.kind == Kind::Image) {
                if checked.insert(listed.descriptor.digest) {
                    self.check_image(listed)?;
                }
            }
        }
        let nothing_whole = |f: &&Found| f.tree.whole().next().is_none();
        let hollow = self.images.iter().filter(|f| f.name.is_some()).find(nothing_whole);
        let all_hollow = self.images.iter().all(|f| nothing_whole(&f));
        match hollow.or_else(|| self.images.first().filter(|_| all_hollow)) {
            Some(found) => Err(missing(found)),
            None => Ok(()),
        }
    }

    /// The config's diffIDs against what the layers really are.
    fn check_image(&self, listed: &Listed) -> Result<()> {
        let Some(manifest) = &listed.manifest else { return Ok(()) };
        let Some(config) = read_config(self, manifest)? else { return Ok(()) };
        let (layers, diff_ids) = (&manifest.parsed().layers, &config.parsed().rootfs.diff_ids);
        if layers.len() != diff_ids.len() {
            let message = format!(
                "invalid manifest, layers length mismatch: expected {}, got {} ({})",
                diff_ids.len(),
                layers.len(),
                listed.descriptor.digest
            );
            return Err(Error::refused(Refusal::LayerCountMismatch, message));
        }
        for (n, (layer, expected)) in layers.iter().zip(diff_ids).enumerate() {
            let place = self.place(&layer.digest);
            let Some(facts) = self.members.file(&place) else { continue };
            let inner = match &facts.inner {
                None => continue,
                Some(Ok(inner)) => inner,
                Some(Err(why)) => {
                    let message = format!("layer {n} ({}): {}", shown(&place), printable(why));
                    let bomb = why.contains("expand to more than");
                    let refusal = if bomb { Refusal::LimitExceeded } else { Refusal::StreamCorrupt };
                    return Err(Error::refused(refusal, message));
                }
            };
            let actual = match expected.algorithm() {
                barge_oci::Algorithm::Sha256 => Some(inner.sha256),
                barge_oci::Algorithm::Sha512 => inner.sha512,
            };
            if actual != Some(*expected) {
                let actual = actual.map_or_else(|| "unknown".to_owned(), |d| d.to_string());
                let message = format!(
                    "invalid diffID for layer {n}: expected \"{expected}\", got \"{actual}\" ({})",
                    shown(&place)
                );
                return Err(Error::refused(Refusal::DiffIdMismatch, message));
            }
        }
        Ok(())
    }

    /// What a layer is when decompressed; `None` if it is not here.
    fn diff_id(&self, digest: &Digest) -> Option<Digest> {
        match &self.members.file(&self.place(digest))?.inner {
            Some(Ok(inner)) => Some(inner.sha256),
            _ => None,
        }
    }
}

impl Documents for Archive {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        if self.made.contains_key(&descriptor.digest) || self.elsewhere.contains_key(&descriptor.digest) {
            return Ok(true);
        }
        self.members.has(descriptor)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        if let Some(bytes) = self.made.get(&descriptor.digest) {
            return Ok(Some(bytes.clone()));
        }
        match self.elsewhere.get(&descriptor.digest).and_then(|path| Some((path, self.members.file(path)?))) {
            Some((path, facts)) => self.members.read(path, facts).map(Some),
            None => self.members.document(descriptor),
        }
    }
}

/// The name that annotations give: containerd's full one first, then a full one in OCI's, else a bare tag.
pub(crate) fn name_of(descriptor: &Descriptor) -> Result<(Option<Reference>, Option<String>)> {
    let refuse = |key: &str, name: &str, why: &str| {
        Error::refused(Refusal::RefInvalid, format!("{key} {}: {}", shown(name), printable(why)))
    };
    if let Some(name) = descriptor.annotations.get(annotation::IMAGE_NAME) {
        let name =
            Reference::parse(name).map_err(|e| refuse(annotation::IMAGE_NAME, name, &e.to_string()))?;
        // regctl writes the tag and the digest; the tag is the name, the digest is the descriptor's.
        let tagged = name.tag().and_then(|tag| name.with_tag(tag).ok());
        return Ok((Some(tagged.unwrap_or_else(|| name.or_latest())), None));
    }
    let Some(name) = descriptor.annotations.get(annotation::REF_NAME) else { return Ok((None, None)) };
    if name.chars().any(char::is_control) {
        return Err(refuse(annotation::REF_NAME, name, "control characters"));
    }
    if !name.contains(['/', ':', '@']) {
        return Ok((None, Some(name.clone())));
    }
    // OCI allows more here than references do; what is none is carried nameless.
    Ok((Reference::parse(name).ok().map(Reference::or_latest), None))
}

fn layout_version(layout: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    struct Layout {
        #[serde(rename = "imageLayoutVersion")]
        version: String,
    }
    let layout: Layout = serde_json::from_slice(layout).map_err(|e| {
        Error::refused(Refusal::JsonInvalid, format!("oci-layout: {}", printable(&e.to_string())))
    })?;
    if layout.version == "1.0.0" {
        return Ok(());
    }
    let message = format!("unsupported OCI version {}", shown(&layout.version));
    Err(Error::refused(Refusal::JsonInvalid, message))
}

/// The error for an image of which nothing is whole; names what is missing, at most three blobs.
fn missing(found: &Found) -> Error {
    let name = found.name.as_ref().map_or_else(|| found.target.digest.to_string(), Reference::familiar);
    let absent = found.tree.absent_indexes.iter().map(|d| ("index", d));
    let manifests = found.tree.manifests.iter().flat_map(|m| match &m.state {
        State::Absent => vec![("manifest", &m.descriptor)],
        State::Partial(blobs) => {
            let config = m.manifest.as_ref().map(|m| m.parsed().config.digest);
            let what = |b: &Descriptor| if Some(b.digest) == config { "config" } else { "layer" };
            blobs.iter().map(|b| (what(b), b)).collect()
        }
        State::Whole => Vec::new(),
    });
    let all: Vec<String> = absent.chain(manifests).map(|(what, d)| format!("{what} {}", d.digest)).collect();
    let more = all.len().saturating_sub(3);
    let mut list = all.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 {
        list = format!("{list} and {more} more");
    }
    Error::refused(Refusal::BlobMissing, format!("{name}: not in the archive: {list}"))
        .hint("the save that wrote it dropped content; save the image again")
}
