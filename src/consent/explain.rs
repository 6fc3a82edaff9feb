//! What would be permitted to somebody, class by class, and by what: the answer to `$explain`.
//!
//! On the way where `release` stands on others, and it asks the same `decide` about the same units, so
//! it cannot tell of another policy than the one in force. It names consents, laws and representations,
//! never data: the classes it tells of are the same for everybody who is told of all. Who may not ask
//! gets nothing, which is what the absent are. Source: `consent` 1.4 ("names only consents and laws").

pub mod about;
pub mod question;
pub mod words;

use std::{collections::BTreeSet, sync::Arc};

use self::{about::About, question::Question};
use super::{
    asker::Asker,
    cover::{Interaction, ScopeCover},
    decide::{Compiled, Snapshot, Verdict, Why, decide},
    law::Law,
    release::{self, Terms},
};
use crate::{
    compartment::Compartment,
    directory::{Directory, Name},
    domain::moment::Moment,
    fhir::types::ResourceType,
    mapping::{Mapped, chart::Chart},
    mutant::{self, Mutant},
    scope::Grant,
    unit::{Sort, Unit},
};

/// Origins of documents that are looked at for a class of which there is nothing.
const MOST_ORIGINS: usize = 8;

/// The types whose content has themes and withheld classes.
const CONTENT: [ResourceType; 8] = [
    ResourceType::CarePlan,
    ResourceType::CareTeam,
    ResourceType::Goal,
    ResourceType::Observation,
    ResourceType::Provenance,
    ResourceType::QuestionnaireResponse,
    ResourceType::ServiceRequest,
    ResourceType::Task,
];

/// Has content of this type themes and withheld classes?
pub fn has_content(kind: ResourceType) -> bool {
    CONTENT.contains(&kind)
}

/// What permits, or forbids.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum By {
    /// A Consent of the person, by id.
    Consent(Arc<str>),
    /// A ground or a bar of the law table.
    Law {
        /// Its id there.
        id: Arc<str>,
        /// Which law.
        reference: Option<Arc<Name>>,
        /// Does it set prohibitions aside?
        overrides: bool,
    },
    /// That somebody acts for the person: reference of the `RelatedPerson`.
    Representation(Arc<str>),
    /// Use inside the register the data was recorded in.
    Register,
    /// An officer's duty.
    Officer,
    /// Having written it.
    Writer,
}

/// What is permitted of one class.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// The class.
    pub about: About,
    /// Is something of it released?
    pub permitted: bool,
    /// Is a part of it not, as consents or laws look at more than the class?
    pub partly: bool,
    /// Which step decided: of what is permitted, if anything is.
    pub why: Why,
    /// What permits.
    pub basis: Vec<By>,
    /// What forbids.
    pub against: Vec<By>,
}

/// The row that tells of a class: its own, else that of the same without its withheld class.
pub fn row_of(rows: &[Row], about: About) -> Option<&Row> {
    let of = |about| rows.iter().find(|row| row.about == about);
    of(about).or_else(|| of(about.plain()))
}

/// What may be told to whoever asked; made by [`explain`] alone.
pub struct Explanation {
    compartment: Arc<Compartment>,
    rows: Vec<Row>,
    caller: Option<Name>,
    law: Arc<Law>,
    standing: Standing,
}

impl Explanation {
    /// Whose data it is about, and the key of the person's audit records.
    pub fn audit_key(&self) -> (&Arc<str>, [u8; 32]) {
        (&self.compartment.patient, self.compartment.audit_key)
    }

    /// Class by class.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// May whoever asked be told who was told of the person by a declared ground? The person may, and
    /// who supervises.
    pub fn tells_of_uses(&self) -> bool {
        self.standing != Standing::Representative
    }

    /// The title of a ground of the law table.
    pub fn title(&self, ground: &str) -> Option<&Name> {
        self.law.grounds.iter().find(|g| *g.id == *ground)?.reference.as_ref()
    }

    /// The name of the organisation that was asked about, where the directory has it.
    pub const fn caller(&self) -> Option<&Name> {
        self.caller.as_ref()
    }
}

/// What of the rows the one who asks may be told.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Standing {
    /// The person: all of them, by the data as they are.
    Person,
    /// Somebody who acts for the person: those of which they may themselves see something.
    Representative,
    /// An officer, who does not see the data: all of them, whatever the data say. Of documents only that
    /// is read which the policy itself names: register, time, and who is in a team.
    Officer,
}

/// What the caller that is asked about would be given, for the person, who may act for the person now,
/// and an officer of the law table; `None` for everybody else.
pub fn explain(
    mapped: Mapped,
    grant: &Grant,
    question: &Question,
    terms: &Terms,
    now: Moment,
) -> Option<Explanation> {
    let asked_of = |of: &Compartment| question.asker(of, &terms.directory, now);
    let members = release::together::members_before(mapped.members(), terms, asked_of);
    let (compartment, chart) = mapped.into_parts();
    let alone = release::snapshot(&compartment, chart.others(), terms);
    let mut own = release::asker(&compartment, grant, terms, Interaction::Read, now);
    // What the token reaches was settled before; here it is about who asks.
    own.scopes = ScopeCover::all();
    let standing = standing(&alone, &own, &compartment)?;
    let snapshot = Snapshot { members, ..alone.clone() };
    let policy = Policy { snapshot: &snapshot, compartment: &compartment, chart: &chart };
    let asker = asked_of(&compartment);
    let by_data = standing != Standing::Officer;
    let mut rows = policy.rows(&asker, question.kind, by_data);
    if standing == Standing::Representative {
        // Who acts for the person does so for nobody else.
        let own = Compiled::new(&alone, &own, now);
        rows.retain(|row| policy.row(row.about, &own, question.kind, by_data).permitted);
    }
    (!rows.is_empty()).then(|| Explanation {
        rows,
        caller: terms.directory.organization(&question.organization).cloned(),
        compartment,
        law: Arc::clone(&terms.law),
        standing,
    })
}

/// What an asker would be given of somebody's data as they are: what `mylife` shows an operator.
pub fn of_asker(
    compartment: &Compartment,
    chart: &Chart,
    terms: &Terms,
    asker: &Asker,
    kind: Option<ResourceType>,
) -> Vec<Row> {
    let snapshot = release::snapshot(compartment, chart.others(), terms);
    Policy { snapshot: &snapshot, compartment, chart }.rows(asker, kind, true)
}

/// The same for the caller of a question.
pub fn of_question(
    compartment: &Compartment,
    chart: &Chart,
    terms: &Terms,
    question: &Question,
    now: Moment,
) -> Vec<Row> {
    let asker = question.asker(compartment, &terms.directory, now);
    of_asker(compartment, chart, terms, &asker, question.kind)
}

fn standing(snapshot: &Snapshot, own: &Asker, compartment: &Compartment) -> Option<Standing> {
    // Nobody gave or wrote this one, so it is there for the person and for officers alone.
    let record = record(compartment);
    let represents = || {
        let all = snapshot.representation.iter();
        all.filter(|by| by.is_valid(own, &snapshot.patient, own.now)).count() > 0
    };
    match decide(snapshot, own, &record).why {
        Why::SelfAccess => Some(Standing::Person),
        Why::Allowed => Some(Standing::Officer),
        Why::Default if mutant::on(Mutant::ExplainsToAnybody) => Some(Standing::Officer),
        Why::Default => represents().then_some(Standing::Representative),
        Why::Bar | Why::Prohibition | Why::Scope => None,
    }
}

/// A record that nobody in particular gave or wrote.
fn record(compartment: &Compartment) -> Unit {
    let mut unit = Unit::new(Sort::Records, ResourceType::Consent.name());
    unit.custodian = Some(Arc::clone(&compartment.custodian));
    unit
}

/// What decisions about one person read.
struct Policy<'a> {
    snapshot: &'a Snapshot,
    compartment: &'a Compartment,
    chart: &'a Chart,
}

impl Policy<'_> {
    /// Every theme and the unclassified, each withheld class in it that is decided otherwise, and the
    /// records. `by_data` looks at what there is of a class, where there is something.
    fn rows(&self, asker: &Asker, kind: Option<ResourceType>, by_data: bool) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        let asker = &Compiled::new(self.snapshot, asker, asker.now);
        for plain in About::PLAIN {
            let row = self.row(plain, asker, kind, by_data);
            let withheld = plain.withheld().map(|about| self.row(about, asker, kind, by_data));
            let differs = |other: &Row| other.clone().about(plain) != row;
            let withheld: Vec<Row> = withheld.filter(differs).collect();
            rows.push(row);
            rows.extend(withheld);
        }
        // Records are of types of their own, which have no themes.
        if kind.is_none() {
            rows.push(self.row(About::Records, asker, kind, by_data));
        }
        rows
    }

    fn row(
        &self,
        about: About,
        asker: &Compiled<'_>,
        kind: Option<ResourceType>,
        by_data: bool,
    ) -> Row {
        let mut row = Row {
            about,
            permitted: false,
            partly: false,
            why: Why::Default,
            basis: Vec::new(),
            against: Vec::new(),
        };
        let (mut basis, mut against) = (BTreeSet::new(), BTreeSet::new());
        for unit in self.units(about, kind, by_data) {
            let verdict = asker.decide(&unit);
            row.partly |= !verdict.permit;
            row.weigh(&verdict);
            basis.extend(verdict.basis.iter().map(|id| self.by(id)));
            against.extend(verdict.against.iter().map(|id| self.by(id)));
        }
        row.partly &= row.permitted;
        (row.basis, row.against) = (basis.into_iter().collect(), against.into_iter().collect());
        row
    }

    /// What there is of a class, or what there could be.
    fn units(&self, about: About, kind: Option<ResourceType>, by_data: bool) -> Vec<Unit> {
        let wanted = |of: ResourceType| kind.is_none_or(|kind| kind == of);
        let kinds = self.chart.kinds().iter().filter(|k| about.is_of(k) && wanted(k.of));
        let there: Vec<Unit> = kinds.map(|kind| self.chart.unit(kind)).collect();
        let Some(labels) = about.labels() else {
            // Who gave and who wrote records is told to all who are told of them.
            return if there.is_empty() { vec![record(self.compartment)] } else { there };
        };
        if by_data && !there.is_empty() {
            return there;
        }
        let types: Vec<ResourceType> = kind.map_or_else(|| CONTENT.to_vec(), |kind| vec![kind]);
        let supposed = |of| self.chart.supposed(of, labels, MOST_ORIGINS);
        types.into_iter().flat_map(supposed).collect()
    }

    /// What an id of a basis names.
    fn by(&self, id: &Arc<str>) -> By {
        let law = &self.snapshot.law;
        let shared = |name: &Option<Name>| name.clone().map(Arc::new);
        if self.compartment.consents.iter().any(|consent| consent.id == *id) {
            return By::Consent(Arc::clone(id));
        }
        if let Some(ground) = law.grounds.iter().find(|ground| ground.id == *id) {
            let reference = shared(&ground.reference);
            let overrides = ground.overrides_prohibition;
            return By::Law { id: Arc::clone(id), reference, overrides };
        }
        if let Some(bar) = law.bars.iter().find(|bar| bar.id == *id) {
            let reference = shared(&bar.reference);
            return By::Law { id: Arc::clone(id), reference, overrides: false };
        }
        match &**id {
            "same-register" => By::Register,
            "officer" => By::Officer,
            "writer" => By::Writer,
            _ => By::Representation(Arc::clone(id)),
        }
    }
}

impl Row {
    /// The same, told of another class.
    pub fn about(self, about: About) -> Self {
        Self { about, ..self }
    }

    /// The step that says most: what permits before what does not, and what forbids before nothing.
    fn weigh(&mut self, verdict: &Verdict) {
        let rank = |why| match why {
            Why::SelfAccess | Why::Allowed => 4,
            Why::Bar => 3,
            Why::Prohibition => 2,
            Why::Scope => 1,
            Why::Default => 0,
        };
        self.permitted |= verdict.permit;
        if rank(verdict.why) > rank(self.why) {
            self.why = verdict.why;
        }
    }
}

impl Question {
    /// The caller that is asked about, as the decision reads it.
    fn asker(&self, compartment: &Compartment, directory: &Directory, now: Moment) -> Asker {
        self.stated(now).asks(compartment, directory, Interaction::Read, now)
    }
}
