//! What each reader must get of everybody, worked out from the rules alone.
//!
//! Beside the way of a request, and on purpose without its code: a second, much simpler reading of
//! grants and prohibitions, so that an answer is compared with something that cannot share its
//! mistakes. An answer is taken apart into *pieces*, one line of text for each thing released.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    demo::{
        directory::{MUNICIPALITIES, Municipality},
        loading::Resident,
        people::Story,
        rules::Rule,
    },
    domain::{
        assessment::Assessment,
        class::{Class, ClassSet},
        id::document_of,
        moment::Moment,
        plan::Plan,
        theme::{Theme, ThemeSet},
    },
};

/// What was released: documents and parts, in words.
pub type Pieces = BTreeSet<String>;

const WORDS: ClassSet = ClassSet::EMPTY.with(Class::FreeText);

/// One reader's view of one resident at one node.
pub struct Lens<'a> {
    resident: &'a Resident,
    client: &'a str,
    node: &'a str,
    now: Moment,
}

impl<'a> Lens<'a> {
    /// Looks at a resident through the rules of one node.
    pub fn new(resident: &'a Resident, client: &'a str, node: &'a str, now: Moment) -> Self {
        Self { resident, client, node, now }
    }

    /// May something of this type, about these themes, of these withheld classes, be released?
    pub fn may(&self, kind: &str, themes: ThemeSet, classes: ClassSet) -> bool {
        let absent = self.resident.somebody.story == Story::NonDisclosure;
        !absent
            && !themes.is_empty()
            && themes.iter().all(|theme| {
                let unit = (kind, theme, classes);
                !self.prohibitions().any(|rule| forbids(rule, unit))
                    && self.grants().any(|rule| permits(rule, unit))
            })
    }

    /// Grants to this reader at this node, whatever their period.
    pub fn given(&self) -> impl Iterator<Item = &'a Rule> {
        let (client, node) = (self.client, self.node);
        let of = move |rule: &&Rule| rule.node == node && rule.to.as_deref() == Some(client);
        self.resident.grants.iter().filter(of)
    }

    /// Prohibitions against this reader at this node that are in force.
    pub fn prohibitions(&self) -> impl Iterator<Item = &'a Rule> {
        let (client, node, now) = (self.client, self.node, self.now);
        let concerned = move |rule: &&Rule| {
            rule.node == node
                && rule.to.as_deref().is_none_or(|to| to == client)
                && is_in_force(rule, now)
        };
        self.resident.prohibitions.iter().filter(concerned)
    }

    fn grants(&self) -> impl Iterator<Item = &'a Rule> {
        let now = self.now;
        self.given().filter(move |rule| is_in_force(rule, now))
    }
}

/// Does the rule hold at this instant?
pub fn is_in_force(rule: &Rule, now: Moment) -> bool {
    rule.active
        && rule.start.is_none_or(|start| start <= now)
        && rule.end.is_none_or(|end| now <= end)
}

fn names(list: Option<&Vec<String>>, code: &str) -> bool {
    list.is_none_or(|list| list.iter().any(|one| one == "*" || one == code))
}

fn permits(rule: &Rule, (kind, theme, classes): (&str, Theme, ClassSet)) -> bool {
    let named = rule.classes.as_deref().unwrap_or_default();
    names(rule.types.as_ref(), kind)
        && names(rule.labels.as_ref(), theme.code())
        && classes.iter().all(|class| named.iter().any(|code| code == class.code()))
}

fn forbids(rule: &Rule, (kind, theme, classes): (&str, Theme, ClassSet)) -> bool {
    let of_class = |named: &Vec<String>| {
        classes.iter().any(|class| named.iter().any(|code| code == class.code()))
    };
    names(rule.types.as_ref(), kind)
        && names(rule.labels.as_ref(), theme.code())
        && rule.classes.as_ref().is_none_or(of_class)
}

/// The answers of a survey: theme, item, is it in own words?
pub fn items(of: &Assessment) -> Vec<(Theme, &'static str, ClassSet)> {
    let mut all = Vec::new();
    for answer in &of.answers {
        let given = [
            ("importance", answer.importance.is_some(), ClassSet::EMPTY),
            ("satisfaction", answer.satisfaction.is_some(), ClassSet::EMPTY),
            ("future", answer.future.is_some(), WORDS),
            ("comment", answer.comment.is_some(), WORDS),
        ];
        let given = given.into_iter().filter(|(_, is_there, _)| *is_there);
        all.extend(given.map(|(item, _, classes)| (answer.theme, item, classes)));
    }
    all
}

/// What the reader must get of the surveys of a resident.
pub fn surveys(resident: &Resident, client: &str, now: Moment) -> Pieces {
    let kind = "QuestionnaireResponse";
    let mut all = Pieces::new();
    for (home, record) in resident.places() {
        let lens = Lens::new(resident, client, record.node, now);
        for (assessment, id) in home.assessments.iter().zip(&record.documents) {
            for (theme, item, classes) in items(assessment) {
                if lens.may(kind, ThemeSet::EMPTY.with(theme), classes) {
                    all.insert(format!("{kind}/{id} {}.{item}", theme.code()));
                }
            }
        }
    }
    all
}

/// Services by id, with the withheld class of a mention.
fn sensitivities() -> BTreeMap<String, ClassSet> {
    let listed = MUNICIPALITIES.iter().filter_map(Municipality::directory);
    let services = listed.flat_map(|directory| directory.services);
    services.map(|s| (s.id.to_string(), s.class.into_iter().collect())).collect()
}

/// What the reader must get of the plans of a resident.
pub fn plans(resident: &Resident, client: &str, now: Moment) -> Pieces {
    let sensitive = sensitivities();
    let mut all = Pieces::new();
    for (home, record) in resident.places() {
        if let (Some(plan), Some(id)) = (&home.plan, record.documents.last()) {
            let lens = Lens::new(resident, client, record.node, now);
            parts(plan, id, &lens, &sensitive, &mut all);
        }
    }
    all
}

fn parts(
    plan: &Plan,
    id: &str,
    lens: &Lens<'_>,
    sensitive: &BTreeMap<String, ClassSet>,
    all: &mut Pieces,
) {
    // A part of the plan without a theme goes where some part with one goes.
    let mut themed = Vec::new();
    for goal in &plan.goals {
        let name = format!("Goal of {id}: {}", codes(goal.themes));
        themed.push(("Goal", goal.themes, ClassSet::EMPTY, Some(name), true));
    }
    for service in &plan.services {
        let of = service.service.as_str();
        let classes = sensitive.get(of).copied().unwrap_or(ClassSet::FULL);
        let name = format!("ServiceRequest of {id}: {of}");
        themed.push((
            "ServiceRequest",
            service.themes,
            classes,
            Some(name),
            service.note.is_some(),
        ));
    }
    let tasks = plan.actions.iter().map(|a| ("Task", a.themes, ClassSet::EMPTY, None, false));
    themed.extend(tasks);
    let (mut whole, mut words) = (false, false);
    for (kind, themes, classes, name, has_words) in themed {
        if !lens.may(kind, themes, classes) {
            continue;
        }
        whole |= lens.may("CarePlan", themes, ClassSet::EMPTY);
        words |= lens.may("CarePlan", themes, WORDS);
        if let Some(name) = name {
            if has_words && lens.may(kind, themes, classes.union(WORDS)) {
                all.insert(format!("{name}, in own words"));
            }
            all.insert(name);
        }
    }
    if whole {
        all.insert(format!("CarePlan/{id}"));
    }
    if words {
        all.insert(format!("CarePlan/{id}, in own words"));
    }
}

fn codes(themes: ThemeSet) -> String {
    let mut codes: Vec<&str> = themes.iter().map(Theme::code).collect();
    codes.sort_unstable();
    codes.join(" ")
}

/// Takes a released resource apart; what is none of the four types is a piece by its name.
pub fn take_apart(resource: &Value, into: &mut Pieces) {
    let text = |path: &str| resource.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (kind, id) = (text("/resourceType"), text("/id"));
    let document = document_of(id);
    let name = match kind {
        "QuestionnaireResponse" => {
            let groups = list(resource, "/item").flat_map(|group| list(group, "/item"));
            let links = groups.filter_map(|item| item.get("linkId").and_then(Value::as_str));
            into.extend(links.map(|link| format!("{kind}/{id} {link}")));
            return;
        }
        "Goal" => {
            let codes = list(resource, "/category/0/coding");
            let mut codes: Vec<&str> =
                codes.filter_map(|c| c.get("code").and_then(Value::as_str)).collect();
            codes.sort_unstable();
            format!("Goal of {document}: {}", codes.join(" "))
        }
        "ServiceRequest" => {
            format!("ServiceRequest of {document}: {}", text("/code/coding/0/code"))
        }
        _ => format!("{kind}/{id}"),
    };
    let words = ["/description/text", "/note/0/text"];
    let described = kind == "CarePlan" && resource.get("description").is_some();
    if described || words.iter().any(|path| resource.pointer(path).is_some()) {
        into.insert(format!("{name}, in own words"));
    }
    into.insert(name);
}

fn list<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}
