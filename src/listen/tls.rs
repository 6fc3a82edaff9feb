//! The server's side of TLS: its certificate, whom it asks for one, and how both are renewed.
//!
//! Part of `listen`. TLS 1.3 and 1.2 (RFC 9325), ALPN `http/1.1` (RFC 7301). A client certificate is
//! asked for, never demanded: which calls need one is for `authenticate` to say. Settings are
//! swapped whole; a connection keeps those it began with.

use std::{io, sync::Arc};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    clock::Clock,
    error::{Error, Result},
    pki::{self, CertificateTime, name::Names, trust::Trust},
    transport::Link,
};

/// The PEM texts of a listener.
#[derive(Clone, Copy)]
pub struct Pem<'a> {
    /// The certificate, then its intermediates.
    pub certificate: &'a str,
    /// The private key.
    pub key: &'a str,
    /// Whose client certificates count; nobody's: none is asked for.
    pub clients: Option<Trust<'a>>,
}

/// A listener's TLS, renewable while it serves.
pub struct Tls {
    settings: ArcSwap<ServerConfig>,
}

impl Tls {
    /// Checks the texts and that key and certificate belong together.
    ///
    /// # Errors
    /// `Invalid` for a text that cannot be read, and for a key of another certificate.
    pub fn new(pem: Pem<'_>, clock: Arc<dyn Clock>) -> Result<Self> {
        let settings = settings(pem, Arc::new(CertificateTime(clock)))?;
        Ok(Self { settings: ArcSwap::from_pointee(settings) })
    }

    /// Takes the settings of another, which work as they are there, for connections from now on.
    pub fn adopt(&self, other: &Self) {
        self.settings.store(other.settings.load_full());
    }

    /// The handshake; the caller bounds its time. Gives the thumbprint of a verified certificate, and who it
    /// says its holder is.
    pub(super) async fn accept(
        &self,
        link: Link,
    ) -> io::Result<(TlsStream<Link>, Option<([u8; 32], Arc<Names>)>)> {
        let stream = TlsAcceptor::from(self.settings.load_full()).accept(link).await?;
        let (_, session) = stream.get_ref();
        let leaf = session.peer_certificates().and_then(<[_]>::first);
        let peer = leaf.map(|leaf| (pki::thumbprint(leaf), Arc::new(Names::of(leaf))));
        Ok((stream, peer))
    }
}

fn settings(pem: Pem<'_>, time: Arc<CertificateTime>) -> Result<ServerConfig> {
    let builder = ServerConfig::builder_with_details(pki::provider(), time)
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?;
    let builder = match pem.clients {
        None => builder.with_no_client_auth(),
        Some(trust) => builder.with_client_cert_verifier(trust.in_clients()?),
    };
    let mut settings = builder
        .with_single_cert(pki::certificates(pem.certificate)?, pki::private_key(pem.key)?)
        .map_err(pki::mismatch)?;
    settings.alpn_protocols = pki::alpn();
    Ok(settings)
}
