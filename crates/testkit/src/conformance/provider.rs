//! Places that hand out their blobs, in any order and any number of times.

use std::collections::BTreeSet;
use std::thread;

use barge_core::content::Provider;
use barge_core::error::{ErrorKind, Refusal};
use barge_core::graph::Tree;
use barge_oci::{Descriptor, Digest, MAX_CONFIG_BYTES, media_type};

use super::Given;
use super::reading::{Reading, bytes, expect};

const THREADS: usize = 4;

/// Whether a place knows what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It does.
    Known,
    /// What documents list is taken for granted, and whoever opens it finds out.
    Assumed,
}

/// Asks a place for everything below the roots that it was given. `make` fills it and says what these are called there;
/// what else it returns is kept for as long as the place is asked.
pub fn provider<P: Provider + Sync, K>(
    presence: Presence,
    make: impl FnOnce(&Given) -> Option<(P, Vec<Descriptor>, K)>,
) {
    let Some((place, roots, _kept)) = make(&Given::new()) else { return };
    let Below { all, documents } = Below::of(&place, &roots);
    assert!(all.iter().any(|blob| blob.size > MAX_CONFIG_BYTES), "the large layer is not below {roots:?}");
    for descriptor in &all {
        assert!(place.has(descriptor).unwrap(), "{descriptor:?}");
    }
    opens_again_and_again(&place, &all);
    opens_side_by_side(&place, &all);
    skips(&place, &all);
    for document in &documents {
        let read = place.document(document).unwrap();
        assert!(read == Some(bytes(place.open(document).unwrap())), "{document:?}");
    }
    misses(presence, &place);
    another_size(presence, &place, &all, &documents);
    too_large(&place, &all);
}

/// What a place has below its roots.
struct Below {
    /// Every blob, once.
    all: Vec<Descriptor>,
    /// Those that are read as a whole: indexes, manifests, configs.
    documents: Vec<Descriptor>,
}

impl Below {
    fn of(place: &impl Provider, roots: &[Descriptor]) -> Self {
        let (mut all, mut documents) = (Vec::new(), Vec::new());
        for root in roots {
            let tree = Tree::walk(place, root).unwrap();
            assert!(tree.is_closed(), "{root:?}: {:?}", tree.manifests);
            documents.push(root.clone());
            for listed in &tree.manifests {
                let manifest = listed.manifest.as_ref().unwrap();
                documents.extend([&listed.descriptor, &manifest.config].map(Descriptor::clone));
                all.extend(manifest.layers.iter().cloned());
            }
        }
        all.extend(documents.iter().cloned());
        for list in [&mut all, &mut documents] {
            let mut seen: BTreeSet<Digest> = BTreeSet::new();
            list.retain(|descriptor| seen.insert(descriptor.digest));
        }
        Self { all, documents }
    }
}

/// Twice, then the other way round.
fn opens_again_and_again(place: &impl Provider, all: &[Descriptor]) {
    for descriptor in all.iter().chain(all).chain(all.iter().rev()) {
        expect(descriptor, place.open(descriptor).unwrap());
    }
}

/// Two at a time by one thread, which reads from both in turn; and all of them by several threads.
fn opens_side_by_side(place: &(impl Provider + Sync), all: &[Descriptor]) {
    for pair in all.windows(2) {
        let mut readings: Vec<_> =
            pair.iter().map(|one| Reading::new(one, place.open(one).unwrap())).collect();
        while readings.iter_mut().fold(false, |more, reading| reading.step().unwrap() | more) {}
        for (descriptor, reading) in pair.iter().zip(readings) {
            assert_eq!(reading.end(), (descriptor.digest, descriptor.size), "beside another");
        }
    }
    thread::scope(|scope| {
        for n in 0..THREADS {
            scope.spawn(move || {
                for descriptor in all.iter().cycle().skip(n).take(all.len()) {
                    expect(descriptor, place.open(descriptor).unwrap());
                }
            });
        }
    });
}

/// From the first byte on, from the second, from the last, and from behind it.
fn skips(place: &impl Provider, all: &[Descriptor]) {
    for descriptor in all {
        let whole = bytes(place.open(descriptor).unwrap());
        let offsets = [0, 1, whole.len().saturating_sub(1), whole.len()];
        for offset in offsets.into_iter().filter(|offset| *offset <= whole.len()) {
            let rest = place.open(descriptor).unwrap().skip(offset as u64).unwrap();
            assert!(bytes(rest) == whole[offset..], "{descriptor:?} from {offset} on");
        }
    }
}

/// What is not there, whatever it would be.
fn misses(presence: Presence, place: &impl Provider) {
    for kind in [media_type::OCI_INDEX, media_type::OCI_MANIFEST, media_type::OCI_CONFIG, "text/plain"] {
        let absent = Descriptor::new(kind, Digest::sha256(b"absent"), 6);
        assert!(presence == Presence::Assumed || !place.has(&absent).unwrap(), "{kind}");
        assert_eq!(place.document(&absent).unwrap(), None, "{kind}");
        assert_eq!(place.open(&absent).map(drop).unwrap_err().kind(), ErrorKind::NotFound, "{kind}");
    }
}

/// A digest that is there, and a size that is not its.
fn another_size(presence: Presence, place: &impl Provider, all: &[Descriptor], documents: &[Descriptor]) {
    let sizes = |descriptor: &Descriptor| {
        let sizes = [Some(descriptor.size + 1), descriptor.size.checked_sub(1)];
        let descriptor = descriptor.clone();
        sizes.into_iter().flatten().map(move |size| Descriptor { size, ..descriptor.clone() })
    };
    for other in all.iter().flat_map(sizes) {
        let has = place.has(&other);
        assert!(presence == Presence::Assumed || !matches!(has, Ok(true)), "{other:?}");
    }
    for other in documents.iter().flat_map(sizes) {
        assert!(!matches!(place.document(&other), Ok(Some(_))), "{other:?}");
    }
}

/// What is there, and is larger than documents may be or known to be none.
fn too_large(place: &impl Provider, all: &[Descriptor]) {
    for large in all.iter().filter(|blob| blob.size > MAX_CONFIG_BYTES) {
        let error = place.document(large).map(drop).unwrap_err();
        let refusal = error.refusal();
        assert!(
            matches!(refusal, Some(Refusal::LimitExceeded | Refusal::MediaTypeConfused)),
            "{large:?}: {error}"
        );
    }
}
