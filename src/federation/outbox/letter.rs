//! A Consent on its way to one or more nodes, and what becomes of it there.
//!
//! Part of the outbox. Holds what must still be known when it is sent again: who wrote it, and whose it
//! is. The identity code stands in it in the clear, so it is written only where the store seals it; to
//! a node it goes as a handle of that node, made anew for each sending.

use std::{fmt, sync::Arc};

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    authenticate::{Caller, behalf::Errand, jose::sign::Signer},
    chance::Chance,
    clock::Clock,
    digest::sha256,
    domain::{id::NodeCode, identity, moment::Moment},
    error::{Error, Kind, Result},
    federation::{
        ask::Source,
        token::{Context, PeerToken, Signed},
    },
    handle::{self, PublicKey, Route},
    smart::Scopes,
};

/// What a letter may do where it arrives.
const SCOPES: &str = "system/Consent.cu system/Patient.rs";

/// The gateway that sends.
pub struct Sender {
    /// Its node code.
    pub node: NodeCode,
    /// Signs on whose behalf.
    pub signer: Arc<Signer>,
    /// Single use of what is signed.
    pub chance: Arc<dyn Chance>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl Sender {
    pub(in crate::federation) async fn token(
        &self,
        letter: &Letter,
        to: &Source,
    ) -> Result<Arc<PeerToken>> {
        let errand = letter.errand.clone();
        let (signer, chance) = (Arc::clone(&self.signer), Arc::clone(&self.chance));
        let stated = serde_json::to_vec(&errand).map_err(Error::internal)?;
        let scope = errand.statement().scope.clone();
        let sign = Arc::new(move |audience: &str, now: Moment| -> Result<Signed> {
            let grant = errand.assertion(audience, &signer, &*chance, now, Moment::MAX)?;
            Ok(Signed { grant: grant.into(), client: None })
        });
        to.tokens.token(Context(sha256(&stated)), scope, sign).await
    }
}

/// What became of a letter at one node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// The node has acknowledged it.
    Acknowledged,
    /// It is sent again until the node answers.
    Pending,
    /// The node does not take it, and will not.
    Refused(StatusCode),
}

impl Delivery {
    pub(in crate::federation) fn of(status: StatusCode) -> Self {
        let passing = [
            StatusCode::UNAUTHORIZED,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::TOO_EARLY,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        if status.is_success() {
            Self::Acknowledged
        } else if status.is_client_error() && !passing.contains(&status) {
            Self::Refused(status)
        } else {
            Self::Pending
        }
    }
}

/// A Consent on its way.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Letter {
    uuid: Arc<str>,
    request_id: Arc<str>,
    /// When it was written: where a later one has arrived, this one may not loosen any more.
    written: Moment,
    is_prohibition: bool,
    errand: Errand,
    consent: Value,
    /// How it came to be, where somebody wrote it down for the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provenance: Option<Map<String, Value>>,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Letter")
    }
}

impl Letter {
    /// What `caller` writes under `uuid` through the gateway `issuer`; the person is named by identity
    /// code, so that each node can find them.
    ///
    /// # Errors
    /// `Unprocessable` if the person is named otherwise; `Forbidden` as [`Errand::of`].
    pub fn new(
        caller: &Caller,
        issuer: &str,
        uuid: &str,
        consent: Value,
        is_prohibition: bool,
        (request_id, written): (&Arc<str>, Moment),
    ) -> Result<Self> {
        let errand = Errand::of(caller, &Scopes::parse(SCOPES), issuer)?;
        let request_id = Arc::clone(request_id);
        let uuid = uuid.into();
        let provenance = None;
        let letter =
            Self { uuid, request_id, written, is_prohibition, errand, consent, provenance };
        letter.code().map(drop).ok_or_else(|| {
            let say = "Name the person by identity code, so that each node can find them.";
            Error::new(Kind::Unprocessable, say).at("Consent.patient.identifier")
        })?;
        Ok(letter)
    }

    /// The same with what is said of how it came to be.
    #[must_use]
    pub fn with(self, provenance: Option<Map<String, Value>>) -> Self {
        Self { provenance, ..self }
    }

    /// What is said of how it came to be, as one Provenance without a target.
    pub(in crate::federation) fn provenance(&self) -> Option<String> {
        let mut whole = self.provenance.clone()?;
        whole.insert("resourceType".to_owned(), "Provenance".into());
        Some(Value::Object(whole).to_string())
    }

    /// The writer's uuid.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// `X-Request-Id` of the request that wrote it.
    pub fn request_id(&self) -> &Arc<str> {
        &self.request_id
    }

    /// When it was written.
    pub const fn written(&self) -> Moment {
        self.written
    }

    /// Who wrote it.
    pub const fn errand(&self) -> &Errand {
        &self.errand
    }

    /// Is it for every peer, those yet to join too?
    pub const fn is_prohibition(&self) -> bool {
        self.is_prohibition
    }

    /// May more be released with it than before? A grant in force, or a prohibition that is not any more.
    pub(super) fn loosens(&self) -> bool {
        let is_active = self.consent.get("status").and_then(Value::as_str) == Some("active");
        is_active != self.is_prohibition
    }

    /// The Consent it is a version of: letters of one are sent to a node one after the other.
    pub fn of(&self) -> Arc<str> {
        format!("{}|{}", self.errand.statement().client_id, self.uuid).into()
    }

    /// Does it say the same?
    pub(super) fn repeats(&self, digest: &[u8; 32]) -> bool {
        self.digest() == *digest
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        sha256(self.consent.to_string().as_bytes())
    }

    fn code(&self) -> Option<&str> {
        let identifier = self.consent.pointer("/patient/identifier")?;
        let of = |part: &str| identifier.get(part).and_then(Value::as_str);
        of("value").filter(|_| of("system") == Some(identity::SYSTEM))
    }

    /// The Consent for the eyes of one node.
    pub(in crate::federation) fn body(
        &self,
        to: &NodeCode,
        key: &PublicKey,
        sender: &Sender,
    ) -> Result<Vec<u8>> {
        let route = Route { from: sender.node.as_str(), to: to.as_str() };
        let code = self.code().ok_or_else(|| Error::internal("a letter about nobody"))?;
        let sealed = key.seal(code, route, sender.clock.now(), &*sender.chance)?;
        let mut consent = self.consent.clone();
        if let Some(object) = consent.as_object_mut() {
            let person = json!({ "identifier": { "system": handle::SYSTEM, "value": sealed } });
            rename_person(object, &person);
            object.insert("patient".to_owned(), person);
        }
        serde_json::to_vec(&consent).map_err(Error::internal)
    }
}

/// Performers who are named by the patient's identifier are named by `person` instead: the code must
/// not stay in them either.
pub fn rename_person(consent: &mut Map<String, Value>, person: &Value) {
    let identifier = consent.get("patient").and_then(|patient| patient.get("identifier")).cloned();
    let Some(identifier) = identifier else { return };
    let same = |performer: &Value| {
        ["system", "value"].iter().all(|part| {
            performer.get("identifier").and_then(|own| own.get(part)) == identifier.get(part)
        })
    };
    let performers = consent.get_mut("performer").and_then(Value::as_array_mut);
    for performer in performers.into_iter().flatten().filter(|performer| same(performer)) {
        *performer = person.clone();
    }
}
