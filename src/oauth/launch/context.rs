//! A system opens an app for its user: what it says of the launch, and who may use it.
//!
//! Part of `oauth::launch`. Source: SMART App Launch 2.2 `app-launch` (launch from a record system),
//! `scopes-and-launch-context`. The value that is given out says nothing by itself; it is good for minutes,
//! for one app and one user, once. Whoever names a person here learns nothing of them: whether they are
//! known is not looked up, and what a token sees of them is decided when it asks.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{login::User, request::Wish};
use crate::{
    authenticate::{jose::claims::is_name, registry::Client},
    chance::base32,
    digest::sha256,
    domain::{
        id::{may_be_id, node_of},
        moment::Moment,
    },
    error::Result,
    fhir::types::ResourceType,
    oauth::{
        refused::{Code, Refused, json_response},
        token::{Answered, Asked, Known, TokenEndpoint},
    },
    smart::word::Word,
};

/// How long an app that was opened has to come.
const LIFE: std::time::Duration = std::time::Duration::from_mins(5);
/// Characters of what is given out.
const SECRET: usize = 26;
/// Most resources beside the person.
const MAX_BESIDE: usize = 5;
/// Largest question.
const MAX_BODY: usize = 4 * 1024;

/// What the app is told of the launch.
#[derive(Clone, Deserialize, Serialize)]
pub(in crate::oauth) struct Context {
    /// `Practitioner/{id}` of the user it is for.
    user: String,
    /// Id of the Patient.
    pub(super) patient: String,
    intent: Option<String>,
    beside: Vec<Beside>,
    banner: bool,
}

/// An app that was opened and has not come yet.
#[derive(Deserialize, Serialize)]
pub(super) struct Opened {
    client: String,
    until: Moment,
    context: Context,
}

/// The question.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    client_id: String,
    user: String,
    patient: String,
    #[serde(default)]
    intent: Option<String>,
    #[serde(default, rename = "fhirContext")]
    beside: Vec<Beside>,
    #[serde(default = "yes")]
    need_patient_banner: bool,
}

/// An item of `fhirContext`.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Beside {
    reference: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
}

const fn yes() -> bool {
    true
}

impl Opening {
    /// Is all of it something an app can be told?
    fn is_good(&self) -> bool {
        let beside = |one: &Beside| {
            let of = |(kind, id)| {
                let known = ResourceType::parse(kind);
                known.is_some_and(|kind| kind != ResourceType::Patient) && may_be_id(id)
            };
            one.reference.split_once('/').is_some_and(of)
                && one.role.as_deref().is_none_or(|role| is_name(role) && role.contains(':'))
        };
        let user = self.user.strip_prefix("Practitioner/").is_some_and(may_be_id);
        user && may_be_id(&self.patient)
            && node_of(&self.patient).is_some()
            && self.intent.as_deref().is_none_or(|intent| is_name(intent) && intent.len() <= 64)
            && self.beside.len() <= MAX_BESIDE
            && self.beside.iter().all(beside)
    }
}

impl Context {
    /// What the app is told beside the token and the patient.
    pub(in crate::oauth) fn told(&self) -> Map<String, Value> {
        let mut told = Map::new();
        told.insert("need_patient_banner".to_owned(), self.banner.into());
        told.extend(self.intent.iter().map(|intent| ("intent".to_owned(), intent.as_str().into())));
        if !self.beside.is_empty() {
            told.insert("fhirContext".to_owned(), json!(self.beside));
        }
        told
    }

    /// Was the app opened for them?
    pub(super) fn is_for(&self, user: &User) -> bool {
        match user {
            User::Person { .. } => false,
            User::Professional { id, .. } => self.user.strip_prefix("Practitioner/") == Some(id),
        }
    }
}

impl TokenEndpoint {
    /// `POST /oauth/launch`: answers a system that opens an app.
    pub async fn opens(&self, asked: Asked<'_>, now: Moment) -> Answered {
        let mut known = Known::default();
        let decided = self.decide_opening(asked, &mut known, now).await;
        known.answered(decided)
    }

    async fn decide_opening(
        &self,
        asked: Asked<'_>,
        known: &mut Known,
        now: Moment,
    ) -> std::result::Result<Response<Bytes>, Refused> {
        self.keep_address(asked.address, now).await?;
        let caller = self.bearing(asked, known, now).await?;
        if !caller.scopes().launch_write() {
            return Err(Refused::new(Code::AccessDenied, "no scope to open apps"));
        }
        let malformed = || Refused::request("not a launch");
        let fits = asked.body.len() <= MAX_BODY && asked.query.is_none();
        let opening = fits.then(|| serde_json::from_slice::<Opening>(asked.body).ok()).flatten();
        let opening = opening.filter(Opening::is_good).ok_or_else(malformed)?;
        let client = self.registry.client(&opening.client_id);
        let client = client.filter(|client| client.words().has(Word::Launch));
        let client = client.ok_or_else(|| Refused::request("an app that nobody opens"))?;
        known.subject = Some(opening.user.clone());
        let until = now.plus(LIFE);
        let Opening { user, patient, intent, beside, need_patient_banner: banner, .. } = opening;
        let context = Context { user, patient, intent, beside, banner };
        let opened = Opened { client: client.id().to_string(), until, context };
        let value = base32(&*self.chance, SECRET);
        let kept = self.launch.kept.put("launch", &value, &opened, until, now).await;
        kept.map_err(|why| Refused::unavailable(&why))?;
        let iss = &self.audience;
        let body = json!({ "launch": value, "iss": iss, "expires_in": LIFE.as_secs() });
        Ok(json_response(StatusCode::CREATED, body.to_string()))
    }

    /// What a value was given out for, if it is this app's and its time has not passed. It stays good.
    pub(super) async fn given_out(
        &self,
        value: &str,
        wish: &Wish,
        client: &Client,
        now: Moment,
    ) -> Result<Option<Opened>> {
        if !wish.asks(client, Word::Launch) {
            return Ok(None);
        }
        let opened: Option<Opened> = self.launch.kept.look("launch", value, now).await?;
        Ok(opened.filter(|opened| opened.client == **client.id() && now < opened.until))
    }

    /// Uses a value up: of two who come with it one goes on, whatever the memory of replicas forgets.
    pub(super) async fn used_up(
        &self,
        value: &str,
        opened: Opened,
        now: Moment,
    ) -> Result<Option<Context>> {
        let name = sha256(["launch", value].join("\0").as_bytes());
        let first = self.store.spend(name, opened.until, now).await?;
        Ok(first.then_some(opened.context))
    }
}

impl Opened {
    /// Was the app opened for them?
    pub(super) fn is_for(&self, user: &User) -> bool {
        self.context.is_for(user)
    }
}
