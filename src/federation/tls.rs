//! The client's side of TLS towards peers: whom we trust, and the certificate we show.
//!
//! Part of asking peers. TLS 1.3 and 1.2 with the authorities of configuration alone (no public
//! ones), ALPN `http/1.1`. They never change: other settings make other clients, whose connections are
//! their own. It must not be told to skip a check, and has no way to.

use std::{io, sync::Arc};

use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    clock::Clock,
    error::{Error, Result},
    pki::{self, CertificateTime, trust::Trust},
    transport::Link,
};

/// The PEM texts a gateway speaks to peers with.
#[derive(Clone, Copy)]
pub struct Pem<'a> {
    /// Who vouches for peers.
    pub peers: Trust<'a>,
    /// Our certificate, then its intermediates.
    pub certificate: &'a str,
    /// Our private key.
    pub key: &'a str,
}

/// How peers are reached.
pub struct PeerTls {
    settings: Arc<ClientConfig>,
}

impl PeerTls {
    /// Checks the texts and that key and certificate belong together.
    pub fn new(pem: Pem<'_>, clock: Arc<dyn Clock>) -> Result<Self> {
        let settings = settings(pem, Arc::new(CertificateTime(clock)))?;
        Ok(Self { settings: Arc::new(settings) })
    }

    /// Towards servers that need not know who asks: it shows no certificate.
    ///
    /// # Errors
    /// Those of [`pki::nameless`].
    pub fn nameless(anchors: Arc<RootCertStore>, clock: Arc<dyn Clock>) -> Result<Self> {
        let settings = pki::nameless(anchors, Arc::new(CertificateTime(clock)))?;
        Ok(Self { settings: Arc::new(settings) })
    }

    /// As a connection takes them.
    pub fn settings(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.settings)
    }
}

/// The handshake; the caller bounds its time.
pub(super) async fn connect(
    settings: Arc<ClientConfig>,
    host: &str,
    link: Link,
) -> io::Result<TlsStream<Link>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(settings).connect(name, link).await
}

fn settings(pem: Pem<'_>, time: Arc<CertificateTime>) -> Result<ClientConfig> {
    let mut settings = ClientConfig::builder_with_details(pki::provider(), time)
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_webpki_verifier(pem.peers.in_servers()?)
        .with_client_auth_cert(pki::certificates(pem.certificate)?, pki::private_key(pem.key)?)
        .map_err(pki::mismatch)?;
    settings.alpn_protocols = pki::alpn();
    Ok(settings)
}
