//! Fetches the token a peer wants to see, and keeps it while it is good.
//!
//! Part of asking peers, before the question itself. RFC 7523 section 2.1: our signed statement on
//! whose behalf we ask is exchanged at the peer's token endpoint, through the `oauth2` crate and our
//! own client. One flight per context at a time. It must not sign, and never shows a token.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use http::HeaderValue;
use moka::future::Cache;
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    RequestTokenError, Scope, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicErrorResponseType, BasicTokenType},
};
use zeroize::Zeroizing;

use super::{
    client::{PeerClient, Question},
    outcome::Outcome,
};
use crate::{
    authenticate::Caller,
    clock::Clock,
    digest::sha256,
    domain::moment::Moment,
    error::{Error, Kind, Result},
};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// A token is not used in its last seconds, since it must still be good when it arrives.
const MARGIN: Duration = Duration::from_secs(10);
/// What is believed of a token that does not say, and the most that is believed of any.
const LIFE: Duration = Duration::from_mins(1);
const LIFE_AT_MOST: Duration = Duration::from_mins(5);

/// Signs what is exchanged for a token.
pub trait SignAssertion: Send + Sync {
    /// Statements for `audience` alone, of single use; called once per flight.
    fn sign(&self, audience: &str, now: Moment) -> Result<Signed>;
}

impl<F: Fn(&str, Moment) -> Result<Signed> + Send + Sync> SignAssertion for F {
    fn sign(&self, audience: &str, now: Moment) -> Result<Signed> {
        self(audience, now)
    }
}

/// Compact JWTs.
pub struct Signed {
    /// On whose behalf (`assertion`).
    pub grant: Zeroizing<String>,
    /// Who we are (`client_assertion`); none where the client certificate says it.
    pub client: Option<Zeroizing<String>>,
}

/// What tells one token from another: a digest of everything the statement says but its times.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Context(pub [u8; 32]);

impl Context {
    /// That of a caller on whose behalf so much is asked. Reasons decide nothing, but the peer writes them down
    /// and tells them to the person, so one caller's must not stand for another's.
    pub fn of(caller: &Caller, scopes: &str) -> Self {
        let mut said = caller.fingerprint().to_vec();
        for part in caller.declared().iter().map(|declared| &*declared.reason).chain([scopes]) {
            said.extend(sha256(part.as_bytes()));
        }
        Self(sha256(&said))
    }
}

/// A peer's access token.
pub struct PeerToken {
    header: HeaderValue,
    asked: Moment,
    expires: Moment,
}

impl PeerToken {
    /// The value of `Authorization`, marked sensitive.
    pub fn authorization(&self) -> HeaderValue {
        self.header.clone()
    }

    /// By a clock that was put back since it was asked for nobody knows how old it is.
    fn fresh(&self, now: Moment) -> bool {
        self.asked <= now && now < self.expires.minus(MARGIN)
    }
}

impl fmt::Debug for PeerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerToken(until {})", self.expires)
    }
}

/// Why there is no token; kept for those who waited for the same flight.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Failed(&'static str),
    TimedOut,
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Failed(why) => {
                Self::new(Kind::SourceFailed, "A source gave no access; ask again later.")
                    .because(why)
            }
            Trouble::TimedOut => Self::new(Kind::SourceTimeout, "A source did not answer in time."),
        }
    }
}

type Fetched = std::result::Result<Arc<PeerToken>, Trouble>;
type Client =
    BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The tokens of one peer.
pub struct PeerTokens {
    exchange: Arc<Exchange>,
    kept: Cache<Context, Fetched>,
}

/// Where a statement becomes a token.
struct Exchange {
    peer: Arc<PeerClient>,
    client: Client,
    audience: String,
    clock: Arc<dyn Clock>,
}

impl PeerTokens {
    /// `path` is the token endpoint at the peer, `audience` its issuer, `client_id` what it knows us
    /// by; at most `most` tokens are kept.
    pub fn new(
        peer: Arc<PeerClient>,
        path: &str,
        audience: impl Into<String>,
        client_id: &str,
        most: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let url = TokenUrl::new(format!("https://{}{path}", peer.to()))
            .map_err(|e| Error::invalid("A token endpoint is a path.").because(e))?;
        let client = BasicClient::new(ClientId::new(client_id.to_owned()))
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(url);
        let exchange = Exchange { peer, client, audience: audience.into(), clock };
        Ok(Self { exchange: Arc::new(exchange), kept: Cache::new(most) })
    }

    /// A token for `context` that is good for some seconds yet. Refusals and failures of the peer are
    /// `SourceFailed`, its silence is `SourceTimeout`, a statement that cannot be signed is told as
    /// `SourceFailed` too.
    pub async fn token(
        &self,
        context: Context,
        scopes: String,
        sign: Arc<dyn SignAssertion>,
    ) -> Result<Arc<PeerToken>> {
        let now = self.exchange.clock.now();
        let stale = |kept: &Fetched| !kept.as_ref().is_ok_and(|token| token.fresh(now));
        let exchange = Arc::clone(&self.exchange);
        let flight: Pin<Box<dyn Future<Output = Fetched> + Send>> =
            Box::pin(async move { exchange.fetch(scopes, sign).await });
        let entry = self.kept.entry(context).or_insert_with_if(flight, stale).await;
        entry.into_value().map_err(Error::from)
    }
}

impl Exchange {
    async fn fetch(&self, scopes: String, sign: Arc<dyn SignAssertion>) -> Fetched {
        let asked = self.clock.now();
        let signed = sign.sign(&self.audience, asked).map_err(|error| {
            tracing::error!(%error, "a statement for a peer could not be signed");
            Trouble::Failed("the statement could not be signed")
        })?;
        let mut request = self
            .client
            .exchange_client_credentials()
            .add_scopes(scopes.split_whitespace().map(|scope| Scope::new(scope.to_owned())))
            .add_extra_param("assertion", signed.grant.as_str());
        if let Some(client) = &signed.client {
            request = request
                .add_extra_param("client_assertion_type", CLIENT_ASSERTION)
                .add_extra_param("client_assertion", client.as_str());
        }
        let peer = Arc::clone(&self.peer);
        let response = request.request_async(&Post(peer)).await.map_err(told)?;
        if *response.token_type() != BasicTokenType::Bearer {
            return Err(Trouble::Failed("the token is not a bearer token"));
        }
        let text = Zeroizing::new(format!("Bearer {}", response.access_token().secret()));
        let mut header = HeaderValue::from_str(&text)
            .map_err(|_| Trouble::Failed("the token does not fit into a header"))?;
        header.set_sensitive(true);
        // Counted from before the question, so that a slow answer does not lengthen it.
        let life = response.expires_in().unwrap_or(LIFE).min(LIFE_AT_MOST);
        Ok(Arc::new(PeerToken { header, asked, expires: asked.plus(life) }))
    }
}

type Posted = Pin<Box<dyn Future<Output = std::result::Result<HttpResponse, Unanswered>> + Send>>;

/// The peer's client as the crate wants one.
struct Post(Arc<PeerClient>);

impl AsyncHttpClient<'_> for Post {
    type Error = Unanswered;
    type Future = Posted;

    fn call(&self, request: HttpRequest) -> Posted {
        Box::pin(post(Arc::clone(&self.0), request))
    }
}

async fn post(
    peer: Arc<PeerClient>,
    request: HttpRequest,
) -> std::result::Result<HttpResponse, Unanswered> {
    let (parts, form) = request.into_parts();
    let request = http::Request::from_parts(parts, jwt_bearer(&form).into());
    // A statement is of single use, so this is not to be repeated.
    match peer.ask(Question::new(request)).await {
        Outcome::Answered(response) => Ok(response.map(Vec::from)),
        Outcome::TimedOut => Err(Unanswered(Trouble::TimedOut)),
        Outcome::Failed(failure) => {
            tracing::warn!(%failure, "a peer's token endpoint failed");
            Err(Unanswered(Trouble::Failed("the token endpoint failed")))
        }
        Outcome::Refused(_) => {
            Err(Unanswered(Trouble::Failed("the token endpoint is not asked at present")))
        }
    }
}

/// The crate's form with the grant of RFC 7523, for which it has no request of its own.
fn jwt_bearer(form: &[u8]) -> String {
    let pairs = form_urlencoded::parse(form).map(|(name, value)| {
        if name == "grant_type" { (name, JWT_BEARER.into()) } else { (name, value) }
    });
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Carries trouble through the crate.
#[derive(Debug)]
struct Unanswered(Trouble);

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token endpoint did not answer")
    }
}

impl std::error::Error for Unanswered {}

/// What the crate reports, without what the peer wrote.
fn told(error: RequestTokenError<Unanswered, oauth2::basic::BasicErrorResponse>) -> Trouble {
    match error {
        RequestTokenError::Request(Unanswered(trouble)) => trouble,
        RequestTokenError::ServerResponse(refused) => Trouble::Failed(match refused.error() {
            BasicErrorResponseType::InvalidClient => "the peer does not know this client",
            BasicErrorResponseType::InvalidGrant => "the peer does not accept the statement",
            BasicErrorResponseType::InvalidRequest => "the peer does not accept the request",
            BasicErrorResponseType::InvalidScope => "the peer does not grant the scope",
            BasicErrorResponseType::UnauthorizedClient => "the peer does not allow the grant",
            BasicErrorResponseType::UnsupportedGrantType => "the peer does not know the grant",
            BasicErrorResponseType::Extension(_) => "the peer refused for a reason of its own",
        }),
        RequestTokenError::Parse(..) => Trouble::Failed("the token answer cannot be read"),
        RequestTokenError::Other(_) => Trouble::Failed("the token answer is not one"),
    }
}
