//! What an archive holds: the images its `index.json` and `manifest.json` name, checked against each other
//! and against every byte that was read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::sync::Arc;

use barge_oci::{Algorithm, Descriptor, Digest, Document, Manifest, Reference, annotation, media_type};
use serde::Deserialize;

use super::decompress::{Compression, peek};
use super::docker;
use super::explain::{not_an_image, with_hint};
use super::legacy;
use super::members::{Inside, MAX_ROOT_BYTES, Members};
use super::scan::{self, Pass, Scanned};
use super::seekable::Table;
use super::tar::shown;
use super::views::Views;
use crate::content::Documents;
use crate::error::{Error, Refusal, Result, printable};
use crate::graph::{Kind, Listed, State, Tree, read_config, unreadable};
use crate::progress::Progress;

/// How many images one archive may name.
pub(super) const MAX_IMAGES: usize = 25_000;
/// How large the manifests and indexes of an archive may be together; they are in memory while it is read.
const MAX_DOCUMENT_BYTES: u64 = 96 << 20;
/// A compressed archive that is smaller is decompressed by whoever reads it.
const WORTH_A_THREAD: u64 = 1 << 20;
/// How large the annotations of one image in `index.json` may be together; the store keeps them.
const MAX_ANNOTATION_BYTES: usize = 64 << 10;

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
    /// The graph below each root, by the root's digest.
    trees: BTreeMap<Digest, Arc<Tree>>,
    /// Bytes of the documents in them.
    document_bytes: u64,
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
    /// Everything it lists; shared by all names of the image.
    pub tree: Arc<Tree>,
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
    /// How many images docker's `manifest.json` lists; zero without one.
    pub docker: usize,
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
            let listing = matches!(pass, Pass::List);
            let scanned = scan::directory(path, pass, progress)?;
            if listing && Self::needs_digests(&scanned.members) {
                return Self::interpret(scan::directory(path, Pass::Verify, progress)?);
            }
            return Self::interpret(scanned);
        }
        let mut file = File::open(path).map_err(doing)?;
        let meta = file.metadata().map_err(doing)?;
        if !meta.is_file() {
            return Self::stream(file, pass, progress);
        }
        let (start, _) = peek(&file, 6)?;
        file.rewind().map_err(doing)?;
        let scan = |file: File, pass| match Compression::detect(&start) {
            Compression::None => scan::tar_file(file, pass, progress),
            _ if meta.len() < WORTH_A_THREAD => scan::tar(file, pass, progress),
            Compression::Zstd => match file.try_clone().and_then(Table::of).map_err(doing)? {
                Some(table) => scan::tar_frames(table, pass, progress),
                None => scan::tar_beside(file, Compression::Zstd, pass, progress),
            },
            compression => scan::tar_beside(file, compression, pass, progress),
        };
        if matches!(pass, Pass::List) {
            let mut again = file.try_clone().map_err(doing)?;
            let scanned = scan(file, Pass::List)?;
            if !Self::needs_digests(&scanned.members) {
                return Self::interpret(scanned);
            }
            again.rewind().map_err(doing)?;
            return Self::interpret(scan(again, Pass::Verify)?);
        }
        progress.start(Some(meta.len()));
        Self::interpret(scan(file, pass)?)
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
            trees: BTreeMap::new(),
            document_bytes: 0,
            members,
        };
        let (index, manifest) = (archive.root("index.json")?, archive.root("manifest.json")?);
        let (layout, repositories) = (archive.root("oci-layout")?, archive.root("repositories")?);
        if index.is_none() && manifest.is_none() && layout.is_none() && repositories.is_none() {
            return Err(not_an_image(&start, compression, &archive.members));
        }
        if !archive.members.faults.is_empty() {
            return Err(with_hint(archive.members.faults.remove(0)));
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

    /// That it ends with a marker and nothing behind it. Most readers do without: what has come is sound. But whoever
    /// sends an archive and fails may leave it like that.
    ///
    /// # Errors
    /// `TarTruncated`.
    pub fn ends_well(&self) -> Result<()> {
        if !self.members.odd_end {
            return Ok(());
        }
        Err(Error::refused(Refusal::TarTruncated, "the archive does not end as archives end"))
    }

    /// Whether the blobs' digests have to be computed before the archive can be interpreted.
    fn needs_digests(members: &Members) -> bool {
        members.undecided || members.file("index.json").is_none() || members.file("oci-layout").is_none()
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
            .map_err(|e| unreadable(&of, &e).context("index.json"))?
            .into_parsed();
        self.forms.oci = !index.manifests.is_empty();
        let listed = index.manifests.len();
        if listed > MAX_IMAGES {
            let message = format!("index.json lists {listed} images, {MAX_IMAGES} at most are read");
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        let subject =
            |d: &Descriptor| d.annotations.get(annotation::MANIFEST_SUBJECT)?.parse::<Digest>().ok();
        let (referrers, images): (Vec<_>, Vec<_>) =
            index.manifests.into_iter().partition(|d| subject(d).is_some());
        for descriptor in images {
            self.add_listed(descriptor)?;
        }
        let trees = self.trees.values().flat_map(|t| t.manifests.iter().map(|m| m.descriptor.digest));
        let mut held: BTreeSet<Digest> = self.trees.keys().copied().chain(trees).collect();
        let mut waiting = referrers;
        loop {
            let here = |d: &Descriptor| subject(d).is_some_and(|s| held.contains(&s));
            let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(here);
            waiting = later;
            if now.is_empty() {
                break;
            }
            // What refers to a referrer comes along with that.
            for referrer in now {
                check_annotations(&referrer)?;
                self.tree(&referrer)?;
                held.insert(referrer.digest);
                self.referrers.push(referrer);
            }
        }
        // What these refer to is elsewhere: they stand for themselves.
        waiting.into_iter().try_for_each(|referrer| self.add_listed(referrer))?;
        Ok(listed)
    }

    /// Adds an image as `index.json` lists it.
    fn add_listed(&mut self, descriptor: Descriptor) -> Result<()> {
        check_annotations(&descriptor)?;
        let (name, bare_tag) = name_of(&descriptor)?;
        let tree = self.tree(&descriptor)?;
        let mut target = descriptor;
        for key in [annotation::IMAGE_NAME, annotation::REF_NAME, annotation::MANIFEST_SUBJECT] {
            target.annotations.remove(key);
        }
        self.push(Found { name, bare_tag, target, tree })
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
        self.forms.docker = items.len();
        let mut views = Views::of(self)?;
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
            if listed > 0
                && views.agree(&mut self.images, &image, |d| diff_id(&self.members, &self.elsewhere, d))?
            {
                continue;
            }
            if listed > 0 {
                // Docker before 29 leaves nameless images out of its index.json.
                self.warnings.push("manifest.json has a nameless image that index.json lacks".to_owned());
            }
            self.add(image.names, &image.manifest, image.blobs)?;
        }
        Ok(())
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
        manifest: &Document<Manifest>,
        blobs: Vec<(Digest, String)>,
    ) -> Result<()> {
        let target = Descriptor::of(media_type::DOCKER_MANIFEST, manifest.bytes());
        self.made.insert(target.digest, manifest.bytes().to_vec());
        self.elsewhere.extend(blobs);
        let tree = self.tree(&target)?;
        let names: Vec<_> = if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
        for name in names {
            self.push(Found { name, bare_tag: None, target: target.clone(), tree: Arc::clone(&tree) })?;
        }
        Ok(())
    }

    fn push(&mut self, found: Found) -> Result<()> {
        if self.images.len() == MAX_IMAGES {
            let message = format!("the archive names more than {MAX_IMAGES} images");
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        self.images.push(found);
        Ok(())
    }

    /// The graph below a root; several names of one image share it.
    fn tree(&mut self, root: &Descriptor) -> Result<Arc<Tree>> {
        if let Some(tree) = self
            .trees
            .get(&root.digest)
            .filter(|t| t.root.media_type == root.media_type && t.root.size == root.size)
        {
            return Ok(Arc::clone(tree));
        }
        let tree = Arc::new(Tree::walk(self, root)?);
        self.document_bytes += tree.document_bytes;
        if self.document_bytes > MAX_DOCUMENT_BYTES {
            let message = format!("manifests and indexes of more than {MAX_DOCUMENT_BYTES} bytes");
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        self.trees.insert(root.digest, Arc::clone(&tree));
        Ok(tree)
    }

    /// Every image that is whole must be what its config says; every name must have something whole.
    fn check(&self) -> Result<()> {
        let mut checked = BTreeSet::new();
        for listed in self.trees.values().flat_map(|t| t.whole()) {
            if checked.insert(listed.descriptor.digest) {
                self.check_image(listed)?;
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

    /// The config's diffIDs against what the layers really are, for whatever has a config and layers of an
    /// image, however it is labelled.
    fn check_image(&self, listed: &Listed) -> Result<()> {
        let image = |m: &&Manifest| {
            media_type::is_image_config(&m.config.media_type)
                && (m.layers.iter().any(|l| media_type::is_layer(&l.media_type))
                    || listed.kind == Kind::Image)
        };
        let Some(manifest) = listed.manifest.as_ref().filter(image) else { return Ok(()) };
        let Some(config) = read_config(self, manifest)? else { return Ok(()) };
        let (layers, diff_ids) = (&manifest.layers, &config.parsed().rootfs.diff_ids);
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
            let actual = match (&facts.inside, expected.algorithm()) {
                (Inside::Unknown, _) => continue,
                (Inside::Itself, algorithm) => facts.digest(algorithm),
                (Inside::Content(inner), Algorithm::Sha256) => Some(inner.sha256),
                (Inside::Content(inner), Algorithm::Sha512) => inner.sha512,
                (Inside::Broken(why), _) => {
                    let message = format!("layer {n} ({}): {}", shown(&place), printable(why));
                    let bomb = why.contains("expand to more than is reasonable");
                    let refusal = if bomb { Refusal::LimitExceeded } else { Refusal::StreamCorrupt };
                    return Err(Error::refused(refusal, message));
                }
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
}

/// What a layer is when decompressed; `None` if that is not known.
fn diff_id(members: &Members, elsewhere: &HashMap<Digest, String>, digest: &Digest) -> Option<Digest> {
    let place = elsewhere.get(digest).cloned().unwrap_or_else(|| digest.blob_path());
    members.file(&place)?.diff_id()
}

impl Documents for Archive {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        if let Some(made) = self.made.get(&descriptor.digest) {
            return Ok(made.len() as u64 == descriptor.size);
        }
        match self.elsewhere.get(&descriptor.digest).and_then(|path| self.members.file(path)) {
            Some(facts) => Ok(facts.size == descriptor.size),
            None => self.members.has(descriptor),
        }
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
    let invalid = |why: &str| Error::refused(Refusal::JsonInvalid, format!("oci-layout: {}", printable(why)));
    if !layout.trim_ascii_start().starts_with(b"{") {
        return Err(invalid("no object"));
    }
    let layout: Layout = serde_json::from_slice(layout).map_err(|e| invalid(&e.to_string()))?;
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
            let config = m.manifest.as_ref().map(|m| m.config.digest);
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

/// Refuses annotations that would make `index.json` of the store what nobody can read.
fn check_annotations(descriptor: &Descriptor) -> Result<()> {
    let annotations = descriptor.annotations.iter().map(|(key, value)| key.len() + value.len());
    if annotations.sum::<usize>() > MAX_ANNOTATION_BYTES {
        let message = format!("{}: more than {MAX_ANNOTATION_BYTES} bytes of annotations", descriptor.digest);
        return Err(Error::refused(Refusal::LimitExceeded, message));
    }
    Ok(())
}
