//! References, platforms and digests: what is read is what is written, and is read again.
#![no_main]

use barge_oci::{Digest, Platform, Reference};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(reference) = Reference::parse(text) {
        let full = reference.to_string();
        assert_eq!(Reference::parse(&full).as_ref(), Ok(&reference), "{text:?} {full:?}");
        // A name that looks like an ID is none when it is familiar.
        let familiar = reference.familiar();
        if let Ok(again) = Reference::parse(&familiar) {
            assert_eq!(again, reference, "{text:?} {familiar:?}");
        }
        assert!(!full.contains(char::is_whitespace) && !full.contains(char::is_control));
    }
    if let Ok(platform) = Platform::parse(text) {
        let shown = platform.to_string();
        let again = Platform::parse(&shown);
        assert_eq!(again.as_ref().map(Platform::normalized), Ok(platform.normalized()), "{text:?} {shown:?}");
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
        let path = digest.blob_path();
        assert!(path.starts_with("blobs/") && path.matches('/').count() == 2 && !path.contains(".."));
    }
});
