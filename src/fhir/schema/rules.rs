//! What the definitions of FHIR R4 say and JSON Schema has no word for: invariants, and the types that
//! references may lead to.
//!
//! Part of [`super`]: its second stage. One walk over the resource by the types of
//! [`crate::fhirpath::model`]; the invariants are HL7's own `FHIRPath`, each read when it is first needed.
//! All questions about one resource share their steps, so a resource costs no more than in proportion to
//! its size. Sources: FHIR R4 conformance-rules.html, references.html, and the `StructureDefinition`s.

use std::{collections::HashMap, sync::OnceLock};

use serde_json::Value;

use super::{Fault, place::Place, profile::is_part};
use crate::{
    error::{Error, Result},
    fhirpath::{
        Expression, Scope,
        item::{Item, Node},
        model::{Element, Form, Model, Rule, TypeId},
    },
};

const TABLE: &str = include_str!("../../../schemas/fhir/model.txt");
/// The deepest nesting that is looked at; the schema refuses what is nested deeper long before.
const DEEP: usize = 64;
/// Steps that may be taken whatever the size, for each value, and in all.
const STEPS: (usize, usize, usize) = (50_000, 100, 10_000_000);

/// The types, and what must be true of each.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) model: Model<'static>,
    all: Vec<Held>,
    /// Of each type its own and those of what it is made from, by place in `all`.
    of_type: Vec<Box<[u16]>>,
    of_element: HashMap<(TypeId, &'static str), Box<[u16]>>,
}

/// An invariant, and its expression once it was needed.
#[derive(Debug)]
struct Held {
    rule: Rule<'static>,
    read: OnceLock<Option<Expression>>,
}

/// Which invariants are asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// None: only where references lead.
    None,
    /// What must be.
    Errors,
    /// What had better be.
    Warnings,
}

/// One walk.
struct Walk<'w> {
    rules: &'w Rules,
    asked: Asked,
    scope: Scope<'w>,
    faults: Vec<Fault>,
}

impl Rules {
    /// Reads the table of types.
    pub(super) fn new() -> Result<Self> {
        let model = Model::read(TABLE)?;
        let mut all: Vec<Held> = Vec::new();
        let mut own: HashMap<TypeId, Box<[u16]>> = HashMap::new();
        let mut of_element: HashMap<_, Box<[u16]>> = HashMap::new();
        let mut hold = |rules: &[Rule<'static>]| -> Result<Box<[u16]>> {
            let first = u16::try_from(all.len()).map_err(Error::internal)?;
            all.extend(rules.iter().map(|rule| Held { rule: *rule, read: OnceLock::new() }));
            let next = u16::try_from(all.len()).map_err(Error::internal)?;
            Ok((first..next).collect())
        };
        for (id, of) in model.known() {
            own.insert(id, hold(&of.rules)?);
            for element in of.elements.iter().filter(|element| !element.rules.is_empty()) {
                of_element.insert((id, element.name), hold(&element.rules)?);
            }
        }
        // A type keeps the invariants of what it is made from.
        let inherited = |id: TypeId| {
            let line = std::iter::successors(Some(id), |id| model.of(*id)?.parent);
            line.filter_map(|id| own.get(&id)).flatten().copied().collect()
        };
        let mut of_type: Vec<Box<[u16]>> = Vec::new();
        for (id, _) in model.known() {
            of_type.resize(id.at() + 1, Box::default());
            if let Some(all) = of_type.last_mut() {
                *all = inherited(id);
            }
        }
        Ok(Self { model, all, of_type, of_element })
    }

    /// Every invariant's key and expression that cannot be read; none, as a test has it.
    pub(super) fn unread(&self) -> Vec<&'static str> {
        let read = |held: &&Held| held.read(&self.model).is_none();
        self.all.iter().filter(read).map(|held| held.rule.key).collect()
    }

    /// What of a resource, or of the resources in it, is not as the definitions say.
    pub(super) fn faults(&self, root: &str, resource: &Value, asked: Asked) -> Vec<Fault> {
        let Ok(scope) = Scope::of(&self.model, resource) else { return Vec::new() };
        let (least, each, most) = STEPS;
        let steps = least.saturating_add(each.saturating_mul(count(resource, 0))).min(most);
        let scope = scope.within(u32::try_from(steps).unwrap_or(u32::MAX));
        let mut walk = Walk { rules: self, asked, scope, faults: Vec::new() };
        let node = walk.scope.resource;
        walk.node(node, &Place::Root(root));
        walk.faults
    }
}

impl Held {
    fn read(&self, model: &Model<'_>) -> Option<&Expression> {
        let read = || Expression::parse(self.rule.expression, model).ok();
        self.read.get_or_init(read).as_ref()
    }
}

/// How many values there are.
fn count(value: &Value, depth: usize) -> usize {
    match value {
        Value::Array(all) if depth < DEEP => {
            all.iter().map(|one| count(one, depth + 1)).sum::<usize>() + 1
        }
        Value::Object(all) if depth < DEEP => {
            all.values().map(|one| count(one, depth + 1)).sum::<usize>() + 1
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => 1,
    }
}

impl<'w> Walk<'w> {
    fn node(&mut self, node: Node<'w>, place: &Place<'_>) {
        let rules = self.rules;
        if place.depth() > DEEP || self.faults.len() >= super::MOST_FAULTS {
            return;
        }
        if let Some(all) = rules.of_type.get(node.kind.at()) {
            self.ask(all, node, place);
        }
        let beside = node.beside.and_then(Value::as_object);
        let Some(members) = node.value.and_then(Value::as_object).or(beside) else { return };
        // Seldom does anything stand beside a value, so it is not looked for by each name.
        let besides = members.keys().any(|name| name.starts_with('_'));
        for (name, value) in members {
            let member = name.strip_prefix('_').unwrap_or(name);
            let Some((element, form)) = rules.model.member(node.kind, member) else { continue };
            let apart = name.len() > member.len();
            if apart && (form.beside.is_none() || members.contains_key(member)) {
                continue;
            }
            let beside = form.beside.as_ref().filter(|_| besides);
            let beside = beside.and_then(|beside| members.get(&**beside));
            // A value alone has nothing to walk into and nothing to be true of it.
            if form.beside.is_some() && beside.is_none() && element.rules.is_empty() {
                continue;
            }
            let here = Place::Member(place, member);
            let value = Some(value).filter(|_| !apart);
            self.element((node.kind, element, form), (value, beside), &here);
        }
    }

    /// Each value of an element.
    fn element(
        &mut self,
        (owner, element, form): (TypeId, &'w Element<'static>, &'w Form<'static>),
        (value, beside): (Option<&'w Value>, Option<&'w Value>),
        place: &Place<'_>,
    ) {
        let known = |value: Option<&'w Value>| value.filter(|value| !value.is_null());
        let list = |value: Option<&'w Value>| value.and_then(Value::as_array);
        if list(value).is_none() && list(beside).is_none() {
            return self.one((owner, element, form), (known(value), known(beside)), place);
        }
        let at =
            |all: Option<&'w Vec<Value>>, index: usize| known(all.and_then(|all| all.get(index)));
        let (values, besides) = (list(value), list(beside));
        let length = values.map_or(0, Vec::len).max(besides.map_or(0, Vec::len));
        for index in 0..length {
            let here = Place::At(place, index);
            self.one((owner, element, form), (at(values, index), at(besides, index)), &here);
        }
    }

    fn one(
        &mut self,
        (owner, element, form): (TypeId, &'w Element<'static>, &'w Form<'static>),
        (value, beside): (Option<&'w Value>, Option<&'w Value>),
        place: &Place<'_>,
    ) {
        let model = &self.rules.model;
        let resource = model.is_any_resource(form.kind);
        let named = value.filter(|_| resource).and_then(|value| Node::resource(model, value));
        let node = named.unwrap_or(Node { value, beside, kind: form.kind });
        if !element.rules.is_empty()
            && let Some(all) = self.rules.of_element.get(&(owner, element.name))
        {
            self.ask(all, node, place);
        }
        if !form.targets.is_empty()
            && let Some(say) = value.and_then(|value| strays(value, form.targets))
        {
            let expression = format!("{}.reference", place.text());
            self.faults.push(Fault { expression, say });
        }
        if named.is_none() {
            return self.node(node, place);
        }
        // What is contained belongs to what contains it; an entry of a Bundle stands for itself.
        let (outer, root, asked) = (self.scope.resource, self.scope.root, self.asked);
        self.scope.resource = node;
        if element.name != "contained" {
            self.scope.root = node;
        }
        // What was left out of it may be what a rule looks for.
        if value.is_some_and(is_part) {
            self.asked = Asked::None;
        }
        self.node(node, place);
        (self.scope.resource, self.scope.root, self.asked) = (outer, root, asked);
    }

    /// Asks invariants of a value.
    fn ask(&mut self, all: &[u16], node: Node<'w>, place: &Place<'_>) {
        for held in all.iter().filter_map(|at| self.rules.all.get(usize::from(*at))) {
            let due = match self.asked {
                Asked::None => false,
                Asked::Errors => !held.rule.warning,
                Asked::Warnings => held.rule.warning,
            };
            if !due {
                continue;
            }
            let unread = || Error::internal(held.rule.key);
            let asked = held.read(&self.rules.model).ok_or_else(unread);
            let broken = asked.and_then(|asked| asked.denies(&self.scope, &[Item::Node(node)]));
            let (key, human) = (held.rule.key, held.rule.human);
            let say = match broken {
                Ok(true) => format!("breaks the rule {key}: {human}"),
                Ok(false) => continue,
                Err(_) => format!("cannot be checked by the rule {key}; send a smaller resource"),
            };
            self.faults.push(Fault { expression: place.text(), say });
        }
    }
}

/// What a reference must lead to, if it does not.
fn strays(value: &Value, targets: &str) -> Option<String> {
    let reference = value.get("reference")?.as_str()?;
    let mut parts = reference.split("/_history/").next()?.rsplit('/');
    let (id, kind) = (parts.next()?, parts.next()?);
    let is_name = |text: &str| text.starts_with(|c: char| c.is_ascii_uppercase());
    if id.is_empty() || !is_name(kind) || !kind.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    let takes = targets.split('|').any(|target| target == kind);
    (!takes).then(|| format!("must refer to one of {}", targets.replace('|', " | ")))
}
