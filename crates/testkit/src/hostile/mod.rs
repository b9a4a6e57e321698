//! Hostile archives: what an archive reader must survive, each at every place where it can stand.
//!
//! The classes:
//!
//! 1. paths and IDs that lead outside, in documents and in the tar
//! 2. links that lead outside, nowhere, in circles, or that something lies below
//! 3. headers that are damaged, archives that are cut, members that are no files
//! 4. sizes, names and records on which readers of tars disagree
//! 5. documents that are huge, deep or broken, and too many members
//! 6. compressed streams that expand beyond measure, are cut, damaged, or wrapped twice
//! 7. zstd frames that ask for much memory or have much to skip
//! 8. digests that are none
//! 9. documents that another reader takes for something else
//! 10. content that is not what its digest, size or diffID says
//! 11. names that are none, and names that belong to another image
//! 12. content that is to be had from elsewhere
//! 13. what would need, or looks like, another program
//! 14. members that are called like what a loader itself writes
//! 15. members that are devices or FIFOs, in the archive and in layers
//! 16. fields without bounds, and such with control characters
//! 17. members twice, and names that differ in little
//! 18. graphs that are deep, wide or circular, and sizes beyond all numbers
//! 19. sparse files, and sizes of terabytes
//! 20. readers and writers of one store at once; no archive shows it, so there is none here
//! 21. archives that lack something
//! 22. who may read what is written; no archive shows it, so there is none here

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "made from constants")]

mod confusion;
mod content;
mod digests;
mod giants;
mod graphs;
mod headers;
mod image;
mod links;
mod missing;
mod names;
mod pack;
mod paths;
mod records;
mod repeats;
mod special;
mod streams;
mod tar;
mod unbounded;
mod urls;
mod windows;

/// One hostile archive.
#[derive(Debug, Clone)]
pub struct Hostile {
    /// Number of the class in the list of this module's documentation, 1 to 22.
    pub class: u8,
    /// What is wrong with it and where, unique.
    pub name: String,
    /// The archive.
    pub bytes: Vec<u8>,
    /// The refusals that are right, as `archive verify` names them; none if it must load, because what is odd about it
    /// is harmless.
    pub refusals: &'static [&'static str],
    /// Words of which the message must have at least one, in that they say where: the name of an entry, a digest,
    /// `byte N`. None if nothing is asked.
    pub place: Vec<String>,
}

/// Every hostile archive, made from constants.
#[must_use]
pub fn all() -> Vec<Hostile> {
    let mut cases = Cases::default();
    paths::add(&mut cases);
    links::add(&mut cases);
    headers::add(&mut cases);
    records::add(&mut cases);
    giants::add(&mut cases);
    streams::add(&mut cases);
    windows::add(&mut cases);
    digests::add(&mut cases);
    confusion::add(&mut cases);
    content::add(&mut cases);
    names::add(&mut cases);
    urls::add(&mut cases);
    special::add(&mut cases);
    unbounded::add(&mut cases);
    repeats::add(&mut cases);
    graphs::add(&mut cases);
    missing::add(&mut cases);
    cases.0
}

/// The refusals that are right for one archive.
type Refusals = &'static [&'static str];

/// It has to load.
const LOADS: Refusals = &[];

/// The archives that were made so far.
#[derive(Default)]
struct Cases(Vec<Hostile>);

impl Cases {
    fn add(&mut self, class: u8, name: &str, bytes: Vec<u8>, refusals: Refusals, place: &[&str]) {
        let place: &[&str] = if refusals.is_empty() { &[] } else { place };
        let place = place.iter().map(|word| (*word).to_owned()).collect();
        self.0.push(Hostile { class, name: format!("{class:02}-{name}"), bytes, refusals, place });
    }
}

/// How messages name a place in a tar.
fn byte(at: usize) -> String {
    format!("byte {at}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::all;

    #[test]
    fn every_class_is_there_and_every_name_once() {
        let all = all();
        let classes: BTreeSet<u8> = all.iter().map(|hostile| hostile.class).collect();
        assert!(classes.into_iter().eq((1..=21).filter(|class| *class != 20)));
        let mut names = BTreeSet::new();
        let twice: Vec<&str> = all.iter().map(|h| h.name.as_str()).filter(|name| !names.insert(*name)).collect();
        assert!(twice.is_empty(), "{twice:?}");
        let bytes: usize = all.iter().map(|hostile| hostile.bytes.len()).sum();
        assert!(bytes < 30 << 20, "{} archives of {bytes} bytes", all.len());
    }
}
