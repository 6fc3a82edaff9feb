//! A Consent of another form, made safe to decide on: what it surely permits, and all that it forbids.
//!
//! Beside `profile`, which takes the gateway's own form alone. FHIR R4 has no agreed reading of a Consent,
//! so a permit stays only where every known reading permits it, and a denial stays wherever one might
//! hold; each narrowing is told with its place. It never widens: what it cannot tell it marks *undecided*,
//! and a marked permit never permits. Source: `consent` 1.1 and 1.2.

use serde_json::{Map, Value, json};

use super::{
    label,
    name::Name,
    period::Window,
    policy::is_element,
    profile::{self, provision::bounded_values},
    rule::{self, Actor, Effect, Part, coding, codings},
};
use crate::{
    domain::moment::Moment,
    error::{self, Error, Result},
    fhir::schema::Validator,
    json::list,
};

/// The deepest rule of one consent.
const DEEPEST: usize = 6;

/// The system of the label that marks a permit as undecided; no unit has one, and no decision knows it.
const IMPORT: &str = "urn:mylife:import";

/// One thing that was narrowed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Narrowed {
    /// Where it stands, as a `FHIRPath`.
    pub path: String,
    /// What is said there.
    pub said: &'static str,
    /// What is kept of it.
    pub kept: &'static str,
}

/// A Consent as it may be kept, and what was narrowed.
pub struct Imported {
    /// The Consent.
    pub consent: Value,
    /// In the order of the text.
    pub report: Vec<Narrowed>,
}

const NOTHING: &str = "nothing is permitted by it";
const DROPPED: &str = "the others alone are permitted";
const FORBIDS: &str = "it forbids whatever that may be";

/// Reads a Consent of another form as a gateway takes it: it keeps to FHIR R4, names the person and was not
/// given after `now`.
///
/// # Errors
/// `Unprocessable`, with the first rule that is broken; see [`import`] too.
pub fn taken(consent: &Value, fhir: &Validator, now: Moment) -> Result<Imported> {
    profile::bounded(consent)?;
    fhir.demand(consent, error::Kind::Unprocessable)?;
    let imported = import(consent)?;
    profile::check_time(consent, now)?;
    profile::patient(consent)?;
    Ok(imported)
}

/// Reads a Consent of another form, which has no more rules than a decision may cost ([`profile::bounded`]).
///
/// # Errors
/// `Unprocessable` for what is no Consent, is of the gateway's own form, or is about something else than
/// privacy.
pub fn import(consent: &Value) -> Result<Imported> {
    let members = consent.as_object();
    let is_consent = consent.get("resourceType").is_some_and(|kind| kind == "Consent");
    let members = members.filter(|_| is_consent).ok_or_else(|| {
        Error::new(error::Kind::Unprocessable, "Send one Consent resource.").at("Consent")
    })?;
    let mut reader = Reader { report: Vec::new() };
    about_privacy(consent)?;
    let mut kept = reader.envelope(members);
    let refused = reader.opted_out(consent);
    let blocked = !reader.is_given(consent) || refused;
    let above = Above { actor: false, purpose: false, blocked };
    let root = match consent.get("provision") {
        Some(root) => reader.root(root, above, refused)?,
        // Whoever opts out, and says no more, opts out of everything.
        None => refused.then(|| json!({ "type": "deny" })),
    };
    kept.remove("provision");
    kept.extend(root.map(|root| ("provision".to_owned(), root)));
    Ok(Imported { consent: Value::Object(kept), report: reader.report })
}

/// What holds for a rule from those around it.
#[derive(Clone, Copy)]
struct Above {
    /// Is there a recipient around it?
    actor: bool,
    /// Is there a purpose around it?
    purpose: bool,
    /// Can nothing of the Consent be permitted?
    blocked: bool,
}

/// Is it one of those that decide something here?
fn about_privacy(consent: &Value) -> Result<()> {
    let refuse = |place, say| Err(Error::new(error::Kind::Unprocessable, say).at(place));
    let categories = list(consent, "category").iter().flat_map(codings);
    if categories.into_iter().any(|one| coding(one).0 == Some(label::CONSENT_KIND)) {
        return refuse("Consent.category", "This is of the gateway's own form; write it as such.");
    }
    let scope = consent.get("scope").map(codings).unwrap_or_default();
    let privacy =
        |one: &Value| matches!(coding(one), (None | Some(label::SCOPE), Some("patient-privacy")));
    if scope.is_empty() || !scope.iter().all(privacy) {
        return refuse("Consent.scope", "Only a Consent about privacy decides anything here.");
    }
    Ok(())
}

struct Reader {
    report: Vec<Narrowed>,
}

impl Reader {
    fn tell(&mut self, path: &str, said: &'static str, kept: &'static str) {
        self.report.push(Narrowed { path: path.to_owned(), said, kept });
    }

    /// What stands around the rules.
    fn envelope(&mut self, members: &Map<String, Value>) -> Map<String, Value> {
        let mut kept = Map::new();
        for (key, value) in members {
            let path = format!("Consent.{key}");
            match key.as_str() {
                "contained" | "sourceAttachment" | "sourceReference" => {
                    self.tell(&path, "a document beside the rules", "it stays with its sender");
                }
                "text" | "id" | "meta" => {}
                key if is_element(key) => {
                    kept.insert(key.to_owned(), value.clone());
                }
                _ => {
                    // The decision sees that something is there that could turn the rest around.
                    self.tell(&path, "an element that may change what the rest means", NOTHING);
                    kept.insert(key.clone(), value.clone());
                }
            }
        }
        kept
    }

    /// Is it given by the person?
    fn is_given(&mut self, consent: &Value) -> bool {
        let patient = consent.get("patient").map(Name::parse).unwrap_or_default();
        let same = |name: Name| {
            let names = [patient.reference(), patient.identifier()];
            names.into_iter().flatten().any(|known| name.equals(known))
        };
        let by_patient = list(consent, "performer").iter().map(Name::parse).any(same);
        if !by_patient {
            let said = "given by somebody else, or by nobody named";
            self.tell("Consent.performer", said, NOTHING);
        }
        by_patient
    }

    /// Does the policy it is under say no to everything?
    fn opted_out(&mut self, consent: &Value) -> bool {
        let policy = consent.get("policyRule").map(codings).unwrap_or_default();
        let opted_out =
            policy.iter().any(|one| coding(one).1.is_some_and(|code| code.starts_with("OPTOUT")));
        if opted_out {
            let kept =
                "nothing is permitted by it, and what it describes without a type is forbidden";
            self.tell("Consent.policyRule", "the person opted out", kept);
        }
        opted_out
    }

    /// `refused`: under a policy that says no, a root without a type may be what is refused, or what is
    /// left out of that. Nothing is permitted in either reading, and in one of them it is forbidden.
    fn root(&mut self, root: &Value, above: Above, refused: bool) -> Result<Option<Value>> {
        let path = "Consent.provision";
        let is_typed = root.get("type").and_then(rule::effect).is_some();
        if refused && !is_typed {
            bounded_values(root, path)?;
            return Ok(Some(self.refusal(root, path)));
        }
        let kept = self.rule(root, path, above, 0)?;
        let (had, has) =
            (!list(root, "provision").is_empty(), !list(&kept, "provision").is_empty());
        if !is_typed {
            let said =
                "no type: what it permits, and what is an exception, depends on who reads it";
            self.tell(path, said, "what it forbids by name; nothing is permitted by it");
        }
        // Without what it frames, a frame would forbid everything.
        let is_frame = kept.get("type").and_then(rule::effect) == Some(Effect::Deny) && had && !has;
        Ok((!is_frame).then_some(kept))
    }

    /// A rule without a type as a denial of what it may describe. It stays without a type, so that of what
    /// is vague in it each reading counts; what is nested in it is within that.
    fn refusal(&mut self, rule: &Value, path: &str) -> Value {
        let mut kept = self.denial(rule, path);
        kept.insert("provision".to_owned(), json!([{ "type": "deny" }]));
        Value::Object(kept)
    }

    fn rule(&mut self, rule: &Value, path: &str, above: Above, depth: usize) -> Result<Value> {
        if depth > DEEPEST {
            let say = "Say it in rules that are less deeply nested: at most 6 levels.";
            return Err(Error::new(error::Kind::Unprocessable, say).at(path));
        }
        bounded_values(rule, path)?;
        let effect = rule.get("type").and_then(rule::effect);
        let mut kept = match effect {
            Some(Effect::Deny) => self.denial(rule, path),
            Some(Effect::Permit) => self.permit(rule, path, above),
            None => rule.as_object().cloned().unwrap_or_default(),
        };
        let names = |key| above_names(rule, key);
        let inner = Above {
            actor: above.actor || names("actor"),
            purpose: above.purpose || names("purpose"),
            ..above
        };
        let mut nested = Vec::new();
        for (at, one) in list(rule, "provision").iter().enumerate() {
            let path = format!("{path}.provision[{at}]");
            let of = one.get("type").and_then(rule::effect);
            let mut inner = inner;
            if of.is_none() {
                self.tell(&path, "no type", "what it forbids by name; nothing is permitted by it");
            } else if of == Some(Effect::Permit) && effect == Some(Effect::Permit) {
                let said = "a permit within a permit: it could widen, narrow or be an exception";
                self.tell(&path, said, "what is forbidden in them; nothing is permitted by either");
            }
            if of != Some(Effect::Deny) && effect == Some(Effect::Permit) {
                undecided(&mut kept);
                inner.blocked = true;
            }
            nested.push(self.rule(one, &path, inner, depth + 1)?);
        }
        kept.remove("provision");
        if !nested.is_empty() {
            kept.insert("provision".to_owned(), Value::Array(nested));
        }
        Ok(Value::Object(kept))
    }

    /// All of it; what cannot be told makes it hold more often.
    fn denial(&mut self, rule: &Value, path: &str) -> Map<String, Value> {
        let mut kept = rule.as_object().cloned().unwrap_or_default();
        for (key, value) in rule.as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            match readable(key, value) {
                Readable::Whole => {}
                Readable::Some(_) | Readable::Not if key == "data" => {
                    kept.remove("data");
                    self.tell(&path, "single resources that are not told apart here", FORBIDS);
                }
                Readable::Some(_) | Readable::Not => {
                    self.tell(&path, "a condition that cannot be told here", FORBIDS);
                }
            }
        }
        kept
    }

    /// What of it is sure; else it is marked.
    fn permit(&mut self, rule: &Value, path: &str, above: Above) -> Map<String, Value> {
        let mut kept = rule.as_object().cloned().unwrap_or_default();
        let mut is_sure = !above.blocked;
        for (key, value) in rule.as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            match readable(key, value) {
                Readable::Whole => {}
                Readable::Some(known) => {
                    self.tell(&path, "values that cannot be told here", DROPPED);
                    kept.insert(key.clone(), Value::Array(known));
                }
                Readable::Not => {
                    self.tell(&path, "a condition that cannot be told here", NOTHING);
                    is_sure = false;
                }
            }
        }
        if !above.actor && !above_names(rule, "actor") {
            self.tell(path, "no recipient: anybody, or those that something else names", NOTHING);
            is_sure = false;
        }
        if !above.purpose && !above_names(rule, "purpose") {
            self.tell(path, "no purpose: any, or one that something else names", NOTHING);
            is_sure = false;
        }
        if !is_sure {
            undecided(&mut kept);
        }
        kept
    }
}

/// How much of an element of a rule can be told.
enum Readable {
    /// All of it.
    Whole,
    /// These values of several of which one is enough.
    Some(Vec<Value>),
    /// Nothing that could be relied on.
    Not,
}

fn readable(key: &str, value: &Value) -> Readable {
    let any = |is: &dyn Fn(&Value) -> bool| {
        let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let known: Vec<Value> = all.iter().filter(|one| is(one)).cloned().collect();
        match known.len() {
            0 => Readable::Not,
            count if count == all.len() => Readable::Whole,
            _ => Readable::Some(known),
        }
    };
    let all = |is: bool| if is { Readable::Whole } else { Readable::Not };
    match key {
        "id" | "extension" | "provision" | "type" => Readable::Whole,
        "action" => any(&|one| !rule::action(one).is_empty()),
        "actor" => any(&|one| rule::actor(one).is_some()),
        "class" => any(&|one| rule::resource_type(one).is_some()),
        "code" => any(&|one| codings(one).iter().any(|c| coding(c).1.is_some())),
        "data" => any(&is_document),
        "dataPeriod" | "period" => all(Window::parse(value) != Window::Bad),
        "purpose" => any(&|one| rule::stated(one).is_some()),
        // Those of different systems must all hold, so none can be left out.
        "securityLabel" => {
            let known = |one: &Value| coding(one).0.is_some_and(rule::is_label);
            all(value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(known)))
        }
        _ => Readable::Not,
    }
}

/// Instances are told apart by document.
fn is_document(one: &Value) -> bool {
    let to = one.pointer("/reference/reference").and_then(Value::as_str).unwrap_or_default();
    rule::instance(one).is_some()
        && (to.starts_with("QuestionnaireResponse/") || to.starts_with("CarePlan/"))
}

/// Does a rule name a recipient, or a purpose, that is known?
fn above_names(rule: &Value, key: &str) -> bool {
    list(rule, key).iter().any(|one| match key {
        "actor" => rule::actor(one).is_some_and(|Actor { part, .. }| part == Part::Requester),
        _ => rule::stated(one).is_some(),
    })
}

/// Marks a permit so that no decision follows it; the denials within it stand.
fn undecided(rule: &mut Map<String, Value>) {
    let mark = json!({ "system": IMPORT, "code": "undecided" });
    let labels = rule.entry("securityLabel").or_insert_with(|| json!([]));
    if let Some(labels) = labels.as_array_mut().filter(|labels| !labels.contains(&mark)) {
        labels.push(mark);
    }
}
