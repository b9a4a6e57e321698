//! A few lines of tar: enough to make layers and archives, and to look into those that barge wrote.

const BLOCK: usize = 512;

/// An archive of regular files, and of folders where a path ends with a slash.
pub(crate) fn tar<P: AsRef<str>, B: AsRef<[u8]>>(files: &[(P, B)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (path, bytes) in files {
        let (path, bytes) = (path.as_ref(), bytes.as_ref());
        let folder = path.ends_with('/');
        let mut header = [0; BLOCK];
        let mut put = |at: usize, value: &[u8]| header[at..at + value.len()].copy_from_slice(value);
        put(0, path.as_bytes());
        put(100, if folder { b"0000755" } else { b"0000644" });
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, format!("{:011o}", bytes.len()).as_bytes());
        put(136, b"00000000000");
        put(148, b"        ");
        put(156, if folder { b"5" } else { b"0" });
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().copied().map(u32::from).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend(header);
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

/// The entries of an archive with short names, in order.
pub(crate) fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (mut at, mut found) = (0, Vec::new());
    while archive[at] != 0 {
        let field = |from: usize, to: usize| {
            String::from_utf8(archive[at + from..at + to].to_vec()).unwrap().replace('\0', "")
        };
        let size = usize::from_str_radix(&field(124, 136), 8).unwrap();
        found.push((field(0, 100), archive[at + BLOCK..at + BLOCK + size].to_vec()));
        at += BLOCK + size.next_multiple_of(BLOCK);
    }
    found
}
