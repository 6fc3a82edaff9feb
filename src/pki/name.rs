//! Who a certificate says somebody is, to be compared with who is registered.
//!
//! Part of `pki`. Sources: RFC 8705 section 2.1.2, RFC 5280 sections 4.1.2.6 and 4.2.1.6, RFC 4514. What cannot
//! be read is no name, and nobody is it. Whether the certificate is to be believed TLS has settled before.

use std::net::IpAddr;

use super::der::{SEQUENCE, all, next, numbered, take};

/// One after another, from the broadest to the narrowest; what stands beside each other is sorted.
type Distinguished = Vec<Vec<(String, String)>>;

/// A name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Name {
    /// The distinguished name of the subject.
    Subject(Distinguished),
    /// A host, in small letters; a `*` in it is a `*`.
    Dns(String),
    /// A URI, letter by letter.
    Uri(String),
    /// An address.
    Ip(IpAddr),
}

/// The names of one certificate.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Names(Vec<Name>);

const SET: u8 = 0x31;
const OID: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
const OCTETS: u8 = 0x04;
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.17, subject alternative names.
const ALTERNATIVES: [u8; 3] = [0x55, 0x1d, 0x11];
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const IP: u8 = 0x87;
/// UTF-8, printable and IA5.
const TEXTS: [u8; 3] = [0x0c, 0x13, 0x16];

/// Attribute types by their short names (RFC 4514 section 3), and two more in use here.
const TYPES: [(&str, &str); 11] = [
    ("CN", "2.5.4.3"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("C", "2.5.4.6"),
    ("STREET", "2.5.4.9"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("serialNumber", "2.5.4.5"),
    ("organizationIdentifier", "2.5.4.97"),
];

impl Names {
    /// Those of a certificate in DER form.
    pub fn of(certificate: &[u8]) -> Self {
        let subject = subject(certificate).map(Name::Subject);
        let others = alternatives(certificate).unwrap_or_default();
        Self(subject.into_iter().chain(others).collect())
    }

    /// Those beside the subject, each as a setting of `clients.tls_client_auth` writes it.
    pub fn alternatives(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|name| match name {
            Name::Subject(_) => None,
            Name::Dns(host) => Some(format!("san_dns = {host:?}")),
            Name::Uri(uri) => Some(format!("san_uri = {uri:?}")),
            Name::Ip(address) => Some(format!("san_ip = \"{address}\"")),
        })
    }

    /// Is this one of them?
    pub fn has(&self, name: &Name) -> bool {
        self.0.contains(name)
    }
}

impl Name {
    /// A distinguished name as RFC 4514 writes it, `CN=desk,O=County,C=FI`.
    pub fn subject(text: &str) -> Option<Self> {
        let (mut whole, mut beside) = (Vec::new(), Vec::new());
        let mut rest = text;
        loop {
            let (kind, after) = rest.split_once('=')?;
            let (value, end, after) = value(after)?;
            beside.push((object(kind.trim())?, value));
            if end != Some('+') {
                beside.sort();
                whole.push(std::mem::take(&mut beside));
            }
            if end.is_none() {
                break;
            }
            rest = after;
        }
        // Written from the narrowest, kept from the broadest.
        whole.reverse();
        Some(Self::Subject(whole))
    }

    /// A host.
    pub fn dns(text: &str) -> Option<Self> {
        let byte = |b: u8| b.is_ascii_alphanumeric() || b".-".contains(&b);
        let fits = !text.is_empty() && text.len() <= 253 && text.bytes().all(byte);
        fits.then(|| Self::Dns(text.to_ascii_lowercase()))
    }

    /// A URI.
    pub fn uri(text: &str) -> Option<Self> {
        let fits = text.contains(':') && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self::Uri(text.to_owned()))
    }

    /// An address.
    pub fn ip(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::Ip)
    }
}

/// One value of a distinguished name, what ends it, and what follows.
fn value(text: &str) -> Option<(String, Option<char>, &str)> {
    let text = text.trim_start_matches(' ');
    // Spaces at the end count only where they are escaped.
    let (mut bytes, mut solid) = (Vec::new(), 0);
    let (mut end, mut rest) = (None, "");
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            ',' | '+' => {
                (end, rest) = (Some(letter), text.get(at + 1..)?);
                break;
            }
            '\\' => {
                let (_, next) = letters.next()?;
                if let Some(high) = next.to_digit(16) {
                    let low = letters.next()?.1.to_digit(16)?;
                    bytes.push(u8::try_from(high << 4 | low).ok()?);
                } else if " \"#+,;<=>\\".contains(next) {
                    bytes.push(u8::try_from(next).ok()?);
                } else {
                    return None;
                }
                solid = bytes.len();
            }
            '"' | ';' | '<' | '>' | '\0' => return None,
            '#' if bytes.is_empty() => return None,
            letter => {
                bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes());
                if letter != ' ' {
                    solid = bytes.len();
                }
            }
        }
    }
    bytes.truncate(solid);
    let value = String::from_utf8(bytes).ok().filter(|value| !value.is_empty())?;
    Some((value, end, rest))
}

/// An attribute type, by its short name or its numbers.
fn object(text: &str) -> Option<String> {
    let known = TYPES.iter().find(|(short, _)| short.eq_ignore_ascii_case(text));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let dotted = text.contains('.') && text.split('.').all(is_number);
    known.map(|(_, numbers)| (*numbers).to_owned()).or_else(|| dotted.then(|| text.to_owned()))
}

/// The fields of a certificate from its subject on.
fn from_subject(certificate: &[u8]) -> Option<&[u8]> {
    let (_, rest) = numbered(certificate)?;
    let (_algorithm, rest) = take(rest, SEQUENCE)?;
    let (_issuer, rest) = take(rest, SEQUENCE)?;
    let (_validity, rest) = take(rest, SEQUENCE)?;
    Some(rest)
}

fn subject(certificate: &[u8]) -> Option<Distinguished> {
    let (subject, _) = take(from_subject(certificate)?, SEQUENCE)?;
    let beside = |(tag, content): (u8, &[u8])| {
        let each = all(content).filter(|_| tag == SET)?;
        let mut beside: Vec<_> = each.into_iter().map(attribute).collect::<Option<_>>()?;
        beside.sort();
        Some(beside)
    };
    let whole: Distinguished = all(subject)?.into_iter().map(beside).collect::<Option<_>>()?;
    Some(whole).filter(|whole| !whole.is_empty())
}

fn attribute((tag, content): (u8, &[u8])) -> Option<(String, String)> {
    let (kind, rest) = take(content, OID).filter(|_| tag == SEQUENCE)?;
    let (text, value, _) = next(rest)?;
    let value = std::str::from_utf8(value).ok().filter(|_| TEXTS.contains(&text))?;
    Some((numbers(kind)?, value.to_owned()))
}

/// An object identifier, with dots.
fn numbers(bytes: &[u8]) -> Option<String> {
    let mut parts = Vec::new();
    let mut sum: u64 = 0;
    for byte in bytes {
        sum = sum.checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
        if byte & 0x80 == 0 {
            parts.push(std::mem::take(&mut sum));
        }
    }
    let (&first, rest) = parts.split_first()?;
    let top = (first / 40).min(2);
    let all = [top, first - top * 40].into_iter().chain(rest.iter().copied());
    Some(all.map(|part| part.to_string()).collect::<Vec<_>>().join("."))
}

fn alternatives(certificate: &[u8]) -> Option<Vec<Name>> {
    let fields = all(from_subject(certificate)?)?;
    let (_, extensions) = fields.into_iter().find(|(tag, _)| *tag == EXTENSIONS)?;
    let (extensions, _) = take(extensions, SEQUENCE)?;
    let mut names = Vec::new();
    for (_, extension) in all(extensions)? {
        let (kind, rest) = take(extension, OID)?;
        let rest = take(rest, BOOLEAN).map_or(rest, |(_critical, rest)| rest);
        let (content, _) = take(rest, OCTETS)?;
        if kind == ALTERNATIVES {
            let (each, _) = take(content, SEQUENCE)?;
            names.extend(all(each)?.into_iter().filter_map(alternative));
        }
    }
    Some(names)
}

fn alternative((tag, content): (u8, &[u8])) -> Option<Name> {
    let text = || std::str::from_utf8(content).ok();
    match tag {
        DNS => Some(Name::Dns(text()?.to_ascii_lowercase())),
        URI => Some(Name::Uri(text()?.to_owned())),
        IP => match <[u8; 4]>::try_from(content) {
            Ok(four) => Some(Name::Ip(four.into())),
            Err(_) => <[u8; 16]>::try_from(content).ok().map(|all| Name::Ip(all.into())),
        },
        _ => None,
    }
}
