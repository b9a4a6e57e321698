//! Sizes as docker prints them (`docker/go-units`): decimal units, a number of significant digits.

/// `bytes` with `digits` significant digits: `1.02MB`. Unlike docker's, 999950 bytes are `1MB`, not `1e+03kB`.
pub(crate) fn human_size(bytes: u64, digits: usize) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    #[expect(clippy::cast_precision_loss, reason = "a few significant digits are shown")]
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let mut text = significant(value, digits);
    if text.parse::<f64>().is_ok_and(|v| v >= 1000.0) && unit + 1 < UNITS.len() {
        text = "1".to_owned();
        unit += 1;
    }
    format!("{text}{}", UNITS.get(unit).copied().unwrap_or_default())
}

/// Go's `%.{digits}g` for numbers that need no exponent.
fn significant(value: f64, digits: usize) -> String {
    let whole = if value >= 100.0 {
        3
    } else if value >= 10.0 {
        2
    } else {
        1
    };
    let text = format!("{value:.*}", digits.saturating_sub(whole));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::human_size;

    #[test]
    fn as_docker_prints_them() {
        let cases = [
            (0, "0B"),
            (1, "1B"),
            (999, "999B"),
            (1000, "1kB"),
            (1_023_999, "1.02MB"),
            (4_090_000, "4.09MB"),
            (13_600_000, "13.6MB"),
            (999_950, "1MB"),
            (9_999, "10kB"),
            (99_950, "100kB"),
            (1_680_000_000, "1.68GB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(human_size(bytes, 3), expected, "{bytes}");
        }
        assert_eq!(human_size(1_234_567, 4), "1.235MB");
    }
}
