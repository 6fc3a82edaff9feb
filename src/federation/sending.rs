//! How a question goes to a peer: with a token on its caller's behalf, and within a span of its own.
//!
//! Part of the step `federation`. The token says no more than the question needs of the caller's scopes.

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{Method, header};

use super::{
    ask::{Asking, Source},
    client::Question,
    outcome::{Failure, Outcome},
    token::{Context, PeerToken, Signed},
};
use crate::{
    authenticate::behalf::on_behalf,
    domain::moment::Moment,
    error::{Kind, Result},
    smart::Scopes,
    telemetry::{
        span::{End, Fact},
        trace::{TRACEPARENT, span_id},
    },
};

/// What of its caller's scopes travels with a question: what one may see of a type rests on what one may
/// see of others, as a plan goes where one of its parts goes and a reference where its target goes.
const READS: &str = "system/*.rs";

impl Source {
    /// Asks for what the caller may read.
    pub(super) fn send<'a>(
        &'a self,
        asking: &'a Arc<Asking>,
        request: http::request::Builder,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
        self.send_under(READS, asking, request, body)
    }

    /// Asks under so much of the caller's scopes. Boxed: the compiler cannot see through this many layers
    /// that it may change threads.
    pub(super) fn send_under<'a>(
        &'a self,
        scopes: &'static str,
        asking: &'a Arc<Asking>,
        request: http::request::Builder,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
        Box::pin(async move {
            let span = asking.within.ask();
            let token = self.token(scopes, asking).await;
            let trace = asking.trace.header(span.id().unwrap_or_else(|| span_id(&*asking.chance)));
            let id = (&*asking.request_id, &*trace);
            let outcome = self.put_question(token, id, request, body).await;
            span.end_as(|name| self.told(name, &outcome));
            outcome
        })
    }

    /// What the span of a question says of it: who was asked, and what came of it.
    fn told(&self, name: &'static str, outcome: &Outcome) -> End {
        let asked = ("source.name", Fact::Node(self.code.clone()));
        let error = |word| ("error.type", Fact::Word(word));
        let (failed, came) = match outcome {
            Outcome::Answered(reply) => {
                let status = reply.status();
                let number = Fact::Number(status.as_u16());
                (status.is_server_error(), ("http.response.status_code", number))
            }
            Outcome::Failed(_) => (true, error("failed")),
            Outcome::Refused(_) => (true, error("not-asked")),
            Outcome::TimedOut => (true, error("timeout")),
        };
        End { name, failed, facts: vec![asked, came] }
    }

    pub(super) async fn put_question(
        &self,
        token: Result<Arc<PeerToken>>,
        (request_id, trace): (&str, &str),
        request: http::request::Builder,
        body: Bytes,
    ) -> Outcome {
        let token = match token {
            Ok(token) => token,
            Err(error) => {
                tracing::warn!(source.name = %self.code, reason = %error, "no token");
                let late = error.kind() == Kind::SourceTimeout;
                return if late { Outcome::TimedOut } else { Outcome::Failed(Failure::NoToken) };
            }
        };
        let request = request
            .header(header::AUTHORIZATION, token.authorization())
            .header(header::ACCEPT, "application/fhir+json")
            .header("x-request-id", request_id)
            .header(TRACEPARENT, trace)
            .body(body);
        let is_change = request.as_ref().is_ok_and(|request| *request.method() == Method::PUT);
        match request {
            Ok(request) if is_change => {
                self.client.ask_for_change(Question::new(request).repeatable()).await
            }
            Ok(request) => self.client.ask(Question::new(request).repeatable()).await,
            Err(_) => Outcome::TimedOut,
        }
    }

    async fn token(&self, scopes: &str, asking: &Arc<Asking>) -> Result<Arc<PeerToken>> {
        let granted = Scopes::parse(scopes).intersect(asking.caller.scopes());
        let text = granted.to_string();
        let by = Arc::clone(asking);
        let sign = Arc::new(move |audience: &str, now: Moment| -> Result<Signed> {
            let (signer, chance) = (&by.signer, &*by.chance);
            let grant = on_behalf(&by.caller, &granted, &by.issuer, audience, signer, chance, now)?;
            Ok(Signed { grant: grant.into(), client: None })
        });
        let context = Context::of(&asking.caller, &text);
        self.tokens.token(context, text, sign).await
    }
}
