//! Image stores that keep layers unpacked: docker's with a graph driver, and that of podman, buildah and CRI-O.
//!
//! Such a store has no layer as it was pulled. It has the files in a folder, for an overlay file system to mount, and
//! beside it what of the layer's tar is not in them (tar-split data). The tar is put together again from both while
//! it is read, and comes out bit by bit as it went in: its digest is the diffID that the config lists.
//!
//! So every image has a manifest that is *made*: the config as the store has it, and the layers uncompressed under
//! their diffIDs. Docker's images have the one that `docker save` makes of them, in OCI's types; podman's have one in
//! the types of the manifest that they came with. The same image has the same one every time, and never the one that
//! it had in a registry.
//!
//! # Listing is quick, making is not
//! A manifest says how large its layers are, and that is only known when their tar-split data has been read from the
//! first byte to the last. Opening a store therefore reads lists of names and IDs and nothing else
//! ([`Unpacked::listed`]). [`Unpacked::select`] finds what is asked for among them and makes the manifests of only
//! these images; what it learns of a layer it keeps for the next image that has it. The blobs of an image, its
//! manifest among them, are there once it was selected.
//!
//! # What is trusted
//! Nothing. Names out of a store are plain or refused, folders are held open and no link is followed below them, and
//! what is read is bounded. Configs are verified here. Layers are not: what is put together may be anything that the
//! files and the tar-split data make, and whoever reads it checks size and digest, as with every `Provider`.
//!
//! An image that is broken fails when it is asked for, and is no obstacle to the others.

mod diff;
mod docker;
mod folder;
mod images;
mod layer;
mod lock;
mod made;
mod podman;
#[cfg(test)]
mod sample;
mod storage;
mod tar_split;
#[cfg(test)]
mod tests;

pub use images::{Listed, Unpacked};
