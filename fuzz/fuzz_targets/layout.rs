//! OCI layouts: `index.json` and whatever it leads to, every blob under its own digest.
#![no_main]

use barge_core::archive::{Archive, Pass};
use barge_core::progress::Silent;
use barge_fuzz::{LAYER, blob_path, documents, tar};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let documents = documents(input);
    let blobs = documents.iter().skip(1).map(|d| (blob_path(d), d.as_slice()));
    let files = [("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.as_slice())];
    let index = ("index.json".to_owned(), documents[0].as_slice());
    let bytes = tar(files.into_iter().chain(blobs).chain([(blob_path(&LAYER), LAYER.as_slice()), index]));
    if let Ok(archive) = Archive::stream(bytes.as_slice(), Pass::Verify, &Silent) {
        for image in &archive.images {
            let blobs = documents.iter().map(Vec::as_slice).chain([LAYER.as_slice()]);
            let known = blobs.into_iter().any(|b| barge_oci::Digest::sha256(b) == image.target.digest);
            assert!(known || archive.made().any(|(digest, _)| *digest == image.target.digest));
        }
    }
});
