//! One value after another out of the DER form (X.690): as much of it as certificates need.
//!
//! Part of `pki`. Judges nothing; what is cut off or of another tag is not there.

/// Several values in order.
pub(super) const SEQUENCE: u8 = 0x30;
/// A whole number.
pub(super) const INTEGER: u8 = 0x02;
/// The version of a certificate.
const VERSION: u8 = 0xa0;

/// The content of what begins `bytes`, if it is of this tag, and what follows it.
pub(super) fn take(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, content, rest) = next(bytes)?;
    (first == tag).then_some((content, rest))
}

/// Tag and content of what begins `bytes`, and what follows it.
pub(super) fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
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
    Some((first, content, rest))
}

/// All values that `bytes` is made of; none if they do not come out even.
pub(super) fn all(mut bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (tag, content, rest) = next(bytes)?;
        all.push((tag, content));
        bytes = rest;
    }
    Some(all)
}

/// The serial number of a certificate, and the fields after it.
pub(super) fn numbered(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (whole, _) = take(certificate, SEQUENCE)?;
    let (fields, _) = take(whole, SEQUENCE)?;
    let fields = take(fields, VERSION).map_or(fields, |(_, rest)| rest);
    take(fields, INTEGER)
}
