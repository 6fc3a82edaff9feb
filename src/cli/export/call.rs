//! What a bulk client says to a gateway, with a token that is renewed in time.
//!
//! Part of `cli::export`. A gateway that says when to come again is listened to; one that is not reached
//! for a moment is asked again, a few times.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use rustls::ClientConfig;
use serde_json::Value;

use crate::{
    cli::{
        https,
        output::Output,
        token::{self, Credentials},
    },
    error::{Error, Kind, Result},
};

/// A token is asked for anew after this long; it is good for five minutes.
const RENEW: Duration = Duration::from_mins(3);
/// How often what fails is tried.
const TRIES: u32 = 5;
/// Longest wait that a gateway may ask for.
const LONGEST: u64 = 60;
/// Longest manifest.
const MANIFEST: usize = 64 * 1024 * 1024;

/// A gateway, and who asks it.
pub(super) struct Gateway<'a> {
    credentials: &'a Credentials,
    fhir: String,
    settings: Arc<ClientConfig>,
    token: Option<(Duration, String)>,
}

impl<'a> Gateway<'a> {
    pub(super) fn new(
        credentials: &'a Credentials,
        fhir: &str,
        output: &Output<'_>,
    ) -> Result<Self> {
        let settings = https::settings(credentials.ca.as_ref(), output)?;
        let fhir = fhir.trim_end_matches('/').to_owned();
        Ok(Self { credentials, fhir, settings, token: None })
    }

    /// Begins an export; gives the URL that says how far it is.
    pub(super) async fn begin(
        &mut self,
        path: &str,
        nodes: Option<&str>,
        output: &Output<'_>,
    ) -> Result<String> {
        let url = format!("{}/{path}", self.fhir);
        let mut more = vec![("prefer", "respond-async")];
        more.extend(nodes.map(|nodes| ("mylife-nodes", nodes)));
        let reply = self.ask(Method::GET, &url, &more, output).await?;
        if reply.status() != StatusCode::ACCEPTED {
            return Err(refused(reply).await);
        }
        let place = reply.headers().get(header::CONTENT_LOCATION);
        let place = place.and_then(|place| place.to_str().ok()).map(str::to_owned);
        place.ok_or_else(|| https::silent("an export began without Content-Location"))
    }

    /// The manifest, when it is there.
    pub(super) async fn wait(&mut self, status: &str, output: &Output<'_>) -> Result<Value> {
        loop {
            let reply = self.ask(Method::GET, status, &[], output).await?;
            match reply.status() {
                StatusCode::OK => {
                    let body = Limited::new(reply.into_body(), MANIFEST).collect().await;
                    let body = body.map_err(https::silent)?.to_bytes();
                    return serde_json::from_slice(&body).map_err(https::silent);
                }
                StatusCode::ACCEPTED => tokio::time::sleep(wait(&reply)).await,
                _ => return Err(refused(reply).await),
            }
        }
    }

    /// The lines of a file.
    pub(super) async fn file(&mut self, url: &str, output: &Output<'_>) -> Result<Incoming> {
        let reply = self.ask(Method::GET, url, &[], output).await?;
        let kind = reply.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let is_lines = kind.is_some_and(|kind| kind.starts_with(crate::export::NDJSON));
        match (reply.status(), is_lines) {
            (StatusCode::OK, true) => Ok(reply.into_body()),
            (StatusCode::OK, false) => Err(https::silent("a file is not of lines")),
            (_, _) => Err(refused(reply).await),
        }
    }

    /// Ends the export; one that has ended by itself is as good.
    pub(super) async fn end(&mut self, status: &str, output: &Output<'_>) -> Result<()> {
        let reply = self.ask(Method::DELETE, status, &[], output).await?;
        match reply.status() {
            StatusCode::ACCEPTED | StatusCode::NOT_FOUND => Ok(()),
            _ => Err(refused(reply).await),
        }
    }

    /// Asks, and again where the gateway is busy or not reached.
    async fn ask(
        &mut self,
        method: Method,
        url: &str,
        more: &[(&str, &str)],
        output: &Output<'_>,
    ) -> Result<Response<Incoming>> {
        let (to, path) = https::target(url)?;
        let (own, _) = https::target(&self.fhir)?;
        if to != own {
            return Err(Error::invalid("The gateway points elsewhere; its token stays here."));
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let token = self.token(output).await?;
            let mut request = Request::builder()
                .method(method.clone())
                .uri(&path)
                .header(header::AUTHORIZATION, format!("Bearer {token}"));
            for (name, value) in more {
                request = request.header(*name, *value);
            }
            let request = request.body(Full::new(Bytes::new())).map_err(Error::internal)?;
            let pause = match https::send(&self.settings, &to, request).await {
                Ok(reply) if is_busy(reply.status()) && tries < TRIES => wait(&reply),
                Ok(reply) => return Ok(reply),
                Err(error) if tries >= TRIES => return Err(error),
                Err(_) => Duration::from_secs(u64::from(tries)),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// A token that is good for a while.
    async fn token(&mut self, output: &Output<'_>) -> Result<String> {
        let now = output.around.clock.elapsed();
        if let Some((at, token)) = &self.token
            && now.saturating_sub(*at) < RENEW
        {
            return Ok(token.clone());
        }
        let (_, answer) = token::ask(self.credentials, output).await?;
        let token = answer.get("access_token").and_then(Value::as_str);
        let token = token.map(str::to_owned).ok_or_else(|| {
            let why = answer.get("error").and_then(Value::as_str).unwrap_or("no token");
            Error::new(Kind::Forbidden, "The gateway gave no token.").because(why.to_owned())
        })?;
        self.token = Some((now, token.clone()));
        Ok(token)
    }
}

fn is_busy(status: StatusCode) -> bool {
    [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status)
}

/// As long as it says.
fn wait(reply: &Response<Incoming>) -> Duration {
    let said = reply.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let seconds = said.and_then(|text| text.parse::<u64>().ok()).unwrap_or(1);
    Duration::from_secs(seconds.clamp(1, LONGEST))
}

/// What the gateway said of it.
async fn refused(reply: Response<Incoming>) -> Error {
    let status = reply.status();
    let body = Limited::new(reply.into_body(), 64 * 1024).collect().await;
    let outcome: Value =
        body.ok().and_then(|b| serde_json::from_slice(&b.to_bytes()).ok()).unwrap_or_default();
    let said = outcome.pointer("/issue/0/diagnostics").and_then(Value::as_str).unwrap_or_default();
    let kind = if status.is_server_error() { Kind::SourceFailed } else { Kind::Invalid };
    Error::new(kind, format!("The gateway answered {status}. {said}"))
}
