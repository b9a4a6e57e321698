//! What is said of a command line that makes no sense, in docker's words and with docker's exit codes.

use std::error::Error as _;
use std::ffi::OsString;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use barge_core::error::printable;

use crate::args::command as command_line;
use crate::cmd::{Failure, say};
use crate::{plugin, suggestion};

/// Docker's exit code for flags that cannot be parsed.
const FLAG_ERROR: u8 = 125;

/// The name this program was started under, as texts show it.
pub(crate) fn program(argument: Option<&OsString>) -> &'static str {
    let name = argument.and_then(|a| Path::new(a).file_name()).unwrap_or_default();
    [plugin::NAME, "docker"].into_iter().find(|known| name == *known).unwrap_or("barge")
}

/// The program and its subcommands, each by its first name: `barge image save`.
pub(crate) fn command_path(program: &str, arguments: &[OsString]) -> String {
    let (path, _) = locate(program, arguments);
    path
}

/// How many arguments a command takes.
pub(crate) enum Arity {
    None,
    Exactly(usize),
    AtLeast(usize),
    AtMost(usize),
}

/// Checks the number of arguments as docker does, after the flags and before anything else.
pub(crate) fn check(arity: &Arity, given: usize, typed: &str) -> Result<(), Failure> {
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    let (wrong, text, verb) = match *arity {
        Arity::None => (given > 0, "accepts no arguments".to_owned(), "Run"),
        Arity::Exactly(n) => (given != n, format!("requires {n} argument{}", plural(n)), "Run"),
        Arity::AtLeast(n) => (given < n, format!("requires at least {n} argument{}", plural(n)), "See"),
        Arity::AtMost(n) => (given > n, format!("requires at most {n} argument{}", plural(n)), "Run"),
    };
    if !wrong {
        return Ok(());
    }
    let program = typed.split(' ').next().unwrap_or_default();
    let usage = usage_line(typed);
    Err(Failure::Text(
        format!(
            "{program}: '{typed}' {text}\n\nUsage:  {usage}\n\n{verb} '{typed} --help' for more information"
        ),
        1,
    ))
}

/// Prints clap's verdict; help and version are no errors.
pub(crate) fn report(error: &clap::Error, program: &str, arguments: &[OsString]) -> ExitCode {
    let (typed, command) = locate(program, arguments);
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that went away needs no help.
            let _ = write!(stdout(), "{error}");
            return ExitCode::SUCCESS;
        }
        // A group of commands alone: docker shows its help on the standard error, and that is no failure.
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let mut command = command;
            say(command.render_help().to_string().trim_end());
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => printable(text),
        Some(ContextValue::Strings(texts)) => texts.first().map(|t| printable(t)).unwrap_or_default(),
        _ => String::new(),
    };
    let invalid = context(ContextKind::InvalidArg);
    let flag = invalid.split([' ', '=', '[']).next().unwrap_or_default();
    let (text, code) = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let unknown = context(ContextKind::InvalidSubcommand);
            let said = suggestion::of_command(&unknown, &command, typed == program);
            let said = said.map(|said| format!("\n\n{said}")).unwrap_or_default();
            (
                format!(
                    "{program}: unknown command: {typed} {unknown}{said}\n\nRun '{typed} --help' for more information"
                ),
                1,
            )
        }
        ErrorKind::UnknownArgument if flag.starts_with("--") => {
            let similar = suggestion::of_flag(flag, &command);
            let similar = similar.map(|similar| format!(" (did you mean {similar}?)")).unwrap_or_default();
            (with_usage(&format!("unknown flag: {flag}{similar}"), &typed), FLAG_ERROR)
        }
        ErrorKind::UnknownArgument if flag.starts_with('-') => {
            let letter = flag.chars().nth(1).unwrap_or('-');
            (with_usage(&format!("unknown shorthand flag: '{letter}' in {flag}"), &typed), FLAG_ERROR)
        }
        ErrorKind::UnknownArgument => match check(&Arity::None, 1, &typed) {
            Err(failure) => (failure.to_string(), failure.code()),
            Ok(()) => (String::new(), FLAG_ERROR),
        },
        ErrorKind::InvalidValue if context(ContextKind::InvalidValue).is_empty() => {
            let flag = as_typed(program, arguments, flag);
            (with_usage(&format!("flag needs an argument: {flag}"), &typed), FLAG_ERROR)
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let value = context(ContextKind::InvalidValue);
            let why = match (error.get(ContextKind::ValidValue), error.source()) {
                (_, Some(source)) => format!(": {}", printable(&source.to_string())),
                (Some(ContextValue::Strings(values)), _) if !values.is_empty() => {
                    format!(": must be {}", values.join(", "))
                }
                _ => String::new(),
            };
            let flag = both_names(program, arguments, flag);
            (
                with_usage(&format!("invalid argument \"{value}\" for \"{flag}\" flag{why}"), &typed),
                FLAG_ERROR,
            )
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            let first = printable(first.strip_prefix("error: ").unwrap_or(first));
            (with_usage(&first, &typed), FLAG_ERROR)
        }
    };
    say(&text);
    ExitCode::from(code)
}

/// The one-letter name of a flag, if it has one.
fn letter(program: &str, arguments: &[OsString], flag: &str) -> Option<char> {
    let (_, command) = locate(program, arguments);
    let long = flag.strip_prefix("--")?;
    command.get_arguments().find(|a| a.get_long() == Some(long))?.get_short()
}

/// A flag without its value, the way it was typed: `--output`, or `'o' in -o`.
fn as_typed(program: &str, arguments: &[OsString], flag: &str) -> String {
    let short = letter(program, arguments, flag).filter(|letter| {
        let ends = |a: &str| a.starts_with('-') && !a.starts_with("--") && a.ends_with(*letter);
        arguments.iter().filter_map(|a| a.to_str()).any(ends)
    });
    short.map_or_else(|| flag.to_owned(), |letter| format!("'{letter}' in -{letter}"))
}

/// A flag by both of its names: `-q, --quiet`.
fn both_names(program: &str, arguments: &[OsString], flag: &str) -> String {
    letter(program, arguments, flag).map_or_else(|| flag.to_owned(), |letter| format!("-{letter}, {flag}"))
}

/// A flag whose value makes no sense.
pub(crate) fn bad_flag(text: &str, typed: &str) -> Failure {
    Failure::Text(with_usage(text, typed), FLAG_ERROR)
}

fn with_usage(text: &str, typed: &str) -> String {
    format!("{text}\n\nUsage:  {}\n\nRun '{typed} --help' for more information", usage_line(typed))
}

/// `barge image save [OPTIONS] IMAGE [IMAGE...]`
fn usage_line(typed: &str) -> String {
    let (program, words) = match typed.strip_prefix(plugin::NAME) {
        Some(words) => (plugin::NAME, words),
        None => typed.split_once(' ').unwrap_or((typed, "")),
    };
    let words: Vec<OsString> =
        std::iter::once(program).chain(words.split_whitespace()).map(OsString::from).collect();
    let (_, command) = locate(program, &words);
    command.get_overridden_usage().map(ToString::to_string).unwrap_or_default()
}

/// Follows the arguments to the subcommand they mean.
fn locate(program: &str, arguments: &[OsString]) -> (String, Command) {
    let mut command = command_line(program);
    command.build();
    let mut path = program.to_owned();
    let mut words = arguments.iter().skip(1);
    while let Some(word) = words.next() {
        let word = word.to_string_lossy();
        if word == "--store" {
            words.next();
            continue;
        }
        if word.starts_with('-') {
            continue;
        }
        let Some(next) = command.find_subcommand(word.as_ref()).cloned() else { break };
        path = format!("{path} {}", next.get_name());
        command = next;
    }
    (path, command)
}
