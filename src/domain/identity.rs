//! The personal identity code (henkilötunnus): `DDMMYY`, century sign, individual number, check
//! character.
//!
//! Floor of the house. Rules: Government decree on the population information system (128/2010) with
//! the century signs of 2023. All eleven characters matter, the sign too: two people may differ in
//! nothing else. A code stands in native documents and in the body of a look-up, never in a URL, log,
//! trace, metric, token or cursor; so it has no `Display` and its `Debug` is redacted.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroize;

use crate::domain::{day::Day, words::redacted};

/// OID of the personal identity code as an identifier system.
pub const SYSTEM: &str = "urn:oid:1.2.246.21";
const CHECK: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
const LENGTH: usize = 11;

/// What becomes of the codes 900 to 999, which are issued to nobody.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TestRange {
    /// They are read; for a test system.
    Allow(WrongCheck),
    /// They are refused; for production.
    Refuse,
}

/// What becomes of a wrong check character in the test range; elsewhere it is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WrongCheck {
    /// Refused.
    Refuse,
    /// Read with a [`Warning`]: examples of national guides have wrong ones.
    Warn,
}

/// What is odd about a code that was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Warning {
    /// The check character is wrong, in the test range.
    Check,
}

impl Warning {
    /// One line for whoever sent it.
    pub const fn say(self) -> &'static str {
        match self {
            Self::Check => "the check character of this test code is wrong; correct it",
        }
    }
}

/// Why a text is no code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    /// The day does not exist.
    Birth,
    /// The check character does not fit the digits.
    Check,
    /// A digit is missing where one must stand.
    Digit,
    /// The individual number is 000 or 001, which are unused.
    Individual,
    /// Not eleven characters.
    Length,
    /// The seventh character is no century sign.
    Sign,
    /// It is in the test range, and this gateway takes none.
    TestRange,
}

impl Flaw {
    /// One line for whoever sent it; never the text itself.
    pub const fn say(self) -> &'static str {
        match self {
            Self::Birth => "the first six digits are no day of that century; correct them",
            Self::Check => {
                "the check character does not fit the digits; correct the code (in capital letters)"
            }
            Self::Digit => "expected digits at places 1 to 6 and 8 to 10; correct the code",
            Self::Individual => "the individual number must be 002 or more; correct the code",
            Self::Length => "expected 11 characters; send the whole code, century sign too",
            Self::Sign => "expected one of + - Y X W V U A B C D E F at place 7; correct the code",
            Self::TestRange => "test codes (900-999) are not taken here; send a real one or none",
        }
    }
}

/// One person's identity code, checked.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct IdentityCode([u8; LENGTH]);

redacted!(IdentityCode);

impl IdentityCode {
    /// Reads a code; capital letters only, nothing is stripped or normalised.
    ///
    /// # Errors
    /// The first [`Flaw`] found, in the order length, digits, sign, day, individual number, test
    /// range, check character.
    pub fn parse(text: &str, range: TestRange) -> Result<(Self, Vec<Warning>), Flaw> {
        let code: [u8; LENGTH] = text.as_bytes().try_into().map_err(|_| Flaw::Length)?;
        let read = Read::of(&code)?;
        let right = read.check() == Some(read.mark);
        let warnings = match (range, read.is_test(), right) {
            (TestRange::Refuse, true, _) => return Err(Flaw::TestRange),
            (_, _, true) => Vec::new(),
            (TestRange::Allow(WrongCheck::Warn), true, false) => vec![Warning::Check],
            (TestRange::Allow(_) | TestRange::Refuse, _, false) => return Err(Flaw::Check),
        };
        Ok((Self(code), warnings))
    }

    /// The code of a birthday in the test range; `number` counts from 900, and the sign is the first
    /// of its century. `None` outside 1800-2099 and 900-999.
    pub fn invent(birth: Day, number: u16) -> Option<Self> {
        let (year, month, day) = birth.parts();
        let sign = match year {
            1800..=1899 => '+',
            1900..=1999 => '-',
            2000..=2099 => 'A',
            _ => return None,
        };
        let open = format!("{day:02}{month:02}{:02}{sign}{number:03}0", year.rem_euclid(100));
        let mut code: [u8; LENGTH] = open.as_bytes().try_into().ok()?;
        let read = Read::of(&code).ok().filter(Read::is_test)?;
        *code.last_mut()? = read.check()?;
        Some(Self(code))
    }

    /// The eleven characters: for the native form, the keyed look-up and sealing alone.
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The day of birth.
    pub fn birth(&self) -> Option<Day> {
        Read::of(&self.0).ok().map(|read| read.birth)
    }

    /// Is it in the range that is issued to nobody?
    pub fn is_test(&self) -> bool {
        Read::of(&self.0).is_ok_and(|read| read.is_test())
    }
}

impl Drop for IdentityCode {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A code taken apart.
struct Read {
    birth: Day,
    digits: u32,
    individual: u32,
    mark: u8,
}

impl Read {
    fn of(code: &[u8; LENGTH]) -> Result<Self, Flaw> {
        let [d1, d2, m1, m2, y1, y2, sign, i1, i2, i3, mark] = *code;
        let dmy = number(&[d1, d2, m1, m2, y1, y2]).ok_or(Flaw::Digit)?;
        let individual = number(&[i1, i2, i3]).ok_or(Flaw::Digit)?;
        let century = match sign {
            b'+' => 1800,
            b'-' | b'U'..=b'Y' => 1900,
            b'A'..=b'F' => 2000,
            _ => return Err(Flaw::Sign),
        };
        let birth = day(century, dmy).ok_or(Flaw::Birth)?;
        if individual < 2 {
            return Err(Flaw::Individual);
        }
        Ok(Self { birth, digits: dmy * 1000 + individual, individual, mark })
    }

    fn is_test(&self) -> bool {
        self.individual >= 900
    }

    /// The character that belongs there: the nine digits as one number, modulo 31.
    fn check(&self) -> Option<u8> {
        usize::try_from(self.digits % 31).ok().and_then(|at| CHECK.get(at).copied())
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |sum: u32, d| d.is_ascii_digit().then(|| sum * 10 + u32::from(d - b'0')))
}

fn day(century: i16, dmy: u32) -> Option<Day> {
    let year = i16::try_from(dmy % 100).ok()?;
    let month = i8::try_from(dmy / 100 % 100).ok()?;
    Day::new(century + year, month, i8::try_from(dmy / 10_000).ok()?)
}

/// Does a text hold what looks like an identity code, standing by itself? For places where none may
/// ever stand (ids, URLs); the check character is not asked for, so that a mistyped code is caught.
pub fn mentions_identity_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(LENGTH).enumerate().any(|(at, window)| {
        let before = at.checked_sub(1).and_then(|b| bytes.get(b));
        let stands_alone =
            [before, bytes.get(at + LENGTH)].iter().flatten().all(|b| !b.is_ascii_alphanumeric());
        let shaped = <[u8; LENGTH]>::try_from(window)
            .is_ok_and(|code| code.is_ascii() && looks(code.to_ascii_uppercase().as_slice()));
        stands_alone && shaped
    })
}

fn looks(code: &[u8]) -> bool {
    let marked = code.last().is_some_and(u8::is_ascii_alphanumeric);
    let read = <[u8; LENGTH]>::try_from(code).map(|code| Read::of(&code));
    marked && matches!(read, Ok(Ok(_) | Err(Flaw::Individual)))
}

impl Serialize for IdentityCode {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.reveal())
    }
}

/// Reads what was checked when it came in, so the most lenient rule holds.
impl<'de> Deserialize<'de> for IdentityCode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        let (code, _) = Self::parse(&text, TestRange::Allow(WrongCheck::Warn))
            .map_err(|flaw| de::Error::custom(flaw.say()))?;
        Ok(code)
    }
}

/// Has it the shape of a Finnish personal identity code, `DDMMYY` sign `NNN` check character? Such
/// a code stands in no token and no name.
pub fn resembles(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize| {
        bytes.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    bytes.len() == 11
        && digits(0, 6)
        && digits(7, 10)
        && bytes.get(6).is_some_and(|sign| b"+-ABCDEFUVWXY".contains(&sign.to_ascii_uppercase()))
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
}
