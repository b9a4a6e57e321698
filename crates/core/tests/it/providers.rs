//! What every place promises, asked of those that need nobody else: memory, the store, archives.

use std::path::Path;

use crate::common::Memory;
use barge_core::content::Image;
use barge_core::ops::{LoadOptions, Source, Staged, stage, stage_in_place};
use barge_core::progress::Silent;
use barge_core::store::{Ingest, Store};
use barge_oci::Descriptor;
use barge_testkit::conformance::{Given, Presence, damaged, images, provider};
use tempfile::TempDir;

/// A layout on its way into a store, and the folder that both are in.
fn staged(given: &Given) -> (Store, Staged<Ingest>, TempDir) {
    let place = tempfile::tempdir().unwrap();
    let layout = place.path().join("layout");
    given.write(&layout);
    let store = Store::open(&place.path().join("store")).unwrap();
    let staged = stage(&store, Source::Path(&layout), &LoadOptions::default(), &Silent).unwrap();
    (store, staged, place)
}

/// A store that has it all.
fn loaded(given: &Given) -> (Store, TempDir) {
    let (store, staged, place) = staged(given);
    staged.commit("").unwrap();
    (store, place)
}

fn roots<'a>(images: impl IntoIterator<Item = &'a Image>) -> Vec<Descriptor> {
    images.into_iter().map(|image| image.target.clone()).collect()
}

/// An archive that is read where `write` has put it.
fn in_place(write: impl FnOnce(&Given, &Path)) {
    provider(Presence::Known, |given| {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("archive");
        write(given, &path);
        let staged = stage_in_place(&path, &LoadOptions::default(), &Silent).unwrap().unwrap();
        let roots = roots(staged.images.iter().chain(&staged.referrers));
        Some((staged, roots, place))
    });
}

#[test]
fn memory() {
    provider(Presence::Known, |given| {
        let mut memory = Memory::default();
        for blob in given.descriptors() {
            memory.put(&blob.media_type, given.content(blob).to_vec());
        }
        Some((memory, given.roots(), ()))
    });
}

#[test]
fn store() {
    provider(Presence::Known, |given| {
        let (store, place) = loaded(given);
        let roots = roots(&store.images().unwrap());
        Some((store, roots, place))
    });
}

#[test]
fn what_is_on_its_way_into_a_store() {
    provider(Presence::Known, |given| {
        let (_, staged, place) = staged(given);
        let roots = roots(staged.images.iter().chain(&staged.referrers));
        Some((staged, roots, place))
    });
}

#[test]
fn a_tar_where_it_is() {
    in_place(Given::archive);
}

#[test]
fn a_folder_where_it_is() {
    in_place(Given::write);
}

#[test]
fn a_store_with_damage() {
    damaged(|given, how| {
        let (store, place) = loaded(given);
        let spoilt = given.damage(store.root(), how);
        Some((store, spoilt, place))
    });
}

#[test]
fn the_images_of_a_store() {
    let (store, _place) = loaded(&Given::new());
    images(|| store.images().unwrap());
}
