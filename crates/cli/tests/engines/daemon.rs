//! A real engine beside a store of barge's.

use std::path::PathBuf;

use anyhow::Result;
use barge_testkit::peers::{Engine, Peer, start};

use crate::common::Place;

/// A store with the sample image, under two names.
fn place() -> Place {
    let place = Place::hello();
    place.ok("tag hello-barge example.org:5000/team/hello:v1");
    place
}

/// A running engine, and a place to work in.
pub(crate) struct Daemon {
    pub(crate) place: Place,
    pub(crate) engine: Box<dyn Engine>,
}

impl Daemon {
    pub(crate) fn start(peer: Peer) -> Result<Option<Self>> {
        Ok(start(peer)?.map(|engine| Self { place: place(), engine }))
    }

    /// A command line with the daemon's address in the place of `@`.
    pub(crate) fn line(&self, line: &str) -> String {
        line.replace('@', &format!("--host unix://{}", self.engine.socket().display()))
    }

    #[track_caller]
    pub(crate) fn ok(&self, line: &str) -> String {
        let ran = self.place.run(&self.line(line));
        assert_eq!(ran.code, Some(0), "{}: barge {line}: {}", self.engine.name(), ran.stderr);
        ran.out()
    }

    #[track_caller]
    pub(crate) fn fails(&self, line: &str) -> String {
        self.place.fails(&self.line(line))
    }

    /// A file of the engine's own, as this host sees it.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.engine.socket().parent().unwrap().join(path)
    }
}
