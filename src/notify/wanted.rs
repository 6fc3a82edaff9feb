//! What a client wants to be told of: an R4 Subscription in the form of the Backport guide, read and
//! written.
//!
//! Part of `notify`. Reads only what the client sent, so it can refuse but tells nothing of anybody: whom a
//! filter names need not exist. What the gateway does not keep is refused, never dropped. Sources: FHIR R4
//! subscription.html; Subscriptions R5 Backport 1.1, `components.html`.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    bundle::notification::{BACKPORT, Content},
    domain::{id, moment::Moment},
    error::{Error, Kind, Result},
    notify::topic::Topic,
};

/// Most people of one subscription.
const PEOPLE: usize = 100;
/// Longest reason, in bytes.
const REASON: usize = 1000;
/// Seconds between two heartbeats: least and most.
const HEARTBEAT: (u64, u64) = (60, 86_400);
/// Seconds that a notification may take at most, and where nothing is said.
const TIMEOUT: (u64, u64, u64) = (1, 30, 10);
/// Events of one notification: most, and where nothing is said.
const COUNT: (u64, u64) = (100, 20);
/// What is read of a Subscription; anything else would have to be kept.
const MEMBERS: [&str; 11] = [
    "resourceType",
    "id",
    "meta",
    "language",
    "text",
    "status",
    "reason",
    "criteria",
    "_criteria",
    "channel",
    "end",
];
/// The same of its channel.
const CHANNEL: [&str; 5] = ["type", "endpoint", "payload", "_payload", "extension"];
/// The same of its meta, which is the gateway's own.
const META: [&str; 4] = ["versionId", "lastUpdated", "profile", "source"];

/// A subscription as its client wants it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Of what.
    pub topic: Topic,
    /// About whom: ids of Patients, each once, in order.
    pub patients: Vec<Arc<str>>,
    /// Why, in the client's words.
    pub reason: String,
    /// Where to.
    pub endpoint: String,
    /// How much is told.
    pub content: Content,
    /// Seconds after which it is said that nothing has happened.
    pub heartbeat: Option<u64>,
    /// Seconds that a notification may take.
    pub timeout: u64,
    /// Most events of one notification.
    pub count: usize,
    /// When it ends.
    pub end: Option<Moment>,
    /// Is it ended, as long as nothing else is written?
    pub is_off: bool,
}

impl Wanted {
    /// Reads a Subscription that is valid R4. `base` is the own FHIR base, `places` where the client may
    /// be notified.
    ///
    /// # Errors
    /// `Unprocessable` or `TooCostly`, with the place: the same whoever is held here.
    pub fn read(body: &Value, base: &str, places: &[String]) -> Result<Self> {
        let whole = object(body, "Subscription")?;
        only(whole, &MEMBERS, "Subscription")?;
        if let Some(meta) = whole.get("meta") {
            only(object(meta, "Subscription.meta")?, &META, "Subscription.meta")?;
        }
        let channel = whole.get("channel").unwrap_or(&Value::Null);
        let channel = object(channel, "Subscription.channel")?;
        only(channel, &CHANNEL, "Subscription.channel")?;
        let topic = topic(text(whole, "criteria"))?;
        let extensions = Extensions::of(channel.get("extension"), "Subscription.channel.extension");
        let (least, most) = HEARTBEAT;
        let heartbeat = extensions.number("backport-heartbeat-period", (least, most))?;
        let (least, most, usual) = TIMEOUT;
        let timeout = extensions.number("backport-timeout", (least, most))?.unwrap_or(usual);
        let count = extensions.number("backport-max-count", (1, COUNT.0))?.unwrap_or(COUNT.1);
        extensions.no_other(&[
            "backport-heartbeat-period",
            "backport-timeout",
            "backport-max-count",
        ])?;
        let reason = text(whole, "reason");
        if reason.len() > REASON {
            return Err(wrong("Say why in at most 1000 bytes.", "Subscription.reason"));
        }
        let end = whole.get("end").and_then(Value::as_str).map(|text| {
            Moment::parse(text)
                .ok_or_else(|| wrong("It is an instant with a time zone.", "Subscription.end"))
        });
        Ok(Self {
            topic,
            patients: patients(whole.get("_criteria"), topic, base)?,
            reason: reason.to_owned(),
            endpoint: endpoint(channel, places)?.to_owned(),
            content: content(channel)?,
            heartbeat,
            timeout,
            count: usize::try_from(count).unwrap_or(1),
            end: end.transpose()?,
            is_off: is_off(text(whole, "status"))?,
        })
    }

    /// As a Subscription, without what the gateway alone says of it.
    pub fn written(&self) -> Map<String, Value> {
        let extension = |name: &str, value: (&str, Value)| {
            let mut extension = json!({ "url": format!("{BACKPORT}/{name}") });
            if let Some(object) = extension.as_object_mut() {
                object.insert(value.0.to_owned(), value.1);
            }
            extension
        };
        let mut extensions: Vec<Value> = Vec::new();
        extensions.extend(self.heartbeat.map(|seconds| {
            extension("backport-heartbeat-period", ("valueUnsignedInt", json!(seconds)))
        }));
        let timeout = ("valueUnsignedInt", json!(self.timeout));
        extensions.push(extension("backport-timeout", timeout));
        let count = ("valuePositiveInt", json!(self.count));
        extensions.push(extension("backport-max-count", count));
        let content = ("valueCode", json!(self.content.code()));
        let people: Vec<String> =
            self.patients.iter().map(|patient| format!("Patient/{patient}")).collect();
        let filter = format!("{}?patient={}", self.topic.focus(), people.join(","));
        let mut whole = Map::new();
        let members = [
            ("reason", json!(self.reason)),
            ("criteria", json!(self.topic.canonical())),
            (
                "_criteria",
                json!({ "extension":
                    [extension("backport-filter-criteria", ("valueString", json!(filter)))] }),
            ),
            (
                "channel",
                json!({
                    "extension": extensions,
                    "type": "rest-hook",
                    "endpoint": self.endpoint,
                    "payload": "application/fhir+json",
                    "_payload":
                        { "extension": [extension("backport-payload-content", content)] },
                }),
            ),
        ];
        whole.extend(members.into_iter().map(|(name, value)| (name.to_owned(), value)));
        whole.extend(self.end.map(|end| ("end".to_owned(), json!(end.to_string()))));
        whole
    }
}

/// Extensions of the guide, each at most once.
struct Extensions<'a> {
    all: Vec<(&'a str, &'a Value)>,
    place: &'a str,
}

impl<'a> Extensions<'a> {
    fn of(extensions: Option<&'a Value>, place: &'a str) -> Self {
        let all = extensions.and_then(Value::as_array).into_iter().flatten();
        let named = all.map(|one| {
            let url = one.get("url").and_then(Value::as_str).unwrap_or_default();
            (url.strip_prefix(BACKPORT).and_then(|rest| rest.strip_prefix('/')).unwrap_or(""), one)
        });
        Self { all: named.collect(), place }
    }

    fn no_other(&self, known: &[&str]) -> Result<()> {
        let is_known = |(name, _): &(&str, &Value)| known.contains(name);
        let is_twice = |name: &&str| self.all.iter().filter(|(one, _)| one == name).count() > 1;
        if self.all.iter().all(is_known) && !known.iter().any(is_twice) {
            return Ok(());
        }
        let say = format!("Each of {} may stand here once, and nothing else.", known.join(", "));
        Err(wrong(say, self.place))
    }

    fn one(&self, name: &str) -> Option<&'a Value> {
        self.all.iter().find(|(one, _)| *one == name).map(|(_, value)| *value)
    }

    fn text(&self, name: &str, of: &str) -> Option<&'a str> {
        self.one(name)?.get(of)?.as_str()
    }

    fn number(&self, name: &str, (least, most): (u64, u64)) -> Result<Option<u64>> {
        let Some(extension) = self.one(name) else { return Ok(None) };
        let values = ["valueUnsignedInt", "valuePositiveInt", "valueInteger"];
        let number = values.iter().find_map(|value| extension.get(value)?.as_u64());
        let fits = number.filter(|number| (least..=most).contains(number));
        let say = || format!("{name} is a whole number from {least} to {most}.");
        fits.map(Some).ok_or_else(|| wrong(say(), self.place))
    }
}

fn topic(criteria: &str) -> Result<Topic> {
    Topic::parse(criteria).ok_or_else(|| {
        let all: Vec<String> = Topic::ALL.iter().map(|topic| topic.canonical()).collect();
        let say = format!("criteria is the canonical of a topic: {}.", all.join(", "));
        wrong(say, "Subscription.criteria")
    })
}

/// `QuestionnaireResponse?patient=Patient/a,Patient/b`: the one filter there is, and there must be one.
fn patients(criteria: Option<&Value>, topic: Topic, base: &str) -> Result<Vec<Arc<str>>> {
    const PLACE: &str = "Subscription.criteria.extension";
    let focus = topic.focus();
    let say = || {
        format!(
            "Name the people in one backport-filter-criteria: {focus}?patient=Patient/id, more of them \
             separated by commas. Of everybody there is an export."
        )
    };
    let extensions = Extensions::of(criteria.and_then(|one| one.get("extension")), PLACE);
    extensions.no_other(&["backport-filter-criteria"])?;
    let filter = extensions.text("backport-filter-criteria", "valueString");
    let filter = filter.ok_or_else(|| wrong(say(), PLACE))?;
    let pairs = match filter.split_once('?') {
        Some((kind, pairs)) if kind == focus.name() => pairs,
        Some(_) => return Err(wrong(say(), PLACE)),
        None => filter,
    };
    let mut pairs = form_urlencoded::parse(pairs.as_bytes());
    let (Some((name, values)), None) = (pairs.next(), pairs.next()) else {
        return Err(wrong(say(), PLACE));
    };
    if name != "patient" {
        return Err(wrong(say(), PLACE));
    }
    let mut named = BTreeSet::new();
    for value in values.split(',') {
        let own = value.strip_prefix(base).and_then(|rest| rest.strip_prefix('/'));
        let local = own.unwrap_or(value);
        let patient = local.strip_prefix("Patient/").unwrap_or(local);
        if !id::may_be_id(patient) || patient.len() > id::MAX_ID {
            return Err(wrong(say(), PLACE));
        }
        named.insert(patient.into());
        if named.len() > PEOPLE {
            let say = format!("One subscription is about {PEOPLE} people at most: make several.");
            return Err(Error::new(Kind::TooCostly, say).at(PLACE));
        }
    }
    Ok(named.into_iter().collect())
}

/// A place of the client's own list.
fn endpoint<'a>(channel: &'a Map<String, Value>, places: &[String]) -> Result<&'a str> {
    let kind = text(channel, "type");
    if kind != "rest-hook" {
        let say = "The one kind of channel is rest-hook.";
        return Err(Error::new(Kind::Unprocessable, say).at("Subscription.channel.type"));
    }
    let endpoint = text(channel, "endpoint");
    if places.iter().any(|place| place == endpoint) {
        return Ok(endpoint);
    }
    let say = "endpoint is one of the places registered for this client, letter by letter; the operator \
               of the gateway registers them.";
    Err(wrong(say, "Subscription.channel.endpoint"))
}

fn content(channel: &Map<String, Value>) -> Result<Content> {
    const PLACE: &str = "Subscription.channel.payload";
    let mime = text(channel, "payload");
    if !["application/fhir+json", "application/json"].contains(&mime) {
        return Err(wrong("payload is application/fhir+json.", PLACE));
    }
    let of = channel.get("_payload").and_then(|one| one.get("extension"));
    let extensions = Extensions::of(of, PLACE);
    extensions.no_other(&["backport-payload-content"])?;
    let code = extensions.text("backport-payload-content", "valueCode").unwrap_or_default();
    Content::parse(code).ok_or_else(|| {
        let say =
            "Say how much is told by backport-payload-content: empty, id-only or full-resource.";
        wrong(say, PLACE)
    })
}

/// What a client may ask a subscription to be: on or off. Everything else is the gateway's to say.
fn is_off(status: &str) -> Result<bool> {
    match status {
        "requested" | "active" => Ok(false),
        "off" => Ok(true),
        _ => Err(wrong("A client writes requested or off.", "Subscription.status")),
    }
}

fn object<'a>(value: &'a Value, place: &str) -> Result<&'a Map<String, Value>> {
    value.as_object().ok_or_else(|| wrong("It is an object.", place))
}

/// Nothing but these members.
fn only(object: &Map<String, Value>, known: &[&str], place: &str) -> Result<()> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        // The name comes from the schema of R4, which was checked before.
        Some(name) => {
            let name = name.trim_start_matches('_');
            let say =
                "This is not kept: leave it out. How a receiver knows the gateway is registered.";
            Err(wrong(say, &format!("{place}.{name}")))
        }
    }
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn wrong(say: impl Into<std::borrow::Cow<'static, str>>, place: &str) -> Error {
    Error::new(Kind::Unprocessable, say).at(place)
}
