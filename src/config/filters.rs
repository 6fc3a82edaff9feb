//! `[[filters]]`: how documents that another system wrote in a form of its own become native ones.
//!
//! Part of `config`. A filter is compiled where it is read, in the process that will run it, so settings
//! with a filter that is wrong are wrong as a whole.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use crate::{
    authenticate::registry::ClientEntry,
    config::{Said, section::Section},
    gateway::accept::FHIR_JSON,
    native::{
        NativeKind,
        foreign::{Bounds, Filter, Form, Program, apart::Apart},
    },
};

/// How long a second of a processor may last that others use too.
const SHARED: Duration = Duration::from_secs(4);
/// How long a process may take to begin.
const STARTS: Duration = Duration::from_secs(30);
/// What a body may be without a filter, or is never.
const TAKEN: [&str; 2] = ["application/x-www-form-urlencoded", "multipart/form-data"];

/// Reads the filters, each for some of these clients.
pub fn read(sections: Vec<Section<'_>>, clients: &[ClientEntry], said: &Said) -> Vec<Filter> {
    let mut all: Vec<Filter> = Vec::new();
    for mut section in sections {
        let filter = filter(&mut section, clients, said);
        if let Some(filter) = &filter {
            if all.iter().any(|earlier| earlier.name == filter.name) {
                section.fault("name", "is that of an earlier filter");
            }
            let is_taken = |client: &&String| {
                all.iter().any(|other| other.reads(client, &filter.content_type, filter.makes))
            };
            if let Some(client) = filter.clients.iter().find(is_taken) {
                let say = format!("is read by an earlier filter for {client:?} and the same makes");
                section.fault("content_type", say);
            }
        }
        all.extend(filter);
        section.finish();
    }
    all
}

fn filter(section: &mut Section<'_>, clients: &[ClientEntry], said: &Said) -> Option<Filter> {
    let want = "1 to 64 small letters, digits, `.`, `_`, `-`";
    let name = section.required("name", want, |text| is_name(text).then(|| text.to_owned()));
    let file = section.required_file("file");
    let makes = NativeKind::ALL.map(|kind| (kind.plural(), kind));
    let want = "one of people, assessments, plans";
    let makes = section.required("makes", want, |text| {
        makes.iter().find(|(word, _)| *word == text).map(|(_, kind)| *kind)
    });
    let forms = [("json", Form::Json), ("ndjson", Form::Ndjson), ("csv", Form::Csv)];
    let form = section.one_of("reads", &forms, Form::Json);
    let want =
        "a type that no other body has here, as application/vnd.kuopio.survey+json or text/csv";
    let content_type =
        section.required("content_type", want, |text| is_type(text).then(|| text.to_owned()));
    let owners = owners(section, clients);
    let examples = section.paths("examples");
    let built_in = Bounds::default();
    let mut bound = |key: &str, range: RangeInclusive<u32>, default: u32| {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        u32::try_from(section.number(key, range, default.into())).unwrap_or(default)
    };
    let bounds = Bounds {
        seconds: bound("seconds", Bounds::SECONDS, built_in.seconds),
        mebibytes: bound("mebibytes", Bounds::MEBIBYTES, built_in.mebibytes),
    };
    let (path, code) = file?;
    let patience = SHARED * bounds.seconds + STARTS;
    let program = Program { mylife: said.program(), code: Arc::from(&**code), bounds, patience };
    if let Err(error) = Apart::new(program.clone()) {
        section.fault("file", format!("{}: {}", path.display(), error.say()));
    }
    let (name, makes, content_type) = (name?, makes?, content_type?);
    Some(Filter { name, program, makes, form, content_type, clients: owners, examples })
}

/// The clients whose documents it reads.
fn owners(section: &mut Section<'_>, clients: &[ClientEntry]) -> Vec<String> {
    let owners = section.texts("clients");
    let owns = |name: &String| clients.iter().any(|c| c.native_owner && c.client_id == *name);
    if owners.is_empty() {
        section.fault("clients", "must name the clients whose documents it reads");
    } else if let Some(stranger) = owners.iter().find(|name| !owns(name)) {
        let say = format!("names {stranger:?}, which is no client with native_owner = true");
        section.fault("clients", say);
    }
    owners
}

fn is_name(text: &str) -> bool {
    let is = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(is)
}

/// A type and a subtype without parameters (RFC 9110 section 8.3.1), for which there is no other reader.
fn is_type(text: &str) -> bool {
    let is = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b);
    let parts: Vec<&str> = text.split('/').collect();
    let reads = |known: &&str| known.eq_ignore_ascii_case(text);
    parts.len() == 2
        && parts.iter().all(|part| (1..=127).contains(&part.len()) && part.bytes().all(is))
        && !FHIR_JSON.iter().chain(&TAKEN).any(reads)
}
