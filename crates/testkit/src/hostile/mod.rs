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
mod form;
mod giants;
mod graphs;
mod headers;
mod image;
mod links;
mod missing;
mod names;
mod old;
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

/// Hostile archives, made from constants: whatever can be wrong, and each place where it can be. Of their pairs there
/// are some, where there would be many.
#[must_use]
pub fn all() -> Vec<Hostile> {
    made(false)
}

/// Those and all the other pairs: more than twice as many.
#[must_use]
pub fn every() -> Vec<Hostile> {
    made(true)
}

fn made(every: bool) -> Vec<Hostile> {
    let mut cases = Cases { every, made: Vec::new() };
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
    cases.made
}

/// The refusals that are right for one archive.
type Refusals = &'static [&'static str];

/// It has to load.
const LOADS: Refusals = &[];

/// The archives that were made so far.
struct Cases {
    /// Whether all pairs are made.
    every: bool,
    made: Vec<Hostile>,
}

impl Cases {
    /// Whether a pair of what is wrong and where, by their numbers, is made. Of as many pairs it is one in each line and
    /// each column.
    fn takes(&self, way: usize, place: usize, one_in: usize) -> bool {
        self.every || (way + place).is_multiple_of(one_in)
    }

    fn add(&mut self, class: u8, name: &str, bytes: Vec<u8>, refusals: Refusals, place: &[&str]) {
        let place: &[&str] = if refusals.is_empty() { &[] } else { place };
        let place = place.iter().map(|word| (*word).to_owned()).collect();
        self.made.push(Hostile { class, name: format!("{class:02}-{name}"), bytes, refusals, place });
    }
}

/// How messages name a place in a tar.
fn byte(at: usize) -> String {
    format!("byte {at}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{all, every};

    #[test]
    fn every_class_is_there_and_every_name_once() {
        let every = every();
        let classes: BTreeSet<u8> = every.iter().map(|hostile| hostile.class).collect();
        assert!(classes.into_iter().eq((1..=21).filter(|class| *class != 20)));
        let mut names = BTreeSet::new();
        let twice: Vec<&str> =
            every.iter().map(|h| h.name.as_str()).filter(|name| !names.insert(*name)).collect();
        assert!(twice.is_empty(), "{twice:?}");
        let all = all();
        let bytes: usize = all.iter().map(|hostile| hostile.bytes.len()).sum();
        assert!(bytes < 30 << 20, "{} archives of {bytes} bytes", all.len());
    }
}
