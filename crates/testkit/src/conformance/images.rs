//! Lists of images.

use barge_core::content::Image;

/// Asks for a list that has at least one image: names come in order, then what has none, by digest; nothing is there
/// twice; and it is the same whenever it is asked for.
pub fn images(list: impl Fn() -> Vec<Image>) {
    let listed = list();
    assert!(!listed.is_empty());
    let key = |image: &Image| (image.name.is_none(), image.name.clone(), image.target.digest);
    assert!(listed.iter().map(key).is_sorted(), "{listed:?}");
    for (n, image) in listed.iter().enumerate() {
        assert!(!listed[..n].contains(image), "{image:?} is there twice");
    }
    let mut names: Vec<_> = listed.iter().filter_map(|image| image.name.as_ref()).collect();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "a name is there twice: {listed:?}");
    assert_eq!(list(), listed);
}
