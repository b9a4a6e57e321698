//! Archives, read front to back and from a file: no input makes either panic, and both judge it alike.
#![no_main]

use std::io::Write;

use barge_core::archive::{Archive, Pass};
use barge_core::progress::Silent;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let stream = Archive::stream(bytes, Pass::Verify, &Silent);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let opened = Archive::open(file.path(), Pass::Verify, &Silent);
    let said = |archive: &Result<Archive, barge_core::error::Error>| match archive {
        Ok(archive) => {
            Ok(archive.images.iter().map(|i| (i.name.clone(), i.target.digest)).collect::<Vec<_>>())
        }
        Err(error) => Err(error.refusal()),
    };
    assert_eq!(said(&stream), said(&opened));
    drop(Archive::open(file.path(), Pass::List, &Silent));
});
