//! Whether all that was sent of a plan comes out again as it was sent, for its sender too.
//!
//! Part of `planned`. What is lost is told where its sender could read it, and what its sender would not read is
//! not written at all. Sources: design 3.3; `consent` 2.3 (NI-3).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    draft::Draft,
    ground::Ground,
    sent::{Deed, Sent, at_place, places, rename},
};
use crate::{
    compartment::Compartment,
    error::{Error, Kind, Result},
    fhir::{schema::Fault, types::ResourceType},
    gateway::{Gateway, request::Asked, writing::faulty},
    mapping::kept,
    source::local::Local,
    store::Stored,
};

/// What does not come out again.
#[derive(Default)]
pub(super) struct Lost {
    /// Neither for its sender nor for anybody.
    both: Vec<Fault>,
    /// For its sender alone.
    sender: Vec<Fault>,
    /// For whoever sees everything.
    all: Vec<Fault>,
}

impl Lost {
    /// Adds what is not in the whole of one resource, and what its sender would not see of it.
    pub(super) fn add(&mut self, one: &Sent, gone: Vec<Fault>, unseen: Vec<Fault>) {
        let is_gone = |fault: &Fault| gone.iter().any(|other| other.expression == fault.expression);
        let (both, sender): (Vec<_>, Vec<_>) = unseen.into_iter().partition(is_gone);
        self.both.extend(at_place(both, one));
        self.sender.extend(at_place(sender, one));
        self.all.extend(at_place(gone, one));
    }

    /// What is lost of what stays hidden from the sender.
    ///
    /// # Errors
    /// What the sender would miss: `Unprocessable` where nobody would read it, else `Forbidden`.
    pub(super) fn told(self) -> Result<Vec<Fault>> {
        if !self.both.is_empty() {
            return Err(faulty(&self.both));
        }
        if self.sender.is_empty() { Ok(self.all) } else { Err(not_read(self.sender)) }
    }
}

/// How what was sent reads once it is kept.
struct Renamed<'a> {
    /// Own FHIR base, with a slash at the end.
    base: String,
    /// `Type/id` of each, by what others name it that came with it.
    known: BTreeMap<&'a str, &'a str>,
    /// How the person is named where the plan begins.
    subject: Option<&'a Value>,
    /// How the person is named here.
    person: Value,
}

impl Renamed<'_> {
    fn of(&self, resource: &Value) -> Value {
        let mut resource = resource.clone();
        rename(&mut resource, &|to| {
            let short = to.strip_prefix(&self.base).unwrap_or(to);
            Some((*self.known.get(short).unwrap_or(&short)).to_owned())
        });
        for name in ["subject", "for", "owner", "expressedBy"] {
            let named = resource.get_mut(name).filter(|named| Some(&**named) == self.subject);
            if let Some(named) = named {
                *named = self.person.clone();
            }
        }
        resource
    }
}

impl Gateway {
    /// Does all that was sent come out again, for its sender too?
    pub(super) async fn nothing_lost(
        &self,
        asked: &Asked<'_>,
        local: &Local,
        ground: &Ground,
        (preview, draft): (&Stored, &Draft),
        sent: &[Sent],
    ) -> Result<()> {
        let after = Compartment::decode(preview, &"".into())?;
        let view = self.supposed(asked, local, &ground.by, preview).await?;
        let of = draft.document.typed().id();
        let plan = after.plans.iter().find(|plan| plan.native.id == *of);
        let plan = plan.ok_or_else(|| Error::internal("the plan is in what would be stored"))?;
        let places = places(plan, sent, &draft.parts);
        let known = sent.iter().zip(&places);
        let begins = |one: &&Sent| one.kind == ResourceType::CarePlan && one.id.is_none();
        let as_kept = Renamed {
            base: format!("{}/", self.base),
            known: known
                .filter_map(|(one, place)| Some((one.name.as_deref()?, &**place)))
                .collect(),
            subject: sent.iter().find(begins).and_then(|one| one.resource.get("subject")),
            person: json!({ "reference": format!("Patient/{}", after.patient) }),
        };
        let mut lost = Lost::default();
        for ((one, place), meant) in sent.iter().zip(&places).zip(&draft.meant) {
            let Some(meant) = meant.as_ref().filter(|_| one.deed != Deed::Delete) else { continue };
            let id = place.split_once('/').map_or("", |(_, id)| id);
            let (seen, whole) = self.seen_and_whole(&view, one.kind, id)?;
            let whole = whole.ok_or_else(|| Error::internal("what was put is mapped"))?;
            let seen = seen.unwrap_or_else(|| json!({}));
            let gone = kept::differences(&as_kept.of(meant), &whole);
            lost.add(one, gone, kept::differences(&as_kept.of(&one.resource), &seen));
        }
        // Of what is hidden nothing is lost either, or nothing is written.
        let rest = lost.told()?;
        if rest.is_empty() { Ok(()) } else { Err(faulty(&rest)) }
    }
}

/// The refusal of what its writer would not read.
fn not_read(unread: Vec<Fault>) -> Error {
    let say = "You would not see this of it once it is kept, and nobody writes here what they may \
               not read: leave it out, or push the native document.";
    let error = Error::new(Kind::Forbidden, say);
    unread.into_iter().fold(error, |error, fault| error.at(fault.expression))
}
