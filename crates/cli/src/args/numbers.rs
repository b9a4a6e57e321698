//! Numbers that have to be in a range.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Reads a number that has to be in `range`, and says what it must be of anything else.
pub(super) fn within<T>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text: &str| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("must be {} to {}", range.start(), range.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_is_told_the_range() {
        let parse = within::<u16>(1..=6);
        assert_eq!((parse("1"), parse("6")), (Ok(1), Ok(6)));
        for text in ["0", "7", "-1", "99999999", "many", ""] {
            assert_eq!(parse(text), Err("must be 1 to 6".to_owned()), "{text}");
        }
    }
}
