//! `mylife audit reviews` and `review`: what was told by a declared ground, and what came of it.
//!
//! Part of `cli audit`. Whoever is past a prohibition, or in an emergency, is past it in a second person's
//! sight: the disclosure is the notice, and stays on the list until somebody else has written down what
//! they found, here or in the Task of it. Both are records of the one audit log, under the person's key,
//! and the person reads them in `$explain`. Source: `consent` 1.4, break-glass.

use serde_json::json;

use super::{basis, opening::Opening};
use crate::{
    audit::{
        record::Review,
        review::{Use, is_note, operator, record_review, uses},
    },
    cli::{Settings, exit::Exit, output::Output},
    consent::law::Law,
    error::{Error, Result},
    gateway::open::open_log,
};

/// Lists them.
pub(super) fn list(settings: &Settings, listing: Listing, output: &mut Output<'_>) -> Result<Exit> {
    let Some(opening) = Opening::of(settings, output)? else { return Ok(Exit::Usage) };
    let reviews = opening.records(|records| uses(records))?;
    Ok(tell_all(&reviews, &opening.config.setup.law, listing, output))
}

/// Writes down what was found.
pub(super) fn review(
    settings: &Settings,
    request: &str,
    found: &Review<'_>,
    output: &mut Output<'_>,
) -> Result<Exit> {
    let now = output.around.clock.now();
    let Some(opening) = Opening::to_add(settings, output)? else { return Ok(Exit::Usage) };
    let reviews = opening.records(|records| uses(records))?;
    let open = open(&reviews, request, found)?;
    opening.runtime.block_on(async {
        let log = open_log(&opening.config.setup, opening.ledger.clone()).await?;
        let mut done: Vec<&str> = Vec::new();
        for used in &open {
            let patient = used.entry.patient.as_deref().unwrap_or_default();
            // One review is of all that the request told of somebody.
            if done.contains(&patient) {
                continue;
            }
            done.push(patient);
            let key = opening.key_of(patient).await?;
            record_review(&log, &key, &used.entry, (found.clone(), operator()), now).await?;
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

/// The disclosures of a request that nobody has reviewed yet.
///
/// # Errors
/// `Invalid` if there is none, or if the one who reviews is the one who asked.
fn open<'a>(reviews: &'a [Use], request: &str, found: &Review<'_>) -> Result<Vec<&'a Use>> {
    let is_open = |one: &&Use| one.entry.request == request && one.review.is_none();
    let open: Vec<_> = reviews.iter().filter(is_open).collect();
    if open.is_empty() {
        let say = "No disclosure of this request waits for a review; see `mylife audit reviews`.";
        return Err(Error::invalid(say));
    }
    let by = &*found.by;
    if by.trim().is_empty() || by.chars().count() > 200 || open.iter().any(|one| one.is_by(by)) {
        let say = "Name who reviewed, in 1 to 200 characters: a second person, not who asked.";
        return Err(Error::invalid(say));
    }
    if found.note.as_ref().is_some_and(|note| !is_note(note)) {
        return Err(Error::invalid("Write the note in 1 to 2000 characters, or leave it out."));
    }
    Ok(open)
}

/// Lists what waits, and what else is wanted.
fn tell_all(reviews: &[Use], law: &Law, listing: Listing, output: &mut Output<'_>) -> Exit {
    let Listing { all, as_json } = listing;
    let mut waiting = 0_usize;
    for used in reviews {
        let found = used.justified();
        waiting += usize::from(found.is_none());
        if found.is_none() || all {
            tell(used, found, law, as_json, output);
        }
    }
    if !as_json {
        output.line(format_args!("{waiting} of {} wait for a review", reviews.len()));
    }
    Exit::findings(waiting > 0)
}

fn tell(one: &Use, found: Option<bool>, law: &Law, as_json: bool, output: &mut Output<'_>) {
    let entry = &one.entry;
    let ground = one.ground().and_then(|(id, _)| law.grounds.iter().find(|g| *g.id == *id));
    let reviewer = ground.and_then(|ground| ground.reviewer.as_deref());
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
