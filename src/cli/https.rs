//! One HTTPS call of a command: to a gateway, as its client.
//!
//! Part of `cli`, used by `token` and `export`. Trusts the authorities that are named, else those of the
//! machine; follows no redirect.

use std::{fs, path::PathBuf, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio_rustls::TlsConnector;

use super::{documents::unreadable, output::Output};
use crate::{
    error::{Error, Kind, Result},
    pki::{self, CertificateTime},
    transport::{Authority, Tcp, Transport},
};

/// Where the machine's own authorities may be.
const BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// TLS towards a gateway that these authorities, PEM, vouch for.
pub(super) fn settings(ca: Option<&PathBuf>, output: &Output<'_>) -> Result<Arc<ClientConfig>> {
    let bundle = match ca {
        Some(path) => fs::read_to_string(path).map_err(|error| unreadable(path, error))?,
        None => BUNDLES.iter().find_map(|path| fs::read_to_string(path).ok()).ok_or_else(|| {
            Error::invalid("This machine has no authorities of its own: name --ca.")
        })?,
    };
    let time = Arc::new(CertificateTime(Arc::clone(&output.around.clock)));
    Ok(Arc::new(pki::nameless(pki::anchors(&bundle)?, time)?))
}

/// Where an `https://host:port/path?query` is.
pub(super) fn target(url: &str) -> Result<(Authority, String)> {
    let wrong = || Error::invalid("An address is written https://host:port/path.");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let host = uri.host().filter(|_| uri.scheme_str() == Some("https")).ok_or_else(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok((Authority::new(host, uri.port_u16().unwrap_or(443)), path.to_owned()))
}

/// Sends a request on a connection of its own; of its target only what [`target`] gives counts. The body
/// is read by whoever asked.
pub(super) async fn send(
    settings: &Arc<ClientConfig>,
    to: &Authority,
    mut request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>> {
    let link = Tcp.connect(to).await.map_err(silent)?;
    let connector = TlsConnector::from(Arc::clone(settings));
    let name = ServerName::try_from(to.host().to_owned()).map_err(silent)?;
    let stream = connector.connect(name, link).await.map_err(silent)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(silent)?;
    // Ends with the answer.
    drop(tokio::spawn(connection));
    let host = to.to_string().parse().map_err(silent)?;
    request.headers_mut().insert(header::HOST, host);
    sender.send_request(request).await.map_err(silent)
}

/// It cannot be reached.
pub(super) fn silent(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Kind::SourceFailed, "The gateway cannot be reached.").because(why)
}
