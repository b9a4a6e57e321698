//! Classes 3, 4 and 19 at every header: damage, sizes that readers disagree on, and what is no file.

use std::cell::Cell;

use super::form::Form;
use super::image::{Part, called};
use super::tar::{BLOCK, Member, base256, changed, long, meta, octal, offset, pax, record, start, tar};
use super::{Cases, LOADS, Refusals, byte};

const TAR_BAD: Refusals = &["TAR_BAD"];
/// Where a header says what made it.
const MAGIC: usize = 257;
/// Where paths begin that are too long for their own field.
const PREFIX: usize = 345;

pub(super) fn add(cases: &mut Cases) {
    for form in Form::ALL {
        let members = form.members();
        for n in 0..members.len() {
            let modern = form == Form::Modern;
            at_every_header(cases, &Spot::new(form, &members, n, if modern { 1 } else { 5 }));
            if modern {
                of_today(cases, &Spot::new(form, &members, n, 7));
                sizes_by_one(cases, &Spot::new(form, &members, n, 2));
            }
        }
    }
    at_one_header(cases);
    at_all_headers(cases);
}

/// Keys of records and their values.
type Records<'a> = &'a [(&'a str, &'a [u8])];

/// A header of an image.
struct Spot<'a> {
    form: Form,
    members: &'a [Member],
    n: usize,
    /// How many of the ways to spoil it are left out, but one.
    one_in: usize,
    /// How many ways there were.
    ways: Cell<usize>,
}

impl<'a> Spot<'a> {
    fn new(form: Form, members: &'a [Member], n: usize, one_in: usize) -> Self {
        Self { form, members, n, one_in, ways: Cell::new(0) }
    }

    /// Whether the next way to spoil it is made.
    fn next(&self, cases: &Cases) -> bool {
        let way = self.ways.get();
        self.ways.set(way + 1);
        cases.takes(way, self.n, self.one_in)
    }

    fn member(&self) -> &Member {
        &self.members[self.n]
    }

    fn name(&self, how: &str) -> String {
        format!("{}-{}-{how}", self.form.label(), self.form.member(self.n))
    }

    fn add(
        &self,
        cases: &mut Cases,
        class: u8,
        how: &str,
        refusals: Refusals,
        change: impl FnOnce(&mut Member),
    ) {
        if !self.next(cases) {
            return;
        }
        let members = changed(self.members, self.n, change);
        let bytes = tar(&members);
        let [header, before] = [offset(&members, self.n), start(&members, self.n)].map(byte);
        let end = byte(bytes.len());
        let path = called(self.member());
        let place = [header.as_str(), before.as_str(), end.as_str(), path, "index.json"];
        cases.add(class, &self.name(how), bytes, refusals, &place);
    }
}

fn at_every_header(cases: &mut Cases, spot: &Spot<'_>) {
    let (first, size) = (spot.member().path.as_bytes()[0], spot.member().content.len());
    let is_file = !spot.member().is_folder();
    // A folder has no content, whatever it says.
    let cut_short: Refusals = if is_file { &["TAR_TRUNCATED"] } else { TAR_BAD };
    spot.add(cases, 3, "checksum", TAR_BAD, |m| m.scars.push((0, vec![first ^ 1])));
    spot.add(cases, 4, "size-negative", TAR_BAD, |m| m.claim(base256(-1)));
    spot.add(cases, 19, "size-one-tebibyte", cut_short, |m| m.claim(base256(1 << 40)));
    let more = (size + BLOCK).to_string();
    spot.add(cases, 4, "pax-size-more", TAR_BAD, |m| m.before = pax("size", &more));
    spot.add(cases, 4, "lone-zeros", TAR_BAD, |m| m.before = vec![0; BLOCK]);
    let special = spot.form.unless_lost(spot.n, &["SPECIAL_FILE"], &["SPECIAL_FILE", "NOT_AN_IMAGE"]);
    spot.add(cases, 3, "fifo", special, |m| {
        m.kind = b'6';
        m.content.clear();
    });

    let (bytes, at) = (tar(spot.members), offset(spot.members, spot.n));
    let mut cut = |how: &str, to: usize| {
        if !spot.next(cases) {
            return;
        }
        cases.add(3, &spot.name(how), bytes[..to].to_vec(), &["TAR_TRUNCATED"], &[&byte(to)]);
    };
    cut("cut-in-header", at + 200);
    if is_file {
        cut("cut-in-content", at + BLOCK + size / 2);
        cut("cut-before-content", at + BLOCK);
    }
}

/// More, at the headers of one image.
fn of_today(cases: &mut Cases, spot: &Spot<'_>) {
    let size = spot.member().content.len();
    let is_file = !spot.member().is_folder();
    let cut_short: Refusals = if is_file { &["TAR_TRUNCATED"] } else { TAR_BAD };
    spot.add(cases, 4, "size-letters", TAR_BAD, |m| m.claim(b"zzzzzzzzzzz\0".to_vec()));
    spot.add(cases, 19, "size-2-to-62", cut_short, |m| m.claim(base256(1 << 62)));
    spot.add(cases, 19, "size-2-to-63", TAR_BAD, |m| m.claim(base256(i64::MAX)));
    spot.add(cases, 19, "size-2-to-87", TAR_BAD, |m| m.claim([&[0x80_u8][..], &[0xff; 11]].concat()));
    spot.add(cases, 19, "size-8-gibibytes", cut_short, |m| m.claim(b"77777777777\0".to_vec()));
    spot.add(cases, 4, "pax-size-alone", LOADS, |m| {
        m.claim(octal(0));
        m.before = pax("size", &size.to_string());
    });
    spot.add(cases, 19, "pax-size-one-tebibyte", cut_short, |m| {
        m.claim(octal(0));
        m.before = pax("size", "1099511627776");
    });
    spot.add(cases, 4, "pax-path-twice", TAR_BAD, |m| {
        m.before = meta(b'x', &[record("path", b"a"), record("path", b"b")].concat());
    });
    spot.add(cases, 4, "pax-global-path", TAR_BAD, |m| m.before = meta(b'g', &record("path", b"evil")));
    spot.add(cases, 4, "pax-global-size", TAR_BAD, |m| m.before = meta(b'g', &record("size", b"0")));
    spot.add(cases, 4, "pax-global-comment", LOADS, |m| m.before = meta(b'g', &record("comment", b"evil")));
    // The first thing that is wrong is the second record.
    let gnu_and_pax = [long(b'L', "evil"), pax("path", "good")].concat();
    let second = byte(start(spot.members, spot.n) + long(b'L', "evil").len());
    let members = changed(spot.members, spot.n, |m| m.before = gnu_and_pax);
    if spot.next(cases) {
        cases.add(4, &spot.name("gnu-and-pax-name"), tar(&members), TAR_BAD, &[&second]);
    }

    let special: Refusals = &["SPECIAL_FILE"];
    for (how, kind) in [("character-device", b'3'), ("block-device", b'4'), ("unknown-type", b'Z')] {
        spot.add(cases, 3, how, special, |m| {
            m.kind = kind;
            m.content.clear();
        });
    }
    if !is_file {
        spot.add(cases, 4, "folder-with-content", TAR_BAD, |m| {
            m.content = Member::file("manifest.json", "[]").bytes();
        });
        return;
    }
    // Its content stands where the next header should be.
    spot.add(cases, 3, "device-with-content", &["SPECIAL_FILE", "TAR_BAD", "NOT_AN_IMAGE"], |m| {
        m.kind = b'3';
    });
    spot.add(cases, 4, "pax-size-zero", TAR_BAD, |m| m.before = pax("size", "0"));
    spot.add(cases, 4, "as-records", TAR_BAD, |m| m.kind = b'x');
    spot.add(cases, 4, "as-global-records", TAR_BAD, |m| m.kind = b'g');
    spot.add(cases, 4, "folder-of-a-size", TAR_BAD, |m| m.kind = b'5');
    spot.add(cases, 4, "link-of-a-size", TAR_BAD, |m| {
        m.kind = b'2';
        m.link = "elsewhere".to_owned();
    });
    spot.add(cases, 4, "slash-behind", TAR_BAD, |m| m.path.push('/'));
    sparse(cases, spot);
}

/// Files with holes, in every form there is.
fn sparse(cases: &mut Cases, spot: &Spot<'_>) {
    const HUGE: &[u8] = b"1099511627776";
    let special: Refusals = &["SPECIAL_FILE"];
    let records = |records: Records<'_>| {
        meta(b'x', &records.iter().flat_map(|(key, value)| record(key, value)).collect::<Vec<u8>>())
    };
    let forms: [(&str, Records<'_>); 3] = [
        (
            "sparse-0.0",
            &[
                ("GNU.sparse.size", HUGE),
                ("GNU.sparse.numblocks", b"1"),
                ("GNU.sparse.offset", b"0"),
                ("GNU.sparse.numbytes", b"1"),
            ],
        ),
        ("sparse-0.1", &[("GNU.sparse.size", HUGE), ("GNU.sparse.map", b"0,1,1099511627775,1")]),
        (
            "sparse-1.0",
            &[
                ("GNU.sparse.major", b"1"),
                ("GNU.sparse.minor", b"0"),
                ("GNU.sparse.name", b"evil"),
                ("GNU.sparse.realsize", HUGE),
            ],
        ),
    ];
    for (how, keys) in forms {
        spot.add(cases, 19, how, special, |m| m.before = records(keys));
    }
    spot.add(cases, 19, "sparse-gnu", special, |m| {
        m.kind = b'S';
        m.fields.push((MAGIC, b"ustar  \0".to_vec()));
        // One piece, and how large the file is.
        m.fields.push((386, [octal(0), octal(1)].concat()));
        m.fields.push((483, base256(1 << 40)));
    });
}

/// Sizes that are wrong by one byte, where the next header stands in the same place.
fn sizes_by_one(cases: &mut Cases, spot: &Spot<'_>) {
    let size = spot.member().content.len();
    let refusals: Refusals = match spot.form.member(spot.n) {
        "index.json" | "manifest.json" | "oci-layout" => &["JSON_INVALID"],
        "repositories" => LOADS,
        _ => &["DIGEST_MISMATCH"],
    };
    for (how, wrong) in [("size-one-less", size.wrapping_sub(1)), ("size-one-more", size + 1)] {
        if wrong.div_ceil(BLOCK) == size.div_ceil(BLOCK) {
            spot.add(cases, 4, how, refusals, |m| m.claim(octal(wrong)));
        }
    }
}

/// What may be wrong with any header, at one.
fn at_one_header(cases: &mut Cases) {
    let members = Form::Modern.members();
    for part in [Part::Index, Part::ManifestJson] {
        let spot = Spot::new(Form::Modern, &members, part.at(), 2);
        let numbers = [
            ("mode", 100, 8),
            ("user", 108, 8),
            ("group", 116, 8),
            ("time", 136, 12),
            ("device", 329, 8),
            ("minor-device", 337, 8),
        ];
        for (field, at, length) in numbers {
            spot.add(cases, 3, &format!("{field}-letters"), TAR_BAD, |m| {
                m.fields.push((at, vec![b'z'; length]));
            });
            spot.add(cases, 3, &format!("{field}-base-256"), LOADS, |m| {
                m.fields.push((at, [vec![0x80_u8], vec![0; length - 2], vec![1]].concat()));
            });
            spot.add(cases, 3, &format!("{field}-negative"), LOADS, |m| {
                m.fields.push((at, vec![0xff; length]));
            });
        }
        spot.add(cases, 3, "checksum-of-zeros", TAR_BAD, |m| m.scars.push((148, vec![0; 8])));
        spot.add(cases, 3, "checksum-of-blanks", TAR_BAD, |m| m.scars.push((148, vec![b' '; 8])));
        spot.add(cases, 4, "size-behind-zeros", TAR_BAD, |m| {
            m.claim([vec![0; 6], b"001000".to_vec()].concat());
        });
        spot.add(cases, 4, "size-begins-0x81", TAR_BAD, |m| m.claim([vec![0x81_u8], vec![0; 11]].concat()));
        spot.add(cases, 4, "size-begins-0xfe", TAR_BAD, |m| m.claim([vec![0xfe_u8], vec![0; 11]].concat()));
        spot.add(cases, 4, "size-plus", TAR_BAD, |m| m.claim(b"+0000000001\0".to_vec()));
        spot.add(cases, 4, "prefix-in-v7", TAR_BAD, |m| {
            m.fields.extend([(MAGIC, vec![0; 8]), (PREFIX, b"evil".to_vec())]);
        });
        spot.add(cases, 4, "prefix-in-gnu", TAR_BAD, |m| {
            m.fields.extend([(MAGIC, b"ustar  \0".to_vec()), (PREFIX, b"evil".to_vec())]);
        });
        spot.add(cases, 4, "prefix-dotdot", &["PATH_UNSAFE"], |m| m.fields.push((PREFIX, b"..".to_vec())));
    }
}

/// What is odd about all headers and harmless.
fn at_all_headers(cases: &mut Cases) {
    for form in Form::ALL {
        if form != Form::Modern && !cases.every {
            continue;
        }
        let members = form.members();
        let mut all = |how: &str, change: &dyn Fn(&mut Member)| {
            let mut members = members.clone();
            members.iter_mut().for_each(change);
            cases.add(4, &format!("{}-all-{how}", form.label()), tar(&members), LOADS, &[]);
        };
        all("v7", &|m| m.fields.push((MAGIC, vec![0; 8])));
        all("gnu", &|m| m.fields.push((MAGIC, b"ustar  \0".to_vec())));
        all("base-256", &|m| m.claim(base256(m.content.len() as i64)));
        all("blanks", &|m| m.claim(format!("{:>11o} ", m.content.len()).into_bytes()));
        all("pax-path", &|m| m.before = pax("path", &m.path));
        all("gnu-path", &|m| m.before = long(b'L', &m.path));
        all("pax-size", &|m| m.before = pax("size", &m.content.len().to_string()));
        all("dot-slash", &|m| m.path.insert_str(0, "./"));
        all("old-type", &|m| m.kind = 0);
        all("contiguous", &|m| m.kind = if m.is_folder() { b'5' } else { b'7' });
        all("prefix", &|m| {
            let path = m.path.trim_end_matches('/').to_owned();
            if let Some((folder, name)) = path.rsplit_once('/') {
                m.fields.push((PREFIX, folder.as_bytes().to_vec()));
                m.path = name.to_owned();
            }
        });
    }
}
