//! Places whose files are not what they were.

use barge_core::content::{Blob, Provider};
use barge_oci::Descriptor;

use super::reading::Reading;
use super::{Damage, Given};

/// Asks a place for content that was damaged after it came in, in one way after the other. `make` fills the place, damages
/// it ([`Given::damage`]) and says what of it.
///
/// No document comes out of it: what has its size is an error, what has another may be said to be absent. Blobs that
/// are opened are not verified, but a stream ends soon enough; of a file the receiver sees the length.
pub fn damaged<P: Provider, K>(make: impl Fn(&Given, Damage) -> Option<(P, Vec<Descriptor>, K)>) {
    let given = Given::new();
    for how in Damage::ALL {
        let Some((place, damaged, _kept)) = make(&given, how) else { return };
        for descriptor in &damaged {
            let here = place.has(descriptor).unwrap_or(true);
            match place.document(descriptor) {
                Ok(read) => assert!(read.is_none() && !here, "{how:?}: {descriptor:?} is taken for sound"),
                Err(e) => assert!(e.to_string().contains(&descriptor.digest.hex()), "{how:?}: {e}"),
            }
            let Ok(blob) = place.open(descriptor) else { continue };
            let is_stream = matches!(blob, Blob::Stream(_));
            let mut reading = Reading::new(descriptor, blob);
            // Where it fails on the way, it has told.
            while reading.step().unwrap_or(false) {}
            let (digest, length) = reading.end();
            assert_ne!(digest, descriptor.digest, "{how:?}: {descriptor:?}");
            assert!(!is_stream || length <= descriptor.size + 1, "{how:?}: {descriptor:?}: {length} bytes");
        }
    }
}
