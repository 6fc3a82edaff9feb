//! From when until when a certificate is good.
//!
//! Part of `pki`, for operators: rustls checks dates itself and does not tell them. Reads the one field
//! (RFC 5280 section 4.1.2.5) out of the DER form and judges nothing.

use crate::domain::moment::Moment;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// First and last instant; none if it is no certificate.
pub fn of(certificate: &[u8]) -> Option<(Moment, Moment)> {
    let (whole, _) = take(certificate, SEQUENCE)?;
    let (mut fields, _) = take(whole, SEQUENCE)?;
    if let Some((_, rest)) = take(fields, VERSION) {
        fields = rest;
    }
    let (_, rest) = take(fields, INTEGER)?;
    let (_algorithm, rest) = take(rest, SEQUENCE)?;
    let (_issuer, rest) = take(rest, SEQUENCE)?;
    let (validity, _) = take(rest, SEQUENCE)?;
    let (from, rest) = time(validity)?;
    let (until, _) = time(rest)?;
    Some((from, until))
}

/// The content of what begins `bytes`, if it is of this tag, and what follows it.
fn take(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    (first == tag).then_some((content, rest))
}

/// An instant, in either of the two forms.
fn time(bytes: &[u8]) -> Option<(Moment, &[u8])> {
    let (text, rest, century) = match take(bytes, UTC_TIME) {
        Some((text, rest)) => {
            // Two digits: 1950 to 2049.
            let century =
                if text.first().is_some_and(|digit| *digit >= b'5') { "19" } else { "20" };
            (text, rest, century)
        }
        None => take(bytes, GENERALIZED_TIME).map(|(text, rest)| (text, rest, ""))?,
    };
    let text = format!("{century}{}", std::str::from_utf8(text).ok()?);
    let part = |range| text.get(range);
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    let (hour, minute, second) = (part(8..10)?, part(10..12)?, part(12..14)?);
    let written = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    Some((Moment::parse(&written)?, rest))
}
