//! Switches as Go's flags have them.

use clap::{Arg, ArgAction};

/// Go's flags without a value may have one nevertheless, after `=`.
pub(super) fn as_in_go(command: clap::Command) -> clap::Command {
    let go = |arg: Arg| {
        if !matches!(arg.get_action(), ArgAction::SetTrue) {
            return arg;
        }
        let off = arg.get_default_values().is_empty();
        let arg = if off { arg.default_value("false") } else { arg };
        arg.action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(switch)
            .value_name("bool")
            .hide_default_value(off)
            .hide_possible_values(off)
    };
    command.mut_args(go).mut_subcommands(as_in_go)
}

/// A switch as Go's flags take it: alone it is on, with `=` it is what `strconv.ParseBool` says.
fn switch(value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        other => Err(format!("strconv.ParseBool: parsing {other:?}: invalid syntax")),
    }
}
