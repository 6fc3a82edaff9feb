//! `mylife audit reviews` and `review`: what was told by a declared ground, and what came of it.
//!
//! Part of `cli audit`. Whoever is past a prohibition, or in an emergency, is past it in a second person's
//! sight: the disclosure is the notice, and stays on the list until somebody else has written down what
//! they found. Both are records of the one audit log, under the person's key, and the person reads them
//! in `$explain`. Source: `consent` 1.4, break-glass.

use std::collections::BTreeMap;

use serde_json::json;
use tokio::runtime::Runtime;

use super::{basis, opening::Opening};
use crate::{
    audit::{
        frame::AuditKey,
        record::{Basis, Entry, Review},
        step::record_review,
    },
    cli::{Settings, exit::Exit, output::Output},
    consent::law::Law,
    error::{Error, Result},
    gateway::open::{Setup, open_log, open_store},
};

/// Lists them.
pub(super) fn list(settings: &Settings, listing: Listing, output: &mut Output<'_>) -> Result<Exit> {
    let Some(opening) = Opening::of(settings, output)? else { return Ok(Exit::Usage) };
    let reviews = opening.records(|records| Reviews::of(records))?;
    Ok(reviews.tell(&opening.config.setup.law, listing, output))
}

/// Writes down what was found.
pub(super) fn review(
    settings: &Settings,
    request: &str,
    found: &Review<'_>,
    output: &mut Output<'_>,
) -> Result<Exit> {
    let now = output.around.clock.now();
    // Who adds to a log is the one process that uses the data directory.
    let opened = |runtime: &Runtime, setup: &Setup| runtime.block_on(open_store(setup));
    let Some(opening) = Opening::with(settings, opened, output)? else { return Ok(Exit::Usage) };
    let reviews = opening.records(|records| Reviews::of(records))?;
    let open = reviews.open(request, &found.by)?;
    let Opening { config, runtime, store, ledger } = &opening;
    runtime.block_on(async {
        let log = open_log(&config.setup, ledger.clone()).await?;
        for used in &open {
            let patient = used.patient.as_deref().unwrap_or_default();
            let gone = || Error::invalid("The person's key is forgotten; nothing can be added.");
            let stored = store.load(patient).await?.ok_or_else(gone)?;
            let key = AuditKey::new(patient, stored.audit_key);
            record_review(&log, &key, used, found.clone(), now).await?;
        }
        log.close()
    })?;
    output.line(format_args!("{} reviewed", open.len()));
    Ok(Exit::Fine)
}

/// What is listed, and how.
#[derive(Clone, Copy)]
pub(super) struct Listing {
    /// What was reviewed too?
    pub(super) all: bool,
    /// One JSON object a line?
    pub(super) as_json: bool,
}

/// Disclosures that are to be reviewed, each with what was found.
struct Reviews(Vec<(Entry<'static>, Option<bool>)>);

impl Reviews {
    /// From the records of a log, oldest first.
    fn of(records: impl Iterator<Item = Result<Entry<'static>>>) -> Result<Self> {
        let mut uses: Vec<(Entry<'static>, Option<bool>)> = Vec::new();
        let mut places: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for entry in records {
            let entry = entry?;
            let patient = entry.patient.as_deref().unwrap_or_default();
            let name = (entry.request.to_string(), patient.to_owned());
            if let Some(review) = &entry.review {
                for at in places.get(&name).into_iter().flatten() {
                    if let Some((_, found)) = uses.get_mut(*at) {
                        *found = Some(review.justified);
                    }
                }
            } else if entry.is_for_review() {
                places.entry(name).or_default().push(uses.len());
                uses.push((entry, None));
            }
        }
        Ok(Self(uses))
    }

    /// The disclosures of a request that nobody has reviewed yet.
    ///
    /// # Errors
    /// `Invalid` if there is none, or if the one who reviews is the one who asked.
    fn open(&self, request: &str, by: &str) -> Result<Vec<&Entry<'static>>> {
        let open = self.0.iter().filter(|(e, found)| e.request == request && found.is_none());
        let open: Vec<_> = open.map(|(entry, _)| entry).collect();
        if open.is_empty() {
            let say =
                "No disclosure of this request waits for a review; see `mylife audit reviews`.";
            return Err(Error::invalid(say));
        }
        let same = |entry: &&Entry<'_>| {
            entry.caller.subject.as_deref() == Some(by) || entry.caller.client == by
        };
        if by.trim().is_empty() || by.chars().count() > 200 || open.iter().any(same) {
            let say = "Name who reviewed, in 1 to 200 characters: a second person, not who asked.";
            return Err(Error::invalid(say));
        }
        Ok(open)
    }

    /// Lists what waits, and what else is wanted.
    fn tell(&self, law: &Law, listing: Listing, output: &mut Output<'_>) -> Exit {
        let Listing { all, as_json } = listing;
        let mut waiting = 0_usize;
        for (entry, found) in &self.0 {
            waiting += usize::from(found.is_none());
            if found.is_none() || all {
                tell(entry, *found, law, as_json, output);
            }
        }
        if !as_json {
            output.line(format_args!("{waiting} of {} wait for a review", self.0.len()));
        }
        Exit::findings(waiting > 0)
    }
}

fn tell(entry: &Entry<'_>, found: Option<bool>, law: &Law, as_json: bool, output: &mut Output<'_>) {
    let reviewer = entry.basis.iter().find_map(|basis| match basis {
        Basis::Law { id, .. } => {
            law.grounds.iter().find(|ground| *ground.id == **id)?.reviewer.as_deref()
        }
        Basis::Consent { .. } | Basis::Person | Basis::Register | Basis::Representation { .. } => {
            None
        }
    });
    let state = match found {
        None => "waits",
        Some(true) => "justified",
        Some(false) => "unjustified",
    };
    let bases: Vec<String> = entry.basis.iter().map(basis).collect();
    let emergency = entry.emergency.as_ref();
    let caller = &entry.caller;
    if as_json {
        output.line(json!({
            "at": entry.at, "request": entry.request, "patient": entry.patient,
            "client": caller.client, "organization": caller.organization,
            "subject": caller.subject, "role": caller.role, "purpose": entry.purpose,
            "basis": bases, "emergency": emergency.map(|e| &e.reason), "reviewer": reviewer,
            "state": state,
        }));
        return;
    }
    let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
    output.line(format_args!(
        "{} {} {} {} {} as {}: {}; emergency: {}; reviewer {}; {state}",
        entry.at,
        entry.request,
        or(entry.patient.as_deref()),
        caller.client,
        or(caller.subject.as_deref()),
        or(caller.role.as_deref()),
        bases.join(", "),
        or(emergency.map(|e| &*e.reason)),
        or(reviewer),
    ));
}
