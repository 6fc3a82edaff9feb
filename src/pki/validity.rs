//! From when until when a certificate, or a list of revoked ones, is good; and a certificate's number.
//!
//! Part of `pki`, for operators: rustls checks dates itself and does not tell them. Reads single fields
//! (RFC 5280 sections 4.1.2.2, 4.1.2.5, 5.1.2.4 and 5.1.2.5) out of the DER form and judges nothing.

use super::der::{INTEGER, SEQUENCE, numbered, take};
use crate::domain::moment::Moment;

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
