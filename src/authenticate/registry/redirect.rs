//! Where an app may have people sent back to, and what else is asked of an app.
//!
//! Part of the registry, checked when a client is registered. Sources: RFC 6749 section 3.1.2, RFC 8252
//! section 7, RFC 9700 section 2.1. When somebody comes, an address is only compared, letter by letter.

use http::Uri;

use super::ClientEntry;
use crate::{
    domain::id::is_oid,
    smart::{Context, Scopes},
};

/// Longest address, in bytes.
const MAX_URI: usize = 1024;

/// What is wrong with a client as an app.
pub(super) fn mistakes(entry: &ClientEntry, scopes: &Scopes) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut demand = |holds: bool, say: &str| {
        if !holds {
            mistakes.push(say.to_owned());
        }
    };
    let say = "redirect_uris: each https://host/path, http://127.0.0.1:port/path, or a scheme of the \
               app's own with a dot in it (fi.example.app:/path); without name, password, fragment";
    demand(entry.redirect_uris.iter().all(|uri| is_redirect(uri)), say);
    demand(
        entry.user_organizations.iter().all(|oid| is_oid(oid)),
        "user_organizations: each must be urn:oid: and an OID",
    );
    if entry.public {
        demand(
            entry.jwks.is_none() && entry.jwks_uri.is_none() && entry.algorithms.is_empty(),
            "public: an app that keeps keys is not public",
        );
        demand(!entry.redirect_uris.is_empty(), "redirect_uris: is missing for a public app");
        let rights = entry.introspects || entry.exchanges || entry.native_owner || entry.people_act;
        demand(
            !scopes.speaks_of(Context::System) && !scopes.launch_write() && !rights,
            "public: an app that proves nothing acts for people alone, so it has no system/ scopes",
        );
    }
    mistakes
}

/// The origin of a page at an address, as browsers name it (RFC 6454 section 6.2); an app on a device
/// has none.
pub(super) fn origin(text: &str) -> Option<String> {
    let uri = text.parse::<Uri>().ok()?;
    let (scheme, usual) = match uri.scheme_str()? {
        "https" => ("https", 443),
        "http" => ("http", 80),
        _ => return None,
    };
    let host = uri.host()?.to_ascii_lowercase();
    let port = uri.port_u16().filter(|port| *port != usual);
    Some(port.map_or_else(|| format!("{scheme}://{host}"), |p| format!("{scheme}://{host}:{p}")))
}

/// Is it an address that can be registered?
fn is_redirect(text: &str) -> bool {
    let printable = text.bytes().all(|b| b.is_ascii_graphic());
    if !printable || text.len() > MAX_URI || text.contains(['#', '@', '\\', '"', '<', '>', '*']) {
        return false;
    }
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let web = |host: fn(&str) -> bool| {
        let uri = text.parse::<Uri>().ok();
        let plain = !text.contains("/../") && !text.ends_with("/..") && !text.contains("/./");
        plain && uri.is_some_and(|uri| uri.host().is_some_and(host))
    };
    match scheme {
        "https" => web(|host| !host.is_empty()),
        "http" => web(|host| ["127.0.0.1", "[::1]"].contains(&host)),
        own => {
            let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
            own.contains('.') && own.bytes().all(letter) && rest.starts_with('/')
        }
    }
}
