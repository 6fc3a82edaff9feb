//! `mylife audit trace`: what one request was told, on which basis, and what was withheld and why.
//!
//! Part of `cli audit`. What was released is the record's word. What was withheld is in no record, since
//! nothing of it left; it is decided again, by the same decision, about the caller as the record and the
//! settings have it: as of now, and said to be so.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{basis, opening::Opening};
use crate::{
    audit::{
        record::{Basis, Entry, Outcome},
        tree::Hash,
    },
    cli::{
        Settings,
        exit::Exit,
        output::Output,
        people,
        simulate::report::{said, shown},
    },
    compartment::Compartment,
    config::Config,
    consent::{
        asker::BreakGlass,
        cover::{Interaction, ScopeCover},
        explain::{self, Row, has_content},
        release::{Over, Terms},
        stated::Stated,
    },
    domain::moment::Moment,
    error::{Error, Result},
    fhir::types::ResourceType,
    mapping::chart::Chart,
    store::Store,
};

/// Traces a request.
pub(super) fn run(
    settings: &Settings,
    request: &str,
    as_json: bool,
    output: &mut Output<'_>,
) -> Result<Exit> {
    let now = output.around.clock.now();
    let Some(opening) = Opening::of(settings, output)? else { return Ok(Exit::Usage) };
    let Opening { config, runtime, store, .. } = &opening;
    let desk = Desk { config, store: &**store, runtime, now };
    opening.records(|records| desk.trace(records, request, as_json, output))
}

/// Where what is needed is looked for.
struct Desk<'a> {
    /// The gateway's settings.
    config: &'a Config,
    /// Its store.
    store: &'a dyn Store,
    /// To wait for the store.
    runtime: &'a tokio::runtime::Runtime,
    /// The instant of the command.
    now: Moment,
}

impl Desk<'_> {
    /// Tells of the records of a request.
    ///
    /// # Errors
    /// `Invalid` if there is none.
    fn trace(
        &self,
        records: impl Iterator<Item = Result<(Hash, Entry<'static>)>>,
        request: &str,
        as_json: bool,
        output: &mut Output<'_>,
    ) -> Result<Exit> {
        let mut found = 0_usize;
        for entry in records {
            let (_, entry) = entry?;
            if entry.request == request && entry.review.is_none() {
                found += 1;
                self.tell(&entry, as_json, output)?;
            }
        }
        if found == 0 {
            let say = "No record that can be read is of this request: give X-Request-Id as the answer had it.";
            return Err(Error::invalid(say));
        }
        Ok(Exit::Fine)
    }

    fn tell(&self, entry: &Entry<'_>, as_json: bool, output: &mut Output<'_>) -> Result<()> {
        let withheld = self.withheld(entry)?;
        let labels: Vec<&str> = entry.labels.codes().collect();
        let bases: Vec<String> = entry.basis.iter().map(basis).collect();
        let outcome = match &entry.outcome {
            Outcome::Success => "released".to_owned(),
            Outcome::Failed(reason) => format!("failed: {reason}"),
            Outcome::Refused(reason) => format!("refused: {reason}"),
        };
        if as_json {
            let rows = |rows: &Vec<Row>| {
                let row = |row: &Row| json!({ "class": row.about.code(), "decision": shown(row) });
                rows.iter().map(row).collect::<Value>()
            };
            output.line(json!({
                "at": entry.at, "client": entry.caller.client, "patient": entry.patient,
                "organization": entry.caller.organization, "purpose": entry.purpose,
                "outcome": outcome, "released": labels, "basis": bases,
                "withheld_as_of_now": withheld.as_ref().map(rows),
            }));
            return Ok(());
        }
        let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
        output.line(format_args!(
            "{} {} {} {:?} {} purpose {}: {outcome}",
            entry.at,
            entry.caller.client,
            or(entry.caller.organization.as_deref()),
            entry.interaction,
            or(entry.patient.as_deref()),
            or(entry.purpose.as_deref()),
        ));
        if !labels.is_empty() {
            let bases = if bases.is_empty() { "-".to_owned() } else { bases.join(", ") };
            output.line(format_args!("  released {} by {bases}", labels.join(" ")));
        }
        match withheld {
            None => output.line("  nothing more is known of what was withheld"),
            Some(rows) => rows.iter().for_each(|row| {
                output.line(format_args!("  as of now {}: {}", row.about.code(), said(row)));
            }),
        }
        Ok(())
    }

    /// What is not permitted to this caller of this person now; `None` where that cannot be decided.
    fn withheld(&self, entry: &Entry<'_>) -> Result<Option<Vec<Row>>> {
        let setup = &self.config.setup;
        let Some(patient) = entry.patient.as_deref() else { return Ok(None) };
        let Some(stored) = self.runtime.block_on(self.store.load(patient))? else {
            return Ok(None);
        };
        let compartment = Compartment::decode(&stored, &setup.organization.as_str().into())?;
        let terms = Terms {
            law: Arc::new(setup.law.clone()),
            directory: people::listed(setup.directory.clone())?,
            activated: setup.activated,
            number: 0,
            suspended: setup.suspended(),
            over: Over::default(),
        };
        let chart = Chart::new(&compartment, &terms.directory);
        let through: Vec<Option<String>> =
            entry.caller.act.iter().map(|at| self.peer(at)).collect();
        let stated = self.stated(entry, &through);
        let asker = stated.asks(&compartment, &terms.directory, Interaction::Read, self.now);
        let kind = entry.types.first().and_then(|name| ResourceType::parse(name));
        let kind = kind.filter(|kind| has_content(*kind));
        let mut rows = explain::of_asker(&compartment, &chart, &terms, &asker, kind);
        rows.retain(|row| !row.permitted || row.partly);
        Ok(Some(rows))
    }

    /// The organisation of a gateway on the way.
    fn peer(&self, issuer: &str) -> Option<String> {
        let peers = self.config.setup.peers.iter();
        peers.filter(|peer| peer.issuer == issuer).map(|peer| peer.organization.clone()).next()
    }

    /// The caller, as the record has it; its register and sector are those of its registration.
    fn stated<'a>(&'a self, entry: &'a Entry<'_>, through: &'a [Option<String>]) -> Stated<'a> {
        let caller = &entry.caller;
        let clients = &self.config.setup.clients;
        let client = clients.iter().find(|client| client.client_id == caller.client);
        let declared = entry.basis.iter().filter_map(|basis| match basis {
            Basis::Law { id, overrode: true, .. } => Some(Arc::from(&**id)),
            Basis::Law { .. }
            | Basis::Consent { .. }
            | Basis::Person
            | Basis::Register
            | Basis::Representation { .. } => None,
        });
        let glass = entry.emergency.as_ref();
        Stated {
            organization: caller.organization.as_deref().unwrap_or_default(),
            through,
            subject: caller.subject.as_deref(),
            client: &caller.client,
            roles: caller.role.iter().map(|role| Arc::from(&**role)).collect(),
            register: client.and_then(|client| client.register.as_deref()),
            sector: client.and_then(|client| client.sector.as_deref()),
            declared: declared.collect(),
            purpose: entry.purpose.as_deref(),
            break_glass: glass
                .map(|glass| BreakGlass { reason: (*glass.reason).into(), until: glass.until }),
            scopes: ScopeCover::all(),
        }
    }
}
