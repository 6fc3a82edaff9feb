//! `mylife token`: asks a gateway for an access token, as a backend service.
//!
//! Part of `cli`. SMART App Launch 2.2 `backend-services`: a signed assertion over TLS, posted once.
//! The key is read and never printed; the answer is printed as it came.

use std::{fs, path::PathBuf, time::Duration};

use bytes::Bytes;
use clap::Args;
use http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::{Value, json};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::{documents::unreadable, exit::Exit, https, output::Output};
use crate::{
    authenticate::jose::{TokenKind, claims::Registered, sign::Signer},
    chance::base32,
    error::{Error, Result},
    oauth::client::ASSERTION_TYPE,
};

/// Longest answer.
const MOST: usize = 64 * 1024;
/// The whole call.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who asks whom for what.
#[derive(Args, Debug)]
pub struct Credentials {
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
}

/// A token, and how it is told.
#[derive(Args, Debug)]
pub struct Token {
    /// Who asks whom for what
    #[command(flatten)]
    pub credentials: Credentials,
    /// The whole answer instead of the token alone
    #[arg(long)]
    pub json: bool,
}

/// Asks and prints the answer.
pub fn run(asked: &Token, output: &mut Output<'_>) -> Result<Exit> {
    let runtime = super::runtime()?;
    let (status, answer) = runtime.block_on(ask(&asked.credentials, output))?;
    match answer.get("access_token").and_then(Value::as_str).filter(|_| !asked.json) {
        Some(token) => output.line(token),
        None => output.line(answer),
    }
    Ok(Exit::findings(!status.is_success()))
}

/// Asks once; gives the answer as it came.
pub(super) async fn ask(
    asked: &Credentials,
    output: &Output<'_>,
) -> Result<(http::StatusCode, Value)> {
    let text =
        Zeroizing::new(fs::read_to_string(&asked.key).map_err(|e| unreadable(&asked.key, e))?);
    let signer = if text.trim_start().starts_with('{') {
        Signer::from_jwk(&text)
    } else {
        Signer::from_pem(&text, None)
    }?;
    let form = form(asked, &signer, output)?;
    let call = timeout(PATIENCE, post(asked, form, output)).await;
    call.map_err(|_| https::silent("no answer in time"))?
}

fn form(asked: &Credentials, signer: &Signer, output: &Output<'_>) -> Result<String> {
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
    asked: &Credentials,
    form: String,
    output: &Output<'_>,
) -> Result<(http::StatusCode, Value)> {
    let (to, path) = https::target(&asked.token_endpoint)?;
    let settings = https::settings(asked.ca.as_ref(), output)?;
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(Full::new(Bytes::from(form)))
        .map_err(Error::internal)?;
    let (parts, body) = https::send(&settings, &to, request).await?.into_parts();
    let body = Limited::new(body, MOST).collect().await.map_err(https::silent)?.to_bytes();
    let answer = serde_json::from_slice(&body).map_err(https::silent)?;
    Ok((parts.status, answer))
}
