//! What may go well the next time, how often that is tried, and how long is waited before.

use std::time::Duration;

use ureq::Body;
use ureq::http::{Response, StatusCode, header};

use super::unanswered::{is_certificate, is_refused, is_unknown_host};

/// Before the second try; then twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// However long a registry asks us to wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What became of a request.
pub(super) type Sent = Result<Response<Body>, ureq::Error>;

/// The tries of one request.
pub(super) struct Tries {
    attempts: u32,
    refusals: u32,
    made: u32,
}

impl Tries {
    /// As many as `attempts`, and of connections that are refused as many as `refusals`.
    pub(super) fn new(attempts: u32, refusals: u32) -> Self {
        Self { attempts, refusals: refusals.min(attempts), made: 1 }
    }

    /// Whether there is to be another try after this one; returns when it is time.
    pub(super) fn again(&mut self, sent: &Sent) -> bool {
        let (most, pause) = match sent {
            Ok(answer) if is_passing(answer.status()) => (self.attempts, asked_pause(answer)),
            Err(error) if is_refused(error) => (self.refusals, None),
            Err(error) if is_passing_error(error) => (self.attempts, None),
            _ => return false,
        };
        if self.made >= most {
            return false;
        }
        std::thread::sleep(pause.unwrap_or_else(|| backoff(self.made)));
        self.made += 1;
        true
    }
}

/// Whether another try may go better.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

fn is_passing_error(error: &ureq::Error) -> bool {
    match error {
        // A certificate does not get better, and no host comes to be while one waits.
        ureq::Error::Io(_) => !is_certificate(error) && !is_unknown_host(error),
        ureq::Error::Timeout(_) | ureq::Error::Protocol(_) | ureq::Error::ConnectionFailed => true,
        _ => false,
    }
}

/// Twice as long each time, and a bit at random, so that not everybody comes back at once.
pub(super) fn backoff(attempt: u32) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    pause.min(LONGEST_PAUSE).mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// What `Retry-After` says, in seconds.
fn asked_pause(answer: &Response<Body>) -> Option<Duration> {
    let seconds: u64 = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn failed(error: io::Error) -> Sent {
        Err(ureq::Error::Io(error))
    }

    #[test]
    fn a_host_that_is_not_known_is_asked_once() {
        let unknown = "failed to lookup address information: Name or service not known";
        assert!(!Tries::new(5, 5).again(&failed(io::Error::other(unknown))));
    }

    #[test]
    fn refused_connections_have_tries_of_their_own() {
        let refused = failed(io::ErrorKind::ConnectionRefused.into());
        let mut tries = Tries::new(5, 2);
        assert!(tries.again(&refused) && !tries.again(&refused));
        assert!(!Tries::new(1, 2).again(&refused));
    }
}
