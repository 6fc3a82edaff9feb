//! What the demo asks, as the portal and as the county, and whether each answer was right.
//!
//! Beside the way of a request: nearly everything is asked at the national portal's gateway, over
//! HTTPS, as any client would. An answer is right if it has exactly the pieces that the rules give and every
//! source answered.

use serde_json::Value;

use crate::{
    clock::Clock,
    demo::{
        client::{Ask, Visitor},
        clients::{COUNTY, DESK, DemoClient, INTEGRATOR, PORTAL, client},
        expected::{self, Pieces},
        loading::{self, Resident, entries},
        nodes::{Node, Running},
        people::Story,
        rules::Draft,
    },
    domain::identity::SYSTEM as IDENTITY,
    error::{Error, Kind, Result},
};

/// Pages of one search at most: more are a circle.
const PAGES: usize = 1000;
/// How often a question is asked again while a source was not reached.
const TRIES: usize = 3;

/// What one reader got of somebody.
pub struct Answer {
    /// Number of the resident.
    pub resident: usize,
    /// Name of the client.
    pub client: &'static str,
    /// What came.
    pub got: Pieces,
}

/// Everything that was asked, and what was wrong.
pub struct Outcome {
    /// Person by person.
    pub answers: Vec<Answer>,
    /// Pages that the pull of all surveys took.
    pub pages: usize,
    /// Surveys that the pull brought.
    pub pulled: usize,
    /// What was wrong, in words.
    pub wrong: Vec<String>,
}

/// What the questions need.
pub struct Scene<'a> {
    /// Asks.
    pub visitor: &'a Visitor,
    /// The gateways.
    pub running: &'a Running,
    /// The clients.
    pub clients: &'a [DemoClient],
    /// Everybody.
    pub residents: &'a [Resident],
    /// Time.
    pub clock: &'a dyn Clock,
}

impl Scene<'_> {
    /// Asks everything.
    ///
    /// # Errors
    /// `SourceFailed` if a gateway cannot be asked at all.
    pub async fn play(&self) -> Result<Outcome> {
        let mut outcome = Outcome { answers: Vec::new(), pages: 0, pulled: 0, wrong: Vec::new() };
        for number in 0..self.residents.len() {
            self.one_person(number, PORTAL, &["QuestionnaireResponse"], &mut outcome).await?;
            let plan = ["CarePlan", "Goal", "ServiceRequest"];
            self.one_person(number, COUNTY, &plan, &mut outcome).await?;
        }
        self.pull(&mut outcome).await?;
        self.widen(&mut outcome).await?;
        self.integrate(&mut outcome).await?;
        self.revoke(&mut outcome).await?;
        Ok(outcome)
    }

    /// One person, by identity code, in the body alone.
    async fn one_person(
        &self,
        number: usize,
        client: &'static str,
        types: &[&str],
        outcome: &mut Outcome,
    ) -> Result<()> {
        let resident = self.resident(number)?;
        let (expected, got) = self.compare(resident, client, types).await?;
        if let Some(why) = difference(&expected, &got) {
            outcome.wrong.push(format!("person {} for {client}: {why}", number + 1));
        }
        outcome.answers.push(Answer { resident: number, client, got });
        Ok(())
    }

    async fn compare(
        &self,
        resident: &Resident,
        client: &str,
        types: &[&str],
    ) -> Result<(Pieces, Pieces)> {
        let now = self.clock.now();
        let expected = if client == PORTAL {
            expected::surveys(resident, client, now)
        } else {
            expected::plans(resident, client, now)
        };
        let person = format!("{IDENTITY}|{}", resident.code()?);
        let mut got = Pieces::new();
        for kind in types {
            let url = format!("{}/{kind}/_search", self.portal()?.fhir());
            let ask = Ask::form(url, &[("patient.identifier", &person), ("_count", "50")]);
            for bundle in self.all(client, ask).await? {
                entries(&bundle).for_each(|one| expected::take_apart(one, &mut got));
            }
        }
        Ok((expected, got))
    }

    /// All surveys of everybody, page by page.
    async fn pull(&self, outcome: &mut Outcome) -> Result<()> {
        let url = format!("{}/QuestionnaireResponse?_count=20", self.portal()?.fhir());
        let pages = self.all(PORTAL, Ask::read(url)).await?;
        let mut got = Pieces::new();
        for bundle in &pages {
            outcome.pulled += entries(bundle).count();
            entries(bundle).for_each(|one| expected::take_apart(one, &mut got));
        }
        outcome.pages = pages.len();
        let now = self.clock.now();
        let every = self.residents.iter().map(|one| expected::surveys(one, PORTAL, now));
        let expected: Pieces = every.flatten().collect();
        if let Some(why) = difference(&expected, &got) {
            outcome.wrong.push(format!("the portal's pull of all surveys: {why}"));
        }
        Ok(())
    }

    /// Who lives in two municipalities is found in both by the id of either Patient; a municipality
    /// itself answers with its own alone; a resource is read at the portal as where it is held.
    async fn widen(&self, outcome: &mut Outcome) -> Result<()> {
        let kind = "QuestionnaireResponse";
        let fhir = self.portal()?.fhir();
        for resident in self.residents.iter().filter(|one| one.records.len() == 2) {
            let expected = expected::surveys(resident, PORTAL, self.clock.now());
            for record in &resident.records {
                let url = format!("{fhir}/{kind}?patient=Patient/{}", record.patient);
                self.same(self.portal()?, url, &expected, "a widened question", outcome).await?;
                let node = self.running.node(record.node)?;
                let held = format!("{kind}/{}.", node.code);
                let own: Pieces =
                    expected.iter().filter(|piece| piece.starts_with(&held)).cloned().collect();
                let url = format!("{}/{kind}?patient=Patient/{}", node.fhir(), record.patient);
                self.same(node, url, &own, "a question where the data is", outcome).await?;
                let read = format!("{fhir}/Patient/{}", record.patient);
                let client = client(self.clients, PORTAL)?;
                let reply = self.visitor.ask(client, self.portal()?, &Ask::read(read)).await?;
                if reply.body.get("id").and_then(Value::as_str) != Some(&record.patient) {
                    outcome.wrong.push("a Patient could not be read at the portal".to_owned());
                }
            }
        }
        Ok(())
    }

    async fn same(
        &self,
        node: &Node,
        url: String,
        expected: &Pieces,
        what: &str,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let mut got = Pieces::new();
        for bundle in self.all_at(node, PORTAL, Ask::read(url)).await? {
            entries(&bundle).for_each(|one| expected::take_apart(one, &mut got));
        }
        if let Some(why) = difference(expected, &got) {
            outcome.wrong.push(format!("{what} at {}: {why}", node.slug));
        }
        Ok(())
    }

    /// Nobody has granted anything to the integrator.
    async fn integrate(&self, outcome: &mut Outcome) -> Result<()> {
        for kind in ["Patient", "QuestionnaireResponse", "CarePlan"] {
            let url = format!("{}/{kind}", self.portal()?.fhir());
            let pages = self.all(INTEGRATOR, Ask::read(url)).await?;
            if pages.iter().any(|bundle| entries(bundle).next().is_some()) {
                outcome.wrong.push(format!("the integrator was given a {kind}"));
            }
        }
        Ok(())
    }

    /// What somebody takes back is gone from the very next answer, and what they give again is there:
    /// where the data is, at the portal, and given at the portal but taken back where the data is.
    async fn revoke(&self, outcome: &mut Outcome) -> Result<()> {
        let (direct, through): (Vec<_>, Vec<_>) = self
            .residents
            .iter()
            .filter(|one| one.prohibitions.is_empty())
            .filter_map(|one| Some((one, one.drafts.first()?)))
            .filter(|(one, draft)| {
                [Story::AllThemes, Story::TwoThemes, Story::TwoMunicipalities]
                    .contains(&one.somebody.story)
                    && draft.rule.active
            })
            .partition(|(_, draft)| !draft.through_portal);
        let crossed = through.iter().find(|(one, _)| one.records.len() == 1);
        for (case, revoked_at_portal) in
            [(direct.first(), false), (through.first(), true), (crossed, false)]
        {
            let (resident, draft) = case.ok_or_else(|| Error::internal("a story is missing"))?;
            self.revoke_one(resident, draft, revoked_at_portal, outcome).await?;
        }
        Ok(())
    }

    async fn revoke_one(
        &self,
        resident: &Resident,
        draft: &Draft,
        revoked_at_portal: bool,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let desk = client(self.clients, DESK)?;
        let mut draft = draft.clone();
        let given_at_portal = draft.through_portal;
        for active in [false, true] {
            draft.rule.active = active;
            draft.through_portal = if active { given_at_portal } else { revoked_at_portal };
            let now = self.clock.now();
            loading::put(resident, &draft, self.visitor, self.running, desk, now).await?;
            let types = ["QuestionnaireResponse"];
            let (mut expected, got) = self.compare(resident, PORTAL, &types).await?;
            if !active {
                expected.clear();
            }
            if let Some(why) = difference(&expected, &got) {
                let what = if active { "granted again" } else { "revoked" };
                outcome.wrong.push(format!("after a grant was {what}: {why}"));
            }
        }
        Ok(())
    }

    async fn all(&self, name: &str, first: Ask) -> Result<Vec<Value>> {
        self.all_at(self.portal()?, name, first).await
    }

    /// Every page of a search; asked again while a source was not reached.
    async fn all_at(&self, node: &Node, name: &str, first: Ask) -> Result<Vec<Value>> {
        let client = client(self.clients, name)?;
        let mut pages = Vec::new();
        let mut next = Some(first);
        while let Some(ask) = next {
            let mut bundle = Value::Null;
            for _ in 0..TRIES {
                let reply = self.visitor.ask(client, node, &ask).await?;
                bundle = reply.expect("A search")?.body;
                if is_complete(&bundle) {
                    break;
                }
            }
            if !is_complete(&bundle) {
                return Err(Error::new(Kind::SourceFailed, "A source was not reached."));
            }
            next = link(&bundle).map(|url| follow(&ask, url));
            pages.push(bundle);
            if pages.len() > PAGES {
                return Err(Error::new(Kind::SourceFailed, "The pages of a search do not end."));
            }
        }
        Ok(pages)
    }

    fn portal(&self) -> Result<&Node> {
        self.running.node("portal")
    }

    fn resident(&self, number: usize) -> Result<&Resident> {
        self.residents.get(number).ok_or_else(|| Error::internal("somebody is missing"))
    }
}

/// The next page is read at its link, which names nobody.
fn follow(earlier: &Ask, url: String) -> Ask {
    Ask { nodes: earlier.nodes.clone(), ..Ask::read(url) }
}

/// Did every source answer?
fn is_complete(bundle: &Value) -> bool {
    let all = bundle.get("entry").and_then(Value::as_array).into_iter().flatten();
    let mut issues = all
        .filter(|e| e.pointer("/search/mode").and_then(Value::as_str) == Some("outcome"))
        .flat_map(|e| e.pointer("/resource/issue").and_then(Value::as_array).into_iter().flatten());
    issues.all(|issue| {
        issue.pointer("/details/coding/0/code").and_then(Value::as_str) == Some("complete")
    })
}

fn link(bundle: &Value) -> Option<String> {
    let links = bundle.get("link")?.as_array()?;
    let next = links.iter().find(|l| l.get("relation").and_then(Value::as_str) == Some("next"))?;
    next.get("url")?.as_str().map(str::to_owned)
}

/// What is missing and what is too much, if anything.
fn difference(expected: &Pieces, got: &Pieces) -> Option<String> {
    let few = |mut of: Vec<&String>| {
        let all = of.len();
        of.truncate(3);
        let named: Vec<&str> = of.iter().map(|piece| piece.as_str()).collect();
        format!("{all} ({})", named.join("; "))
    };
    let missing: Vec<&String> = expected.difference(got).collect();
    let extra: Vec<&String> = got.difference(expected).collect();
    match (missing.is_empty(), extra.is_empty()) {
        (true, true) => None,
        (false, true) => Some(format!("missing {}", few(missing))),
        (true, false) => Some(format!("too much {}", few(extra))),
        (false, false) => Some(format!("missing {}, too much {}", few(missing), few(extra))),
    }
}
