//! `mylife token`: asks a gateway for an access token, as a backend service.
//!
//! Part of `cli`. SMART App Launch 2.2 `backend-services`: a signed assertion over TLS, posted once.
//! The key is read and never printed; the answer is printed as it came.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use clap::Args;
use http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use serde_json::{Value, json};
use tokio::{runtime::Builder, time::timeout};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::{documents::unreadable, exit::Exit, output::Output};
use crate::{
    authenticate::jose::{TokenKind, claims::Registered, sign::Signer},
    chance::base32,
    error::{Error, Kind, Result},
    oauth::client::ASSERTION_TYPE,
    pki::{self, CertificateTime},
    transport::{Authority, Tcp, Transport},
};

/// Where the machine's own authorities may be.
const BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
/// Longest answer.
const MOST: usize = 64 * 1024;
/// The whole call.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who asks whom for what.
#[derive(Args, Debug)]
pub struct Token {
    /// Who asks
    #[arg(long, value_name = "ID")]
    pub client_id: String,
    /// Its private key, JWK or PKCS#8 PEM
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Who is asked, `https://host:port/oauth/token`
    #[arg(long, value_name = "URL")]
    pub token_endpoint: String,
    /// For what, scopes of SMART v2
    #[arg(long)]
    pub scope: String,
    /// Why, a code of v3-ActReason
    #[arg(long)]
    pub purpose: Option<String>,
    /// The authorities that vouch for the gateway, PEM; else those of the machine
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The whole answer instead of the token alone
    #[arg(long)]
    pub json: bool,
}

/// Asks and prints the answer.
pub fn run(asked: &Token, output: &mut Output<'_>) -> Result<Exit> {
    let text =
        Zeroizing::new(fs::read_to_string(&asked.key).map_err(|e| unreadable(&asked.key, e))?);
    let signer = if text.trim_start().starts_with('{') {
        Signer::from_jwk(&text)
    } else {
        Signer::from_pem(&text, None)
    }?;
    let form = form(asked, &signer, output)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::unavailable)?;
    let call = async { timeout(PATIENCE, post(asked, form, output)).await };
    let (status, answer) = runtime.block_on(call).map_err(|_| silent("no answer in time"))??;
    match answer.get("access_token").and_then(Value::as_str).filter(|_| !asked.json) {
        Some(token) => output.line(token),
        None => output.line(answer),
    }
    Ok(Exit::findings(!status.is_success()))
}

fn form(asked: &Token, signer: &Signer, output: &Output<'_>) -> Result<String> {
    let now = output.around.clock.now();
    let registered = Registered {
        iss: asked.client_id.clone(),
        sub: asked.client_id.clone(),
        aud: asked.token_endpoint.clone(),
        exp: now.plus(Duration::from_mins(1)).seconds(),
        iat: Some(now.seconds()),
        nbf: None,
        jti: base32(&*output.around.chance, 26),
    };
    let claims = match &asked.purpose {
        Some(purpose) => json!({ "extensions": { "ihe_iua": { "purpose_of_use": purpose } } }),
        None => json!({}),
    };
    let assertion = signer.sign(TokenKind::ClientAssertion, &registered, &claims)?;
    Ok(form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("scope", &asked.scope)
        .append_pair("client_assertion_type", ASSERTION_TYPE)
        .append_pair("client_assertion", &assertion)
        .finish())
}

async fn post(
    asked: &Token,
    form: String,
    output: &Output<'_>,
) -> Result<(http::StatusCode, Value)> {
    let (to, path) = target(&asked.token_endpoint)?;
    let link = Tcp.connect(&to).await.map_err(silent)?;
    let connector = TlsConnector::from(Arc::new(settings(asked, output)?));
    let name = ServerName::try_from(to.host().to_owned()).map_err(silent)?;
    let stream = connector.connect(name, link).await.map_err(silent)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(silent)?;
    let driving = tokio::spawn(connection);
    let request = Request::post(path)
        .header(header::HOST, to.to_string())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(Full::new(Bytes::from(form)))
        .map_err(Error::internal)?;
    let (parts, body) = sender.send_request(request).await.map_err(silent)?.into_parts();
    let body = Limited::new(body, MOST).collect().await.map_err(silent)?.to_bytes();
    driving.abort();
    let answer = serde_json::from_slice(&body).map_err(silent)?;
    Ok((parts.status, answer))
}

fn target(url: &str) -> Result<(Authority, String)> {
    let wrong = || Error::invalid("A token endpoint is written https://host:port/path.");
    let uri: http::Uri = url.parse().map_err(|_| wrong())?;
    let host = uri.host().filter(|_| uri.scheme_str() == Some("https")).ok_or_else(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((Authority::new(host, uri.port_u16().unwrap_or(443)), uri.path().to_owned()))
}

fn settings(asked: &Token, output: &Output<'_>) -> Result<ClientConfig> {
    let bundle = match &asked.ca {
        Some(path) => fs::read_to_string(path).map_err(|error| unreadable(path, error))?,
        None => BUNDLES.iter().find_map(|path| fs::read_to_string(path).ok()).ok_or_else(|| {
            Error::invalid("This machine has no authorities of its own: name --ca.")
        })?,
    };
    let time = Arc::new(CertificateTime(Arc::clone(&output.around.clock)));
    let mut settings = ClientConfig::builder_with_details(pki::provider(), time)
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(pki::anchors(&bundle)?)
        .with_no_client_auth();
    settings.alpn_protocols = pki::alpn();
    Ok(settings)
}

fn silent(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Kind::SourceFailed, "The token endpoint cannot be reached.").because(why)
}
