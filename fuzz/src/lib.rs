//! What the targets share: inputs that stand for several documents, and archives of them.

use std::sync::Arc;
use std::time::Duration;

use barge_oci::Digest;
use barge_sources::registry::{Credentials, Proxies, Settings};

/// The layer that every image of an input may have; empty, as a tar is.
pub const LAYER: [u8; 1024] = [0; 1024];

/// The documents of an input, with zero bytes between them. In each, `<1>` stands for the SHA-256 of the document
/// behind it with that number, `<1#>` for its size, and `<layer>` for the digest of [`LAYER`], so that what leads from
/// one to the other survives a change of either.
pub fn documents(input: &str) -> Vec<Vec<u8>> {
    let mut documents: Vec<String> = input.split('\0').take(10).map(str::to_owned).collect();
    for at in (0..documents.len()).rev() {
        let mut text = documents[at].replace("<layer>", &Digest::sha256(&LAYER).hex());
        for (behind, document) in documents.iter().enumerate().skip(at + 1) {
            text = text.replace(&format!("<{behind}>"), &Digest::sha256(document.as_bytes()).hex());
            text = text.replace(&format!("<{behind}#>"), &document.len().to_string());
        }
        text.truncate(text.floor_char_boundary(1 << 20));
        documents[at] = text;
    }
    documents.into_iter().map(String::into_bytes).collect()
}

/// The path of a blob in a layout.
pub fn blob_path(content: &[u8]) -> String {
    Digest::sha256(content).blob_path()
}

/// A tar of these files.
pub fn tar<'a>(files: impl IntoIterator<Item = (String, &'a [u8])>) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, content).unwrap();
    }
    tar.into_inner().unwrap()
}

/// How registries are asked, by clients that reach no network: whatever is not on this host is asked for through a
/// proxy that is not there.
pub fn registries(credentials: Credentials, patience: Duration) -> Settings {
    Settings {
        credentials,
        proxies: Proxies { url: Some("http://127.0.0.1:1".to_owned()), except: String::new() },
        user_agent: "barge-fuzz".to_owned(),
        attempts: 1,
        patience,
        ..Settings::default()
    }
}

/// Lets writes to whoever has hung up fail, as they do in Rust's own programs, where a fuzzer would end.
pub fn ignore_broken_pipes() {
    signal_hook::flag::register(signal_hook::consts::SIGPIPE, Arc::default()).unwrap();
}
