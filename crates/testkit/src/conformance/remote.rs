//! Places far away, from which parts of blobs come.

use barge_core::content::Remote;
use barge_core::error::ErrorKind;
use barge_oci::{Descriptor, Digest};

use super::Given;
use super::reading::bytes;

/// Asks a place that has the [`Given`] index and the statement for parts of blobs, and for what refers to what.
pub fn remote<R: Remote, K>(make: impl FnOnce(&Given) -> Option<(R, K)>) {
    let given = Given::new();
    let Some((place, _kept)) = make(&given) else { return };
    for blob in given.descriptors().iter().filter(|descriptor| !descriptor.has_children()) {
        assert!(place.holds(blob).unwrap(), "{blob:?}");
        parts(&place, blob, given.content(blob));
    }
    let absent = Descriptor::new("text/plain", Digest::sha256(b"absent"), 6);
    assert!(!place.holds(&absent).unwrap());
    assert_eq!(place.read_from(&absent, 0).map(drop).unwrap_err().kind(), ErrorKind::NotFound);

    let referrers = |of: &Descriptor| -> Vec<Digest> {
        place.referrers(&of.digest).unwrap().into_iter().map(|referrer| referrer.digest).collect()
    };
    assert_eq!(referrers(given.index()), [given.statement().digest]);
    assert!(referrers(given.statement()).is_empty());
    assert_eq!(place.tagged(&given.index().digest, "nothing").unwrap(), None);
    assert!(!place.place().is_empty());
}

/// From the first byte on, from the second, from the last; and parts with both ends, where they can be had.
fn parts(place: &impl Remote, blob: &Descriptor, content: &[u8]) {
    let last = content.len().saturating_sub(1);
    for offset in [0, 1, last].into_iter().filter(|offset| *offset == 0 || *offset < content.len()) {
        let rest = place.read_from(blob, offset as u64).unwrap();
        assert!(bytes(rest) == content[offset..], "{blob:?} from {offset} on");
    }
    let ranges = [0..content.len(), 0..1, 1..last, last..content.len()];
    for range in ranges.into_iter().filter(|range| !range.is_empty() && range.end <= content.len()) {
        let part = place.read_range(blob, range.start as u64..range.end as u64).unwrap();
        let part = part.map(bytes);
        assert!(part.is_none_or(|part| part == content[range.clone()]), "{blob:?} {range:?}");
    }
}
