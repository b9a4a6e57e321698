//! What the paths in a tar tell of it: whether it is an image archive, or a root file system.

use std::collections::BTreeSet;

/// Folders that a root filesystem has at its top, and no image archive does.
const ROOT_FOLDERS: [&str; 9] = ["bin", "etc", "usr", "lib", "dev", "proc", "var", "sbin", "root"];

/// Documents that stand at the top of an image archive.
const LISTS: [&str; 3] = ["oci-layout", "index.json", "manifest.json"];

/// What was seen of a tar's paths.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    tops: BTreeSet<&'static str>,
    lists: BTreeSet<&'static str>,
    blobs: bool,
}

impl Paths {
    /// Takes the path of a member, with `./` before it or without.
    pub(crate) fn note(&mut self, path: &str) {
        let path = path.trim_start_matches("./");
        let top = path.split('/').next().unwrap_or_default();
        self.tops.extend(ROOT_FOLDERS.iter().find(|folder| **folder == top));
        self.lists.extend(LISTS.iter().find(|list| **list == path));
        self.blobs |= path.starts_with("blobs/sha256/") || path.ends_with("/layer.tar");
    }

    /// Whether these are the folders of a root file system.
    pub(crate) fn are_of_a_root(&self) -> bool {
        self.tops.len() >= 2
    }

    /// Whether there is the content of images.
    pub(crate) fn have_blobs(&self) -> bool {
        self.blobs
    }

    /// Whether there are images, with what lists them, and nothing of a root file system.
    pub(crate) fn are_of_images(&self) -> bool {
        let listed = self.lists.contains("manifest.json")
            || (self.lists.contains("oci-layout") && self.lists.contains("index.json"));
        listed && self.blobs && self.tops.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(paths: &[&str]) -> (bool, bool) {
        let mut seen = Paths::default();
        paths.iter().for_each(|path| seen.note(path));
        (seen.are_of_a_root(), seen.are_of_images())
    }

    #[test]
    fn what_they_are_of() {
        assert_eq!(noted(&["bin/", "etc/passwd", "manifest.json", "blobs/sha256/a"]), (true, false));
        assert_eq!(noted(&["./oci-layout", "./index.json", "./blobs/sha256/a"]), (false, true));
        assert_eq!(noted(&["abc/layer.tar", "abc/json", "manifest.json"]), (false, true));
        assert_eq!(noted(&["index.json", "blobs/sha256/a"]), (false, false));
        assert_eq!(noted(&["manifest.json", "etc"]), (false, false));
        assert_eq!(noted(&["binary", "etcetera", "usr"]), (false, false));
    }
}
