//! The road of proposals about a plan that another keeps, and of its hand-over: parse, see, label, check,
//! commit, record, respond.
//!
//! Part of `planned`. Whoever sees a part of a plan may propose something about it; it stands beside the
//! plan, with the labels of that part, and who keeps the plan answers it. At another gateway it is
//! passed on to the one that holds the plan. A hand-over is proposed by who
//! leads the plan, and the plan changes with the successor's acceptance, in the same commit. What is told
//! rests on what the writer sees. Sources: FHIR R4 task.html; design 3.3, 4; `consent` 2.3 (NI-3).

mod passed;
mod side;

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    End,
    ground::held,
    lost::Lost,
    reader,
    sent::{Deed, Sent, at_place, rename},
    unseen::{is_as_seen, is_as_seen_but},
};
use crate::{
    commit::{self, Written, proposed::Next},
    compartment::{Compartment, Held},
    consent::view::View,
    domain::{
        day::{Day, Period},
        id::{document_of, node_of},
        plan::{Member, Plan, Role},
        proposal::{HandOver, Post, Proposal, ProposalSchema, ProposalStatus, Proposer},
        words::LocalId,
    },
    error::{Error, Kind, Result},
    fhir::types::ResourceType::{self, Task},
    gateway::{
        Gateway,
        request::Asked,
        write,
        writing::{elsewhere, faulty, several},
    },
    mapping::{
        kept,
        plan::proposal::{Carried, carried},
        planned::{
            self,
            proposed::{self, Proposed, What},
        },
    },
    mutant::{self, Mutant},
    native::{self, Native},
    route::Call,
    scope::{self, Grant},
    search::{self, Hit},
    source::local::Local,
    store::{Document, Stored},
};

/// What of a proposal is another in its next version.
const MOVES: [&str; 3] = ["output", "status", "statusReason"];
const FOCUS: &str = "Task.focus";

/// What of a proposal there is already.
enum Before {
    /// None: it is to have this id.
    Nothing(LocalId),
    /// It is there, by this id, for its maker to see.
    Seen(Arc<str>),
}

/// A plan that something is proposed about, as it was found.
struct Ground {
    patient: Arc<str>,
    stored: Stored,
    compartment: Compartment,
    /// By what the writer sees anything of the person.
    by: Grant,
    view: Arc<View>,
}

impl Ground {
    fn plan(&self, id: &str) -> Option<&Held<Plan>> {
        self.compartment.plans.iter().find(|plan| *plan.id == *id)
    }

    /// A document as it is stored.
    fn document(&self, id: &str) -> Option<&Document> {
        self.stored.documents.iter().find(|document| *document.id == *id)
    }

    /// Does the writer see what is named, `Type/id`?
    fn sees(&self, kind: ResourceType, id: &str) -> bool {
        search::read(&self.view, kind, id).is_some() || mutant::on(Mutant::ProposesAboutHidden)
    }
}

impl Gateway {
    /// A new proposal, or the next step of one.
    pub(super) async fn keep_proposal(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        mut one: Sent,
    ) -> Result<End> {
        self.well_formed(&one)?;
        let own = format!("{}/", self.base);
        rename(&mut one.resource, &|to| to.strip_prefix(&own).map(str::to_owned));
        if let Some(keeper) = self.keeper_elsewhere(asked, grant, &one)? {
            return self.pass_on(asked, grant, &keeper, &one).await;
        }
        let Some(local) = &self.reach.sources.local else { return Err(elsewhere(FOCUS)) };
        match (one.deed, one.id.clone()) {
            (Deed::Create, _) => self.propose(asked, grant, local, one).await,
            (_, Some(id)) => self.answer_proposal(asked, grant, local, &one, &id).await,
            (_, None) => {
                let say = "A proposal is written by its id: read it first.";
                Err(Error::new(Kind::Unprocessable, say).at(one.place))
            }
        }
    }

    async fn propose(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        one: Sent,
    ) -> Result<End> {
        let asks =
            proposed::read(&one.resource).map_err(|faults| faulty(&at_place(faults, &one)))?;
        let (kind, id) = (asks.about.0, asks.about.1.as_str());
        reader(grant, kind, id)?;
        if node_of(id).as_ref() != Some(&self.node) {
            return Err(elsewhere(FOCUS));
        }
        let ground = self.beside(asked, grant, local, id).await?.ok_or_else(nothing)?;
        let plan = ground.plan(document_of(id)).filter(|_| ground.sees(kind, id));
        let plan = plan.ok_or_else(nothing)?;
        let carried = carried(plan, kind, id).ok_or_else(nothing)?;
        let proposed = self.propose_about(asked, grant, local, one, (&ground, plan, carried, asks));
        proposed.await.map_err(|error| error.about(&ground.patient))
    }

    /// The same of what was found, and is there for its proposer to see.
    async fn propose_about(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        mut one: Sent,
        (ground, plan, carried, asks): (&Ground, &Held<Plan>, Carried, Proposed),
    ) -> Result<End> {
        if let Some(there) = self.proposed_before(asked, grant, local, ground, &one).await? {
            return Ok(End::There(there));
        }
        let id = match self.sent_before(asked, grant, ground, &one)? {
            Before::Nothing(id) => id,
            Before::Seen(there) => {
                let name = format!("{Task}/{there}");
                self.found_there(asked, grant, local, (&ground.view, &name)).await?;
                return Ok(End::There(name));
            }
        };
        let proposal = self.proposal(asked, grant, ground, (plan, carried), asks, id)?;
        proposed::label(&mut one.resource, proposal.themes);
        let next = Next { proposal: &proposal, of: None, plan: None };
        let written = self.committed(asked, grant, (local, ground), &one, &next).await?;
        Ok(End::Created(format!("{Task}/{}", written.id)))
    }

    /// Everything about the person of a document, and what the writer sees of it.
    async fn beside(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        id: &str,
    ) -> Result<Option<Ground>> {
        let by = reader(grant, Task, "")?;
        let Some(patient) = local.place(document_of(id)).await? else { return Ok(None) };
        // Before what is seen of it, so that nothing committed meanwhile passes for what was read.
        let Some((stored, compartment)) = held(local, &patient).await? else { return Ok(None) };
        let view = self.seen_now(asked, &by, local, &patient).await?;
        Ok(view.map(|view| Ground { patient, stored, compartment, by, view }))
    }

    /// What `If-None-Exist` finds.
    async fn proposed_before(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        ground: &Ground,
        one: &Sent,
    ) -> Result<Option<String>> {
        let Some(condition) = &one.condition else { return Ok(None) };
        let by = scope::grant(Arc::clone(grant.caller()), Call::Search(Task))?;
        let query = self.condition(asked, &by, condition, &one.place)?;
        let found = self.seen_matching(asked, &by, local, &ground.patient, &query).await?;
        match found.as_ref().map(|(view, ids)| (view, &**ids)) {
            None | Some((_, [])) => Ok(None),
            Some((view, [id])) => {
                let name = format!("{Task}/{id}");
                self.found_there(asked, grant, local, (view, &name)).await?;
                Ok(Some(name))
            }
            Some((view, _)) => Err(several(view).at(one.place.clone())),
        }
    }

    /// Whether the same was proposed before under the same request id: then its answer was lost on the way.
    fn sent_before(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        ground: &Ground,
        one: &Sent,
    ) -> Result<Before> {
        let owner = grant.caller().client_id();
        let sent = (owner, &*asked.request_id, &one.resource);
        let id = planned::local(&self.made_name("proposals", &sent)?);
        let id = id.ok_or_else(|| Error::internal("a local id"))?;
        let is_it = |held: &&Held<Proposal>| *held.owner == *owner && held.native.id == id;
        let Some(held) = ground.compartment.proposals.iter().find(is_it) else {
            return Ok(Before::Nothing(id));
        };
        if search::read(&ground.view, Task, &held.id).is_some() {
            return Ok(Before::Seen(Arc::clone(&held.id)));
        }
        // What its maker sees no more is not there.
        self.random_id().map(Before::Nothing)
    }

    /// The proposal, labelled as what it is about.
    fn proposal(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        ground: &Ground,
        (plan, carried): (&Held<Plan>, Carried),
        asks: Proposed,
        own_id: LocalId,
    ) -> Result<Proposal> {
        let caller = grant.caller();
        let mut units = Vec::from_iter(carried.service);
        let (mut service, mut hand_over) = (None, None);
        match asks.what {
            What::Change(_) if *plan.owner == *caller.client_id() => {
                let say = "You keep this plan: write its next version.";
                return Err(Error::new(Kind::Unprocessable, say).at(FOCUS));
            }
            What::Change(named) => {
                if named
                    .as_ref()
                    .is_some_and(|id| self.terms.directory.given_by(id.as_str()).is_none())
                {
                    let say = "Name a HealthcareService of the directory.";
                    return Err(Error::new(Kind::Unprocessable, say).at("Task.input[0]"));
                }
                units.extend(named.clone());
                service = named;
            }
            What::HandOver(to) => {
                let over = self.hands_over(grant, ground, plan, to)?;
                units = vec![over.from.organization.clone(), over.to.organization.clone()];
                hand_over = Some(over);
            }
        }
        let themes = carried.themes.union(asks.themes);
        let (kind, id) = asks.about;
        Ok(Proposal {
            schema: ProposalSchema::V1,
            id: own_id,
            plan: plan.id.to_string(),
            about: format!("{kind}/{id}"),
            status: ProposalStatus::Requested,
            created: asked.now,
            by: Proposer {
                organization: caller.organization().to_owned(),
                subject: caller.subject().map(str::to_owned),
            },
            themes,
            of_whole: carried.of_whole && themes.is_empty(),
            units,
            concerns: carried.concerns,
            text: asks.text,
            service,
            hand_over,
            answer: None,
            results: Vec::new(),
        })
    }

    /// Takes a proposal a step further.
    async fn answer_proposal(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        one: &Sent,
        id: &str,
    ) -> Result<End> {
        if node_of(id).as_ref() != Some(&self.node) {
            return Err(Error::not_found());
        }
        let ground = self.beside(asked, grant, local, id).await?.ok_or_else(Error::not_found)?;
        let hit = search::read(&ground.view, Task, id).ok_or_else(Error::not_found)?;
        let answered = self.answer_seen(asked, grant, local, one, (&ground, &hit, id)).await;
        answered.map_err(|error| error.about(&ground.patient))
    }

    /// The same of one that was found, and is there for the writer to see.
    async fn answer_seen(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        one: &Sent,
        (ground, hit, id): (&Ground, &Hit, &str),
    ) -> Result<End> {
        let seen = self.as_seen(hit)?;
        // Who sends a step again, since its answer was lost, knows the version before it (RFC 9110, 13.1.1).
        let is_so = one.read.is_some() && kept::differences(&one.resource, &seen).is_empty();
        if !is_so {
            self.may_follow(hit, one)?;
        }
        let proposal = ground.compartment.proposals.iter().find(|held| *held.id == *id);
        let (proposal, of) = proposal.zip(ground.document(id)).ok_or_else(Error::not_found)?;
        let done = End::Updated(format!("{Task}/{id}"));
        if is_so || is_as_seen(&one.resource, &seen) {
            let next = Next { proposal: &proposal.native, of: Some(of), plan: None };
            let request = asked.request_alone();
            let desk = self.desk(local, grant, &request, asked);
            commit::proposed::write(&desk, &ground.patient, &next).await?;
            return Ok(done);
        }
        if !is_as_seen_but(&one.resource, &seen, &MOVES) {
            let say = "Of a proposal only status, statusReason and output become others: read it, \
                       and send it back so, or propose anew.";
            return Err(Error::new(Kind::Unprocessable, say).at(one.place.clone()));
        }
        let plan = ground.plan(&proposal.native.plan).ok_or_else(Error::not_found)?;
        let next = self.next_step(grant, ground, (proposal, plan), one, &seen)?;
        let takes_over =
            next.hand_over.as_ref().filter(|_| next.status == ProposalStatus::Accepted);
        let taken = match takes_over {
            Some(over) => Some(self.taken_over(asked, grant, ground, plan, over)?),
            None => None,
        };
        let plan = taken.as_ref().zip(ground.document(&plan.id));
        let next = Next { proposal: &next, of: Some(of), plan };
        self.committed(asked, grant, (local, ground), one, &next).await?;
        Ok(done)
    }

    /// The proposal as it is to be, if it is for this writer to take it there.
    fn next_step(
        &self,
        grant: &Grant,
        ground: &Ground,
        (held, plan): (&Held<Proposal>, &Held<Plan>),
        one: &Sent,
        seen: &Value,
    ) -> Result<Proposal> {
        let text = |name: &str| one.resource.get(name).and_then(Value::as_str);
        let to = text("status").and_then(ProposalStatus::from_code);
        let side = held.native.steps().find(|(next, _)| Some(*next) == to);
        let Some((status, side)) = side else { return Err(no_such_step(&held.native)) };
        self.takes_side(grant.caller(), side, held, plan)?;
        let mut next = Proposal { status, ..held.native.clone() };
        let said = proposed::answer(&one.resource);
        let said = said.map_err(|faults| faulty(&at_place(faults, one)))?;
        // Of what is said and not seen nothing goes.
        if said.is_some() || seen.get("statusReason").is_some() {
            next.answer = said;
        }
        let has_reason = one.resource.get("statusReason").is_some();
        if status == ProposalStatus::Rejected && !has_reason {
            let say = "Say why in statusReason.text: who proposed it reads that.";
            return Err(Error::new(Kind::Unprocessable, say).at("Task.statusReason"));
        }
        if status == ProposalStatus::Completed {
            next.results = results(grant, ground, plan, &one.resource)?;
        }
        Ok(next)
    }

    /// The plan as it is once another answers for it.
    fn taken_over(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        ground: &Ground,
        plan: &Held<Plan>,
        over: &HandOver,
    ) -> Result<Native> {
        if self.leader(grant, ground, plan)?.is_none_or(|leader| leader != over.from) {
            let say = "Who hands over does not lead the plan any more, as far as you see its CareTeam: \
                       reject this hand-over, and have another proposed.";
            return Err(Error::new(Kind::Conflict, say).at("Task.status"));
        }
        let today = Day::in_finland(asked.now).ok_or_else(|| Error::internal("today is a day"))?;
        let mut next = plan.native.clone();
        let Post { practitioner, organization } = over.to.clone();
        let period = Some(Period { start: Some(today), end: None });
        let (id, role) = (self.random_id()?, Role::CaseManager);
        let to = Member { id, practitioner, role, organization, active: true, period };
        next.hand_over(to, today);
        next.updated = Some(asked.now);
        let bytes = native::canonical(&next)?;
        native::validate(&bytes, &self.rules(asked)).map_err(|faults| write::refused(&faults))
    }

    /// Commits what all comes out again as it was sent, for its sender too.
    async fn committed(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        (local, ground): (&Local, &Ground),
        one: &Sent,
        next: &Next<'_>,
    ) -> Result<Written> {
        let request = asked.request_alone();
        let desk = self.desk(local, grant, &request, asked);
        let (preview, id) = commit::proposed::preview(&desk, ground.stored.clone(), next)?;
        let view = self.supposed(asked, local, &ground.by, &preview).await?;
        let (seen, whole) = self.seen_and_whole(&view, Task, &id)?;
        let whole = whole.ok_or_else(|| Error::internal("what was proposed is mapped"))?;
        let gone = kept::differences(&one.resource, &whole);
        let mut lost = Lost::default();
        let seen = seen.unwrap_or_else(|| json!({}));
        lost.add(one, gone, kept::differences(&one.resource, &seen));
        // What is hidden stays, whatever is sent.
        lost.told()?;
        commit::proposed::write(&desk, &ground.patient, next).await
    }
}

/// What of the plan came of a proposal: parts that the writer sees.
fn results(
    grant: &Grant,
    ground: &Ground,
    plan: &Held<Plan>,
    resource: &Value,
) -> Result<Vec<String>> {
    let say = "Name in output what of the plan came of it: carried-out, and a CarePlan, Goal, \
               ServiceRequest or Task of the same plan.";
    let wrong = || Error::new(Kind::Unprocessable, say).at("Task.output");
    let mut all = Vec::new();
    for name in proposed::results(resource) {
        let (kind, id) = name.split_once('/').ok_or_else(wrong)?;
        let kind = ResourceType::parse(kind).ok_or_else(wrong)?;
        reader(grant, kind, id)?;
        if carried(plan, kind, id).is_none() || !ground.sees(kind, id) {
            return Err(wrong());
        }
        all.push(name.to_owned());
    }
    if all.is_empty() { Err(wrong()) } else { Ok(all) }
}

/// The refusal of what there is not, or not for this writer.
fn nothing() -> Error {
    let say = "Name in focus what of a plan it is about: something held here that you may read.";
    Error::new(Kind::Unprocessable, say).at(FOCUS)
}

/// The refusal of a step that there is not, with those there are.
fn no_such_step(proposal: &Proposal) -> Error {
    let to: Vec<&str> = proposal.steps().map(|(to, _)| to.code()).collect();
    let from = proposal.status.code();
    let say = if to.is_empty() {
        format!("It is {from}, and stays so: propose anew.")
    } else {
        format!("It is {from}: its next status is {}.", to.join(", or "))
    };
    Error::new(Kind::Unprocessable, say).at("Task.status")
}
