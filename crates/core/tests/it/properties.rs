//! What holds for every archive: its size is the planned one, it verifies, and it is the same again after
//! having been read.

use crate::common::{PLATFORMS, images};
use barge_core::archive::{Archive, Layout, Pass, Plan, WriteOptions};
use barge_core::ops::{LoadOptions, SaveOptions, Source, plan_save, stage};
use barge_core::progress::Silent;
use barge_core::select::Selection;
use barge_core::store::Store;
use barge_oci::Platform;
use proptest::prelude::*;

fn selection(wanted: usize) -> Selection {
    let platforms = PLATFORMS.iter().take(wanted).map(|(a, v)| Platform::new("linux", a, v)).collect();
    Selection { platforms, ..Selection::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_planned_size_is_the_size_written((memory, images) in images(), wanted in 0..2_usize, keep_index: bool) {
        let selection = Selection { keep_index, ..selection(wanted) };
        let plan = Plan::new(&memory, &images, &[], &selection, Layout::Docker).unwrap();
        let mut bytes = Vec::new();
        plan.write(&memory, &mut bytes, &WriteOptions::default(), &Silent).unwrap();
        prop_assert_eq!(bytes.len() as u64, plan.size());
        let mut again = Vec::new();
        plan.write(&memory, &mut again, &WriteOptions::default(), &Silent).unwrap();
        prop_assert!(again == bytes);
        let archive = Archive::stream(bytes.as_slice(), Pass::Verify, &Silent).unwrap();
        prop_assert!(keep_index || archive.images.iter().all(|i| i.tree.is_closed()));
        let names: Vec<_> = archive.images.iter().filter_map(|i| i.name.clone()).collect();
        let asked: Vec<_> = images.iter().filter_map(|i| i.name.clone()).collect();
        prop_assert_eq!(names, asked);
    }

    #[test]
    fn save_load_save_is_identity((memory, images) in images(), wanted in 0..2_usize) {
        let plan = Plan::new(&memory, &images, &[], &selection(wanted), Layout::Docker).unwrap();
        let mut first = Vec::new();
        plan.write(&memory, &mut first, &WriteOptions::default(), &Silent).unwrap();
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(&place.path().join("store")).unwrap();
        let mut input = first.as_slice();
        let loaded = stage(&store, Source::Stream(&mut input), &LoadOptions::default(), &Silent).unwrap().commit("").unwrap();
        let arguments: Vec<String> = loaded
            .images
            .iter()
            .map(|i| i.name.as_ref().map_or_else(|| i.digest.to_string(), ToString::to_string))
            .collect();
        let (plan, _lease) = plan_save(&store, &arguments, &SaveOptions::default()).unwrap();
        let mut second = Vec::new();
        plan.write(&store, &mut second, &WriteOptions::default(), &Silent).unwrap();
        prop_assert!(first == second);
        prop_assert!(store.check(&Silent).unwrap().faults.is_empty());
    }

    #[test]
    fn a_flipped_bit_is_found((memory, images) in images(), at: prop::sample::Index, bit in 0..8_u32) {
        let plan = Plan::new(&memory, &images, &[], &Selection::default(), Layout::Docker).unwrap();
        let mut bytes = Vec::new();
        plan.write(&memory, &mut bytes, &WriteOptions::default(), &Silent).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        // Padding and the end marker carry nothing; whatever is accepted must be what was saved.
        if let Ok(archive) = Archive::stream(bytes.as_slice(), Pass::Verify, &Silent) {
            let digests: Vec<_> = archive.images.iter().map(|i| i.tree.root.digest).collect();
            let expected: Vec<_> = plan.images.iter().map(|i| i.root.digest).collect();
            prop_assert!(digests == expected || archive.images.iter().any(|i| i.name.is_none()));
        }
    }
}
