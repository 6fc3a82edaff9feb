//! Any sequence of changes leaves any store as a few lines of obvious code would.

use std::collections::{BTreeMap, HashMap};

use mylife::{
    error::Kind,
    store::{Change, Document, DocumentKind, IdentityMac},
};
use proptest::{collection::vec, prelude::*};

use super::{assessment, change, every};

/// One attempt to write: who, how far off the base is, which identity code, which documents.
#[derive(Clone, Debug)]
struct Attempt {
    patient: u8,
    stale: bool,
    identity: Option<u8>,
    documents: Vec<(u8, bool)>,
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let documents = vec((0..6_u8, any::<bool>()), 0..3);
    (0..4_u8, prop::bool::weighted(0.2), prop::option::weighted(0.3, 0..4_u8), documents).prop_map(
        |(patient, stale, identity, documents)| Attempt { patient, stale, identity, documents },
    )
}

/// What a store should hold.
#[derive(Clone, Default)]
struct Model {
    people: BTreeMap<String, (u64, Vec<Document>)>,
    past: BTreeMap<String, Vec<Document>>,
    identities: HashMap<u8, String>,
    owners: HashMap<String, String>,
}

impl Model {
    /// Makes the change of an attempt, from what the model holds.
    fn change(&self, attempt: &Attempt) -> Change {
        let patient = format!("297.p{}", attempt.patient);
        let version = self.people.get(&patient).map_or(0, |(version, _)| *version);
        let mut next = change(&patient, version + u64::from(attempt.stale));
        next.identity = attempt.identity.map(|code| IdentityMac([code; 32]));
        for (n, consents) in &attempt.documents {
            let kind = if *consents { DocumentKind::Consent } else { DocumentKind::Assessment };
            let id = format!("297.d{n}{}", u8::from(*consents));
            let held = self.people.values().flat_map(|(_, documents)| documents);
            let now = held.chain(&next.documents).filter(|d| *d.id == *id).map(|d| d.version).max();
            let document = assessment(&id, now.unwrap_or(0) + 1);
            next.documents.push(Document { kind, ..document });
        }
        next
    }

    /// Does it, if it may be done.
    fn commit(&mut self, attempt: &Attempt, change: &Change) -> bool {
        let patient = change.patient.to_string();
        let taken = |owner: Option<&String>| owner.is_some_and(|owner| *owner != patient);
        let others = change.documents.iter().any(|d| taken(self.owners.get(&*d.id)));
        let coded = attempt.identity.is_some_and(|code| taken(self.identities.get(&code)));
        if attempt.stale || others || coded {
            return false;
        }
        if let Some(code) = attempt.identity {
            self.identities.retain(|_, owner| *owner != patient);
            self.identities.insert(code, patient.clone());
        }
        let (version, held) = self.people.entry(patient.clone()).or_default();
        *version += 1;
        let past = self.past.entry(patient.clone()).or_default();
        past.extend(change.documents.iter().cloned());
        past.sort_by_key(|d| (d.id.clone(), d.version));
        for document in &change.documents {
            self.owners.insert(document.id.to_string(), patient.clone());
            held.retain(|d| d.id != document.id || d.kind == DocumentKind::Consent);
            held.push(document.clone());
        }
        held.sort_by_key(|d| (d.id.clone(), d.version));
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_sequence_of_changes_ends_as_the_model_says(attempts in vec(attempt(), 1..25)) {
        every("model", async |store| {
            let mut model = Model::default();
            for attempt in &attempts {
                let change = model.change(attempt);
                match store.commit(change.clone()).await {
                    Ok(_) => assert!(model.commit(attempt, &change), "{attempt:?}"),
                    Err(error) => {
                        assert_eq!(error.kind(), Kind::Conflict, "{attempt:?}");
                        assert!(!model.clone().commit(attempt, &change), "{attempt:?}");
                    }
                }
            }
            let walked = store.walk(None, 99).await.unwrap();
            let people = walked.iter().map(|walked| walked.patient.to_string());
            assert!(people.eq(model.people.keys().cloned()));
            for (patient, (version, documents)) in &model.people {
                let stored = store.load(patient).await.unwrap().unwrap();
                assert_eq!((stored.version, &stored.documents), (*version, documents));
                let past = store.history(patient).await.unwrap().unwrap();
                assert_eq!((past.version, past.documents), (*version, model.past[patient].clone()));
            }
            for code in 0..4 {
                let found = store.find(IdentityMac([code; 32])).await.unwrap();
                assert_eq!(found.as_deref(), model.identities.get(&code).map(String::as_str));
            }
        });
    }
}
