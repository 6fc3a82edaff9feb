//! The conditions of a rule in three values, and whether a consent counts at all.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde_json::Value;

use super::{
    super::world::{Held, NOW, Thing, World},
    CLASSES, PERSON, THEMES,
};

/// True, false, unknown.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Tri {
    F,
    U,
    T,
}

fn tri(is: bool) -> Tri {
    if is { Tri::T } else { Tri::F }
}

pub(super) fn and(all: impl IntoIterator<Item = Tri>) -> Tri {
    all.into_iter().min().unwrap_or(Tri::T)
}

fn or(all: impl IntoIterator<Item = Tri>) -> Tri {
    all.into_iter().max().unwrap_or(Tri::U)
}

/// From its first millisecond to before its last.
type Span = (i64, i64);

pub(super) fn now() -> i64 {
    instant(NOW)
}

pub(super) fn now_span() -> Span {
    (now(), now() + 1)
}

fn instant(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn midnight(date: Date) -> i64 {
    let zone = TimeZone::get("Europe/Helsinki").unwrap();
    date.to_zoned(zone).unwrap().timestamp().as_millisecond()
}

/// A `dateTime`, and whether it is less than a day exact.
fn span(text: &str) -> Option<(Span, bool)> {
    if text.contains('T') {
        let at = text.parse::<Timestamp>().ok()?.as_millisecond();
        return Some(((at, at + 1), false));
    }
    let whole = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    let first: Date = whole.parse().ok()?;
    let (last, vague) = match text.len() {
        4 => (first + 1.year(), true),
        7 => (first + 1.month(), true),
        _ => (first + 1.day(), false),
    };
    Some(((midnight(first), midnight(last)), vague))
}

/// Does a span of time lie inside a period? Vague ends are read on the closed side of the rule's type.
pub(super) fn period_holds(period: &Value, of: Span, kind: Option<&str>) -> Tri {
    let end = |key: &str| match period.get(key) {
        None => Some(None),
        Some(text) => span(text.as_str()?).map(Some),
    };
    let (Some(start), Some(end)) = (end("start"), end("end")) else { return Tri::U };
    let permits = kind == Some("permit");
    let from = start.map_or(
        i64::MIN,
        |((first, past), vague)| {
            if vague && permits { past } else { first }
        },
    );
    let until = end.map_or(i64::MAX, |((first, past), vague)| match (vague, past - first) {
        (true, _) if permits => first,
        // At the instant of its end it is over.
        (_, 1) => first,
        _ => past,
    });
    if from >= until || of.1 <= from || of.0 >= until {
        Tri::F
    } else if of.0 >= from && of.1 <= until {
        Tri::T
    } else {
        Tri::U
    }
}

/// Is the person of age then? Nobody knows without a birth date.
pub(super) fn of_age(born: Option<&str>, at: i64) -> Option<bool> {
    let born: Date = born?.parse().unwrap();
    Some(at >= midnight(born + 18.years()))
}

/// Status, patient, scope, form, giver, and that this version is the one in force.
pub(super) fn applicable(held: &Held, born: Option<&str>) -> Tri {
    let hour = |hours: i64| instant("2026-01-01T00:00:00Z") + hours * 3_600_000;
    let Held { consent, recorded, force } = held;
    let status = match consent["status"].as_str() {
        Some("active") => Tri::T,
        Some("inactive") => Tri::F,
        _ => Tri::U,
    };
    let known = ["modifierExtension", "decision"].iter().all(|key| consent.get(key).is_none());
    let current = force.0.is_none_or(|from| hour(from) <= now())
        && force.1.is_none_or(|until| now() < hour(until));
    // Unknown when it was recorded: before that birthday.
    let recorded = recorded.map_or(i64::MIN, hour);
    let guardian = match (of_age(born, recorded), of_age(born, now())) {
        (Some(true), _) | (_, Some(false)) => Tri::T,
        (_, Some(true)) => Tri::F,
        (_, None) => Tri::U,
    };
    let giver = match consent["performer"][0]["reference"].as_str() {
        None => Tri::T,
        Some("RelatedPerson/mother") => guardian,
        // It may be a guardian or not.
        Some(_) => guardian.max(Tri::U),
    };
    let form = if known { Tri::T } else { Tri::U };
    let patient = tri(consent["patient"]["reference"] == PERSON);
    and([status, form, tri(current), giver, patient])
}

/// The codes of one of our label systems that a rule names.
pub(super) fn labels<'a>(rule: &'a Value, of: &str) -> Vec<&'a str> {
    let all = rule["securityLabel"].as_array().into_iter().flatten();
    let is =
        |label: &&Value| label["system"].as_str().is_some_and(|s| s.ends_with(&format!("/{of}")));
    all.filter(is).filter_map(|label| label["code"].as_str()).collect()
}

fn is_theme(code: &str, t: Option<&str>) -> Tri {
    match t {
        _ if !THEMES.contains(&code) => Tri::U,
        None => Tri::F,
        Some(t) if !THEMES.contains(&t) => Tri::U,
        Some(t) => tri(t == code),
    }
}

/// Every condition of a rule.
pub(super) fn matches(
    n: &Value,
    kind: Option<&str>,
    foreign: bool,
    world: &World,
    u: &Thing,
    t: Option<&str>,
) -> Vec<Tri> {
    let own = n.as_object().unwrap().iter();
    let own = own.filter(|(key, _)| !["type", "provision"].contains(&key.as_str()));
    own.map(|(key, value)| match key.as_str() {
        "securityLabel" => labelled(n, kind, u, t),
        "period" => period_holds(value, now_span(), kind),
        "dataPeriod" => u.date.map_or(Tri::U, |date| match span(date) {
            Some((span, _)) => period_holds(value, span, kind),
            None => Tri::U,
        }),
        key => or(value.as_array().into_iter().flatten().map(|one| match key {
            "actor" => actor(one, world, u),
            "purpose" => purpose(one["code"].as_str().unwrap(), world.who.purpose),
            "action" => world.who.action.map_or(Tri::U, |a| tri(one["coding"][0]["code"] == a)),
            "class" => tri(one["code"] == "Observation"),
            "code" => code(&one["coding"][0], foreign, t),
            "data" if one["meaning"] == "authoredby" => author("Patient/p1", u),
            "data" => tri(one["reference"]["reference"] == "Observation/o1"),
            _ => Tri::U,
        })),
    })
    .collect()
}

/// One condition for each system.
fn labelled(n: &Value, kind: Option<&str>, u: &Thing, t: Option<&str>) -> Tri {
    let (themes, classes) = (labels(n, "theme"), labels(n, "class"));
    let (ranks, registers) = (labels(n, "v3-Confidentiality"), labels(n, "register"));
    let named = themes.len() + classes.len() + ranks.len() + registers.len();
    let mut all = Vec::new();
    if named < n["securityLabel"].as_array().unwrap().len() {
        all.push(Tri::U);
    }
    if !themes.is_empty() {
        all.push(or(themes.iter().map(|code| is_theme(code, t))));
    }
    if !classes.is_empty() {
        let known = classes.iter().all(|c| CLASSES.contains(c));
        // What a permit names limits it in the walk.
        all.push(match kind {
            Some("permit") if known => Tri::T,
            Some("permit") => Tri::U,
            _ if classes.iter().any(|c| u.classes.contains(c)) => Tri::T,
            _ if known && u.labels.is_empty() => Tri::F,
            _ => Tri::U,
        });
    }
    if !ranks.is_empty() {
        let rank = |code: &str| ["U", "L", "M", "N", "R", "V"].iter().position(|c| *c == code);
        let own = u.conf.and_then(rank);
        all.push(or(ranks.iter().map(|of| match (own, rank(of)) {
            (Some(own), Some(of)) if kind == Some("permit") => tri(own <= of),
            (Some(own), Some(of)) if kind == Some("deny") => tri(own >= of),
            _ => Tri::U,
        })));
    }
    if !registers.is_empty() {
        all.push(u.register.map_or(Tri::U, |own| or(registers.iter().map(|r| tri(*r == own)))));
    }
    and(all)
}

fn actor(one: &Value, world: &World, u: &Thing) -> Tri {
    let (who, name) = (&world.who, one["reference"]["reference"].as_str().unwrap());
    match one["role"]["coding"][0]["code"].as_str().unwrap() {
        "IRCP" | "PRCP" => {
            let is = who.subject == Some(name) || who.orgs.contains(&name);
            // Who is in a team is not written in a name; who the person is may not be known.
            let open = name.starts_with("CareTeam")
                || (!name.starts_with("Organization") && who.subject.is_none());
            if is {
                Tri::T
            } else if open {
                Tri::U
            } else {
                Tri::F
            }
        }
        "CST" => u.custodian.map_or(Tri::U, |own| tri(own == name)),
        "AUT" => author(name, u),
        _ => Tri::U,
    }
}

fn author(name: &str, u: &Thing) -> Tri {
    u.author.map_or(Tri::U, |own| tri(own == name))
}

/// Subsumption, as far as these purposes have it.
fn purpose(named: &str, stated: Option<&str>) -> Tri {
    match stated {
        None | Some("X") => Tri::U,
        Some("ETREAT") => tri(named == "TREAT"),
        Some(stated) => tri(named == stated),
    }
}

fn code(coding: &Value, foreign: bool, t: Option<&str>) -> Tri {
    if coding["system"].as_str().unwrap().ends_with("/theme") {
        return if foreign { is_theme(coding["code"].as_str().unwrap(), t) } else { Tri::U };
    }
    // Every unit has this one clinical code.
    tri(coding["code"] == "72166-2")
}
