//! `mylife audit notices` and `notified`: whom to tell what was told of them by a declared ground.
//!
//! Part of `cli audit`. The list is the queue of whoever sends letters or messages for the controller: one
//! line a disclosure, with what the letter says in the three languages, until it is written down that the
//! person was told. The person finds both in `$explain`. Source: `consent` 1.4, break-glass, citizen
//! notification.

use serde_json::json;

use super::{opening::Opening, reviews::Listing};
use crate::{
    audit::{
        record::Notice,
        review::{Use, record_notice, uses},
    },
    cli::{Settings, exit::Exit, output::Output},
    consent::law::Law,
    error::{Error, Result},
    gateway::open::open_log,
};

/// Lists whom to tell.
pub(super) fn list(settings: &Settings, listing: Listing, output: &mut Output<'_>) -> Result<Exit> {
    let Some(opening) = Opening::of(settings, output)? else { return Ok(Exit::Usage) };
    let notices = opening.records(|records| uses(records))?;
    let law = &opening.config.setup.law;
    let wanted = |one: &&Use| one.notice.is_none() || listing.all;
    let waiting = notices.iter().filter(|one| one.notice.is_none()).count();
    for one in notices.iter().filter(wanted) {
        tell(one, law, listing.as_json, output);
    }
    if !listing.as_json {
        output.line(format_args!("{waiting} of {} wait for a notice", notices.len()));
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
    let Some(opening) = Opening::to_add(settings, output)? else { return Ok(Exit::Usage) };
    let notices = opening.records(|records| uses(records))?;
    let is_open = |one: &&Use| one.entry.request == request && one.notice.is_none();
    let open: Vec<&Use> = notices.iter().filter(is_open).collect();
    if open.is_empty() {
        let say = "No disclosure of this request waits for a notice; see `mylife audit notices`.";
        return Err(Error::invalid(say));
    }
    opening.runtime.block_on(async {
        let log = open_log(&opening.config.setup, opening.ledger.clone()).await?;
        for Use { entry: used, .. } in &open {
            let patient = used.patient.as_deref().unwrap_or_default();
            let key = opening.key_of(patient).await?;
            record_notice(&log, &key, used, notice.clone(), now).await?;
        }
        log.close()
    })?;
    output.line(format_args!("{} told", open.len()));
    Ok(Exit::Fine)
}

fn tell(one: &Use, law: &Law, as_json: bool, output: &mut Output<'_>) {
    let Use { entry: used, notice, .. } = one;
    let told = notice.as_ref().and_then(|entry| Some((entry.at, &entry.notice.as_ref()?.way)));
    let ground = one.ground().and_then(|(id, _)| law.grounds.iter().find(|g| *g.id == *id));
    let title = ground.and_then(|known| known.reference.as_ref());
    let reason = Some(one.reason()).filter(|reason| !reason.is_empty());
    let state = told.map_or("waits", |_| "told");
    let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
    if as_json {
        let title = title.map(|title| json!({ "fi": title.fi, "sv": title.sv, "en": title.en }));
        output.line(json!({
            "request": used.request, "patient": used.patient, "at": used.at,
            "organization": used.caller.organization, "role": used.caller.role,
            "law": title, "reason": reason, "state": state,
            "told": told.map(|(at, _)| at), "way": told.map(|(_, way)| way),
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
        or(reason),
    ));
}
