//! The rules of a Consent to be written: their nesting, and each of their conditions.
//!
//! A grant is a root that denies, rules that permit, their exceptions and the exceptions of those;
//! a prohibition is one rule that denies. Source: `consent` 1.3. Values are read by the same
//! functions as for a decision, so what passes here is understood there.

use serde_json::Value;

use super::{Kind, broken};
use crate::{
    consent::{
        label::{self, Confidentiality},
        name::Name,
        period::Window,
        rule::{self, Actor, Part, coding},
    },
    domain::{class::Class, theme::Theme},
    error::Result,
    fhir::labels,
    json::{list, text},
};

/// Most rules of one consent: every one is read for every kind of data at each decision.
const MOST: usize = 200;
/// Most values of one condition.
const VALUES: usize = 100;
const FEWER: &str = "Give fewer values: a condition has at most 100.";
/// The deepest rule: an exception of an exception.
const DEEPEST: usize = 3;

/// Checks the root and all below it; gives everybody named as requester.
pub(super) fn check(root: Option<&Value>, kind: Kind) -> Result<Vec<Name>> {
    let place = "Consent.provision";
    let root = root.filter(|root| root.is_object());
    let root = root.ok_or_else(|| broken(place, "Give a provision."))?;
    let mut requesters = Vec::new();
    if text(root, "type") != Some("deny") {
        return Err(broken(&format!("{place}.type"), "The root provision must be of type deny."));
    }
    match kind {
        Kind::Grant => {
            if list(root, "provision").is_empty() {
                let say = "A grant needs nested provisions that say what it permits.";
                return Err(broken(&format!("{place}.provision"), say));
            }
            if let Some(key) = keys(root).find(|key| !matches!(*key, "type" | "provision")) {
                let say = "The root of a grant has no conditions; put them into its provisions.";
                return Err(broken(&format!("{place}.{key}"), say));
            }
            nested(root, place, 1, &mut requesters)?;
        }
        Kind::Prohibition => {
            if root.get("provision").is_some() {
                let say = "A prohibition has no nested provisions.";
                return Err(broken(&format!("{place}.provision"), say));
            }
            conditions(root, place, &mut requesters)?;
        }
    }
    Ok(requesters)
}

/// Members other than `id` and extensions, which say nothing to a decision.
fn keys(rule: &Value) -> impl Iterator<Item = &str> {
    let members = rule.as_object().into_iter().flat_map(|members| members.keys());
    members.map(String::as_str).filter(|key| !matches!(*key, "id" | "extension"))
}

/// Has a Consent of any form no more rules than a decision may cost? Asked first: of what is far too long
/// nothing else is worth asking.
pub(in crate::consent) fn bounded(consent: &Value) -> Result<()> {
    fn rules(of: &Value) -> usize {
        list(of, "provision").iter().map(|rule| 1 + rules(rule)).sum()
    }
    if consent.get("provision").map_or(0, rules) > MOST {
        let say = "Say it in fewer rules: a consent has at most 200.";
        return Err(broken("Consent.provision.provision", say));
    }
    Ok(())
}

/// Has no condition of one rule more values than a decision may cost?
pub(in crate::consent) fn bounded_values(rule: &Value, place: &str) -> Result<()> {
    let members = rule.as_object().into_iter().flatten();
    let is_long = |value: &Value| value.as_array().is_some_and(|all| all.len() > VALUES);
    let mut long = members.filter(|(key, value)| *key != "provision" && is_long(value));
    match long.next() {
        Some((key, _)) => Err(broken(&format!("{place}.{key}"), FEWER)),
        None => Ok(()),
    }
}

fn nested(parent: &Value, place: &str, level: usize, requesters: &mut Vec<Name>) -> Result<()> {
    let Some(rules) = parent.get("provision") else { return Ok(()) };
    let here = format!("{place}.provision");
    let rules = rules.as_array().filter(|rules| !rules.is_empty());
    let rules = rules.ok_or_else(|| broken(&here, "Leave out an empty list of provisions."))?;
    if level > DEEPEST {
        return Err(broken(&here, "Do not nest deeper than an exception of an exception."));
    }
    for (at, rule) in rules.iter().enumerate() {
        let place = format!("{here}[{at}]");
        of_level(rule, &place, level)?;
        conditions(rule, &place, requesters)?;
        nested(rule, &place, level + 1, requesters)?;
    }
    Ok(())
}

/// What is asked of a rule by its depth.
fn of_level(rule: &Value, place: &str, level: usize) -> Result<()> {
    let (expected, say) = match level {
        1 => ("permit", "The provisions of a grant must be of type permit."),
        2 => ("deny", "An exception of a grant must be of type deny."),
        _ => ("permit", "An exception of an exception must be of type permit."),
    };
    if text(rule, "type") != Some(expected) {
        return Err(broken(&format!("{place}.type"), say));
    }
    if level > 1 {
        return Ok(());
    }
    if list(rule, "purpose").is_empty() {
        let say = "Say for which purpose of use the grant is.";
        return Err(broken(&format!("{place}.purpose"), say));
    }
    let actors = list(rule, "actor");
    let recipient =
        |actor: &Value| rule::actor(actor).is_none_or(|Actor { part, .. }| part == Part::Requester);
    if actors.is_empty() || !actors.iter().all(recipient) {
        let say = "Say to whom the grant is given, as actors of role IRCP or PRCP.";
        return Err(broken(&format!("{place}.actor"), say));
    }
    Ok(())
}

/// Every condition of one rule must be one a decision understands.
fn conditions(rule: &Value, place: &str, requesters: &mut Vec<Name>) -> Result<()> {
    bounded_values(rule, place)?;
    for key in keys(rule) {
        let at = format!("{place}.{key}");
        let value = rule.get(key).unwrap_or(&Value::Null);
        let each = |say, is: &dyn Fn(&Value) -> bool| all(value, &at, say, is);
        match key {
            "type" | "provision" => Ok(()),
            "action" => each("Use actions of FHIR's consentaction.", &|action| {
                !rule::action(action).is_empty()
            }),
            "actor" => each(
                "Give every actor a role IRCP, PRCP, CST or AUT and a reference or identifier.",
                &|actor| rule::actor(actor).is_some(),
            )
            .and_then(|()| each(WHO, &is_told_apart)),
            "class" => each("Name classes by FHIR resource type.", &|class| {
                rule::resource_type(class).is_some()
            }),
            "code" => Err(broken(
                &at,
                "Leave code out; name themes in securityLabel, with the system of themes.",
            )),
            "data" => each(
                "Give every data element a meaning and a reference such as Type/id.",
                &|data| rule::instance(data).is_some(),
            ),
            "dataPeriod" | "period" => period(value, &at),
            "purpose" => {
                each("Use purposes of v3-ActReason.", &|purpose| rule::stated(purpose).is_some())
            }
            "securityLabel" => each(
                "Use known codes of themes, classes, confidentiality, registers, service tasks.",
                &is_label,
            ),
            _ => Err(broken(&at, "Leave this element out: no decision reads it.")),
        }?;
    }
    let actors = list(rule, "actor").iter().filter_map(rule::actor);
    requesters.extend(actors.filter(|a| a.part == Part::Requester).map(|actor| actor.who));
    Ok(())
}

fn all(array: &Value, place: &str, say: &'static str, is: &dyn Fn(&Value) -> bool) -> Result<()> {
    let elements = array.as_array().filter(|elements| !elements.is_empty());
    let elements = elements.ok_or_else(|| broken(place, "Leave out an empty list."))?;
    match elements.iter().position(|element| !is(element)) {
        Some(at) => Err(broken(&format!("{place}[{at}]"), say)),
        None => Ok(()),
    }
}

const WHO: &str = "Name an organisation by its OID (system urn:ietf:rfc:3986, value urn:oid:...), a \
                   person by reference: of no other form can be told who is meant.";

/// Is it nobody who may be given data, or somebody of whom can be told whether it is who asks?
fn is_told_apart(actor: &Value) -> bool {
    let actor = rule::actor(actor).filter(|actor| actor.part == Part::Requester);
    actor.is_none_or(|actor| actor.who.is_recipient())
}

fn period(value: &Value, place: &str) -> Result<()> {
    if Window::parse(value) == Window::Bad {
        let say = "Give a start or an end, the start first, and a time zone with every time.";
        return Err(broken(place, say));
    }
    Ok(())
}

fn is_label(value: &Value) -> bool {
    match coding(value) {
        (Some(labels::THEME), Some(code)) => Theme::from_code(code).is_some(),
        (Some(labels::CLASS), Some(code)) => Class::from_code(code).is_some(),
        (Some(label::CONFIDENTIALITY), Some(code)) => Confidentiality::from_code(code).is_some(),
        (Some(label::REGISTER | label::SERVICE_TASK), Some(code)) => !code.is_empty(),
        _ => false,
    }
}
