//! `barge tag`

use barge_core::ops::tag;
use barge_core::store::Store;

use super::{Failure, Outcome, missing, now};
use crate::args::Tag;
use crate::usage::{Arity, check};

pub(crate) fn run(args: &Tag, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::Exactly(2), args.images.len(), typed)?;
    let [source, target] = args.images.as_slice() else { return Ok(()) };
    let store = store()?;
    tag(&store, source, target, &now()).map_err(|error| missing::advise(error, &store).into())
}
