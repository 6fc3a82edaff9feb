//! How many documents of a kind their owner may have of one person, on every implementation.

use mylife::{
    error::Kind,
    store::{Change, Document, DocumentKind},
};

use super::{assessment, change, consent, documents, every, writes};

#[test]
fn one_document_more_than_may_be_is_not_begun_and_all_else_is_written() {
    every("bound", async |store| {
        let of = |base, document| Change { most: 2, ..writes("297.p", base, document) };
        let first = |kind, owner: &str, id| {
            let document = assessment(id, 1);
            Document { kind, owner: owner.into(), ..document }
        };
        let survey = |id| first(DocumentKind::Assessment, "survey-desk", id);
        store.commit(of(0, survey("297.a"))).await.unwrap();
        store.commit(of(1, survey("297.b"))).await.unwrap();
        let before = documents(&*store, "297.p").await.unwrap();
        let refused = store.commit(of(2, survey("297.c"))).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::TooCostly);
        assert!(refused.say().contains("limits.documents"), "{refused}");
        // Together with what may be written, too.
        let both = vec![assessment("297.a", 2), survey("297.c")];
        let both = Change { documents: both, most: 2, ..change("297.p", 2) };
        assert_eq!(store.commit(both).await.unwrap_err().kind(), Kind::TooCostly);
        assert_eq!(documents(&*store, "297.p").await.unwrap(), before);
        // The next version of one, one of another kind or owner, of somebody else; and any Consent.
        let others = [
            assessment("297.a", 2),
            first(DocumentKind::Plan, "survey-desk", "297.d"),
            first(DocumentKind::Assessment, "other-desk", "297.e"),
            consent("297.f", 1),
            consent("297.g", 1),
            consent("297.h", 1),
        ];
        for (base, document) in (2..).zip(others) {
            store.commit(of(base, document)).await.unwrap();
        }
        let elsewhere = Change { patient: "297.q".into(), ..of(0, survey("297.i")) };
        store.commit(elsewhere).await.unwrap();
        let more = Change { most: 3, ..of(8, survey("297.c")) };
        store.commit(more).await.unwrap();
    });
}
