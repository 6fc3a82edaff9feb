//! From when until when a certificate, or a list of revoked ones, is good; and a certificate's number.
//!
//! Part of `pki`, for operators: rustls checks dates itself and does not tell them. Reads single fields
//! (RFC 5280 sections 4.1.2.2, 4.1.2.5, 5.1.2.4 and 5.1.2.5) out of the DER form and judges nothing.

use crate::domain::moment::Moment;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// First and last instant; none if it is no certificate.
pub fn of(certificate: &[u8]) -> Option<(Moment, Moment)> {
    let (_, rest) = numbered(certificate)?;
    let (_algorithm, rest) = take(rest, SEQUENCE)?;
    let (_issuer, rest) = take(rest, SEQUENCE)?;
    let (validity, _) = take(rest, SEQUENCE)?;
    let (from, rest) = time(validity)?;
    let (until, _) = time(rest)?;
    Some((from, until))
}

/// The serial number of a certificate; none if it is no certificate.
pub fn serial(certificate: &[u8]) -> Option<&[u8]> {
    numbered(certificate).map(|(serial, _)| serial)
}

/// When a list of revoked certificates was made, and when the next is due; none if it does not say.
pub fn of_list(list: &[u8]) -> Option<(Moment, Moment)> {
    let (whole, _) = take(list, SEQUENCE)?;
    let (fields, _) = take(whole, SEQUENCE)?;
    let fields = take(fields, INTEGER).map_or(fields, |(_version, rest)| rest);
    let (_algorithm, rest) = take(fields, SEQUENCE)?;
    let (_issuer, rest) = take(rest, SEQUENCE)?;
    let (from, rest) = time(rest)?;
    let (until, _) = time(rest)?;
    Some((from, until))
}

/// The serial number of a certificate, and the fields after it.
fn numbered(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (whole, _) = take(certificate, SEQUENCE)?;
    let (fields, _) = take(whole, SEQUENCE)?;
    let fields = take(fields, VERSION).map_or(fields, |(_, rest)| rest);
    take(fields, INTEGER)
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
