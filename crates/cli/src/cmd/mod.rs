//! The commands, one a file: each turns its arguments into one operation and its outcome into text.

mod archive;
mod copy;
mod denied;
mod elsewhere;
mod engine;
mod history;
mod import;
mod inspect;
mod list;
mod load;
mod load_engine;
mod local;
mod login;
mod missing;
mod origin;
mod packing;
mod place;
mod podman;
mod prune;
mod pull;
mod push;
mod registry;
mod remove;
mod save;
mod save_engine;
mod serve;
mod setup;
mod store;
mod tag;

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

use barge_core::error::{Error, printable};
use barge_core::referrers::Referrers;
use barge_core::select::Wanted;
use barge_core::store::Store;
use barge_oci::{Platform, Reference};

use crate::args::{Archive, Cli, Command, Image, StoreCommand};

/// Why a command failed, and with which exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The operation failed.
    Core(Error),
    /// This is said and this code is returned; nothing is said if the text is empty.
    Text(String, u8),
}

impl Failure {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Core(_) => 1,
            Self::Text(_, code) => *code,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(error) => error.fmt(f),
            Self::Text(text, _) => f.write_str(text),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

/// The outcome of a command.
pub(crate) type Outcome = Result<(), Failure>;

/// Does what was typed; `typed` is the command's path for messages.
pub(crate) fn run(cli: Cli, typed: &str) -> Outcome {
    let place = || store_path(cli.store.clone().map(PathBuf::from));
    let store = || -> Result<Store, Failure> { Ok(Store::open(&place()?)?) };
    let done = match cli.command {
        Command::Save(args) | Command::Image(Image::Save(args)) => save::run(&args, store, typed),
        Command::Load(args) | Command::Image(Image::Load(args)) => load::run(&args, store, typed),
        Command::Pull(args) | Command::Image(Image::Pull(args)) => pull::run(&args, store, typed),
        Command::Push(args) | Command::Image(Image::Push(args)) => push::run(&args, store, typed),
        Command::Login(args) => login::login(&args, typed),
        Command::Logout(args) => login::logout(&args, typed),
        Command::Copy(args) => copy::run(&args, store, typed),
        Command::Images(args) | Command::Image(Image::Ls(args)) => list::run(&args, store, typed),
        Command::Tag(args) | Command::Image(Image::Tag(args)) => tag::run(&args, store, typed),
        Command::Rmi(args) | Command::Image(Image::Rm(args)) => remove::run(&args, store, typed),
        Command::History(args) | Command::Image(Image::History(args)) => history::run(&args, store, typed),
        Command::Image(Image::Inspect(args)) => inspect::run(&args, store, typed),
        Command::Image(Image::Prune(args)) => prune::run(&args, store, typed),
        Command::Import(args) | Command::Image(Image::Import(args)) => import::run(&args, store, typed),
        Command::Serve(args) => serve::run(&args, store, typed),
        Command::Archive(Archive::Ls(args)) => archive::list(&args, typed),
        Command::Archive(Archive::Verify(args)) => archive::verify(&args, typed),
        Command::Store(StoreCommand::Check) => store().and_then(|store| store::check(&store)),
        Command::Store(StoreCommand::Gc) => store().and_then(|store| store::gc(&store)),
        Command::Store(StoreCommand::Df(args)) => store::df(&args, store),
        Command::Completion(args) => setup::completion(&args.shells, typed),
        Command::Man(args) => setup::man(&args.directories, typed),
    };
    done.map_err(|failure| match place() {
        Ok(root) => denied::advise(failure, &root),
        Err(_) => failure,
    })
}

/// The store's place: the flag or BARGE_STORE, else below XDG's data folder.
fn store_path(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let default = || {
        let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
        Some(data.join("barge/store"))
    };
    let missing =
        || Failure::Text("no place for the image store: give `--store DIR` or set HOME".to_owned(), 1);
    given.filter(|p| !p.as_os_str().is_empty()).or_else(default).ok_or_else(missing)
}

/// `--platform` values: comma lists and repeated flags; empty means everything, which `all` says too.
fn platforms(values: &[String]) -> Result<Vec<Platform>, Failure> {
    let (mut platforms, mut all) = (Vec::new(), false);
    for value in values.iter().flat_map(|v| v.split(',')).map(str::trim) {
        match value {
            "all" => all = true,
            value => platforms.push(platform(value)?),
        }
    }
    platforms.dedup();
    Ok(if all { Vec::new() } else { platforms })
}

fn platform(value: &str) -> Result<Platform, Failure> {
    if value == "host" {
        return Ok(Platform::host());
    }
    if value.trim().is_empty() {
        let hint = "give OS/ARCH, as in `linux/amd64`, or `host`, which is what this machine runs";
        return Err(Error::invalid("invalid platform: it is empty").hint(hint).into());
    }
    Platform::parse(value).map_err(|e| Failure::Text(format!("invalid platform: {e}"), 1))
}

/// What `platforms` makes of flags, as what is fetched.
fn wanted(platforms: Vec<Platform>) -> Wanted {
    if platforms.is_empty() { Wanted::All } else { Wanted::These(platforms) }
}

/// A reference, or docker's words; whoever typed an address is told where the name in it begins.
fn reference(name: &str) -> Result<Reference, Failure> {
    Reference::parse(name).map_err(|e| match name.split_once("://") {
        Some((scheme, rest)) => {
            let (scheme, rest) = (printable(scheme), printable(rest));
            Failure::Core(Error::invalid(e.to_string()).hint(format!("without `{scheme}://`: `{rest}`")))
        }
        None => Failure::Text(e.to_string(), 1),
    })
}

/// `--referrers`; `None` if it was not given.
fn referrers(value: Option<&str>) -> Option<Referrers> {
    value.filter(|v| !v.is_empty()).map(|value| match value {
        "all" => Referrers::All,
        "none" => Referrers::None,
        of_type => Referrers::OfType(of_type.to_owned()),
    })
}

/// The time now as the store keeps it.
fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// Prints a command's whole output; a reader that went away is no failure worth a word.
fn print(text: &str) -> Outcome {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|e| Failure::Core(Error::io("write", std::path::Path::new("standard output"), e)))
}

/// A note for the person at the terminal, not part of the output.
fn note(kind: &str, text: &str) {
    say(&format!("{kind}: {text}"));
}

/// Prints a line to the standard error; if nobody listens it is said to nobody.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
