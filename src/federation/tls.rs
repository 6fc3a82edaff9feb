//! The client's side of TLS towards peers: whom we trust, and the certificate we show.
//!
//! Part of asking peers. TLS 1.3 and 1.2 with the authorities of configuration alone (no public
//! ones), ALPN `http/1.1`. Settings are swapped whole; a pooled connection made under earlier ones
//! is not used again. It must not be told to skip a check, and has no way to.

use std::{io, sync::Arc};

use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    clock::Clock,
    error::{Error, Result},
    pki::{self, CertificateTime, renewable::Renewable, trust::Trust},
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

/// How peers are reached, renewable while calls are under way.
pub struct PeerTls {
    settings: Renewable<ClientConfig>,
}

impl PeerTls {
    /// Checks the texts and that key and certificate belong together.
    pub fn new(pem: Pem<'_>, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self { settings: Renewable::new(clock, |time| settings(pem, time))? })
    }

    /// Towards servers that need not know who asks: it shows no certificate.
    ///
    /// # Errors
    /// Those of [`pki::nameless`].
    pub fn nameless(anchors: Arc<RootCertStore>, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self { settings: Renewable::new(clock, |time| pki::nameless(anchors, time))? })
    }

    /// Takes new texts for connections from now on. If they are unusable the old ones stay.
    pub fn reload(&self, pem: Pem<'_>) -> Result<()> {
        self.settings.renew(|time| settings(pem, time))
    }

    /// Those of now.
    pub fn current(&self) -> Arc<ClientConfig> {
        self.settings.current()
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
