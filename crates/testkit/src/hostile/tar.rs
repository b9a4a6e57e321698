//! Tar entries of which any byte can be other than it should be.

/// The unit of everything in a tar.
pub(super) const BLOCK: usize = 512;

/// Where the size stands in a header.
const SIZE: usize = 124;

/// One entry.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// At most 100 bytes.
    pub(super) path: String,
    /// Its type flag.
    pub(super) kind: u8,
    /// What it links to.
    pub(super) link: String,
    pub(super) content: Vec<u8>,
    /// Whole blocks that stand before its header.
    pub(super) before: Vec<u8>,
    /// Fields of the header that are other than they should be, and where; the checksum counts them.
    pub(super) fields: Vec<(usize, Vec<u8>)>,
    /// What of the header is changed when it has its checksum, and where.
    pub(super) scars: Vec<(usize, Vec<u8>)>,
}

impl Member {
    fn new(path: &str, kind: u8, content: Vec<u8>) -> Self {
        let (path, link) = (path.to_owned(), String::new());
        Self { path, kind, link, content, before: Vec::new(), fields: Vec::new(), scars: Vec::new() }
    }

    pub(super) fn file(path: &str, content: impl Into<Vec<u8>>) -> Self {
        Self::new(path, b'0', content.into())
    }

    pub(super) fn folder(path: &str) -> Self {
        Self::new(path, b'5', Vec::new())
    }

    /// Anything without content.
    pub(super) fn special(path: &str, kind: u8) -> Self {
        Self::new(path, kind, Vec::new())
    }

    pub(super) fn link(path: &str, kind: u8, target: &str) -> Self {
        Self { link: target.to_owned(), ..Self::new(path, kind, Vec::new()) }
    }

    /// The same with other bytes in its header.
    pub(super) fn field(mut self, at: usize, bytes: &[u8]) -> Self {
        self.fields.push((at, bytes.to_vec()));
        self
    }

    /// The same behind these blocks.
    pub(super) fn behind(mut self, before: Vec<u8>) -> Self {
        self.before = before;
        self
    }

    /// Has the header say another size.
    pub(super) fn claim(&mut self, size: Vec<u8>) {
        self.fields.push((SIZE, size));
    }

    pub(super) fn is_folder(&self) -> bool {
        self.kind == b'5'
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = self.before.clone();
        out.extend_from_slice(&self.header());
        out.extend_from_slice(&self.content);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
        out
    }

    fn len(&self) -> usize {
        self.before.len() + BLOCK + self.content.len().next_multiple_of(BLOCK)
    }

    fn header(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        put(&mut block, 0, self.path.as_bytes().get(..100).unwrap_or(self.path.as_bytes()));
        put(&mut block, 100, if self.is_folder() { b"0000755" } else { b"0000644" });
        put(&mut block, 108, b"0000000");
        put(&mut block, 116, b"0000000");
        put(&mut block, SIZE, &octal(self.content.len()));
        put(&mut block, 136, b"00000000000");
        put(&mut block, 156, &[self.kind]);
        put(&mut block, 157, self.link.as_bytes().get(..100).unwrap_or(self.link.as_bytes()));
        put(&mut block, 257, b"ustar\x0000");
        put(&mut block, 329, b"0000000");
        put(&mut block, 337, b"0000000");
        for (at, bytes) in &self.fields {
            put(&mut block, *at, bytes);
        }
        put(&mut block, 148, b"        ");
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
        for (at, bytes) in &self.scars {
            put(&mut block, *at, bytes);
        }
        block
    }
}

fn put(block: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    block.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
}

/// An archive of these members.
pub(super) fn tar(members: &[Member]) -> Vec<u8> {
    let mut out = entries(members);
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

/// The same without an end marker.
pub(super) fn entries(members: &[Member]) -> Vec<u8> {
    let mut out = Vec::new();
    for member in members {
        out.extend_from_slice(&member.bytes());
    }
    out
}

/// Where what belongs to a member begins.
pub(super) fn start(members: &[Member], n: usize) -> usize {
    members.iter().take(n).map(Member::len).sum()
}

/// Where its header begins.
pub(super) fn offset(members: &[Member], n: usize) -> usize {
    start(members, n) + members[n].before.len()
}

/// The members, one of them changed.
pub(super) fn changed(members: &[Member], n: usize, change: impl FnOnce(&mut Member)) -> Vec<Member> {
    let mut members = members.to_vec();
    change(&mut members[n]);
    members
}

/// The members and one more, at the place with this number.
pub(super) fn inserted(members: &[Member], n: usize, member: Member) -> Vec<Member> {
    let mut members = members.to_vec();
    members.insert(n, member);
    members
}

/// A size as it stands in a header.
pub(super) fn octal(size: usize) -> Vec<u8> {
    format!("{size:011o}\0").into_bytes()
}

/// A size in GNU's base-256.
pub(super) fn base256(size: i64) -> Vec<u8> {
    let (first, fill) = if size < 0 { (0xff, 0xff) } else { (0x80, 0) };
    let mut out = vec![first, fill, fill, fill];
    out.extend_from_slice(&size.to_be_bytes());
    out
}

/// One PAX record; its length counts its own digits.
pub(super) fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

/// The entry that holds records or a long name.
pub(super) fn meta(kind: u8, content: &[u8]) -> Vec<u8> {
    let path = if matches!(kind, b'L' | b'K') { "././@LongLink" } else { "PaxHeaders.0/x" };
    Member { kind, ..Member::file(path, content) }.bytes()
}

/// The entry that holds one record.
pub(super) fn pax(key: &str, value: &str) -> Vec<u8> {
    meta(b'x', &record(key, value.as_bytes()))
}

/// The entry that holds a long name (`L`) or a long link name (`K`).
pub(super) fn long(kind: u8, name: &str) -> Vec<u8> {
    meta(kind, &[name.as_bytes(), b"\0"].concat())
}
