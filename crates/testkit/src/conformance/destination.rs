//! Places far away that take content.

use std::cell::Cell;
use std::io::Cursor;
use std::path::Path;

use barge_core::content::{Blob, Destination, Documents};
use barge_core::error::{Error, ErrorKind, Result};
use barge_oci::{Descriptor, Digest};

use super::Given;

/// Puts everything into a place that has nothing of it: blobs, one of them without a byte, then what lists them.
pub fn destination<D: Destination + Documents, K>(make: impl FnOnce(&Given) -> Option<(D, K)>) {
    let given = Given::new();
    let Some((place, _kept)) = make(&given) else { return };
    assert!(!Destination::place(&place).is_empty());
    for descriptor in given.descriptors() {
        let content = given.content(descriptor);
        if descriptor.has_children() {
            documents(&place, descriptor, content);
        } else {
            blobs(&place, descriptor, content);
        }
    }
    refuses(&place);
    let (index, wrong) = (given.index(), Digest::sha256(b"another document"));
    let called_wrong = Descriptor { digest: wrong, ..index.clone() };
    let error = place.put_manifest(&called_wrong, given.content(index), Some("wrong")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
}

/// A blob, which is told of to its last byte; and again.
fn blobs(place: &impl Destination, blob: &Descriptor, content: &[u8]) {
    assert!(!place.has_blob(blob).unwrap(), "{blob:?}");
    assert_eq!(put(place, blob, content).unwrap(), blob.size, "{blob:?}");
    assert!(place.has_blob(blob).unwrap(), "{blob:?}");
    put(place, blob, content).unwrap();
    assert!(place.has_blob(blob).unwrap(), "{blob:?}");
}

/// A manifest or index, without a tag and with one; it can be read.
fn documents(place: &(impl Destination + Documents), descriptor: &Descriptor, content: &[u8]) {
    for tag in [None, Some("tag")] {
        place.put_manifest(descriptor, content, tag).unwrap();
        assert_eq!(place.document(descriptor).unwrap().as_deref(), Some(content), "{descriptor:?} {tag:?}");
    }
}

/// Content that ends too early, and other content.
fn refuses(place: &impl Destination) {
    let blob = Descriptor::of("text/plain", b"what should come");
    for other in [&b"what should"[..], b"what should not "] {
        assert!(put(place, &blob, other).is_err(), "{other:?}");
        assert!(!place.has_blob(&blob).unwrap(), "{other:?}");
    }
}

/// Puts a blob; how many bytes were told to have been sent.
fn put(place: &impl Destination, blob: &Descriptor, content: &[u8]) -> Result<u64> {
    let sent = Cell::new(0);
    let open = |offset| {
        let content = Blob::Bytes(Cursor::new(content.to_vec())).skip(offset);
        content.map_err(|e| Error::io("read", Path::new("memory"), e))
    };
    place.put_blob(blob, &open, &|bytes| sent.set(sent.get() + bytes))?;
    Ok(sent.get())
}
