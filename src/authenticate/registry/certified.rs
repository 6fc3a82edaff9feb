//! A client that proves itself by a certificate: by which of its names it is known.
//!
//! Part of the registry. Source: RFC 8705 section 2.1.2, `tls_client_auth_...`: one of them, letter by letter but
//! for the case of a host.

use serde::Deserialize;

use super::ClientEntry;
use crate::pki::name::Name;

/// One name of a certificate.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateEntry {
    /// The distinguished name of its subject (RFC 4514).
    #[serde(default)]
    pub subject_dn: Option<String>,
    /// A host among its alternative names.
    #[serde(default)]
    pub san_dns: Option<String>,
    /// A URI among them.
    #[serde(default)]
    pub san_uri: Option<String>,
    /// An address among them.
    #[serde(default)]
    pub san_ip: Option<String>,
}

impl CertificateEntry {
    /// Is there a name?
    pub fn is_said(&self) -> bool {
        let Self { subject_dn, san_dns, san_uri, san_ip } = self;
        [subject_dn, san_dns, san_uri, san_ip].iter().any(|name| name.is_some())
    }
}

/// Reads a name as it is registered.
type Read = fn(&str) -> Option<Name>;

/// The name by which a client is known, if it is by one.
pub(super) fn name(entry: &ClientEntry) -> Result<Option<Name>, Vec<String>> {
    let CertificateEntry { subject_dn, san_dns, san_uri, san_ip } = &entry.tls_client_auth;
    let all: [(&str, &Option<String>, Read); 4] = [
        ("subject_dn: must be as in RFC 4514, CN=desk,O=County,C=FI", subject_dn, Name::subject),
        ("san_dns: must be a host, without *", san_dns, Name::dns),
        ("san_uri: must be a URI", san_uri, Name::uri),
        ("san_ip: must be an address", san_ip, Name::ip),
    ];
    let mut said = all.iter().filter_map(|(want, text, read)| Some((want, text.as_deref()?, read)));
    let Some((want, text, read)) = said.next() else { return Ok(None) };
    let mistake = |say: String| Err(vec![format!("tls_client_auth.{say}")]);
    if said.next().is_some() {
        return Err(vec!["tls_client_auth: names several: keep one of them".to_owned()]);
    }
    let others = entry.jwks.is_some() || entry.jwks_uri.is_some() || !entry.algorithms.is_empty();
    if others || entry.public || !entry.redirect_uris.is_empty() {
        let say = "tls_client_auth: is for a system without keys, so not with jwks, jwks_uri, algorithms, \
                   public or redirect_uris";
        return Err(vec![say.to_owned()]);
    }
    read(text).map_or_else(|| mistake((*want).to_owned()), |name| Ok(Some(name)))
}
