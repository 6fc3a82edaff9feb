//! What every store promises: one story for each sentence of the contract.

use mylife::{
    domain::person::Named,
    error::Kind,
    store::{
        Change, Changes, Committed, Document, DocumentKind, IdentityMac, Job, Permission, Place,
        Walked,
    },
};

use super::{assessment, at, change, consent, documents, every, message, permission, writes};

#[test]
fn a_person_is_read_back_as_written() {
    every("read-back", async |store| {
        let mut first = writes("297.p", 0, assessment("297.b", 1));
        first.documents.push(consent("297.a", 1));
        first.now = at(77);
        let committed = store.commit(first.clone()).await.unwrap();
        let stored = store.load("297.p").await.unwrap().unwrap();
        assert_eq!((committed.version, stored.version, stored.changed), (1, 1, at(77)));
        assert_eq!(&*stored.patient, "297.p");
        first.documents.reverse();
        assert_eq!(stored.documents, first.documents);
        assert!(store.load("297.q").await.unwrap().is_none());
    });
}

#[test]
fn a_person_has_one_audit_key_from_the_first_commit_on() {
    every("audit-key", async |store| {
        store.commit(change("297.p", 0)).await.unwrap();
        store.commit(change("297.q", 0)).await.unwrap();
        let key = store.load("297.p").await.unwrap().unwrap().audit_key;
        store.commit(change("297.p", 1)).await.unwrap();
        assert_eq!(store.load("297.p").await.unwrap().unwrap().audit_key, key);
        assert_ne!(store.load("297.q").await.unwrap().unwrap().audit_key, key);
        assert_ne!(key, [0; 32]);
    });
}

#[test]
fn the_newest_version_counts_and_consents_keep_all() {
    every("versions", async |store| {
        for version in 1..=3 {
            let mut next = writes("297.p", version - 1, assessment("297.a", version));
            next.documents.push(consent("297.c", version));
            store.commit(next).await.unwrap();
        }
        let held = documents(&*store, "297.p").await.unwrap();
        let expected =
            [assessment("297.a", 3), consent("297.c", 1), consent("297.c", 2), consent("297.c", 3)];
        assert_eq!(held, expected);
    });
}

#[test]
fn every_version_is_there_for_who_asks_what_was_before() {
    every("history", async |store| {
        for version in 1..=3 {
            let mut next = writes("297.p", version - 1, assessment("297.a", version));
            next.documents.push(consent("297.c", version));
            store.commit(next).await.unwrap();
        }
        store.commit(writes("297.q", 0, assessment("297.z", 1))).await.unwrap();
        let history = store.history("297.p").await.unwrap().unwrap();
        let mut expected: Vec<Document> = (1..=3).map(|n| assessment("297.a", n)).collect();
        expected.extend((1..=3).map(|n| consent("297.c", n)));
        assert_eq!(history.documents, expected);
        let now = store.load("297.p").await.unwrap().unwrap();
        assert_eq!(
            (history.version, history.changed, history.audit_key, &history.patient),
            (now.version, now.changed, now.audit_key, &now.patient)
        );
        assert!(store.history("297.r").await.unwrap().is_none());
    });
}

#[test]
fn every_version_of_some_documents_is_there_with_who_the_person_is() {
    every("history-of", async |store| {
        let kind = DocumentKind::Person;
        let person = |version| Document { kind, ..assessment("297.n", version) };
        for version in 1..=2 {
            let mut next = writes("297.p", version - 1, assessment("297.a", version));
            next.documents.extend([assessment("297.b", version), person(version)]);
            next.documents.push(consent("297.c", version));
            store.commit(next).await.unwrap();
        }
        store.commit(writes("297.q", 0, assessment("297.z", 1))).await.unwrap();
        let ids = ["297.a", "297.c", "297.n", "297.z"].map(std::sync::Arc::from);
        for many in 1..=ids.len() {
            let asked = ids[..many].to_vec();
            let mut expected = store.history("297.p").await.unwrap().unwrap();
            expected.documents.retain(|held| &*held.id == "297.n" || asked.contains(&held.id));
            let some = store.history_of("297.p", asked).await.unwrap().unwrap();
            assert_eq!(some.documents, expected.documents);
            assert_eq!((some.version, some.audit_key), (expected.version, expected.audit_key));
        }
        assert!(store.history_of("297.r", ids.to_vec()).await.unwrap().is_none());
    });
}

#[test]
fn who_writes_the_next_version_of_a_document_is_given_the_newest_of_it_alone() {
    every("one", async |store| {
        for version in 1..=2 {
            let mut next = writes("297.p", version - 1, consent("297.c", version));
            next.documents.push(assessment("297.a", version));
            store.commit(next).await.unwrap();
        }
        store.commit(writes("297.q", 0, assessment("297.z", 1))).await.unwrap();
        let one = async |patient, owner, kind, id: &str| {
            store.load_one(patient, owner, kind, &format!("local of {id}")).await.unwrap()
        };
        let (desk, kind) = ("survey-desk", DocumentKind::Assessment);
        let mut expected = store.load("297.p").await.unwrap().unwrap();
        for (owner, of, id, document) in [
            (desk, kind, "297.a", Some(assessment("297.a", 2))),
            (desk, DocumentKind::Consent, "297.c", Some(consent("297.c", 2))),
            (desk, DocumentKind::Consent, "297.a", None),
            ("other", kind, "297.a", None),
            (desk, kind, "297.b", None),
            (desk, kind, "297.z", None),
        ] {
            expected.documents = document.into_iter().collect();
            let held = one("297.p", owner, of, id).await.unwrap();
            assert_eq!(held.documents, expected.documents, "{owner} {id}");
            assert_eq!(
                (held.version, held.changed, held.audit_key, &held.patient),
                (2, expected.changed, expected.audit_key, &expected.patient)
            );
        }
        assert!(one("297.r", desk, kind, "297.a").await.is_none());
    });
}

#[test]
fn whoever_has_a_name_leads_to_whose_documents_name_it() {
    every("naming", async |store| {
        let named = |owner: &str, id: &str| Named {
            owner: owner.into(),
            local: format!("local of {id}").into(),
        };
        let names = async |patient, base, names| {
            store.commit(Change { names, ..change(patient, base) }).await.unwrap()
        };
        let person = |id| Document { kind: DocumentKind::Person, ..assessment(id, 1) };
        let led = async |patient| {
            let found = store.naming(patient).await.unwrap().into_iter();
            found.map(|(whose, name)| format!("{whose} {} {}", name.owner, name.local)).collect()
        };
        let none: [String; 0] = [];
        // By two, by one of them twice, before anybody has the name.
        names("297.q", 0, vec![named("survey-desk", "297.m"), named("other", "297.n")]).await;
        names("297.p", 0, vec![named("survey-desk", "297.m")]).await;
        names("297.p", 1, vec![named("survey-desk", "297.m")]).await;
        // A document of that name is not somebody of that name, nor is another owner's.
        store.commit(writes("297.r", 0, assessment("297.m", 1))).await.unwrap();
        store.commit(writes("297.r", 1, person("297.n"))).await.unwrap();
        let found: Vec<String> = led("297.r").await;
        assert_eq!(found, none);
        let own = Document { id: "297.me".into(), ..person("297.m") };
        store.commit(writes("297.r", 2, own)).await.unwrap();
        let both = ["297.p survey-desk local of 297.m", "297.q survey-desk local of 297.m"];
        let found: Vec<String> = led("297.r").await;
        assert_eq!(found, both);
        // By another name of the same person too, with a document and without.
        let again = writes("297.p", 2, consent("297.c", 1));
        let again = Change { names: vec![named("survey-desk", "297.n")], ..again };
        store.commit(again).await.unwrap();
        let found: Vec<String> = led("297.r").await;
        assert_eq!(found, [both[0], "297.p survey-desk local of 297.n", both[1]]);
        let found: Vec<String> = led("297.p").await;
        assert_eq!(found, none, "who names is not named");
        // What is refused names nobody.
        let late = Change { names: vec![named("survey-desk", "297.n")], ..change("297.q", 0) };
        store.commit(late).await.unwrap_err();
        let found: Vec<String> = led("297.r").await;
        assert_eq!(found.len(), 3);
    });
}

#[test]
fn one_change_can_hold_several_versions_of_a_document() {
    every("several-versions", async |store| {
        let mut both = writes("297.p", 0, consent("297.c", 1));
        both.documents.push(consent("297.c", 2));
        store.commit(both).await.unwrap();
        let held = documents(&*store, "297.p").await.unwrap();
        assert_eq!(held, [consent("297.c", 1), consent("297.c", 2)]);
    });
}

/// Changes to `297.p` (version 1, document `297.a`) that must be refused, beside `297.q` (version 1,
/// document `297.z`, identity code 9).
fn refused() -> Vec<(&'static str, Kind, Change)> {
    let step = |id, version| writes("297.p", 1, assessment(id, version));
    let other = |edit: fn(&mut Document)| {
        let mut next = step("297.a", 2);
        edit(&mut next.documents[0]);
        next
    };
    let taken = |kind| {
        let local_id = assessment("297.z", 1).local_id;
        writes("297.p", 1, Document { kind, local_id, ..assessment("297.new", 1) })
    };
    let identity = Some(IdentityMac([9; 32]));
    let (new, next) = (|| assessment("297.new", 1), || assessment("297.new", 2));
    vec![
        ("a person who exists is not new", Kind::Conflict, change("297.p", 0)),
        ("a later version", Kind::Conflict, change("297.p", 2)),
        ("a person who does not exist", Kind::Conflict, change("297.new", 1)),
        ("a person who exists, with a document", Kind::Conflict, writes("297.p", 0, new())),
        ("a later version, with a first document", Kind::Conflict, writes("297.p", 2, new())),
        (
            "a later version, with a next one",
            Kind::Conflict,
            writes("297.p", 2, assessment("297.a", 2)),
        ),
        ("a new person, with a later version", Kind::Internal, writes("297.new", 0, next())),
        ("another person's identity code", Kind::Conflict, Change { identity, ..step("297.a", 2) }),
        ("another person's document", Kind::Conflict, step("297.z", 2)),
        ("a local id that is taken", Kind::Conflict, taken(DocumentKind::Assessment)),
        ("a version that is there", Kind::Internal, step("297.a", 1)),
        ("a version left out", Kind::Internal, step("297.a", 3)),
        ("a first version that is not 1", Kind::Internal, step("297.new", 2)),
        ("another owner", Kind::Internal, other(|d| d.owner = "other".into())),
        ("another local id", Kind::Internal, other(|d| d.local_id = "other".into())),
        ("another kind", Kind::Internal, other(|d| d.kind = DocumentKind::Plan)),
    ]
}

#[test]
fn a_refused_change_writes_nothing_at_all() {
    every("refused", async |store| {
        store.commit(writes("297.p", 0, assessment("297.a", 1))).await.unwrap();
        let identity = Some(IdentityMac([9; 32]));
        let q = writes("297.q", 0, assessment("297.z", 1));
        store.commit(Change { identity, ..q }).await.unwrap();
        for (why, kind, refused) in refused() {
            assert_eq!(store.commit(refused.clone()).await.unwrap_err().kind(), kind, "{why}");
            // What comes before the fault in the same change is undone as well.
            let mut more = refused;
            more.documents.insert(0, consent("297.innocent", 1));
            more.outbox.push(message("205", "owed by a refused change"));
            assert_eq!(store.commit(more).await.unwrap_err().kind(), kind, "{why}, beside another");
        }
        assert_eq!(documents(&*store, "297.p").await.unwrap(), [assessment("297.a", 1)]);
        assert_eq!(store.walk(None, 9).await.unwrap().len(), 2);
        assert_eq!(store.changes(0, 9).await.unwrap().changed.len(), 2);
        assert_eq!(store.unrecorded().await.unwrap().len(), 2);
        assert_eq!(store.owed(9).await.unwrap(), []);
        assert_eq!(store.place("297.innocent").await.unwrap(), None);
        store.commit(change("297.p", 1)).await.unwrap();
    });
}

#[test]
fn people_and_documents_are_found_by_their_keys() {
    every("found", async |store| {
        let identity = Some(IdentityMac([9; 32]));
        let first = writes("297.p", 0, assessment("297.a", 1));
        store.commit(Change { identity, ..first }).await.unwrap();
        store.commit(change("297.p", 1)).await.unwrap();
        let found = store.find(IdentityMac([9; 32])).await.unwrap();
        assert_eq!(found.as_deref(), Some("297.p"), "a change without a code leaves it");
        assert_eq!(store.find(IdentityMac([8; 32])).await.unwrap(), None);

        let place = Some(Place { patient: "297.p".into(), document: "297.a".into() });
        let local = async |owner, kind, id| store.local(owner, kind, id).await.unwrap();
        let kind = DocumentKind::Assessment;
        assert_eq!(store.place("297.a").await.unwrap(), place);
        assert_eq!(store.place("297.b").await.unwrap(), None);
        assert_eq!(local("survey-desk", kind, "local of 297.a").await, place);
        assert_eq!(local("other", kind, "local of 297.a").await, None);
        assert_eq!(local("survey-desk", DocumentKind::Plan, "local of 297.a").await, None);
        assert_eq!(local("survey-desk", kind, "local").await, None);
    });
}

#[test]
fn a_corrected_identity_code_replaces_the_old_one() {
    every("corrected", async |store| {
        let coded = |base, code| {
            let identity = Some(IdentityMac([code; 32]));
            Change { identity, ..change("297.p", base) }
        };
        store.commit(coded(0, 8)).await.unwrap();
        store.commit(coded(1, 9)).await.unwrap();
        assert_eq!(store.find(IdentityMac([8; 32])).await.unwrap(), None);
        let found = store.find(IdentityMac([9; 32])).await.unwrap();
        assert_eq!(found.as_deref(), Some("297.p"));
    });
}

#[test]
fn a_walk_meets_people_in_order_of_their_ids() {
    every("walk", async |store| {
        for patient in ["297.c", "297.a", "297.z2", "297.b"] {
            store.commit(change(patient, 0)).await.unwrap();
        }
        store.commit(change("297.b", 1)).await.unwrap();
        let walk = async |after, limit| store.walk(after, limit).await.unwrap();
        let ids = |walked: Vec<Walked>| -> Vec<String> {
            walked.iter().map(|w| w.patient.to_string()).collect()
        };
        assert_eq!(ids(walk(None, 9).await), ["297.a", "297.b", "297.c", "297.z2"]);
        assert_eq!(ids(walk(None, 2).await), ["297.a", "297.b"]);
        assert_eq!(ids(walk(Some("297.b"), 9).await), ["297.c", "297.z2"]);
        assert_eq!(ids(walk(Some("297.bb"), 1).await), ["297.c"], "the place need not exist");
        assert_eq!(ids(walk(Some("297.z2"), 9).await), [""; 0]);
        assert_eq!(ids(walk(None, 0).await), [""; 0]);
        let b = Walked { patient: "297.b".into(), version: 2, changed: at(1) };
        assert_eq!(walk(Some("297.a"), 1).await, [b]);
    });
}

#[test]
fn the_change_sequence_tells_who_changed_in_order() {
    every("changes", async |store| {
        for (patient, base) in [("297.b", 0), ("297.a", 0), ("297.b", 1)] {
            store.commit(change(patient, base)).await.unwrap();
        }
        let Changes { changed: all, mut settled, .. } = store.changes(0, 9).await.unwrap();
        while settled < all[2].sequence {
            // Soon nothing is under way that could come up below.
            settled = store.changes(0, 9).await.unwrap().settled;
        }
        let seen: Vec<_> = all.iter().map(|c| (&*c.patient, c.at)).collect();
        assert_eq!(seen, [("297.b", at(0)), ("297.a", at(0)), ("297.b", at(1))]);
        assert_eq!(store.changes(all[0].sequence, 1).await.unwrap().changed, all[1..2]);
        assert_eq!(store.changes(all[2].sequence, 9).await.unwrap().changed, []);
    });
}

#[test]
fn audit_records_wait_until_they_are_marked_as_appended() {
    every("unrecorded", async |store| {
        let mut ids = Vec::new();
        for (patient, base) in [("297.b", 0), ("297.a", 0), ("297.b", 1)] {
            let Committed { record, .. } = store.commit(change(patient, base)).await.unwrap();
            ids.push(record);
        }
        let waiting = store.unrecorded().await.unwrap();
        let texts: Vec<_> = waiting.iter().map(|(_, record)| &**record).collect();
        assert_eq!(texts, [b"297.b 0", b"297.a 0", b"297.b 1"]);
        assert_eq!(waiting.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);

        store.recorded(vec![ids[2], ids[0]]).await.unwrap();
        assert_eq!(store.unrecorded().await.unwrap(), waiting[1..2]);
        store.recorded(ids.clone()).await.unwrap();
        assert_eq!(store.unrecorded().await.unwrap(), []);
        let next = store.commit(change("297.c", 0)).await.unwrap();
        assert!(!ids.contains(&next.record), "an id never names a second record");
    });
}

#[test]
fn messages_are_owed_in_order_until_they_are_delivered() {
    every("outbox", async |store| {
        let [one, two, three] = [message("205", "k"), message("049", "k"), message("205", "l")];
        let outbox = vec![one.clone()];
        store.commit(Change { outbox, ..change("297.p", 0) }).await.unwrap();
        let again = vec![two.clone(), message("205", "k"), three.clone()];
        let ids = store.owe(again).await.unwrap();
        let owed = store.owed(9).await.unwrap();
        assert_eq!(ids, [owed[1].0, owed[0].0, owed[2].0], "an id for each, in the order given");
        let messages: Vec<_> = owed.iter().map(|(_, message)| message.clone()).collect();
        assert_eq!(messages, [one, two, three], "the same key is kept once per peer");
        assert_eq!(store.owed(2).await.unwrap(), owed[..2]);

        store.delivered(owed[1].0).await.unwrap();
        store.delivered(owed[1].0).await.unwrap();
        assert_eq!(store.owed(9).await.unwrap(), [owed[0].clone(), owed[2].clone()]);
        let back = store.owe(vec![message("049", "k")]).await;
        back.unwrap();
        assert!(store.owed(9).await.unwrap()[2].0 > owed[2].0, "a delivered id is not used again");
    });
}

#[test]
fn a_one_time_value_is_used_once_while_it_lives() {
    every("spend", async |store| {
        let spend =
            async |value, until, now| store.spend([value; 32], at(until), at(now)).await.unwrap();
        assert!(spend(1, 60, 0).await);
        assert!(!spend(1, 60, 0).await);
        assert!(!spend(1, 90, 60).await, "it lives through its last instant");
        assert!(spend(2, 60, 0).await, "another value");
        assert!(
            !spend(3, 9, 10).await,
            "one whose time has passed cannot be kept, so it is refused"
        );
        assert!(spend(1, 90, 61).await, "it was forgotten");
        assert!(!spend(1, 90, 61).await);
    });
}

#[test]
fn a_large_compartment_comes_back_whole() {
    every("large", async |store| {
        let mut large = change("297.p", 0);
        large.documents = (0..200_u32)
            .map(|n| {
                let body = n.to_le_bytes().repeat(16_384).into();
                Document { body, ..assessment(&format!("297.{n:03}"), 1) }
            })
            .collect();
        large.documents.push(Document { body: [].into(), ..assessment("297.empty", 1) });
        store.commit(large.clone()).await.unwrap();
        assert!(documents(&*store, "297.p").await.unwrap() == large.documents);
    });
}

fn job(id: &str, owner: &str, until: i64) -> Job {
    let body = format!("what {id} reads").into_bytes().into();
    Job { id: id.into(), owner: owner.into(), until: at(until), body }
}

#[test]
fn an_export_is_there_until_it_ends_or_is_ended() {
    every("jobs", async |store| {
        let one = job("a", "portal", 60);
        assert!(store.begin_job(one.clone(), 9, at(0)).await.unwrap());
        assert_eq!(store.job("a", at(59)).await.unwrap(), Some(one));
        assert_eq!(store.job("b", at(0)).await.unwrap(), None);
        assert_eq!(store.job("a", at(60)).await.unwrap(), None, "its time is over");
        store.end_job("a").await.unwrap();
        store.end_job("a").await.unwrap();
        assert_eq!(store.job("a", at(0)).await.unwrap(), None);
    });
}

#[test]
fn a_client_has_so_many_exports_at_once_and_no_more() {
    every("bounded-jobs", async |store| {
        let begin = async |id: &str, owner: &str, now| {
            store.begin_job(job(id, owner, now + 60), 2, at(now)).await.unwrap()
        };
        assert!(begin("a", "portal", 0).await && begin("b", "portal", 0).await);
        assert!(!begin("c", "portal", 0).await, "a third");
        assert_eq!(store.job("c", at(0)).await.unwrap(), None);
        assert!(begin("d", "county", 0).await, "another's");
        store.end_job("a").await.unwrap();
        assert!(begin("e", "portal", 59).await, "a place is free at once");
        assert!(!begin("f", "portal", 59).await);
        assert!(begin("g", "portal", 60).await, "one has ended by itself");
    });
}

#[test]
fn a_permission_is_told_to_who_gave_it_and_to_whom_it_is_about() {
    every("permissions", async |store| {
        let told = async |giver: u8, patient: Option<&str>, now| {
            let patient = patient.map(Into::into);
            store.permissions(IdentityMac([giver; 32]), patient, at(now)).await.unwrap()
        };
        let own = permission(1, Some(1), "297.p", 60);
        let by_other = permission(2, Some(2), "297.p", 50);
        let old = permission(3, None, "297.p", 70);
        let elsewhere = permission(4, Some(1), "297.q", 80);
        for one in [&own, &by_other, &old, &elsewhere] {
            assert!(store.permit(one.clone(), at(0)).await.unwrap());
        }
        let all = [&by_other, &own, &old, &elsewhere].map(Clone::clone);
        assert_eq!(told(1, Some("297.p"), 0).await, all);
        assert_eq!(told(1, None, 0).await, [own.clone(), elsewhere.clone()]);
        assert_eq!(told(9, Some("297.p"), 0).await, all[..3]);
        assert_eq!(told(9, None, 0).await, [], "of nobody is nobody's");
        assert_eq!(told(2, None, 49).await, std::slice::from_ref(&by_other));
        assert_eq!(told(2, None, 50).await, [], "its time is over");
        // Of one that is there it is told when it was last used, and nothing else.
        let again = Permission { used: at(40), until: at(999), ..own.clone() };
        assert!(store.permit(again, at(40)).await.unwrap());
        let used = Permission { used: at(40), ..own.clone() };
        assert_eq!(told(1, None, 40).await, [used, elsewhere]);
    });
}

#[test]
fn a_permission_that_was_revoked_is_forgotten_and_not_given_again() {
    every("ended-permissions", async |store| {
        let (one, other) =
            (permission(1, Some(1), "297.p", 60), permission(2, Some(1), "297.p", 60));
        assert!(store.permit(one.clone(), at(0)).await.unwrap());
        assert!(store.permit(other.clone(), at(0)).await.unwrap());
        store.revoke(one.name, at(90), at(1)).await.unwrap();
        let told = store.permissions(IdentityMac([1; 32]), None, at(1)).await.unwrap();
        assert_eq!(told, std::slice::from_ref(&other));
        assert!(!store.permit(one, at(2)).await.unwrap());
        let told = store.permissions(IdentityMac([1; 32]), None, at(2)).await.unwrap();
        assert_eq!(told, [other]);
        // One that nobody has used yet.
        let unused = permission(3, Some(1), "297.p", 60);
        store.revoke(unused.name, at(90), at(1)).await.unwrap();
        assert!(!store.permit(unused, at(2)).await.unwrap());
    });
}
