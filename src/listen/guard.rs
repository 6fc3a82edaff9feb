//! Refuses requests that two readers could read in two ways.
//!
//! Part of `listen`, between hyper and the gateway. RFC 9112 sections 3.2 (target, Host) and 6.1
//! (Transfer-Encoding), RFC 9110 section 10.1.1 (Expect). What hyper no longer shows is judged in
//! `wire`. It may take headers away, and must never add or mend one.

use http::{HeaderMap, HeaderName, Method, Uri, Version, header, request::Parts, uri::Authority};

use super::Limits;
use crate::error::Kind;

/// Why a request is refused: the kind, and what the caller reads.
pub type Refusal = (Kind, &'static str);

/// The names under which a listener may be addressed.
#[derive(Clone, Debug)]
pub struct Hosts {
    names: Vec<String>,
    any: bool,
}

impl Hosts {
    /// Each is `host` (any port) or `host:port`; case does not matter.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().map(str::to_ascii_lowercase).collect();
        Self { names, any: false }
    }

    /// Any name will do: what is asked there tells of nobody.
    pub fn any() -> Self {
        Self { names: Vec::new(), any: true }
    }

    /// Is this one of the names as it was configured? Most requests say it so.
    fn name(&self, host: &[u8]) -> bool {
        self.names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(host))
    }

    fn know(&self, authority: &Authority) -> bool {
        let known = |name: &String| {
            name.eq_ignore_ascii_case(authority.as_str())
                || name.eq_ignore_ascii_case(authority.host())
        };
        !authority.as_str().contains('@') && (self.any || self.names.iter().any(known))
    }
}

/// Checks one head and brings its target into origin form.
///
/// # Errors
/// [`Refusal`] for the first rule that the head breaks.
pub fn check(parts: &mut Parts, hosts: &Hosts, limits: &Limits) -> Result<(), Refusal> {
    version(parts.version)?;
    method(&parts.method)?;
    expectation(&parts.headers)?;
    framing(&parts.headers)?;
    host(parts, hosts)?;
    target(parts, limits)?;
    size(parts, limits)?;
    strip(&mut parts.headers);
    Ok(())
}

fn version(version: Version) -> Result<(), Refusal> {
    if version == Version::HTTP_11 || version == Version::HTTP_10 {
        return Ok(());
    }
    Err((Kind::Invalid, "Speak HTTP/1.1."))
}

fn method(method: &Method) -> Result<(), Refusal> {
    if *method == Method::CONNECT {
        return Err((Kind::MethodNotAllowed, "This gateway is not a tunnel."));
    }
    Ok(())
}

fn expectation(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut all = headers.get_all(header::EXPECT).iter();
    if all.all(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Ok(());
    }
    Err((Kind::Expectation, "Expect nothing but 100-continue."))
}

fn framing(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err((Kind::Invalid, "Send one Transfer-Encoding, chunked, or Content-Length."));
    }
    if headers.contains_key(header::CONTENT_LENGTH) {
        return Err((Kind::Invalid, TWO_LENGTHS));
    }
    Ok(())
}

pub(super) const TWO_LENGTHS: &str = "Send either Transfer-Encoding or Content-Length.";

fn host(parts: &Parts, hosts: &Hosts) -> Result<(), Refusal> {
    let mut all = parts.headers.get_all(header::HOST).iter();
    let (Some(host), None) = (all.next(), all.next()) else {
        return Err((Kind::Invalid, "Send exactly one Host."));
    };
    if parts.uri.authority().is_none() && hosts.name(host.as_bytes()) {
        return Ok(());
    }
    let foreign = (Kind::Invalid, "The Host is not one of this gateway.");
    let host = Authority::try_from(host.as_bytes()).map_err(|_| foreign)?;
    if !hosts.know(&host) {
        return Err(foreign);
    }
    match parts.uri.authority() {
        Some(named) if named != &host => Err((Kind::Invalid, "Target and Host must agree.")),
        Some(_) | None => Ok(()),
    }
}

fn target(parts: &mut Parts, limits: &Limits) -> Result<(), Refusal> {
    let wrong = (Kind::Invalid, "Send the request target as a path.");
    let path = parts.uri.path_and_query().ok_or(wrong)?.clone();
    if path.as_str().len() > limits.target_bytes {
        return Err((Kind::TargetTooLong, "Send the search by POST to _search."));
    }
    let starred = path.as_str() == "*" && parts.method == Method::OPTIONS;
    if !starred && !path.as_str().starts_with('/') {
        return Err(wrong);
    }
    if path.path().as_bytes().split(|b| *b == b'/').any(climbs) {
        return Err((Kind::Invalid, "A path may not contain dot segments."));
    }
    if parts.uri.authority().is_some() {
        parts.uri = Uri::from(path);
    }
    Ok(())
}

/// A head above the bound, as long as hyper still reads it, is told so; what is longer hyper refuses.
fn size(parts: &Parts, limits: &Limits) -> Result<(), Refusal> {
    let line =
        |(name, value): (&HeaderName, &http::HeaderValue)| name.as_str().len() + value.len() + 4;
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target + parts.headers.iter().map(line).sum::<usize>() > limits.head_bytes {
        return Err((Kind::HeadTooLarge, "Send fewer or shorter headers."));
    }
    Ok(())
}

/// `.` or `..`, in any of their encodings.
fn climbs(segment: &[u8]) -> bool {
    let mut rest = segment;
    let mut dots = 0_u8;
    while let Some(after) = rest
        .strip_prefix(b".")
        .or_else(|| rest.strip_prefix(b"%2e"))
        .or_else(|| rest.strip_prefix(b"%2E"))
    {
        (rest, dots) = (after, dots.saturating_add(1));
    }
    rest.is_empty() && (1..=2).contains(&dots)
}

/// Takes away what only a proxy of ours may say, and names that a proxy may confuse with others.
fn strip(headers: &mut HeaderMap) {
    let doubtful = |name: &&HeaderName| {
        let name = name.as_str();
        name == "forwarded" || name.starts_with("x-forwarded-") || name.contains('_')
    };
    let doubtful: Vec<HeaderName> = headers.keys().filter(doubtful).cloned().collect();
    for name in doubtful {
        headers.remove(name);
    }
}
