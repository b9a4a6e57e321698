//! What docker calls the steps of a transfer.

/// The status of a blob, step by step.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// It is going to be moved.
    pub begins: &'static str,
    /// So much of it was moved.
    pub moves: &'static str,
    /// It is where it should be already.
    pub exists: &'static str,
    /// All of it was moved.
    pub done: &'static str,
}

/// From a registry.
pub const PULL: Words = Words {
    begins: "Pulling fs layer",
    moves: "Downloading",
    exists: "Already exists",
    done: "Download complete",
};

/// Into a registry.
pub const PUSH: Words =
    Words { begins: "Waiting", moves: "Pushing", exists: "Layer already exists", done: "Pushed" };
