//! docker's own archives: `manifest.json`, `repositories`, and the directories of 2014, whose names and contents the
//! input chooses.
#![no_main]

use barge_core::archive::{Archive, Pass};
use barge_core::progress::Silent;
use barge_fuzz::{LAYER, blob_path, documents, tar};
use barge_oci::Digest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let documents = documents(input);
    let mut files = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        let content = document.as_slice();
        match at {
            0 if !content.is_empty() => files.push(("manifest.json".to_owned(), content)),
            1 if !content.is_empty() => files.push(("repositories".to_owned(), content)),
            _ => files.push((format!("{}.json", Digest::sha256(content).hex()), content)),
        }
        // An image of 2014, called by its place in the input.
        let id = format!("{at:064x}");
        files.push((format!("{id}/json"), content));
        files.push((format!("{id}/layer.tar"), &LAYER));
    }
    files.push((blob_path(&LAYER), &LAYER));
    drop(Archive::stream(tar(files).as_slice(), Pass::Verify, &Silent));
});
