//! Leases: what a running barge relies on, and what containerd's garbage collector leaves alone until it is done.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use barge_core::error::{Error, Result};
use barge_oci::Digest;
use jiff::Timestamp;

use super::Containerd;
use super::client::{Client, PATIENCE};
use super::messages::leases::{AddResourceRequest, CreateRequest, DeleteRequest, Resource};

/// When a lease ends by itself, RFC 3339.
const EXPIRE: &str = "containerd.io/gc.expire";
/// How long content stays if this process is killed.
const LIFETIME: u64 = 24 * 60 * 60;

/// Holds content until it is dropped, or for a day if this process dies first.
#[derive(Debug)]
pub struct LeaseGuard {
    client: Client,
    id: String,
}

impl Containerd {
    /// A lease on nothing yet.
    ///
    /// # Errors
    /// `Unavailable`, `Unauthorized`.
    pub fn lease(&self) -> Result<LeaseGuard> {
        let id = format!("barge-{:016x}", fastrand::u64(..));
        let labels = BTreeMap::from([(EXPIRE.to_owned(), tomorrow()?)]);
        self.client.ask("lease", CreateRequest { id: id.clone(), labels })?;
        Ok(LeaseGuard { client: self.client.clone(), id })
    }
}

impl LeaseGuard {
    /// Keeps these blobs, and whatever their labels say belongs to them. It is no error if one is not there: hold
    /// first, look then.
    ///
    /// # Errors
    /// `Unavailable`; `NotFound` if somebody has taken the lease away.
    pub fn hold(&self, digests: impl IntoIterator<Item = Digest>) -> Result<()> {
        digests.into_iter().try_for_each(|digest| {
            let resource = Resource { id: digest.to_string(), kind: "content".to_owned() };
            let request = AddResourceRequest { id: self.id.clone(), resource: Some(resource) };
            self.client.ask_within(PATIENCE, &format!("lease on {digest}"), request).map(drop)
        })
    }

    /// What containerd calls it: `barge-` and 16 hex digits.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        // One that cannot be given back ends tomorrow.
        let _ = self.client.ask("lease", DeleteRequest { id: self.id.clone() });
    }
}

fn tomorrow() -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let end = i64::try_from(now.saturating_add(LIFETIME)).unwrap_or(i64::MAX);
    let end = Timestamp::from_second(end).map_err(|e| Error::invalid(format!("the system's clock: {e}")))?;
    Ok(end.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_written_as_go_reads_it() {
        let end = tomorrow().unwrap();
        // 2006-01-02T15:04:05Z
        assert_eq!((end.len(), end.as_bytes()[10], end.as_bytes()[19]), (20, b'T', b'Z'), "{end}");
    }
}
