//! `mylife consent simulate`: what a law table or consents would change before they are in force.
//!
//! Part of `cli`. Today's policy and tomorrow's are asked about the same people by the same decision as
//! every release; what differs is told class by class, and each expectation that is not met. Nothing is
//! stored or recorded, and no gateway is needed.

mod callers;
pub(super) mod report;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;

use self::{
    callers::{Caller, Expectations, Expected},
    report::Report,
};
use super::{
    documents,
    exit::Exit,
    output::Output,
    people::{self, Written},
    validate::Range,
};
use crate::{
    chance::SeededChance,
    config,
    consent::{
        explain::{self, Row, row_of},
        law::Law,
        profile,
        release::{Over, Terms},
    },
    demo,
    directory::Directory,
    domain::{id::NodeCode, identity::IdentityCode, moment::Moment},
    error::{Error, Result},
    json::{self, Limits},
    mapping::chart::Chart,
    native::{self, Native, Rules, schemas::Schemas},
};

/// How expectations are written.
const EXPECTED: &str = "\
A file of expectations:
  [[callers]]
  name = \"portal\"
  organization = \"urn:oid:1.2.246.10.99909002\"
  purpose = \"TREAT\"
  # role = [\"nurse\"], user, client, register, sector, declared = [\"law:1\"], emergency = true, type

  [[expect]]
  person = \"*\"
  caller = \"portal\"
  class = [\"housing\", \"housing+free-text\", \"unclassified\", \"records\"]
  permit = true";

/// What is to be tried.
#[derive(Args, Debug)]
#[command(after_help = EXPECTED)]
pub struct Simulate {
    /// People and their documents, JSON, NDJSON or a directory; the demo's people if none are named
    pub people: Option<PathBuf>,
    /// The law table of today, TOML or JSON as in `[law]`
    #[arg(long, value_name = "FILE")]
    pub law_today: Option<PathBuf>,
    /// The law table of tomorrow; today's if none is named
    #[arg(long, value_name = "FILE")]
    pub law: Option<PathBuf>,
    /// Consents of today, FHIR JSON; the patient by the sender's id, `Patient/ID`, or by identity code
    #[arg(long, value_name = "FILE")]
    pub consents_today: Option<PathBuf>,
    /// Consents of tomorrow, beside today's; one of the same identifier stands in its place
    #[arg(long, value_name = "FILE")]
    pub consents: Option<PathBuf>,
    /// Who asks and what is expected, TOML; without it, whoever consents and laws name
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// The directory of units, services and professionals, TOML or JSON
    #[arg(long, value_name = "FILE")]
    pub directory: Option<PathBuf>,
    /// The organisation that holds the data
    #[arg(long, value_name = "OID", default_value = "urn:oid:2.999")]
    pub organization: String,
    /// Identity codes that are issued to nobody (900-999)
    #[arg(long, value_enum, default_value_t = Range::Allow)]
    pub test_range: Range,
    /// One JSON object instead of lines
    #[arg(long)]
    pub json: bool,
}

/// Somebody whose data are looked at.
struct Somebody {
    documents: Vec<Native>,
    custodian: Arc<str>,
    directory: Arc<Directory>,
}

/// What decides on one day.
struct Day {
    law: Arc<Law>,
    /// By the sender's id of the person.
    consents: BTreeMap<String, Vec<Written>>,
}

/// Seed of the demo's people here.
const SEED: u64 = 7;

/// Compares the two days.
pub fn run(asked: &Simulate, output: &mut Output<'_>) -> Result<Exit> {
    let now = output.around.clock.now();
    let Some((all, bad)) = everybody(asked, now, output)? else { return Ok(Exit::Usage) };
    let Some((today, tomorrow)) = days(asked, &all, output)? else { return Ok(Exit::Usage) };
    if bad {
        return Ok(Exit::Findings);
    }
    let named = asked.expect.as_deref().map(Expectations::read).transpose()?.unwrap_or_default();
    let callers = if named.callers.is_empty() {
        callers::of(&[&*today.law, &*tomorrow.law], today.written().chain(tomorrow.written()))?
    } else {
        named.callers
    };
    callers::resolve(&named.expect, &callers, |person| all.contains_key(person))?;
    let mut report = Report::new(all.len(), callers.len());
    for (name, somebody) in &all {
        let before = rows(name, somebody, &today, &callers, now)?;
        let after = rows(name, somebody, &tomorrow, &callers, now)?;
        for ((caller, before), after) in callers.iter().zip(before).zip(after) {
            report.compare(name, &caller.name, &before, &after);
            let expected = named.expect.iter().filter(|e| e.is_about(name, &caller.name));
            expected.for_each(|expected| check(expected, name, &after, &mut report));
        }
    }
    report.tell(asked.json, output);
    Ok(Exit::findings(report.has_unmet()))
}

fn check(expected: &Expected, person: &str, rows: &[Row], report: &mut Report) {
    for about in expected.about() {
        if let Some(row) = row_of(rows, about) {
            report.expect(person, &expected.caller, (about, row), expected.permit);
        }
    }
}

impl Day {
    fn written(&self) -> impl Iterator<Item = &Written> {
        self.consents.values().flatten()
    }
}

/// Whoever is looked at, by the sender's id; is there a bad document?
fn everybody(
    asked: &Simulate,
    now: Moment,
    output: &mut Output<'_>,
) -> Result<Option<(BTreeMap<String, Somebody>, bool)>> {
    let Some(path) = &asked.people else { return Ok(Some((of_demo(now)?, false))) };
    let Some(directory) = people::directory(asked.directory.as_deref(), output)? else {
        return Ok(None);
    };
    let (people, bad) = people::read(path, asked.test_range.into(), now, output)?;
    let custodian: Arc<str> = asked.organization.as_str().into();
    let one = |(name, documents)| {
        let (custodian, directory) = (Arc::clone(&custodian), Arc::clone(&directory));
        (name, Somebody { documents, custodian, directory })
    };
    Ok(Some((people.into_iter().map(one).collect(), bad)))
}

/// The demo's people, each as their municipality knows them.
fn of_demo(now: Moment) -> Result<BTreeMap<String, Somebody>> {
    let schemas = Schemas::compile()?;
    let test_range = Range::Allow.into();
    let rules = Rules { schemas: &schemas, now, test_range, limits: Limits::default() };
    let mut directories = BTreeMap::new();
    for municipality in &demo::directory::MUNICIPALITIES {
        let listing = demo::listing::of(municipality.slug)?;
        directories.insert(municipality.code, people::listed(listing)?);
    }
    let mut all = BTreeMap::new();
    for home in demo::people::people(SEED, now)?.iter().flat_map(|somebody| &somebody.homes) {
        let valid = |bytes: &[u8]| {
            native::validate(bytes, &rules)
                .map_err(|_| Error::internal("a document of the demo is refused"))
        };
        let documents = home.documents()?;
        let documents = documents.iter().map(|(_, _, bytes)| valid(bytes));
        let somebody = Somebody {
            documents: documents.collect::<Result<_>>()?,
            custodian: format!("urn:oid:{}", home.municipality.oid).into(),
            directory: directories.get(home.municipality.code).cloned().unwrap_or_default(),
        };
        all.insert(home.person.id.as_str().to_owned(), somebody);
    }
    Ok(all)
}

/// Today and tomorrow; `None` once the mistakes of a law table are told.
fn days(
    asked: &Simulate,
    all: &BTreeMap<String, Somebody>,
    output: &mut Output<'_>,
) -> Result<Option<(Day, Day)>> {
    let mut law = |path: Option<&PathBuf>| match path.map(|path| config::law::of_file(path)) {
        None => Some(Arc::default()),
        Some(Ok(law)) => Some(Arc::new(law)),
        Some(Err(mistakes)) => {
            mistakes.iter().for_each(|mistake| output.complain(mistake));
            None
        }
    };
    let (of_today, of_tomorrow) =
        (law(asked.law_today.as_ref()), law(asked.law.as_ref().or(asked.law_today.as_ref())));
    let (Some(of_today), Some(of_tomorrow)) = (of_today, of_tomorrow) else { return Ok(None) };
    let today = consents(asked.consents_today.as_deref(), all)?;
    let mut tomorrow = today.clone();
    for (person, more) in consents(asked.consents.as_deref(), all)? {
        let kept: &mut Vec<Written> = tomorrow.entry(person).or_default();
        kept.retain(|known| more.iter().all(|one| one.uuid != known.uuid));
        kept.extend(more);
    }
    Ok(Some((Day { law: of_today, consents: today }, Day { law: of_tomorrow, consents: tomorrow })))
}

/// The consents of a path, by person.
fn consents(
    path: Option<&Path>,
    all: &BTreeMap<String, Somebody>,
) -> Result<BTreeMap<String, Vec<Written>>> {
    let mut by_person: BTreeMap<String, Vec<Written>> = BTreeMap::new();
    let Some(path) = path else { return Ok(by_person) };
    for file in documents::files(path)? {
        for found in documents::of_file(&file)? {
            let wrong = |say: String| Error::invalid(format!("{}: {say}", found.place));
            let body = json::parse(&found.bytes, &Limits::default())
                .map_err(|error| wrong(error.say().to_owned()))?;
            let accepted = profile::check(&body).map_err(|error| {
                wrong(format!("{} {}", error.expression().join(" "), error.say()))
            })?;
            let patient = &accepted.patient;
            let by_code = |code: &str| {
                let is = |one: &Somebody| {
                    people::code(&one.documents).map(IdentityCode::reveal) == Some(code)
                };
                all.iter().find(|(_, one)| is(one)).map(|(name, _)| name.clone())
            };
            let by_name = patient.reference.as_deref().and_then(|r| r.strip_prefix("Patient/"));
            let person = by_name
                .filter(|name| all.contains_key(*name))
                .map(str::to_owned)
                .or_else(|| by_code(&patient.identifier.as_ref()?.value));
            let person = person.ok_or_else(|| {
                wrong(
                    "Name the patient by the sender's id, Patient/ID, or by identity code.".into(),
                )
            })?;
            let uuid = accepted.identifiers.first().map(|id| id.value.to_string());
            let uuid = uuid.ok_or_else(|| wrong("Give the Consent an identifier.".to_owned()))?;
            by_person.entry(person).or_default().push(Written { uuid, body });
        }
    }
    Ok(by_person)
}

/// What each caller would be given of somebody on a day.
fn rows(
    name: &str,
    somebody: &Somebody,
    day: &Day,
    callers: &[Caller],
    now: Moment,
) -> Result<Vec<Vec<Row>>> {
    let Somebody { documents, custodian, directory } = somebody;
    let node = NodeCode::parse("0").ok_or_else(|| Error::internal("a node code"))?;
    let consents = day.consents.get(name).map_or(&[][..], Vec::as_slice);
    // The same ids on both days, so that what names them can be compared.
    let chance = SeededChance::new(0);
    let compartment = people::compartment(documents, consents, (&node, custodian), now, &chance)?;
    let chart = Chart::new(&compartment, directory);
    let terms = Terms {
        law: Arc::clone(&day.law),
        directory: Arc::clone(directory),
        activated: Moment::MIN,
        number: 0,
        suspended: false,
        over: Over::default(),
    };
    let of =
        |caller: &Caller| explain::of_question(&compartment, &chart, &terms, &caller.question, now);
    Ok(callers.iter().map(of).collect())
}
