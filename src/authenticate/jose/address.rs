//! Where a client publishes its keys: an `https` URL, checked when it is registered.
//!
//! Part of `jose`. Source: SMART App Launch 2.2 `client-confidential-asymmetric` (registration by URL),
//! RFC 3986. Says nothing of whether the place may be asked: that is for whoever fetches.

use std::{fmt, sync::Arc};

use http::Uri;

use crate::transport::Authority;

/// Longest URL, in bytes.
const MAX_URL: usize = 1024;
/// The port of `https`.
pub const HTTPS: u16 = 443;

/// A checked URL.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyAddress {
    url: Arc<str>,
    authority: Authority,
    target: Arc<str>,
}

impl KeyAddress {
    /// Reads `https://host[:port]/path`, without name and password and without a fragment.
    pub fn parse(text: &str) -> Option<Self> {
        let printable = text.bytes().all(|b| b.is_ascii_graphic());
        if text.len() > MAX_URL || !printable || text.contains(['#', '@', '\\']) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let (host, port) = (uri.host()?, uri.port_u16());
        // A port that is none, `:` or `:0`, is not read as the usual one.
        let usual = uri.authority()?.as_str() == host;
        let port = port.filter(|port| *port != 0).or(usual.then_some(HTTPS))?;
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if uri.scheme_str() != Some("https") || bare.is_empty() {
            return None;
        }
        Some(Self {
            url: text.into(),
            authority: Authority::new(bare, port),
            target: uri.path_and_query()?.as_str().into(),
        })
    }

    /// The URL as it is registered.
    pub const fn url(&self) -> &Arc<str> {
        &self.url
    }

    /// Host and port.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.target
    }
}

impl fmt::Display for KeyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}
