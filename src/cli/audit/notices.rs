//! `mylife audit notices` and `notified`: whom to tell what was told of them by a declared ground.
//!
//! Part of `cli audit`. The list is the queue of whoever sends letters or messages for the controller: one
//! line a disclosure, with what the letter says in the three languages, until it is written down that the
//! person was told. The person finds both in `$explain`. Source: `consent` 1.4, break-glass, citizen
//! notification.

use std::collections::BTreeMap;

use serde_json::json;
use tokio::runtime::Runtime;

use super::{opening::Opening, reviews::Listing};
use crate::{
    audit::{
        frame::AuditKey,
        record::{Basis, Entry, Notice},
        step::record_notice,
    },
    cli::{Settings, exit::Exit, output::Output},
    consent::law::{Ground, Law},
    domain::moment::Moment,
    error::{Error, Result},
    gateway::open::{Setup, open_log, open_store},
};

/// Lists whom to tell.
pub(super) fn list(settings: &Settings, listing: Listing, output: &mut Output<'_>) -> Result<Exit> {
    let Some(opening) = Opening::of(settings, output)? else { return Ok(Exit::Usage) };
    let notices = opening.records(|records| Notices::of(records))?;
    let law = &opening.config.setup.law;
    let wanted = |one: &&Owed| one.told.is_none() || listing.all;
    let waiting = notices.0.iter().filter(|one| one.told.is_none()).count();
    for one in notices.0.iter().filter(wanted) {
        tell(one, law, listing.as_json, output);
    }
    if !listing.as_json {
        output.line(format_args!("{waiting} of {} wait for a notice", notices.0.len()));
    }
    Ok(Exit::findings(waiting > 0))
}

/// Writes down that the people whom a request was about were told.
pub(super) fn told(
    settings: &Settings,
    request: &str,
    notice: &Notice<'_>,
    output: &mut Output<'_>,
) -> Result<Exit> {
    let now = output.around.clock.now();
    let fits = |text: &str| !text.trim().is_empty() && text.chars().count() <= 200;
    if !fits(&notice.by) || !fits(&notice.way) {
        return Err(Error::invalid("Say who told, and how, in 1 to 200 characters each."));
    }
    // Who adds to a log is the one process that uses the data directory.
    let opened = |runtime: &Runtime, setup: &Setup| runtime.block_on(open_store(setup));
    let Some(opening) = Opening::with(settings, opened, output)? else { return Ok(Exit::Usage) };
    let notices = opening.records(|records| Notices::of(records))?;
    let is_open = |one: &&Owed| one.used.request == request && one.told.is_none();
    let open: Vec<&Owed> = notices.0.iter().filter(is_open).collect();
    if open.is_empty() {
        let say = "No disclosure of this request waits for a notice; see `mylife audit notices`.";
        return Err(Error::invalid(say));
    }
    let Opening { config, runtime, store, ledger } = &opening;
    runtime.block_on(async {
        let log = open_log(&config.setup, ledger.clone()).await?;
        for Owed { used, .. } in &open {
            let patient = used.patient.as_deref().unwrap_or_default();
            let gone = || Error::invalid("The person's key is forgotten; nothing can be added.");
            let stored = store.load(patient).await?.ok_or_else(gone)?;
            let key = AuditKey::new(patient, stored.audit_key);
            record_notice(&log, &key, used, notice.clone(), now).await?;
        }
        log.close()
    })?;
    output.line(format_args!("{} told", open.len()));
    Ok(Exit::Fine)
}

/// A disclosure of which somebody is to be told.
struct Owed {
    used: Entry<'static>,
    /// When, and how, once somebody did.
    told: Option<(Moment, String)>,
}

/// All of them, oldest first.
struct Notices(Vec<Owed>);

impl Notices {
    fn of(records: impl Iterator<Item = Result<Entry<'static>>>) -> Result<Self> {
        let mut all: Vec<Owed> = Vec::new();
        let mut places: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for entry in records {
            let entry = entry?;
            let patient = entry.patient.as_deref().unwrap_or_default();
            let name = (entry.request.to_string(), patient.to_owned());
            if let Some(notice) = &entry.notice {
                for at in places.get(&name).into_iter().flatten() {
                    if let Some(owed) = all.get_mut(*at) {
                        owed.told = Some((entry.at, notice.way.to_string()));
                    }
                }
            } else if entry.is_for_review() {
                places.entry(name).or_default().push(all.len());
                all.push(Owed { used: entry, told: None });
            }
        }
        Ok(Self(all))
    }
}

fn tell(one: &Owed, law: &Law, as_json: bool, output: &mut Output<'_>) {
    let Owed { used, told } = one;
    let ground = used.basis.iter().find_map(|basis| match basis {
        Basis::Law { id, reason, .. } => {
            let known = law.grounds.iter().find(|ground| *ground.id == **id);
            Some((known, reason.as_deref().unwrap_or_default()))
        }
        Basis::Consent { .. } | Basis::Person | Basis::Register | Basis::Representation { .. } => {
            None
        }
    });
    let title = ground.and_then(|(known, _): (Option<&Ground>, _)| known?.reference.as_ref());
    let reason = ground.map(|(_, reason)| reason).filter(|reason| !reason.is_empty());
    let emergency = used.emergency.as_ref().map(|emergency| &*emergency.reason);
    let state = told.as_ref().map_or("waits", |_| "told");
    let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
    if as_json {
        let title = title.map(|title| json!({ "fi": title.fi, "sv": title.sv, "en": title.en }));
        output.line(json!({
            "request": used.request, "patient": used.patient, "at": used.at,
            "organization": used.caller.organization, "role": used.caller.role,
            "law": title, "reason": reason.or(emergency), "state": state,
            "told": told.as_ref().map(|(at, _)| at), "way": told.as_ref().map(|(_, way)| way),
        }));
        return;
    }
    let role = used.caller.role.as_deref();
    output.line(format_args!(
        "{} {} tell {}: {} as {}, {}; {state}",
        used.at,
        used.request,
        or(used.patient.as_deref()),
        or(used.caller.organization.as_deref()),
        or(role),
        or(reason.or(emergency)),
    ));
}
