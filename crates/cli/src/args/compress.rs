//! `--compress FORMAT[:LEVEL]`

use barge_core::archive::Packing;

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compress {
    None,
    As(Packing),
}

/// `gzip`, `gzip:9`, `zstd`, `zstd:19` or `none`.
pub(super) fn parse(value: &str) -> Result<Compress, String> {
    let (format, level) = match value.split_once(':') {
        Some((format, level)) => (format, Some(level.parse().map_err(|_| format!("no level: {level:?}"))?)),
        None => (value, None),
    };
    let packing = match format {
        "none" if level.is_none() => return Ok(Compress::None),
        "gzip" => Packing::gzip(level).ok_or("gzip has levels 1 to 12"),
        "zstd" => Packing::zstd(level).ok_or("zstd has levels 1 to 19"),
        _ => Err("must be gzip, zstd or none"),
    };
    Ok(packing.map(Compress::As)?)
}
