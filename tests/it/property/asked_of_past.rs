//! Questions about what was before: histories of a resource and of a type, page by page, and every
//! version that they name.

use form_urlencoded::Serializer;
use mylife::fhir::types::ResourceType;
use proptest::{option, prelude::*, sample::select};
use serde_json::Value;

use super::{
    asked::{TYPES, ids, next},
    lab::{FHIR, Lab, Seen},
    world::patient,
};

/// One question.
#[derive(Clone, Debug)]
pub(super) enum Question {
    /// Of one resource, which may be hidden or none.
    Instance(ResourceType, String, Vec<(&'static str, String)>),
    /// Of a person's resources of a type.
    Type(ResourceType, usize, Vec<(&'static str, String)>),
}

pub(super) fn questions() -> impl Strategy<Value = Question> {
    let instance = (select(TYPES.to_vec()), parameters()).prop_flat_map(|(kind, parameters)| {
        ids(kind).prop_map(move |id| Question::Instance(kind, id, parameters.clone()))
    });
    let of_type = (select(TYPES.to_vec()), 0..2_usize, parameters())
        .prop_map(|(kind, whose, parameters)| Question::Type(kind, whose, parameters));
    prop_oneof![1 => instance, 2 => of_type]
}

fn parameters() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let count = option::of((0..4_u8).prop_map(|n| n.to_string()));
    let dates = || {
        let all = ["2026-02-15T08:00:00Z", "2026-03-02T08:00:00Z", "2026-03-12T08:00:00Z"];
        option::weighted(0.3, select(all.to_vec()).prop_map(str::to_owned))
    };
    (count, dates(), dates()).prop_map(|(count, since, at)| {
        let all = [("_count", count), ("_since", since), ("_at", at)];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    })
}

impl Question {
    /// Asks it, and for every further page and every version; and reads what it is about.
    pub(super) fn ask(&self, lab: &Lab, token: &str) -> Vec<Seen> {
        let mut text = Serializer::new(String::new());
        let (path, mut seen) = match self {
            Self::Instance(kind, id, parameters) => {
                text.extend_pairs(parameters);
                let path = format!("{FHIR}/{}/{id}", kind.name());
                let read = lab.fetch(token, &path);
                (path, vec![read])
            }
            Self::Type(kind, whose, parameters) => {
                text.extend_pairs(parameters);
                text.append_pair("patient", &patient(*whose));
                (format!("{FHIR}/{}", kind.name()), Vec::new())
            }
        };
        let mut page = lab.fetch(token, &format!("{path}/_history?{}", text.finish()));
        loop {
            for entry in entries(&page) {
                let resource = &entry["resource"];
                if let (Some(kind), Some(id), Some(version)) = (
                    resource["resourceType"].as_str(),
                    resource["id"].as_str(),
                    resource["meta"]["versionId"].as_str(),
                ) {
                    let path = format!("{FHIR}/{kind}/{id}/_history/{version}");
                    let read = lab.fetch(token, &path);
                    assert!(read.status == 403 || read.json() == *resource, "{path}: {read:?}");
                    seen.push(read);
                }
            }
            let further = if page.status == 200 { next(&page) } else { None };
            seen.push(page);
            assert!(seen.len() < 400, "a walk must end");
            match further {
                Some(further) => page = lab.fetch(token, &further),
                None => return seen,
            }
        }
    }
}

/// The entries of a page.
pub(super) fn entries(page: &Seen) -> Vec<Value> {
    let list = (page.status == 200).then(|| page.json()["entry"].as_array().cloned());
    list.flatten().unwrap_or_default()
}
