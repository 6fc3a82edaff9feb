//! Neighbours of the matches of a page, as `_include` and `_revinclude` ask for them.
//!
//! Part of `bundle`, after the page is cut, so that they change neither its matches nor its total. What is
//! added lives at the same source as what it is added to: here in the same view, of a peer among what
//! that peer sent with its page; of the directory, which is nobody's, here alone. A neighbour that the
//! reader may not see is as absent. Bounded. Source: FHIR R4 search.html#revinclude.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::entry::Entry;
use crate::{
    error::{Error, Kind, Result},
    federation,
    fhir::{path, segment::RowValue, types::ResourceType},
    query::{Query, linked::Include},
    search::{self, Hit, linked::values},
};

/// Most resources that are added to one page.
const MOST: usize = 1000;

/// The resources of the directory, of each type in order of id.
pub type Directory = BTreeMap<ResourceType, Vec<Value>>;

/// Something that is added to a page.
#[derive(Clone)]
pub(super) enum Included<'a> {
    Own(Hit),
    Peers(&'a federation::Entry),
    Directory(ResourceType, &'a Value),
}

/// Something of which neighbours are looked for.
enum Node<'a> {
    Own(Hit),
    Peers(&'a federation::Entry, Value),
    Directory(ResourceType, &'a Value),
}

/// What refers to somebody's resources by one parameter: by type and id of what it refers to.
type Referring = HashMap<(Box<str>, Box<str>), Vec<Hit>>;

/// Looks for neighbours.
struct Search<'a> {
    includes: &'a [Include],
    /// What peers sent beside their matches, and those.
    sent: Vec<(&'a federation::Entry, Value)>,
    directory: &'a Directory,
    /// By person and number of the include.
    referring: HashMap<(Box<str>, usize), Referring>,
}

/// Everything that is added to these matches, in the order it is met.
///
/// # Errors
/// `TooCostly` if that is more than [`MOST`].
pub(super) fn included<'a>(
    query: &'a Query,
    matches: &'a [Entry],
    sent: &'a [federation::Entry],
    directory: &'a Directory,
) -> Result<Vec<Included<'a>>> {
    if query.includes.is_empty() {
        return Ok(Vec::new());
    }
    let peers = matches.iter().filter_map(|entry| match entry {
        Entry::Peers(entry) => Some(entry),
        Entry::Own(_) => None,
    });
    let sent = peers.clone().chain(sent).map(|entry| (entry, parsed(entry))).collect();
    let search = Search { includes: &query.includes, sent, directory, referring: HashMap::new() };
    search.around(matches.iter().map(Node::of).collect())
}

/// Everything that is added to these matches of the directory, in the order it is met.
///
/// # Errors
/// `TooCostly` if that is more than [`MOST`].
pub fn of_directory<'a>(
    includes: &'a [Include],
    matches: &[(ResourceType, &'a Value)],
    directory: &'a Directory,
) -> Result<Vec<(ResourceType, &'a Value)>> {
    let search = Search { includes, sent: Vec::new(), directory, referring: HashMap::new() };
    let matches = matches.iter().map(|&(kind, value)| Node::Directory(kind, value));
    let own = |one| match one {
        Included::Directory(kind, value) => Some((kind, value)),
        Included::Own(_) | Included::Peers(_) => None,
    };
    Ok(search.around(matches.collect())?.into_iter().filter_map(own).collect())
}

impl<'a> Search<'a> {
    /// Neighbours of these, theirs where that is asked for, and so on.
    fn around(mut self, matches: Vec<Node<'a>>) -> Result<Vec<Included<'a>>> {
        let mut known: HashSet<(ResourceType, Box<str>)> = matches.iter().map(Node::name).collect();
        let (mut frontier, mut all, mut round) = (matches, Vec::new(), 0);
        while !frontier.is_empty() {
            let mut next = Vec::new();
            for node in &frontier {
                for found in self.neighbours(node, round) {
                    if known.insert(found.name()) {
                        all.push(found.clone());
                        next.push(Node::added(found));
                    }
                }
                if all.len() > MOST {
                    let say =
                        "More would be included than one page may hold; ask for fewer matches.";
                    return Err(Error::new(Kind::TooCostly, say).at("_count"));
                }
            }
            frontier = next;
            round += 1;
        }
        Ok(all)
    }

    fn neighbours(&mut self, node: &Node<'a>, round: usize) -> Vec<Included<'a>> {
        let mut all = Vec::new();
        let includes = self.includes;
        for (number, include) in includes.iter().enumerate() {
            if round > 0 && !include.iterate {
                continue;
            }
            if include.reverse {
                self.referring_to(node, number, include, &mut all);
            } else if node.kind() == include.from {
                self.referred_by(node, include, &mut all);
            }
        }
        all
    }

    fn referred_by(&self, node: &Node<'a>, include: &Include, all: &mut Vec<Included<'a>>) {
        node.values(include, |value| match value {
            RowValue::Reference(of, id) => {
                let of = ResourceType::parse(of).filter(|of| include.to.is_none_or(|to| to == *of));
                all.extend(of.and_then(|of| self.resolve(node, of, id)));
            }
            RowValue::Uri(canonical) => {
                let url = canonical.split('|').next();
                let kind = ResourceType::Questionnaire;
                let forms = self.directory.get(&kind).into_iter().flatten();
                let named = forms.filter(|form| form.get("url").and_then(Value::as_str) == url);
                all.extend(named.map(|form| Included::Directory(kind, form)));
            }
            RowValue::Token { .. }
            | RowValue::Date(..)
            | RowValue::Text(_)
            | RowValue::Computed(_) => {}
        });
    }

    /// What has this type and id, where the node is.
    fn resolve(&self, node: &Node<'a>, of: ResourceType, id: &str) -> Option<Included<'a>> {
        if !of.is_personal() {
            let all = self.directory.get(&of)?;
            let own = all.iter().find(|value| value.get("id").and_then(Value::as_str) == Some(id));
            if let Some(value) = own {
                return Some(Included::Directory(of, value));
            }
        }
        match node {
            Node::Own(hit) => search::read(&hit.view, of, id).map(Included::Own),
            Node::Peers(from, _) => {
                let is_it = |one: &federation::Entry| {
                    one.node == from.node && one.kind == of && one.id == id
                };
                let mut sent = self.sent.iter();
                sent.find(|(one, _)| is_it(one)).map(|(one, _)| Included::Peers(one))
            }
            Node::Directory(..) => None,
        }
    }

    fn referring_to(
        &mut self,
        node: &Node<'a>,
        number: usize,
        include: &Include,
        all: &mut Vec<Included<'a>>,
    ) {
        let (kind, id) = node.name();
        if include.to.is_some_and(|to| to != kind) {
            return;
        }
        match node {
            Node::Own(hit) => {
                let whose = (hit.view.patient().into(), number);
                let referring =
                    self.referring.entry(whose).or_insert_with(|| referring(hit, include));
                let found = referring.get(&(kind.name().into(), id));
                all.extend(found.into_iter().flatten().cloned().map(Included::Own));
            }
            Node::Peers(to, _) => {
                for (one, value) in &self.sent {
                    let fits = one.node == to.node && one.kind == include.from;
                    if fits && names(value, include, kind, &id) {
                        all.push(Included::Peers(one));
                    }
                }
            }
            Node::Directory(..) => {
                for value in self.directory.get(&include.from).into_iter().flatten() {
                    if names(value, include, kind, &id) {
                        all.push(Included::Directory(include.from, value));
                    }
                }
            }
        }
    }
}

/// What of the same person's refers to something by the include's parameter.
fn referring(hit: &Hit, include: &Include) -> Referring {
    let mut all = Referring::new();
    for resource in hit.view.resources(include.from) {
        let Some(found) = search::read(&hit.view, include.from, &resource.id) else { continue };
        values(&hit.view, resource, include.param.0, |value| {
            if let RowValue::Reference(of, id) = value {
                all.entry((of.into(), id.into())).or_default().push(found.clone());
            }
        });
    }
    all
}

/// Does the resource refer to this one?
fn names(value: &Value, include: &Include, kind: ResourceType, id: &str) -> bool {
    let all = path::values(include.from, include.param, value);
    all.contains(&RowValue::Reference(kind.name(), id))
}

impl<'a> Node<'a> {
    fn of(entry: &'a Entry) -> Self {
        match entry {
            Entry::Own(hit) => Self::Own(hit.clone()),
            Entry::Peers(entry) => Self::Peers(entry, parsed(entry)),
        }
    }

    fn added(included: Included<'a>) -> Self {
        match included {
            Included::Own(hit) => Self::Own(hit),
            Included::Peers(entry) => Self::Peers(entry, parsed(entry)),
            Included::Directory(kind, value) => Self::Directory(kind, value),
        }
    }

    fn kind(&self) -> ResourceType {
        match self {
            Self::Own(hit) => hit.resource.kind,
            Self::Peers(entry, _) => entry.kind,
            Self::Directory(kind, _) => *kind,
        }
    }

    fn name(&self) -> (ResourceType, Box<str>) {
        let id = match self {
            Self::Own(hit) => &*hit.resource.id,
            Self::Peers(entry, _) => entry.id.as_str(),
            Self::Directory(_, value) => id_of(value),
        };
        (self.kind(), id.into())
    }

    /// The values of the include's parameter that exist for the reader.
    fn values(&self, include: &Include, with: impl FnMut(RowValue<&str>)) {
        match self {
            Self::Own(hit) => values(&hit.view, &hit.resource, include.param.0, with),
            Self::Peers(_, value) => {
                path::values(include.from, include.param, value).into_iter().for_each(with);
            }
            Self::Directory(_, value) => {
                path::values(include.from, include.param, value).into_iter().for_each(with);
            }
        }
    }
}

impl Included<'_> {
    fn name(&self) -> (ResourceType, Box<str>) {
        match self {
            Self::Own(hit) => (hit.resource.kind, (&*hit.resource.id).into()),
            Self::Peers(entry) => (entry.kind, entry.id.as_str().into()),
            Self::Directory(kind, value) => (*kind, id_of(value).into()),
        }
    }
}

fn id_of(value: &Value) -> &str {
    value.get("id").and_then(Value::as_str).unwrap_or_default()
}

/// What a peer sent is JSON, or its page would not have passed.
fn parsed(entry: &federation::Entry) -> Value {
    serde_json::from_str(entry.resource.get()).unwrap_or_default()
}
