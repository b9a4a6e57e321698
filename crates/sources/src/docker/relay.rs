//! An archive of a daemon that is passed on while it comes, and kept nowhere.

use barge_core::archive::{Packing, Plan, Relay};
use barge_core::ops::{Broken, SaveOptions, relay};
use barge_core::output::Sink;
use barge_core::progress::Progress;

use super::ask::Ask;
use super::engine::Engine;

impl Engine {
    /// Writes what is asked for as an archive while it comes, and returns what was written. `None` if it can only be had
    /// by way of a store, [`Self::fetch`]: nobody was asked for anything then, and nothing was written.
    ///
    /// # Errors
    /// `NotFound` and `Unavailable` in the daemon's words; `Refused`, `Mismatch` for what is not what was asked for;
    /// `Io`. What was written is no archive then. If it is only the order, it can be had by way of a store.
    pub fn relay(
        &self,
        ask: &Ask,
        options: &SaveOptions,
        packing: Option<Packing>,
        output: &mut dyn Sink,
        progress: &dyn Progress,
    ) -> Result<Option<Plan>, Broken> {
        let ([request], true) = (ask.requests.as_slice(), ask.passes) else { return Ok(None) };
        let failed = |error| Broken { error, unordered: false };
        let mut archive = self.export(&request.ids, request.platform.as_ref()).map_err(failed)?;
        let to = Relay::new(output, packing, options.layout, ask.omitted.clone()).map_err(failed)?;
        let passed = relay(&mut archive, &ask.images, &ask.expected, options, to, progress);
        passed.map(Some).map_err(|Broken { error, unordered }| {
            // Whoever reads the output has gone: that is not the daemon's.
            let error = if error.is_broken_pipe() { error } else { archive.explain(error) };
            Broken { error, unordered }
        })
    }
}
