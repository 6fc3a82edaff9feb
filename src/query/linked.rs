//! What is asked of the neighbours of a resource: chains, `_has`, `_include`, `_revinclude`.
//!
//! Part of the step `query`: reads names and values only. Bounded in depth and number, so that what a
//! question costs grows with what is held of a person and not with how it is put. Source: FHIR R4
//! search.html#chaining, #has, #revinclude.

use super::{Filter, From, How, Terms, bad, printable, private, test, test::Test};
use crate::{
    error::{Error, Kind, Result},
    fhir::types::ResourceType,
    query::param::{self, Param, Type},
};

/// Most links of one condition, one behind the other.
const DEEP: usize = 3;
/// Most conditions on neighbours, and most includes, of one question.
pub(super) const LINKS: usize = 10;

/// What must hold of a resource.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Condition {
    /// Of its own values.
    Is(Filter),
    /// Of something it refers to by a parameter: one alternative for each type.
    RefersTo(&'static str, Vec<(ResourceType, Self)>),
    /// Of something of a type that refers to it by a parameter.
    IsReferredToBy(ResourceType, &'static str, Box<Self>),
}

/// A direction in which neighbours of the matches are added.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Include {
    /// Is it asked which resources of `from` refer to a match, not what a match of `from` refers to?
    pub reverse: bool,
    /// Is it followed from what was added, too?
    pub iterate: bool,
    /// The type that refers.
    pub from: ResourceType,
    /// Its parameter.
    pub param: Param,
    /// The type referred to; `None` for any.
    pub to: Option<ResourceType>,
}

/// A condition, by the name and value of its parameter; `None` if the type has no such parameter.
pub(super) fn condition(
    kind: ResourceType,
    name: &str,
    value: &str,
    from: From,
    terms: Terms<'_>,
) -> Result<Option<(Condition, bool)>> {
    let asked = Asked { whole: name, value, from, terms };
    let condition = asked.of(kind, name, 0)?;
    Ok(condition.map(|condition| (condition, is_private(kind, name))))
}

/// One parameter, as it was given.
struct Asked<'a> {
    whole: &'a str,
    value: &'a str,
    from: From,
    terms: Terms<'a>,
}

impl Asked<'_> {
    fn of(&self, kind: ResourceType, name: &str, depth: usize) -> Result<Option<Condition>> {
        if depth > DEEP {
            let say = "A condition reaches over three references at most; ask in steps.";
            return Err(Error::new(Kind::TooCostly, say).at(printable(self.whole)));
        }
        if let Some(rest) = name.strip_prefix("_has:") {
            return self.referred(kind, rest, depth).map(Some);
        }
        if let Some((first, rest)) = name.split_once('.') {
            return self.refers(kind, first, rest, depth);
        }
        let (base, modifier) = name.split_once(':').map_or((name, None), |(b, m)| (b, Some(m)));
        let Some(param) = param::find(kind, base) else { return Ok(None) };
        if depth > 0 && kind == ResourceType::Patient && base == "identifier" {
            let say = "Name the person by patient.identifier, in a body.";
            return Err(self.not_supported(say));
        }
        self.filter(kind, param, modifier).map(|filter| Some(Condition::Is(filter)))
    }

    /// `derived-from.status`, `subject:Patient.birthdate`.
    fn refers(
        &self,
        kind: ResourceType,
        first: &str,
        rest: &str,
        depth: usize,
    ) -> Result<Option<Condition>> {
        let (base, of) = first.split_once(':').map_or((first, None), |(b, of)| (b, Some(of)));
        let Some((param, Type::Reference)) = param::find(kind, base) else { return Ok(None) };
        let to = param::targets(kind, param).iter().filter(|to| is_linked(**to));
        let to = to.filter(|to| of.is_none_or(|of| to.name() == of));
        let mut alternatives = Vec::new();
        for to in to {
            if let Some(condition) = self.of(*to, rest, depth + 1)? {
                alternatives.push((*to, condition));
            }
        }
        if alternatives.is_empty() || !kind.is_personal() {
            let say = "This reference leads to nothing that has this parameter here; see \
                       /fhir/metadata. The directory is searched by itself.";
            return Err(self.not_supported(say));
        }
        Ok(Some(Condition::RefersTo(param, alternatives)))
    }

    /// `_has:Observation:derived-from:code`, after the first colon.
    fn referred(&self, kind: ResourceType, rest: &str, depth: usize) -> Result<Condition> {
        let mut parts = rest.splitn(3, ':');
        let (of, by, then) = (parts.next(), parts.next(), parts.next());
        let of = of.and_then(ResourceType::parse).filter(|of| is_linked(*of) && kind.is_personal());
        let found = of.zip(by).and_then(|(of, by)| match param::find(of, by)? {
            (param, Type::Reference) if param::targets(of, param).contains(&kind) => {
                Some((of, param))
            }
            (_, _) => None,
        });
        let (Some((of, param)), Some(then)) = (found, then) else {
            let say = "It is _has:Type:reference:parameter, where that reference leads to the type \
                       that is searched; see /fhir/metadata.";
            return Err(self.not_supported(say));
        };
        let then = self.of(of, then, depth + 1)?.ok_or_else(|| {
            self.not_supported("The type that refers has no such parameter; see /fhir/metadata.")
        })?;
        Ok(Condition::IsReferredToBy(of, param, Box::new(then)))
    }

    fn filter(
        &self,
        kind: ResourceType,
        (name, of): Param,
        modifier: Option<&str>,
    ) -> Result<Filter> {
        let is_known = modifier.is_none_or(|modifier| {
            param::modifiers(kind, name).contains(&modifier)
                || (of == Type::Reference && is_target(kind, name, modifier))
        });
        if !is_known {
            let say = "This parameter does not take this modifier here; see /fhir/metadata.";
            return Err(self.not_supported(say));
        }
        let plain = private::plain(kind, name, self.value, self.from.in_url, self.terms)?;
        let read = |how, of| -> Result<Filter> {
            Ok(Filter { param: name, how, any: self.alternatives(&plain, of)? })
        };
        let filter = match modifier {
            None => read(How::Any, of),
            Some("not") => read(How::None, of),
            Some("missing") => {
                let how = How::Missing(match &*plain {
                    "true" => true,
                    "false" => false,
                    _ => return Err(bad(self.whole, "It is true or false.")),
                });
                Ok(Filter { param: name, how, any: Vec::new() })
            }
            Some(within @ ("in" | "not-in")) => {
                let how = if within == "in" { How::Any } else { How::None };
                let any = Test::within(&plain).map_err(|e| e.at(printable(self.whole)))?;
                Ok(Filter { param: name, how, any: vec![any] })
            }
            Some(exactly @ ("exact" | "contains")) => {
                let words = test::split(&plain, ',');
                let any = words.map(|text| Test::words(text, exactly == "exact")).collect();
                Ok(Filter { param: name, how: How::Any, any })
            }
            Some(modifier) => {
                if let Some((row, of)) = param::beside(kind, name, modifier) {
                    let any = self.alternatives(&plain, of)?;
                    Ok(Filter { param: row, how: How::Any, any })
                } else {
                    // `subject:Patient=id`
                    let typed = test::split(&plain, ',').map(|id| format!("{modifier}/{id}"));
                    let typed: Vec<String> = typed.collect();
                    let any = self.alternatives(&typed.join(","), of)?;
                    Ok(Filter { param: name, how: How::Any, any })
                }
            }
        }?;
        if filter.any.len() > super::MANY {
            return Err(Error::new(Kind::TooCostly, "Too many alternatives.").at(name));
        }
        Ok(filter)
    }

    fn alternatives(&self, values: &str, of: Type) -> Result<Vec<Test>> {
        let any = test::split(values, ',').map(|text| Test::parse(of, text, self.terms.base));
        any.collect::<Result<Vec<_>>>().map_err(|e| e.at(printable(self.whole)))
    }

    fn not_supported(&self, say: &'static str) -> Error {
        Error::new(Kind::NotSupported, say).at(printable(self.whole))
    }
}

/// Does the value stand for something that tells who somebody is?
fn is_private(kind: ResourceType, name: &str) -> bool {
    if let Some(rest) = name.strip_prefix("_has:") {
        let mut parts = rest.splitn(3, ':');
        let of = parts.next().and_then(ResourceType::parse);
        return of.zip(parts.nth(1)).is_some_and(|(of, then)| is_private(of, then));
    }
    if let Some((first, rest)) = name.split_once('.') {
        let base = first.split(':').next().unwrap_or_default();
        return param::targets(kind, base).iter().any(|to| is_private(*to, rest));
    }
    param::is_private(kind, name.split(':').next().unwrap_or_default())
}

/// `QuestionnaireResponse:questionnaire`, `Observation:subject:Patient`, of what is searched.
pub(super) fn include(kind: ResourceType, name: &str, value: &str) -> Result<Include> {
    let refuse = |say| Err(Error::new(Kind::NotSupported, say).at(printable(name)));
    let (base, modifier) = name.split_once(':').map_or((name, None), |(b, m)| (b, Some(m)));
    let iterate = match modifier {
        None => false,
        Some("iterate" | "recurse") => true,
        Some(_) => return refuse("The one modifier here is :iterate."),
    };
    if value.split(':').any(|part| part == "*") {
        return refuse(
            "Name each reference: _include=Type:parameter. Everything at once is Patient/id/$everything.",
        );
    }
    let mut parts = value.split(':');
    let from = parts.next().and_then(ResourceType::parse);
    let param = from.zip(parts.next()).and_then(|(from, name)| param::find(from, name));
    let target = parts.next();
    let to = target.and_then(ResourceType::parse);
    let targets = from.zip(param).map(|(from, (name, _))| param::targets(from, name));
    let known = targets.filter(|all| !all.is_empty() && parts.next().is_none());
    let known = known.filter(|all| match (target, to) {
        (None, _) => true,
        (Some(_), Some(to)) => all.contains(&to),
        (Some(_), None) => false,
    });
    let (Some(from), Some(param), Some(targets)) = (from, param, known) else {
        return refuse(
            "It is Type:parameter or Type:parameter:Target; see searchInclude in /fhir/metadata.",
        );
    };
    let reverse = base == "_revinclude";
    let fits = if reverse { targets.contains(&kind) } else { from == kind };
    if !fits && !iterate {
        return refuse(
            "This reference is not one of the type that is searched; with :iterate it may be.",
        );
    }
    if reverse && !may_come_back(from, kind) {
        return refuse("What refers to this is searched by itself.");
    }
    Ok(Include { reverse, iterate, from, param, to })
}

/// May a condition look at resources of this type? The directory is not a person's, and the log grows
/// with every answer.
pub fn is_linked(kind: ResourceType) -> bool {
    kind.is_personal() && kind != ResourceType::AuditEvent
}

/// May what refers to a match come with it? The log is asked by itself, and what people refer to in the
/// directory is nobody's.
pub fn may_come_back(from: ResourceType, kind: ResourceType) -> bool {
    from != ResourceType::AuditEvent && from.is_personal() == kind.is_personal()
}

fn is_target(kind: ResourceType, name: &str, modifier: &str) -> bool {
    param::targets(kind, name).iter().any(|target| target.name() == modifier)
}
