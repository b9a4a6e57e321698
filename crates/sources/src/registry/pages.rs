//! Lists that come in pages, the tags of a repository among them.

use barge_core::content::Remote;
use barge_core::error::{Error, ErrorKind, Refusal, Result};
use serde::Deserialize;
use ureq::Body;
use ureq::http::{Method, Response, StatusCode, header};

use super::Repository;
use super::call::Call;
use super::fault::fault;

/// How many tags one page asks for, how large a page may be, and how many tags are read in all.
const TAGS_A_PAGE: usize = 1000;
const MAX_PAGE_BYTES: u64 = 4 << 20;
const MAX_TAGS: usize = 200_000;
const MAX_TAG_BYTES: usize = 128;

impl Repository {
    /// Every tag, in the registry's order.
    ///
    /// # Errors
    /// `NotFound`, `Unauthorized`, `Unavailable`; `Refused` beyond 200,000 tags.
    pub fn tags(&self) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(default)]
            tags: Option<Vec<String>>,
        }
        let what = format!("{}: tags", self.path);
        let first = self.call(Method::GET, format!("{}/tags/list?n={TAGS_A_PAGE}", self.path), &what);
        let (mut tags, mut seen) = (Vec::new(), 0);
        self.pages(first, |answer| {
            let bytes = self.page(answer, &what)?;
            let page: Page = serde_json::from_slice(&bytes).map_err(|e| self.senseless(&what, &e))?;
            let page = page.tags.unwrap_or_default();
            let more = !page.is_empty();
            seen += page.len();
            if seen > MAX_TAGS {
                let message = format!("{}: more than {MAX_TAGS} tags", self.place());
                return Err(Error::refused(Refusal::LimitExceeded, message));
            }
            // What is longer is no tag.
            tags.extend(page.into_iter().filter(|tag| tag.len() <= MAX_TAG_BYTES));
            Ok(more)
        })?;
        Ok(tags)
    }

    /// Asks for one page after the other, until none follows or `take` says that it wants no more of them.
    pub(super) fn pages(
        &self,
        mut call: Call<'_>,
        mut take: impl FnMut(Response<Body>) -> Result<bool>,
    ) -> Result<()> {
        loop {
            let answer = self.client.call(&call)?;
            let next = next_page(&answer);
            let more = take(answer)?;
            match next {
                Some(next) if more => call.target = next,
                _ => return Ok(()),
            }
        }
    }

    /// What is in a page.
    pub(super) fn page(&self, answer: Response<Body>, what: &str) -> Result<Vec<u8>> {
        if answer.status() != StatusCode::OK {
            return Err(fault(&self.client.host, what, answer));
        }
        self.read(answer.into_body(), MAX_PAGE_BYTES, what)
    }

    fn senseless(&self, what: &str, why: &serde_json::Error) -> Error {
        Error::new(
            ErrorKind::Unavailable,
            format!("{}: {what}: the answer makes no sense: {why}", self.client.host),
        )
    }
}

/// What follows a page (RFC 8288): `Link: </v2/a/tags/list?last=x&n=1000>; rel="next"`.
fn next_page(answer: &Response<Body>) -> Option<String> {
    let link = answer.headers().get(header::LINK)?.to_str().ok()?;
    let (target, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    // A page is the registry's own: its path only, whatever host it calls itself.
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.get(rest.find('/')?..)?,
        None => target,
    };
    (rest.contains("rel=\"next\"") || rest.contains("rel=next")).then(|| path.to_owned())
}
