//! What a template may cost. Each limit is far above any real format and low enough that reaching it does
//! no harm.

/// Longest template text, in bytes.
pub const MAX_TEXT: usize = 1 << 20;

/// Deepest nesting of control structures and parentheses in a template; each `else if` counts as one level.
pub const MAX_NESTING: usize = 100;

/// Deepest evaluation: every template call, control structure and parenthesis on the way is one level.
pub(crate) const MAX_DEPTH: usize = 300;

/// Most steps of one execution; an action, a command or a function call is about one step.
pub(crate) const MAX_STEPS: usize = 5_000_000;

/// Longest output of one execution, in bytes.
pub(crate) const MAX_OUTPUT: usize = 64 << 20;

/// Most bytes that the functions of one execution may make on the way, in all.
pub(crate) const MAX_MADE: usize = 128 << 20;
