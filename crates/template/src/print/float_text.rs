//! Floats as digits, without sign, flags or width (`strconv.FormatFloat`).

/// No float has more decimal digits than this, on either side of the point; those beyond are zeros.
const MOST_DIGITS: usize = 1100;

/// `size`, which is not negative, in the format of `verb`. Without a precision, as many digits as tell the
/// float from all others.
pub(super) fn float_text(size: f64, verb: char, precision: Option<usize>) -> String {
    match verb {
        'e' | 'E' => scientific(&rounded(size, precision), precision, verb),
        'f' => match precision {
            Some(precision) => fixed(size, precision),
            None => plain(&Decimal::shortest(size), None),
        },
        'b' => binary(size),
        'x' | 'X' => hexadecimal(size, precision, verb),
        _ => general(size, precision, verb),
    }
}

/// A float as Go's JSON encoder writes it, sign included: as JavaScript does.
pub(crate) fn json_float(number: f64) -> String {
    let size = number.abs();
    let decimal = Decimal::shortest(size);
    let text = if size != 0.0 && !(1e-6..1e21).contains(&size) {
        // One digit is enough for an exponent here.
        scientific(&decimal, None, 'e').replace("e-0", "e-")
    } else {
        plain(&decimal, None)
    };
    let sign = if number.is_sign_negative() { "-" } else { "" };
    format!("{sign}{text}")
}

/// `0.d1d2d3… × 10^point`, without zeros at the end.
struct Decimal {
    digits: String,
    point: i32,
}

impl Decimal {
    /// The fewest digits that tell `size` from all other floats.
    fn shortest(size: f64) -> Decimal {
        Decimal::parse(&format!("{size:e}"))
    }

    /// `count` digits, correctly rounded.
    fn with_digits(size: f64, count: usize) -> Decimal {
        let behind_point = count.clamp(1, MOST_DIGITS) - 1;
        Decimal::parse(&format!("{size:.behind_point$e}"))
    }

    /// Reads what Rust prints for `{:e}`.
    fn parse(text: &str) -> Decimal {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let digits = mantissa.replace('.', "");
        let digits = digits.trim_end_matches('0').to_owned();
        let point = match exponent.parse::<i32>() {
            Ok(exponent) if !digits.is_empty() => exponent + 1,
            _ => 0,
        };
        Decimal { digits, point }
    }

    /// The digit that stands `place` digits behind the point, or before it if negative.
    fn digit(&self, place: i32) -> char {
        usize::try_from(self.point + place)
            .ok()
            .and_then(|index| self.digits.as_bytes().get(index))
            .map_or('0', |digit| char::from(*digit))
    }

    fn count(&self) -> i32 {
        to_i32(self.digits.len())
    }
}

fn rounded(size: f64, precision: Option<usize>) -> Decimal {
    match precision {
        Some(precision) => Decimal::with_digits(size, precision.saturating_add(1)),
        None => Decimal::shortest(size),
    }
}

/// `d.ddde±dd`
fn scientific(decimal: &Decimal, precision: Option<usize>, verb: char) -> String {
    let precision = precision.unwrap_or(decimal.digits.len().saturating_sub(1));
    let mut digits = decimal.digits.chars().chain(std::iter::repeat('0'));
    let mut text: String = digits.by_ref().take(1).collect();
    if precision > 0 {
        text.push('.');
        text.extend(digits.take(precision));
    }
    let exponent = if decimal.digits.is_empty() { 0 } else { decimal.point - 1 };
    let sign = if exponent < 0 { '-' } else { '+' };
    text.push_str(&format!("{verb}{sign}{:02}", exponent.unsigned_abs()));
    text
}

/// `ddd.ddd` with `precision` digits behind the point.
fn fixed(size: f64, precision: usize) -> String {
    let real = precision.min(MOST_DIGITS);
    let mut text = format!("{size:.real$}");
    text.extend(std::iter::repeat_n('0', precision - real));
    text
}

/// `ddd.ddd` with as many digits behind the point as there are, or with `places`.
fn plain(decimal: &Decimal, places: Option<i32>) -> String {
    let places = places.unwrap_or(decimal.count() - decimal.point).max(0);
    let mut text: String = (-decimal.point..0).map(|place| decimal.digit(place)).collect();
    if text.is_empty() {
        text.push('0');
    }
    if places > 0 {
        text.push('.');
        text.extend((0..places).map(|place| decimal.digit(place)));
    }
    text
}

/// `%g`: scientific for large exponents, else plain.
fn general(size: f64, precision: Option<usize>, verb: char) -> String {
    let decimal = match precision {
        Some(precision) => Decimal::with_digits(size, precision),
        None => Decimal::shortest(size),
    };
    let count = decimal.count();
    let (precision, largest) = match precision {
        None => (count, 6),
        Some(precision) => {
            let precision = to_i32(precision.max(1));
            let fits = precision > count && count >= decimal.point;
            (precision, if fits { count } else { precision })
        }
    };
    let exponent = decimal.point - 1;
    if exponent < -4 || exponent >= largest {
        let behind_point = usize::try_from(precision.min(count) - 1).unwrap_or_default();
        let verb = if verb == 'G' { 'E' } else { 'e' };
        return scientific(&decimal, Some(behind_point), verb);
    }
    let precision = if precision > decimal.point { count } else { precision };
    plain(&decimal, Some(precision - decimal.point))
}

fn to_i32(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Bits of the mantissa of a float, less the one that is not stored.
const MANTISSA: i32 = 52;

/// The mantissa and exponent of a float: `mantissa × 2^(exponent - 52)`.
fn split(size: f64) -> (u64, i32) {
    let bits = size.to_bits();
    let fraction = bits & ((1 << MANTISSA) - 1);
    let exponent = i32::try_from(bits >> MANTISSA & 0x7ff).unwrap_or_default();
    match exponent {
        0 => (fraction, -1022),
        _ => (fraction | 1 << MANTISSA, exponent - 1023),
    }
}

/// `%b`: `4503599627370496p-52`
fn binary(size: f64) -> String {
    let (mantissa, exponent) = split(size);
    format!("{mantissa}p{:+}", exponent - MANTISSA)
}

/// `%x`: `0x1.8p+03`
fn hexadecimal(size: f64, precision: Option<usize>, verb: char) -> String {
    /// Digits behind the point that a float can have.
    const DIGITS: usize = 13;
    let (mut mantissa, mut exponent) = split(size);
    if mantissa == 0 {
        exponent = 0;
    } else {
        // Subnormal floats get their leading one, too.
        let shift = mantissa.leading_zeros() - (63 - MANTISSA.unsigned_abs());
        mantissa <<= shift;
        exponent -= shift.cast_signed();
    }
    if let Some(precision) = precision.filter(|precision| *precision < DIGITS) {
        // Round half to even, in place.
        let dropped = 4 * (DIGITS - precision);
        let half = 1 << (dropped - 1);
        let odd = mantissa >> dropped & 1;
        mantissa = (mantissa + half - 1 + odd) >> dropped << dropped;
        if mantissa >> (MANTISSA + 1) > 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let lead = mantissa >> MANTISSA;
    let mut digits = format!("{:013x}", mantissa & ((1 << MANTISSA) - 1));
    match precision {
        None => digits.truncate(digits.trim_end_matches('0').len()),
        Some(precision) => {
            digits.truncate(precision);
            let missing = precision - digits.len();
            digits.extend(std::iter::repeat_n('0', missing));
        }
    }
    let point = if digits.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    let exponent = exponent.unsigned_abs();
    let text = format!("0x{lead}{point}{digits}p{sign}{exponent:02}");
    if verb == 'X' { text.to_uppercase() } else { text }
}
