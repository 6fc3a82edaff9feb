//! Asks an issuer whether a token of it is active, and for how long the answer counts.
//!
//! Part of `oauth::issuers`. Source: RFC 7662. One question about a token is under way at a time; what is
//! answered is kept for [`KNOWN`] under the hash of the token, sealed where other processes have it too.
//! Losing that costs a question and no more. What is no answer is none: it is never read as inactive, nor as
//! active. Tokens and answers stand in no log.
//!
//! [`KNOWN`]: crate::authenticate::issuer::KNOWN

use std::{pin::Pin, sync::Arc};

use moka::future::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::Means;
use crate::{
    authenticate::{
        issuer::{KNOWN, still_known},
        jose::address::KeyAddress,
    },
    chance::base32,
    digest::sha256,
    domain::moment::Moment,
    oauth::own_proof::own_proof,
};

/// Answers of one issuer that are kept in this process.
const MAX_KEPT: u64 = 4096;
/// Questions under way to one issuer.
const MAX_ASKED: usize = 64;
/// Largest answer, in bytes.
const MAX_ANSWER: usize = 16 * 1024;
/// As what answers are sealed.
const WHAT: &str = "introspected";

/// What an issuer answered.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Answer {
    /// The instant of the question.
    pub(super) since: Moment,
    /// What it says of a token that is active.
    pub(super) said: Option<Arc<Map<String, Value>>>,
}

type Answered = Result<Answer, &'static str>;

/// An issuer that is asked.
pub(super) struct Introspection {
    desk: Arc<Desk>,
    opaque: bool,
    kept: Cache<[u8; 32], Answered>,
}

struct Desk {
    endpoint: KeyAddress,
    client_id: String,
    audience: String,
    means: Means,
    room: Semaphore,
}

impl Introspection {
    /// Nothing is asked yet.
    pub(super) fn new(
        endpoint: KeyAddress,
        client_id: String,
        audience: String,
        opaque: bool,
        means: &Means,
    ) -> Self {
        let (means, room) = (means.clone(), Semaphore::new(MAX_ASKED));
        let desk = Arc::new(Desk { endpoint, client_id, audience, means, room });
        Self { desk, opaque, kept: Cache::new(MAX_KEPT) }
    }

    /// Has it tokens that state no issuer?
    pub(super) const fn opaque(&self) -> bool {
        self.opaque
    }

    /// What it says of a token.
    pub(super) async fn answer(&self, token: &str, now: Moment) -> Answered {
        let key = sha256([&*self.desk.audience, "\0", token].concat().as_bytes());
        let (desk, text) = (Arc::clone(&self.desk), token.to_owned());
        let flight: Pin<Box<dyn Future<Output = Answered> + Send>> =
            Box::pin(async move { desk.answer(&text, now).await });
        let stale =
            |kept: &Answered| !kept.as_ref().is_ok_and(|answer| still_known(answer.since, now));
        let entry = self.kept.entry(key).or_insert_with_if(flight, stale).await;
        entry.into_value()
    }

    /// Does it answer about a token that nobody issued?
    pub(super) async fn look(&self, now: Moment) -> Result<(), &'static str> {
        let nobodys = base32(&*self.desk.means.chance, 26);
        match self.desk.ask(&nobodys, now).await?.said {
            None => Ok(()),
            Some(_) => Err("it says of a token that nobody issued that it is active"),
        }
    }
}

impl Desk {
    /// What is known, here or at another process; else what it says now.
    async fn answer(&self, token: &str, now: Moment) -> Answered {
        let name = [&*self.audience, "\0", token].concat();
        let kept = &self.means.kept;
        // What is away has not heard of it.
        let known: Option<Answer> = kept.look(WHAT, &name, now).await.unwrap_or_default();
        if let Some(answer) = known.filter(|answer| still_known(answer.since, now)) {
            return Ok(answer);
        }
        let answer = self.ask(token, now).await?;
        if kept.put(WHAT, &name, &answer, now.plus(KNOWN), now).await.is_err() {
            tracing::debug!("an answer about a token is not shared");
        }
        Ok(answer)
    }

    async fn ask(&self, token: &str, now: Moment) -> Answered {
        let _room = self.room.try_acquire().map_err(|_| "too much is asked of it at a time")?;
        let form = self.question(token, now)?;
        let said = self.means.fetcher.post(&self.endpoint, form, None).await?;
        if said.to_string().len() > MAX_ANSWER {
            return Err("its answer is too large");
        }
        let Value::Object(said) = said else { return Err("its answer is no introspection") };
        let said = match said.get("active") {
            Some(Value::Bool(true)) => Some(Arc::new(said)),
            Some(Value::Bool(false)) => None,
            Some(_) | None => return Err("its answer does not say whether the token is active"),
        };
        Ok(Answer { since: now, said })
    }

    fn question(&self, token: &str, now: Moment) -> Result<String, &'static str> {
        let Means { signer, chance, .. } = &self.means;
        let proof = own_proof(&self.client_id, &self.audience, signer, &**chance, now);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", token).append_pair("token_type_hint", "access_token");
        form.extend_pairs(proof.map_err(|_| "the gateway cannot sign")?);
        Ok(form.finish())
    }
}
