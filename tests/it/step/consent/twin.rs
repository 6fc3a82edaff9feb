//! The decision a second time, written from its pseudo-code alone and in its order, over plain JSON:
//! slow, and with nothing of the product in it. Source: `consent` 1.3 and 1.4.
//!
//! Where the letter of the pseudo-code and the properties it must have part, [`Reading`] says how.

mod matching;

use serde_json::Value;

use self::matching::{Tri, and, applicable, matches, period_holds};
use super::world::{Held, Thing, World};

/// What comes out: is it permitted, and by what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Decision {
    pub(super) permit: bool,
    /// Sorted, each once.
    pub(super) basis: Vec<String>,
}

/// How a rule is read of which it is not known whether it applies, or what type it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reading {
    /// As it is written: such a rule takes the denials nested in it with it, and a prohibition of
    /// another form than the profile's says nothing.
    Letter,
    /// So that what is not known permits nothing that would be denied if it were known.
    Closed,
}

/// Where a walk ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Deny,
    Permit,
    Default,
    Na,
}

/// All that a decision looks at.
pub(super) struct Twin<'a> {
    world: &'a World,
    reading: Reading,
}

const PERSON: &str = "Patient/p1";
const CLASSES: [&str; 5] =
    ["free-text", "contact", "mental-health", "substance-use", "child-protection"];
const THEMES: [&str; 10] = [
    "studies-work",
    "family",
    "health",
    "friends",
    "personal-development",
    "housing",
    "finance",
    "life-satisfaction",
    "self-esteem",
    "resilience",
];

fn deny() -> Decision {
    Decision { permit: false, basis: Vec::new() }
}

fn permit(mut basis: Vec<String>) -> Decision {
    basis.sort();
    basis.dedup();
    Decision { permit: true, basis }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

impl<'a> Twin<'a> {
    pub(super) fn new(world: &'a World, reading: Reading) -> Self {
        Self { world, reading }
    }

    /// Of the unit in question; the scopes cover everything.
    pub(super) fn decide(&self) -> Decision {
        self.steps(&self.world.thing)
    }

    /// Steps 2 to 4.
    fn steps(&self, u: &Thing) -> Decision {
        let who = &self.world.who;
        let same_controller = u.custodian.is_some_and(|c| who.orgs.contains(&c));
        let is_person = who.subject == Some(PERSON);
        let labels: Vec<&str> = [&u.classes[..], &u.labels, &u.themes].concat();
        for bar in &self.world.bars {
            let exempt = texts(&bar["except_roles"]).contains(&who.role);
            let of_person = texts(&bar["persons"]).contains(&PERSON);
            let of_label = texts(&bar["labels"]).iter().any(|label| labels.contains(label));
            if !exempt && (of_label || (of_person && !is_person && !same_controller)) {
                return deny();
            }
        }
        if is_person {
            return permit(Vec::new());
        }
        if u.sort == "records" {
            return self.records(u);
        }
        if who.care && self.same_register(u) {
            return permit(vec!["same-register".to_owned()]);
        }
        if u.sort == "identity" {
            return self.identity();
        }
        if u.sort == "plan" && u.themes.is_empty() {
            let found = self.plan(u);
            if found.permit {
                return found;
            }
        }
        self.by_theme(u, &u.themes)
    }

    fn same_register(&self, u: &Thing) -> bool {
        let who = &self.world.who;
        let register = u.register.is_some() && u.register == who.register;
        register && u.custodian.is_some_and(|c| who.orgs.contains(&c))
    }

    fn records(&self, u: &Thing) -> Decision {
        let who = &self.world.who;
        let gave = u.given_by.is_some() && u.given_by == who.subject;
        let valid = self.world.representation.iter().filter(|r| gave && self.is_representative(r));
        let mut basis: Vec<String> = valid.map(|r| r["id"].as_str().unwrap().to_owned()).collect();
        if who.role == "officer" {
            basis.push("officer".to_owned());
        }
        if basis.is_empty() { deny() } else { permit(basis) }
    }

    fn is_representative(&self, by: &Value) -> bool {
        by["who"].as_str() == self.world.who.subject && by["patient"] == PERSON && in_force(by)
    }

    /// Goes with any themed unit of the person.
    fn identity(&self) -> Decision {
        let themed =
            self.world.others.iter().filter(|v| v.sort != "identity" && !v.themes.is_empty());
        let permitted: Vec<Decision> = themed.map(|v| self.steps(v)).filter(|d| d.permit).collect();
        if permitted.is_empty() {
            return deny();
        }
        permit(permitted.into_iter().flat_map(|d| d.basis).collect())
    }

    /// Read with the themes of each themed unit of the plan that is permitted; here all are of one.
    fn plan(&self, u: &Thing) -> Decision {
        let themed =
            self.world.others.iter().filter(|v| v.sort != "identity" && !v.themes.is_empty());
        let permitted = themed.filter(|v| self.steps(v).permit);
        let read: Vec<Decision> =
            permitted.map(|v| self.by_theme(u, &v.themes)).filter(|d| d.permit).collect();
        if read.is_empty() {
            return deny();
        }
        permit(read.into_iter().flat_map(|d| d.basis).collect())
    }

    /// Step 4: every theme by itself, or `unclassified`.
    fn by_theme(&self, u: &Thing, themes: &[&'static str]) -> Decision {
        let each =
            if themes.is_empty() { vec![None] } else { themes.iter().copied().map(Some).collect() };
        let mut basis = Vec::new();
        for t in each {
            match self.theme(u, t) {
                None => return deny(),
                Some(more) => basis.extend(more),
            }
        }
        permit(basis)
    }

    /// 4a to 4f; the basis if it is permitted.
    fn theme(&self, u: &Thing, t: Option<&str>) -> Option<Vec<String>> {
        let World { grounds, consents, representation, .. } = self.world;
        let id = |v: &Value| v["id"].as_str().unwrap().to_owned();
        let met: Vec<&Value> = grounds.iter().filter(|g| self.is_met(g, u, t)).collect();
        let of = |overrides: bool| -> Vec<String> {
            let is = |g: &&&Value| (g["overrides_prohibition"] == true) == overrides;
            met.iter().filter(is).map(|g| id(g)).collect()
        };
        if !of(true).is_empty() {
            return Some(of(true));
        }
        let votes: Vec<(End, String)> =
            consents.iter().map(|held| (self.vote(held, u, t), id(&held.consent))).collect();
        if votes.iter().any(|(vote, _)| *vote == End::Deny) {
            return None;
        }
        let disclosed = self.of_age() == Some(true) || matches!(u.stance, Some(1 | 2));
        let acting: Vec<String> = representation
            .iter()
            .filter(|by| disclosed && self.is_representative(by) && covers(by, u, t))
            .map(id)
            .collect();
        if !acting.is_empty() {
            return Some(acting);
        }
        if !of(false).is_empty() {
            return Some(of(false));
        }
        let granted: Vec<String> =
            votes.into_iter().filter(|(vote, _)| *vote == End::Permit).map(|(_, id)| id).collect();
        (!granted.is_empty()).then_some(granted)
    }

    /// Does a ground of the law table match?
    fn is_met(&self, ground: &Value, u: &Thing, t: Option<&str>) -> bool {
        let who = &self.world.who;
        let listed = |key: &str, value: Option<&str>| {
            ground.get(key).is_none_or(|list| value.is_some_and(|v| texts(list).contains(&v)))
        };
        let declared = who.declared && ground["id"] == "law:0";
        // Reasoned, not over, and for an hour at most.
        let emergency = who.glass.is_some_and(|until| (1..=1).contains(&(until - 108)));
        covers(ground, u, t)
            && listed("purposes", who.purpose)
            && listed("roles", Some(who.role))
            && (ground["care_relation"] != true || who.care)
            && (ground["same_register"] != true || self.same_register(u))
            && (ground["emergency"] != true || emergency)
            && in_force(ground)
            && (ground["overrides_prohibition"] != true || declared)
    }

    fn of_age(&self) -> Option<bool> {
        matching::of_age(self.world.born, matching::now())
    }

    fn vote(&self, held: &Held, u: &Thing, t: Option<&str>) -> End {
        let consent = &held.consent;
        let kind = consent["category"][0]["coding"][0]["code"].as_str().unwrap();
        let applies = applicable(held, self.world.born);
        if applies == Tri::F {
            return End::Na;
        }
        let root = &consent["provision"];
        let walked = self.walk(root, true, kind == "foreign", u, t);
        let certain = applies == Tri::T;
        let is_profile = root["type"] == "deny" && root.get("provision").is_none();
        match (kind, walked) {
            ("prohibition" | "foreign", End::Deny) => End::Deny,
            ("prohibition", _) if !certain => End::Deny,
            ("prohibition", End::Default) if self.reading == Reading::Closed && !is_profile => {
                End::Deny
            }
            ("grant" | "foreign", End::Permit) if certain => End::Permit,
            _ => End::Na,
        }
    }

    #[expect(
        clippy::many_single_char_names,
        clippy::fn_params_excessive_bools,
        reason = "they are called what the pseudo-code calls them"
    )]
    fn walk(&self, n: &Value, is_root: bool, foreign: bool, u: &Thing, t: Option<&str>) -> End {
        let kind = n["type"].as_str();
        let m = and(matches(n, kind, foreign, self.world, u, t));
        if m == Tri::F {
            return End::Na;
        }
        let children: Vec<&Value> = n["provision"].as_array().into_iter().flatten().collect();
        let k: Vec<End> =
            children.iter().map(|child| self.walk(child, false, foreign, u, t)).collect();
        let closed = self.reading == Reading::Closed;
        if kind.is_none() {
            return match (closed, k.contains(&End::Deny)) {
                (true, true) => End::Deny,
                (true, false) if is_root => End::Default,
                _ => End::Na,
            };
        }
        let r = if k.contains(&End::Deny) {
            End::Deny
        } else if k.contains(&End::Permit) {
            End::Permit
        } else if is_root && kind == Some("deny") && !children.is_empty() {
            End::Default
        } else if kind == Some("permit") {
            End::Permit
        } else {
            End::Deny
        };
        let named = matching::labels(n, "class");
        let all_named = u.classes.iter().all(|c| named.contains(c)) && u.labels.is_empty();
        if r == End::Permit && kind == Some("permit") && !all_named {
            return End::Na;
        }
        if m == Tri::U {
            let stands = r == End::Deny && (kind == Some("deny") || closed);
            let frames = closed && r == End::Default;
            return if stands {
                End::Deny
            } else if frames {
                End::Default
            } else {
                End::Na
            };
        }
        r
    }
}

/// Themes and withheld classes of a ground or a representation: absent themes are all of them, absent
/// classes are none.
fn covers(by: &Value, u: &Thing, t: Option<&str>) -> bool {
    let themes = match by.get("themes") {
        None => true,
        Some(list) => t.is_some_and(|t| THEMES.contains(&t) && texts(list).contains(&t)),
    };
    let classes = match by.get("classes") {
        Some(all) if all == "*" => true,
        list => {
            let listed = list.map(texts).unwrap_or_default();
            u.classes.iter().chain(&u.labels).all(|c| listed.contains(c))
        }
    };
    themes && classes
}

/// Is a permit with this period certainly in force?
fn in_force(by: &Value) -> bool {
    by.get("period").is_none_or(|p| period_holds(p, matching::now_span(), Some("permit")) == Tri::T)
}
