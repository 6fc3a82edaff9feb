//! What may leave: a person's mapped data and a grant become a [`View`], and nothing else does.
//!
//! Step of the way after `mapping`. Decides once per kind and caller and keeps the decisions until
//! their first boundary in time; has no error path that yields data. Source: `consent` 1.4.

pub mod former;
pub mod together;

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    compartment::{Compartment, Recorded},
    consent::{
        asker::{Asker, BreakGlass},
        boundary::{Course, Standing},
        cover::{Interaction, ScopeCover},
        decide::{Member, Snapshot, Theirs},
        label::{Classes, Themes as KnownThemes},
        law::{CoveredClasses, CoveredThemes, Law, Representation},
        period::{Majority, Window},
        policy::{Kind, Origin, Policy},
        release::together::Meant,
        sight::Sights,
        stated::Stated,
        view::{Reach, Reached, View},
    },
    directory::Directory,
    domain::{
        moment::Moment,
        person::{Named, Reach as Themes, related_id},
    },
    fhir::{segment::KindId, types::ResourceType},
    mapping::{Mapped, chart::Chart},
    mutant::{self, Mutant},
    query::{Filter, How, param, test::Test},
    scope::Grant,
    smart::Limits,
    unit::Unit,
};

/// Callers whose decisions are kept per person; the one that asked longest ago goes.
const KEPT: usize = 8;

/// What decisions read beside the person's own data: a numbered version, in force at one instant.
pub struct Terms {
    /// Grounds, bars, officer roles.
    pub law: Arc<Law>,
    /// Which organisation is part of which.
    pub directory: Arc<Directory>,
    /// When the mapping and the law table of this version came into force.
    pub activated: Moment,
    /// Which of several versions that one process had: decisions of another are not taken.
    pub number: u64,
    /// Does no grant count, as it is not known which were withdrawn (after a restore)?
    pub suspended: bool,
    /// Is another version in force?
    pub over: Over,
}

/// Set once another version of the settings is in force: who takes long asks before each part.
#[derive(Clone, Default)]
pub struct Over(Arc<AtomicBool>);

impl Over {
    /// Another version is in force from now on.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Is another version in force?
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The decisions for one caller about one person.
pub struct Decided {
    fingerprint: [u8; 16],
    /// Of the terms.
    number: u64,
    interaction: Interaction,
    /// The call's own, by which scopes limit it: a write reads under other scopes than a read.
    call: crate::fhir::types::Interaction,
    until: Moment,
    from: Moment,
    kinds: Box<[Option<Permit>]>,
    /// What permits: many kinds share a basis.
    bases: Box<[Box<[Arc<str>]>]>,
    /// What of others' permits what is about them too; of nobody else is it kept.
    theirs: Vec<Shared>,
    /// What granular scopes leave; follows from the caller's fingerprint and the interaction.
    pub(super) reach: Reached,
    /// What was looked at under these decisions.
    pub(super) sights: Sights,
}

/// The decisions of the callers that asked last.
#[derive(Default)]
struct Kept(Mutex<Vec<Arc<Decided>>>);

/// The parsed policies of a person: every version of every consent.
struct Policies(Arc<[Policy]>);

/// A kind that is about several: whom it names, and what each of them gave.
type Shared = (KindId, Arc<[Named]>, Theirs);

#[derive(Clone, Copy)]
struct Permit {
    since: Moment,
    /// Place among the bases of the decisions.
    basis: u32,
}

impl Decided {
    /// Start of the unbroken permit of a kind.
    pub fn since(&self, kind: KindId) -> Option<Moment> {
        self.kinds.get(usize::from(kind))?.as_ref().map(|permit| permit.since)
    }

    /// What permits a kind.
    pub fn basis(&self, kind: KindId) -> &[Arc<str>] {
        let permit = self.kinds.get(usize::from(kind)).and_then(Option::as_ref);
        permit.and_then(|permit| self.bases.get(permit.basis as usize)).map_or(&[], |basis| basis)
    }

    /// From when until before when they are what they are.
    pub(super) const fn holds(&self) -> Range<Moment> {
        self.from..self.until
    }

    /// Bytes it takes in memory.
    fn weight(&self) -> usize {
        let bases: usize = self.bases.iter().map(|basis| size_of_val(&**basis)).sum();
        let own = size_of::<Self>() + size_of_val(&*self.kinds) + size_of_val(&*self.bases);
        own + bases + self.sights.weight()
    }
}

/// What this caller may see of this person now.
pub fn release(mapped: Mapped, grant: &Grant, terms: &Terms, now: Moment) -> Arc<View> {
    let held = Arc::clone(mapped.members());
    let (compartment, chart) = mapped.into_parts();
    if held.is_empty() {
        let decided = decisions(&compartment, &chart, grant, terms, now);
        return Arc::new(View::new(compartment, chart, decided, None));
    }
    // What others permit is theirs to change, so nothing of it is kept with the person.
    let meant = Meant::of(grant, &compartment, &held);
    let about = (cover(grant), meant.is_some());
    let asker = asker_about(&compartment, grant, terms, about, now);
    let members = together::members(&held, grant, terms, now);
    let decided = decided(&compartment, &chart, grant, terms, (&asker, members, &meant));
    let concerned = together::concerned(&held, &decided);
    Arc::new(View::new(compartment, chart, Arc::new(decided), None).about(concerned))
}

fn decisions(
    compartment: &Compartment,
    chart: &Chart,
    grant: &Grant,
    terms: &Terms,
    now: Moment,
) -> Arc<Decided> {
    let fingerprint = grant.caller().fingerprint();
    let interaction = cover(grant);
    let kept = compartment.derived.of(Kept::default);
    let mut kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
    let is_good = |d: &&Arc<Decided>| {
        let asks_again = d.fingerprint == fingerprint || mutant::on(Mutant::KeptDecisionIsAnybodys);
        let same = d.interaction == interaction
            && d.call == grant.interaction()
            && d.number == terms.number;
        asks_again && same && d.holds().contains(&now)
    };
    if let Some(known) = kept.iter().find(is_good).filter(|_| !mutant::is_careless()) {
        return Arc::clone(known);
    }
    let asker = asker(compartment, grant, terms, interaction, now);
    let alone = (&asker, Arc::default(), &Meant::All);
    let decided = Arc::new(decided(compartment, chart, grant, terms, alone));
    let is_past =
        |d: &mut Arc<Decided>| d.fingerprint == fingerprint && d.call == grant.interaction();
    let mut gone: Vec<Arc<Decided>> = kept.extract_if(.., is_past).collect();
    if kept.len() >= KEPT {
        gone.push(kept.remove(0));
    }
    compartment.derived.shrank(gone.iter().map(|d| d.weight()).sum());
    compartment.derived.grew(decided.weight());
    kept.push(Arc::clone(&decided));
    decided
}

/// Decides about every kind that is meant, at the asker's instant.
fn decided(
    compartment: &Compartment,
    chart: &Chart,
    grant: &Grant,
    terms: &Terms,
    (asker, members, meant): (&Asker, Arc<[Member]>, &Meant),
) -> Decided {
    if mutant::on(Mutant::ConsentIsNotAsked) {
        let mut all = |_: Unit| Some(Standing::of_all());
        return decide_all(asker, Moment::MAX, chart, terms, grant, &mut all);
    }
    let snapshot = Snapshot { members, ..snapshot(compartment, chart.others(), terms) };
    let course = Course::new(&snapshot, asker, asker.now);
    let mut standing = |unit: Unit| if meant.covers(&unit) { course.standing(&unit) } else { None };
    decide_all(asker, course.next_change(), chart, terms, grant, &mut standing)
}

/// Under which letter of a scope the call reads: search, and history of a type, under `s`.
fn cover(grant: &Grant) -> Interaction {
    use crate::fhir::types::Interaction as Of;
    match grant.interaction() {
        Of::Search | Of::HistoryType => Interaction::Search,
        Of::Create | Of::Delete | Of::HistoryInstance | Of::Read | Of::Update | Of::Vread => {
            Interaction::Read
        }
    }
}

/// The permit under which a unit is seen.
type Stand<'a> = &'a mut dyn FnMut(Unit) -> Option<Standing>;

fn decide_all(
    asker: &Asker,
    until: Moment,
    chart: &Chart,
    terms: &Terms,
    grant: &Grant,
    standing: Stand<'_>,
) -> Decided {
    let mut bases: Vec<Box<[Arc<str>]>> = Vec::new();
    let mut shared = Vec::new();
    let permits = chart.kinds().iter().enumerate().map(|(number, kind)| {
        let unit = chart.unit(kind);
        let named = (!unit.members.is_empty()).then(|| Arc::clone(&unit.members));
        let Standing { since, basis, theirs } =
            standing(unit).or_else(|| mutant::is_careless().then(Standing::of_all))?;
        if let (Some(named), Ok(number)) = (named, number.try_into()) {
            shared.push((number, named, theirs));
        }
        let known = bases.iter().position(|known| **known == *basis);
        let at = known.unwrap_or_else(|| {
            bases.push(basis.into());
            bases.len() - 1
        });
        Some(Permit {
            since: since.max(terms.activated),
            basis: u32::try_from(at).unwrap_or(u32::MAX),
        })
    });
    let shift = mutant::on(Mutant::DecisionsShift);
    let kinds = permits.filter(|permit: &Option<Permit>| !shift || permit.is_some()).collect();
    Decided {
        fingerprint: grant.caller().fingerprint(),
        number: terms.number,
        interaction: asker.interaction,
        call: grant.interaction(),
        from: asker.now,
        until,
        kinds,
        bases: bases.into(),
        theirs: shared,
        reach: reached(grant),
        sights: Sights::default(),
    }
}

/// The request as the decision reads it: signed claims, and the holder's own data.
pub(super) fn asker(
    compartment: &Compartment,
    grant: &Grant,
    terms: &Terms,
    interaction: Interaction,
    now: Moment,
) -> Asker {
    let meant = Meant::of(grant, compartment, &[]).is_some();
    asker_about(compartment, grant, terms, (interaction, meant), now)
}

/// The same where it is known whether the scopes are about it.
fn asker_about(
    compartment: &Compartment,
    grant: &Grant,
    terms: &Terms,
    (interaction, meant): (Interaction, bool),
    now: Moment,
) -> Asker {
    // What was written by a clock that was ahead is in force once it is written.
    let now = compartment.consents.iter().map(|consent| consent.recorded).fold(now, Moment::max);
    let caller = grant.caller();
    let covered = ResourceType::ALL.iter().filter(|kind| meant && grant.reaches(**kind));
    let stated = Stated {
        organization: caller.organization(),
        through: caller.through(),
        subject: caller.subject(),
        client: caller.client_id(),
        roles: caller.roles().iter().map(|r| r.as_str().into()).collect(),
        register: caller.register(),
        sector: caller.sector(),
        declared: caller.declared().iter().map(|d| d.id.as_str().into()).collect(),
        purpose: caller.purpose(),
        break_glass: caller
            .break_glass()
            .map(|b| BreakGlass { reason: b.reason.as_str().into(), until: b.until }),
        scopes: ScopeCover::of(covered.map(|kind| (kind.name(), "cruds"))),
    };
    let asker = stated.asks(compartment, &terms.directory, interaction, now);
    // Somebody at work is who they are, though an app was opened for them about one person.
    let at_work = caller.subject().is_some_and(|subject| subject.starts_with("Practitioner/"));
    let alone =
        caller.confined_to().is_some() && !at_work && !mutant::on(Mutant::PatientScopeIsEverybodys);
    if alone { asker.as_a_person() } else { asker }
}

/// What the decision reads of the person; `others` are the units there are.
pub(super) fn snapshot(compartment: &Compartment, others: Vec<Unit>, terms: &Terms) -> Snapshot {
    let patient: Arc<str> = format!("Patient/{}", compartment.patient).into();
    let policies = compartment.derived.of(|| Policies(policies(&compartment.consents, &patient)));
    let person = compartment.person.as_ref().map(|held| &held.native);
    let birth = person.and_then(|p| p.birth_date).map(|day| day.to_string());
    let representation = person.map(|p| p.representation.as_slice()).unwrap_or_default();
    Snapshot {
        majority: Majority::of(birth.as_deref()),
        turvakielto: person.is_some_and(|p| p.non_disclosure),
        law: Arc::clone(&terms.law),
        policies: if terms.suspended { suspended(&policies.0) } else { Arc::clone(&policies.0) },
        representation: representation
            .iter()
            .map(|r| represents(r, &compartment.patient, &patient))
            .collect(),
        others,
        members: Arc::default(),
        patient,
    }
}

/// A representation as a decision reads it.
pub(super) fn represents(
    of: &crate::domain::person::Representation,
    id: &str,
    patient: &Arc<str>,
) -> Representation {
    let day = |day: Option<crate::domain::day::Day>| day.map(|d| d.to_string());
    let (start, end) = (day(of.period.start), day(of.period.end));
    let who: Arc<str> = format!("RelatedPerson/{}", related_id(id, of.id.as_str())).into();
    let codes = of.classes.iter().map(|class| Arc::from(class.code())).collect();
    Representation {
        id: Arc::clone(&who),
        who,
        patient: Arc::clone(patient),
        themes: match of.themes {
            Themes::All => CoveredThemes::All,
            Themes::Themes(known) => CoveredThemes::Listed(KnownThemes { known, unknown: false }),
        },
        classes: CoveredClasses::Listed(Classes { known: of.classes, unknown: false }, codes),
        period: (start.is_some() || end.is_some())
            .then(|| Window::of(start.as_deref(), end.as_deref())),
    }
}

/// Every version of every consent, each in force until the next.
fn policies(consents: &[Recorded], patient: &Arc<str>) -> Arc<[Policy]> {
    let mut versions: BTreeMap<&Arc<str>, Vec<&Recorded>> = BTreeMap::new();
    for consent in consents {
        versions.entry(&consent.id).or_default().push(consent);
    }
    let mut all = Vec::new();
    for mut of_one in versions.into_values() {
        of_one.sort_by_key(|c| c.version);
        let first = of_one.first().map(|c| c.recorded);
        for (at, consent) in of_one.iter().enumerate() {
            let mut body = consent.consent();
            if let Some(object) = body.as_object_mut() {
                object.insert("id".to_owned(), consent.id.to_string().into());
            }
            let origin = Origin {
                patient: Some(Arc::clone(patient)),
                recorded: first,
                in_force_from: Some(consent.recorded),
                in_force_until: of_one.get(at + 1).map(|next| next.recorded),
            };
            all.push(Policy::parse(&body, origin));
        }
    }
    all.into()
}

/// What is left of policies when none may permit.
fn suspended(policies: &[Policy]) -> Arc<[Policy]> {
    let forbids = |policy: &Policy| match policy.kind {
        Kind::Grant => None,
        Kind::Foreign | Kind::Prohibition => {
            Some(Policy { kind: Kind::Prohibition, ..policy.clone() })
        }
    };
    policies.iter().filter_map(forbids).collect()
}

/// What the scopes leave of each type.
fn reached(grant: &Grant) -> Reached {
    let of = |kind: &ResourceType| match grant.limits(*kind) {
        None => Some((*kind, None)),
        Some(limits) if limits.is_empty() => None,
        Some(limits) => Some((*kind, Some(alternatives(*kind, &limits)))),
    };
    Reached::new(ResourceType::ALL.iter().filter_map(of).collect())
}

/// Granular scopes as alternatives of a view. A filter on a parameter the type does not have holds
/// of nothing.
fn alternatives(kind: ResourceType, limits: &[&Limits]) -> Vec<Reach> {
    let filter = |f: &crate::smart::Filter| {
        let (name, of) = param::find(kind, &f.param)?;
        let any = f.values.iter().map(|v| Test::parse(of, v, "").ok()).collect::<Option<_>>()?;
        Some(Filter { param: name, how: How::Any, any })
    };
    let reach = |limits: &&Limits| {
        let filters = limits.filters.iter().map(filter).collect::<Option<Vec<_>>>()?;
        Some(Reach { labels: limits.labels.clone(), filters })
    };
    limits.iter().filter_map(reach).collect()
}
