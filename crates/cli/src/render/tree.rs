//! Images with their platforms, as docker 29 prints `docker image ls --tree`.

use std::io::{IsTerminal, stdout};

use barge_core::ops::Listing;
use barge_oci::Reference;

use super::size::human_size;

const ID_WIDTH: usize = 12;
const USAGE_WIDTH: usize = 10;
const CONTENT_WIDTH: usize = 12;
const EXTRA_WIDTH: usize = 5;
const GAP: &str = "   ";
/// Below this the name gets no narrower; columns on the right go instead.
const MIN_NAME: usize = 12;
const MIN_TERMINAL: usize = 20;
const UNTAGGED: &str = "<untagged>";

/// How a tree is drawn.
pub(crate) struct Tree {
    /// Whole digests instead of twelve characters.
    pub(crate) full_ids: bool,
    /// The terminal's width, if it is one.
    width: Option<usize>,
    colour: bool,
}

/// What one line says beside its name.
struct Details {
    id: String,
    usage: String,
    content: String,
}

impl Tree {
    /// For the standard output as it is.
    pub(crate) fn new(full_ids: bool) -> Self {
        let terminal = stdout().is_terminal();
        let width = terminal.then(|| rustix::termios::tcgetwinsize(stdout()).ok()).flatten();
        let width = width.map(|w| usize::from(w.ws_col)).filter(|w| *w > 0).map(|w| w.max(MIN_TERMINAL));
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        Self { full_ids, width, colour: terminal && !no_colour && !dumb }
    }

    /// One block an image: its names, its platforms, a blank line.
    pub(crate) fn draw(&self, listings: &[Listing]) -> String {
        let mut listings: Vec<&Listing> = listings.iter().collect();
        listings.sort_by_cached_key(|l| {
            let name = l.names.iter().map(Reference::familiar).min();
            (name.is_none(), name, l.target.digest)
        });
        let id_width = if self.full_ids { "sha256:".len() + 64 } else { ID_WIDTH };
        let mut columns = vec![
            ("ID", id_width, false),
            ("DISK USAGE", USAGE_WIDTH, true),
            ("CONTENT SIZE", CONTENT_WIDTH, true),
            ("EXTRA", EXTRA_WIDTH, false),
        ];
        let name_width = self.name_width(&listings, &mut columns);
        let mut out = self.line(&self.bold("IMAGE"), 5, name_width, &columns, |title, _| title.to_owned());
        let spaced = listings.iter().any(|l| !l.platforms.is_empty());
        for listing in listings {
            self.image(&mut out, listing, name_width, &columns);
            if spaced {
                out.push('\n');
            }
        }
        out
    }

    fn image(&self, out: &mut String, listing: &Listing, name_width: usize, columns: &[(&str, usize, bool)]) {
        let mut names: Vec<String> = listing.names.iter().map(Reference::familiar).collect();
        names.sort();
        let names = if names.is_empty() { vec![UNTAGGED.to_owned()] } else { names };
        let (last, others) =
            names.split_last().map_or(("", [].as_slice()), |(last, others)| (last.as_str(), others));
        for name in others {
            out.push_str(&format!("{}\n", self.bold(&format!("{name:<name_width$}"))));
        }
        let size = human_size(listing.size, 3);
        let details = Details { id: self.id(&listing.target.digest), usage: size.clone(), content: size };
        let plain = last == UNTAGGED;
        self.row(
            out,
            last,
            &|text| if plain { self.faint(text) } else { self.bold(text) },
            &details,
            name_width,
            columns,
        );
        for (n, platform) in listing.platforms.iter().enumerate() {
            let branch = if n + 1 == listing.platforms.len() { "└─ " } else { "├─ " };
            let size = human_size(platform.size, 3);
            let details = Details { id: self.id(&platform.digest), usage: size.clone(), content: size };
            let name = format!("{branch}{}", platform.platform);
            let style = |text: &str| if platform.present { text.to_owned() } else { self.faint(text) };
            self.row(out, &name, &style, &details, name_width, columns);
        }
    }

    /// A name that is too long stands on a line of its own.
    fn row(
        &self,
        out: &mut String,
        name: &str,
        style: &dyn Fn(&str) -> String,
        details: &Details,
        name_width: usize,
        columns: &[(&str, usize, bool)],
    ) {
        let mut name = name;
        if name.chars().count() > name_width {
            out.push_str(&format!("{}\n", style(name)));
            name = "";
        }
        let value = |title: &str, _| match title {
            "ID" => details.id.clone(),
            "DISK USAGE" => details.usage.clone(),
            "CONTENT SIZE" => details.content.clone(),
            _ => String::new(),
        };
        let shown = name.chars().count();
        out.push_str(&self.line(&style(name), shown, name_width, columns, value));
    }

    /// `name` is `shown` characters wide, whatever its colours.
    fn line(
        &self,
        name: &str,
        shown: usize,
        name_width: usize,
        columns: &[(&str, usize, bool)],
        value: impl Fn(&str, usize) -> String,
    ) -> String {
        let mut line = format!("{name}{}", " ".repeat(name_width.saturating_sub(shown)));
        for (title, width, right) in columns {
            let cell = value(title, *width);
            let width = *width;
            line.push_str(GAP);
            line.push_str(&if *right { format!("{cell:>width$}") } else { format!("{cell:<width$}") });
        }
        line.push('\n');
        line
    }

    /// Drops columns that leave no room for the names; the widest name counts bytes, as docker's does.
    fn name_width(&self, listings: &[&Listing], columns: &mut Vec<(&str, usize, bool)>) -> usize {
        let names = listings.iter().flat_map(|l| l.names.iter().map(|n| n.familiar().len()));
        let platforms =
            listings.iter().flat_map(|l| l.platforms.iter().map(|p| p.platform.len() + "└─ ".len() + 4));
        let untagged = listings.iter().filter(|l| l.names.is_empty()).map(|_| UNTAGGED.len());
        let widest = names.chain(platforms).chain(untagged).max().unwrap_or_default().max("IMAGE".len());
        let Some(mut room) = self.width else { return widest };
        for n in 0..columns.len() {
            let needed = columns.get(n).map_or(0, |(_, width, _)| width + GAP.len());
            if room < needed + MIN_NAME {
                columns.truncate(n);
                break;
            }
            room -= needed;
        }
        widest.min(room)
    }

    fn id(&self, digest: &barge_oci::Digest) -> String {
        if self.full_ids { digest.to_string() } else { digest.short() }
    }

    fn bold(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn faint(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
