//! Whose certificates count: authorities, and the lists of what they have revoked.
//!
//! Part of `pki`; both ends of TLS ask it. Where lists are given a certificate counts only while a list of
//! its own issuer is there, has not ended and does not name it: a list that was not renewed lets nobody
//! in, since nobody knows whom it would name. Source: RFC 5280 sections 5 and 6.3.

use std::sync::Arc;

use rustls::{
    client::WebPkiServerVerifier,
    pki_types::{CertificateRevocationListDer, pem::PemObject},
    server::{VerifierBuilderError, WebPkiClientVerifier, danger::ClientCertVerifier},
};

use crate::{
    error::{Error, Result},
    pki::{anchors, provider},
};

/// PEM texts.
#[derive(Clone, Copy)]
pub struct Trust<'a> {
    /// The authorities.
    pub authorities: &'a str,
    /// What they have revoked; none asks nobody.
    pub revoked: Option<&'a str>,
}

impl<'a> Trust<'a> {
    /// In everything these authorities issued.
    pub const fn of(authorities: &'a str) -> Self {
        Self { authorities, revoked: None }
    }

    /// Judges clients; one without a certificate may come.
    ///
    /// # Errors
    /// `Invalid` for texts that cannot be used.
    pub fn in_clients(self) -> Result<Arc<dyn ClientCertVerifier>> {
        let roots = anchors(self.authorities)?;
        let builder = WebPkiClientVerifier::builder_with_provider(roots, provider());
        let builder = builder.allow_unauthenticated().with_crls(self.lists()?);
        let verifier = builder.only_check_end_entity_revocation().enforce_revocation_expiration();
        verifier.build().map_err(unusable)
    }

    /// Judges servers.
    ///
    /// # Errors
    /// As [`Trust::in_clients`].
    pub fn in_servers(self) -> Result<Arc<WebPkiServerVerifier>> {
        let roots = anchors(self.authorities)?;
        let builder = WebPkiServerVerifier::builder_with_provider(roots, provider());
        let builder = builder.with_crls(self.lists()?);
        let verifier = builder.only_check_end_entity_revocation().enforce_revocation_expiration();
        verifier.build().map_err(unusable)
    }

    fn lists(self) -> Result<Vec<CertificateRevocationListDer<'static>>> {
        self.revoked.map_or_else(|| Ok(Vec::new()), lists)
    }
}

/// All lists of a PEM text; none at all is `Invalid`.
///
/// # Errors
/// `Invalid`.
pub fn lists(pem: &str) -> Result<Vec<CertificateRevocationListDer<'static>>> {
    let wrong =
        || Error::invalid("There is no readable PEM list of revoked certificates (X509 CRL).");
    let all = CertificateRevocationListDer::pem_slice_iter(pem.as_bytes());
    let all: Vec<_> =
        all.collect::<std::result::Result<_, _>>().map_err(|cause| wrong().because(cause))?;
    if all.is_empty() { Err(wrong()) } else { Ok(all) }
}

fn unusable(cause: VerifierBuilderError) -> Error {
    let say = "A list of revoked certificates is not one that can be used.";
    Error::invalid(say).because(cause)
}
