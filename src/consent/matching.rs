//! Does a condition of a rule hold for this request and this unit?
//!
//! One arm for each condition; every answer is three-valued. Source: `consent` 1.4, *match*: or
//! over values, and over conditions. It must not choose a side for what is unknown, except that
//! confidentiality and vague periods take the side the rule's type gives them.

use super::{
    asker::{Asker, Gateway},
    decide::Snapshot,
    label::{Classes, Confidentiality, Themes},
    name::Name,
    period::{Reading, Span},
    rule::{Actor, Condition, Content, Effect, Meaning, Part, Rule, Values},
    tri::Tri,
    unit::{Slot, Unit},
};
use crate::domain::moment::Moment;

/// All a decision looks at, at one instant.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) asker: &'a Asker,
    pub(super) now: Moment,
    /// Whom a rule's recipient is compared with.
    pub(super) recipient: Recipient<'a>,
}

/// Who would come to know the data.
#[derive(Clone, Copy)]
pub(super) enum Recipient<'a> {
    /// The requester.
    Requester,
    /// A gateway on the way.
    Through(&'a Gateway),
}

impl<'a> Scene<'a> {
    /// As the requester asks.
    pub(super) const fn new(snapshot: &'a Snapshot, asker: &'a Asker, now: Moment) -> Self {
        Self { snapshot, asker, now, recipient: Recipient::Requester }
    }
}

impl Recipient<'_> {
    fn is(self, who: &Name, asker: &Asker) -> Tri {
        match self {
            Self::Requester => who.is_requester(asker.subject.as_deref(), &asker.orgs),
            Self::Through(Gateway { orgs: None }) => Tri::Unknown,
            // A gateway is a device: what is forbidden to a person is not about it.
            Self::Through(Gateway { orgs: Some(orgs) }) => {
                who.is_requester(Some("Device/gateway"), orgs)
            }
        }
    }
}

impl<T> Values<T> {
    fn any(&self, matches: impl Fn(&T) -> Tri) -> Tri {
        let unknown = if self.unknown { Tri::Unknown } else { Tri::False };
        Tri::any(self.known.iter().map(matches)).max(unknown)
    }
}

impl Rule {
    /// Do those of its own conditions hold that are the same for every unit? Those of its periods speak
    /// of the instant, and are asked if it is `timed`.
    pub(super) fn settled(&self, scene: Scene<'_>, timed: bool) -> Tri {
        let holds = |condition: &Condition| match condition {
            Condition::Action(actions) => stated(scene.asker.action.as_ref(), actions),
            Condition::Actor(actors) if of_request(actors) => {
                actors.any(|actor| scene.recipient.is(&actor.who, scene.asker))
            }
            Condition::Period(period) if timed => {
                period.holds(Span::instant(scene.now), self.reading())
            }
            Condition::Purpose(purposes) => match &scene.asker.purpose {
                None => Tri::Unknown,
                Some(stated) => purposes.any(|purpose| purpose.covers(stated)),
            },
            Condition::Unknown => Tri::Unknown,
            Condition::Actor(_)
            | Condition::Class(_)
            | Condition::Code(_)
            | Condition::Confidentiality(_)
            | Condition::DataPeriod(_)
            | Condition::Instance(_)
            | Condition::Period(_)
            | Condition::Register(_)
            | Condition::Resource(_)
            | Condition::ServiceTask(_)
            | Condition::Theme(_) => Tri::True,
        };
        Tri::all(self.conditions.iter().map(holds))
    }

    /// Those of its conditions that only a unit can answer.
    pub(super) fn open(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().filter(|condition| match condition {
            Condition::Actor(actors) => !of_request(actors),
            Condition::Action(_)
            | Condition::Period(_)
            | Condition::Purpose(_)
            | Condition::Unknown => false,
            Condition::Class(_)
            | Condition::Code(_)
            | Condition::Confidentiality(_)
            | Condition::DataPeriod(_)
            | Condition::Instance(_)
            | Condition::Register(_)
            | Condition::Resource(_)
            | Condition::ServiceTask(_)
            | Condition::Theme(_) => true,
        })
    }

    /// Does an open condition of its hold for the unit? One that is not open is settled.
    pub(super) fn holds(
        &self,
        condition: &Condition,
        scene: Scene<'_>,
        unit: &Unit,
        slot: Slot,
    ) -> Tri {
        let Scene { asker, recipient, .. } = scene;
        match condition {
            Condition::Actor(actors) => actors.any(|actor| is_actor(actor, recipient, asker, unit)),
            Condition::Class(classes) => self.has_class(*classes, unit),
            Condition::Code(values) => values.any(|content| is_content(content, unit, slot)),
            Condition::Confidentiality(ranks) => self.is_as_confidential(ranks, unit),
            Condition::DataPeriod(period) => {
                unit.date.map_or(Tri::Unknown, |date| period.holds(date, self.reading()))
            }
            Condition::Instance(named) => {
                named.any(|(meaning, what)| concerns(*meaning, what, unit, &scene.snapshot.others))
            }
            Condition::Register(registers) => stated(unit.register.as_ref(), registers),
            Condition::Resource(types) => types.any(|of| (*of == unit.resource).into()),
            Condition::ServiceTask(tasks) => stated(unit.service_task.as_ref(), tasks),
            Condition::Theme(themes) => is_theme(*themes, slot),
            Condition::Action(_)
            | Condition::Period(_)
            | Condition::Purpose(_)
            | Condition::Unknown => Tri::True,
        }
    }

    /// A denial concerns units that have a class it names; a permit is not limited by those it
    /// names (what it lacks stands in its own check), but an unknown one makes it unknown.
    fn has_class(&self, classes: Classes, unit: &Unit) -> Tri {
        let open = classes.unknown;
        match self.effect {
            Some(Effect::Permit) if open => Tri::Unknown,
            Some(Effect::Permit) => Tri::True,
            Some(Effect::Deny) | None if classes.known.intersects(unit.classes) => Tri::True,
            Some(Effect::Deny) | None if open || !unit.labels.is_empty() => Tri::Unknown,
            Some(Effect::Deny) | None => Tri::False,
        }
    }

    /// A permit reaches up to the rank it names, a denial from there on.
    fn is_as_confidential(&self, ranks: &Values<Confidentiality>, unit: &Unit) -> Tri {
        let Some(own) = unit.confidentiality else { return Tri::Unknown };
        ranks.any(|rank| match self.reading() {
            Reading::Narrow => (own <= *rank).into(),
            Reading::Wide => (own >= *rank).into(),
            Reading::Both if own == *rank => Tri::True,
            Reading::Both => Tri::Unknown,
        })
    }
}

/// Is the value one of those listed? An absent value could be any.
fn stated<T: PartialEq>(value: Option<&T>, listed: &Values<T>) -> Tri {
    value.map_or(Tri::Unknown, |value| listed.any(|one| (one == value).into()))
}

/// Is it about who asks alone, whatever the unit?
fn of_request(actors: &Values<Actor>) -> bool {
    actors.known.iter().all(|actor| actor.part == Part::Requester)
}

fn is_actor(actor: &Actor, recipient: Recipient<'_>, asker: &Asker, unit: &Unit) -> Tri {
    match actor.part {
        Part::Author => is_author(&actor.who, unit),
        Part::Custodian => actor.who.is(unit.custodian.as_deref()),
        Part::Requester => recipient.is(&actor.who, asker),
    }
}

fn is_author(who: &Name, unit: &Unit) -> Tri {
    if unit.authors.is_empty() {
        return Tri::Unknown;
    }
    Tri::any(unit.authors.iter().map(|author| who.is(Some(author))))
}

fn is_theme(themes: Themes, slot: Slot) -> Tri {
    let listed = match slot {
        Slot::Theme(theme) => themes.known.contains(theme).into(),
        Slot::Unclassified => Tri::False,
        Slot::Unknown => Tri::Unknown,
    };
    listed.max(if themes.unknown { Tri::Unknown } else { Tri::False })
}

fn is_content(content: &Content, unit: &Unit, slot: Slot) -> Tri {
    match content {
        Content::Clinical(code) => unit.codes.iter().any(|own| own.is(code)).into(),
        Content::Themes(themes) => is_theme(*themes, slot),
    }
}

/// How the unit stands to an instance. *Related* and *dependents* are used in either direction in
/// practice, so the one not named is unknown: a permit does not reach it and a denial does.
fn concerns(meaning: Meaning, what: &Name, unit: &Unit, others: &[Unit]) -> Tri {
    if meaning == Meaning::AuthoredBy {
        return is_author(what, unit);
    }
    let same = what.is(unit.id.as_deref());
    let refers = || unit.refs.iter().any(|to| what.equals(to));
    let referred = || {
        let id = unit.id.as_ref();
        let names = |other: &Unit| id.is_some_and(|id| other.refs.contains(id));
        others.iter().any(|o| o.id.as_deref().is_some_and(|id| what.equals(id)) && names(o))
    };
    let unless = |named: bool, reverse: bool| match (named, reverse) {
        (true, _) => Tri::True,
        (false, true) => Tri::Unknown,
        (false, false) => Tri::False,
    };
    match meaning {
        Meaning::AuthoredBy | Meaning::Instance => same,
        Meaning::Dependents => same.max(unless(refers(), referred())),
        Meaning::Related => same.max(unless(referred(), refers())),
    }
}
