//! Decimal numbers, exact.
//!
//! Part of `fhirpath`. A number is its digits and where the point stands, so `0.1 + 0.2` is `0.3` and
//! `1.10` keeps its last digit. Only division rounds, to eight places (`FHIRPath` 6.6.2 asks for at least
//! eight). Nothing here is a float; a result with too many digits is `None`.

use std::{cmp::Ordering, fmt};

/// Places after the point that a number may have.
const MOST_PLACES: u32 = 28;
/// Places that a division keeps.
const QUOTIENT: u32 = 8;

/// `digits` divided by ten to the power of `places`.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    digits: i128,
    places: u32,
}

impl From<i64> for Decimal {
    fn from(whole: i64) -> Self {
        Self { digits: whole.into(), places: 0 }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits.unsigned_abs().to_string();
        let places = usize::try_from(self.places).unwrap_or_default();
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, part) = padded.split_at_checked(padded.len() - places).unwrap_or(("0", ""));
        let sign = if self.digits < 0 { "-" } else { "" };
        let point = if part.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{part}")
    }
}

impl Decimal {
    /// One whole.
    pub const ONE: Self = Self { digits: 1, places: 0 };

    /// `digits` divided by ten to the power of `places`.
    pub(super) const fn new(digits: i128, places: u32) -> Self {
        Self { digits, places }
    }

    /// Reads `-12.50` or `1e-7`, as JSON and `FHIRPath` write numbers.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, power) = match text.split_once(['e', 'E']) {
            Some((number, power)) => (number, power.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (sign, bare) = match number.strip_prefix('-') {
            Some(bare) => (-1, bare),
            None => (1, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, part) = bare.split_once('.').unwrap_or((bare, ""));
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(part) || bare.ends_with('.') {
            return None;
        }
        let digits = format!("{whole}{part}").parse::<i128>().ok()?;
        let places = i32::try_from(part.len()).ok()?.checked_sub(power)?;
        let (digits, places) = match u32::try_from(places) {
            Ok(places) => (digits, places),
            Err(_) => (digits.checked_mul(ten(places.unsigned_abs())?)?, 0),
        };
        (places <= MOST_PLACES).then_some(Self { digits: digits * sign, places })
    }

    /// Places after the point, as it is written.
    pub fn places(self) -> u32 {
        self.places
    }

    /// The whole number that it is, if it is one.
    pub fn whole(self) -> Option<i64> {
        let scale = ten(self.places)?;
        (self.digits % scale == 0).then(|| i64::try_from(self.digits / scale).ok())?
    }

    /// Both with the same number of places.
    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let places = self.places.max(other.places);
        let left = self.digits.checked_mul(ten(places - self.places)?)?;
        let right = other.digits.checked_mul(ten(places - other.places)?)?;
        Some((left, right, places))
    }

    /// Which is greater; `None` where the digits do not fit.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        self.aligned(other).map(|(left, right, _)| left.cmp(&right))
    }

    /// Sum.
    pub fn plus(self, other: Self) -> Option<Self> {
        let (left, right, places) = self.aligned(other)?;
        Some(Self { digits: left.checked_add(right)?, places })
    }

    /// Difference.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.negative())
    }

    /// Product.
    pub fn times(self, other: Self) -> Option<Self> {
        let places = self.places + other.places;
        let product = Self { digits: self.digits.checked_mul(other.digits)?, places };
        if places > MOST_PLACES { product.short() } else { Some(product) }
    }

    /// Without zeros at the end, if that makes it short enough.
    fn short(mut self) -> Option<Self> {
        while self.places > 0 && self.digits % 10 == 0 {
            self.digits /= 10;
            self.places -= 1;
        }
        (self.places <= MOST_PLACES).then_some(self)
    }

    /// Quotient to eight places, half away from nothing; `None` when divided by nothing.
    pub fn over(self, other: Self) -> Option<Self> {
        let (left, right, _) = self.aligned(other)?;
        let scaled = left.checked_mul(ten(QUOTIENT)?)?;
        Self { digits: halved(scaled, right)?, places: QUOTIENT }.short()
    }

    /// Quotient without what is behind the point.
    pub fn whole_over(self, other: Self) -> Option<Self> {
        let (left, right, _) = self.aligned(other)?;
        Some(Self { digits: left.checked_div(right)?, places: 0 })
    }

    /// What [`Self::whole_over`] leaves.
    pub fn modulo(self, other: Self) -> Option<Self> {
        let (left, right, places) = self.aligned(other)?;
        Some(Self { digits: left.checked_rem(right)?, places })
    }

    /// The other sign.
    pub fn negative(self) -> Self {
        Self { digits: -self.digits, places: self.places }
    }

    /// Without its sign.
    pub fn absolute(self) -> Self {
        Self { digits: self.digits.abs(), places: self.places }
    }

    /// Rounded to so many places, half away from nothing.
    pub fn rounded(self, places: u32) -> Option<Self> {
        if places >= self.places {
            return Some(self);
        }
        let scale = ten(self.places - places)?;
        Some(Self { digits: halved(self.digits, scale)?, places })
    }

    /// The greatest whole number that is not above.
    pub fn floor(self) -> Option<Self> {
        Some(Self { digits: self.digits.checked_div_euclid(ten(self.places)?)?, places: 0 })
    }

    /// The least whole number that is not below.
    pub fn ceiling(self) -> Option<Self> {
        self.negative().floor().map(Self::negative)
    }

    /// Without what is behind the point.
    pub fn truncated(self) -> Option<Self> {
        Some(Self { digits: self.digits.checked_div(ten(self.places)?)?, places: 0 })
    }
}

fn ten(power: u32) -> Option<i128> {
    10_i128.checked_pow(power)
}

/// Divided, half away from nothing.
fn halved(left: i128, right: i128) -> Option<i128> {
    let quotient = left.checked_div(right)?;
    let rest = left.checked_rem(right)?;
    let up = rest.abs().checked_mul(2)? >= right.abs();
    let sign = left.signum() * right.signum();
    Some(if up { quotient + sign } else { quotient })
}
