//! Known mistakes, seeded on purpose: each leaks in a way the leak tests must notice.
//!
//! On the floor, used where the mistake would be made. With the feature `mutants`, which no release
//! build takes, a test makes one mistake at a time on its own thread; without it [`on`] is `false`
//! wherever it stands and nothing of a mistake is left in the product. One of them switches consent off,
//! for the benchmark of what consent costs. Source: `consent` 2.2; the table is `tests/tables/leaks.txt`.

#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!(
    "The feature `mutants` makes a gateway that leaks: it is for debug builds of the tests, and for the \
     profile `switched` of a benchmark."
);

/// A mistake. Its line says what the gateway then does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mutant {
    /// `total` counts what is held.
    TotalCountsHidden,
    /// A page is cut to its length first, and what may not be seen taken out afterwards.
    PageIsCutBeforeRelease,
    /// A cursor holds a place among everything that is held.
    CursorCountsHidden,
    /// A cursor is good for whoever has it.
    CursorIsAnybodys,
    /// A chain leads to what may not be seen.
    ChainsSeeHidden,
    /// `_has` holds by what may not be seen.
    HasSeesHidden,
    /// What is included need not be seen.
    IncludesSeeHidden,
    /// Elements are chosen from all that is held.
    ElementsAreOfTheWhole,
    /// A page across people ends where the work ran out.
    WalkEndsWithTheWork,
    /// A search value that may not be seen matches.
    HiddenRowsMatch,
    /// A granular scope chooses resources by what may not be seen.
    ScopeFiltersSeeHidden,
    /// The order is that of the last change, seen or not.
    SortsOnHidden,
    /// `lastUpdated` is that of the last change, seen or not.
    LastUpdatedOverAll,
    /// `status` and the document's own time are those of the last change, seen or not.
    StatusOverAll,
    /// The version is a digest of the whole resource.
    VersionOverAll,
    /// `meta.security` has the labels of the whole resource.
    LabelsOverAll,
    /// What is hidden is 403, what does not exist 404.
    HiddenIsForbidden,
    /// What is hidden is 404 in words of its own.
    HiddenSaysOtherwise,
    /// What is hidden is gone: 410.
    GoneIsToldOfHidden,
    /// A change that may not be seen makes a version.
    HistoryKeepsHiddenVersions,
    /// An address that is not served is refused in other words where something of the id is held.
    RefusesAfterLooking,
    /// A Consent is found by its uuid, whoever wrote it.
    UuidIsEverybodys,
    /// Answers are taken for somebody whom their sender may not see.
    AnswersForHidden,
    /// A plan is written for somebody, or changed, whom its writer may not see.
    PlansOfHidden,
    /// What is hidden can be deleted, and what is absent cannot.
    DeletesHidden,
    /// A part is deleted with what its writer does not see of it.
    DeletesWhatIsWithheld,
    /// A reference to a hidden part of the writer's own plan is taken.
    HiddenPartsAreNamed,
    /// A proposal is seen by whom the plan exists for.
    ProposalsGoWithThePlan,
    /// Something is proposed about a part of a plan that its writer may not see.
    ProposesAboutHidden,
    /// What is to be reviewed is found by whoever may read the person's records, whatever their role.
    ReviewsAreAnybodys,
    /// What a writer does not see of a resource is gone with its next version.
    WritesDropHidden,
    /// The condition of a write is fulfilled by what is held.
    ConditionsSeeHidden,
    /// A write is numbered with the version of the person's whole compartment.
    WritesAreNumberedTogether,
    /// `POST _search` shows what is held.
    PostSkipsRelease,
    /// `HEAD` has the length and the version of what is held.
    HeadSkipsRelease,
    /// Decisions stand in a list beside the kinds, and the denied ones are left out of it.
    DecisionsShift,
    /// A reference passes whether its target exists for the reader or not.
    HiddenReferencesShow,
    /// The narrative is that of the whole resource.
    NarrativeIsWhole,
    /// A Provenance is as new as the document's last version.
    ProvenanceIsOfTheDocument,
    /// A Consent is shown to every client that writes Consents.
    WritersAreAlike,
    /// One rate limit for all.
    ThrottleIsShared,
    /// A prohibition of which it is unknown whether it applies is passed over.
    UnknownPermits,
    /// An answer is given again to whoever asks in the same words.
    KeptAnswerIsAnybodys,
    /// An answer is given again whatever has changed since.
    KeptAnswerOutlivesChange,
    /// The decisions for one caller hold for the next.
    KeptDecisionIsAnybodys,
    /// Who holds nothing of a person is said to be incomplete.
    CompletenessNamesHolders,
    /// A question about a person who is hidden where it starts is widened all the same.
    HandlesForHidden,
    /// A theme that may not be seen is drawn as zero.
    HiddenIsDrawnAsZero,
    /// A form is filled with what is held, and Observations are made of that.
    FormsSkipRelease,
    /// A theme is no gap where there is a goal, seen or not.
    GapKnowsHiddenGoals,
    /// Whoever is held is counted, seen or not.
    CountsSkipRelease,
    /// Who was counted stays counted until the answer leaves.
    CountsAreNotLookedAtAgain,
    /// Numbers of people are told as they are.
    SmallNumbersAreTold,
    /// A link of an export is good for whoever has it.
    ExportIsAnybodys,
    /// A file of an export has what is held.
    ExportSkipsRelease,
    /// Who was changed since an export began is left to the next one, whatever the change was.
    ExportPassesOverChanged,
    /// Whoever asks an export what is gone is told of what was hidden too.
    ExportTellsOfHiddenDeletions,
    /// There are as many files of an export as people are held.
    ExportFilesFollowPeople,
    /// A scope of one patient covers everybody's data.
    PatientScopeIsEverybodys,
    /// A page of `$everything` has what is held.
    EverythingSkipsRelease,
    /// What is asked in a batch is answered with what is held.
    BatchSkipsRelease,
    /// Whoever asks is told what others are permitted.
    ExplainsToAnybody,
    /// What is about several is decided by the person with whom it is kept.
    OthersAreNotAsked,
    /// Whoever is named by what is held finds it.
    MembersFindHidden,
    /// A subscription is taken only if it is about somebody who is held.
    SubscribesToHeldAlone,
    /// A subscription is looked at, and written, by any client.
    SubscriptionIsAnybodys,
    /// A subscriber is told of whatever changes.
    NotificationSkipsRelease,
    /// A change that the subscriber may not see has a number.
    HiddenChangesAreCounted,
    /// Whatever is held is permitted to whoever asks: nothing is decided.
    ConsentIsNotAsked,
}

/// Is this mistake being made?
#[cfg(not(feature = "mutants"))]
#[inline]
pub(crate) const fn on(_: Mutant) -> bool {
    false
}

/// Does what is worked out now see everything that is held?
#[cfg(not(feature = "mutants"))]
#[inline]
pub(crate) const fn is_careless() -> bool {
    false
}

/// Works something out that waits for others; under the mistake, of everything that is held.
pub(crate) async fn carelessly<F: Future>(mistake: Mutant, of: F) -> F::Output {
    let mut of = std::pin::pin!(of);
    std::future::poll_fn(|context| careless(mistake, || of.as_mut().poll(context))).await
}

/// Works something out; under the mistake, of everything that is held.
#[cfg(not(feature = "mutants"))]
#[inline]
pub(crate) fn careless<T>(_: Mutant, of: impl FnOnce() -> T) -> T {
    of()
}

#[cfg(feature = "mutants")]
pub use self::seeded::{ALL, made};
#[cfg(feature = "mutants")]
pub(crate) use self::seeded::{careless, is_careless, on};

/// The mistake that is being made, of each thread for itself: tests run side by side.
#[cfg(feature = "mutants")]
mod seeded {
    use std::cell::Cell;

    use super::Mutant;

    thread_local! {
        static MADE: Cell<Option<Mutant>> = const { Cell::new(None) };
        static CARELESS: Cell<bool> = const { Cell::new(false) };
    }

    /// Every mistake.
    pub const ALL: [Mutant; 69] = [
        Mutant::TotalCountsHidden,
        Mutant::PageIsCutBeforeRelease,
        Mutant::CursorCountsHidden,
        Mutant::CursorIsAnybodys,
        Mutant::ChainsSeeHidden,
        Mutant::HasSeesHidden,
        Mutant::IncludesSeeHidden,
        Mutant::ElementsAreOfTheWhole,
        Mutant::WalkEndsWithTheWork,
        Mutant::HiddenRowsMatch,
        Mutant::ScopeFiltersSeeHidden,
        Mutant::SortsOnHidden,
        Mutant::LastUpdatedOverAll,
        Mutant::StatusOverAll,
        Mutant::VersionOverAll,
        Mutant::LabelsOverAll,
        Mutant::HiddenIsForbidden,
        Mutant::HiddenSaysOtherwise,
        Mutant::GoneIsToldOfHidden,
        Mutant::HistoryKeepsHiddenVersions,
        Mutant::RefusesAfterLooking,
        Mutant::UuidIsEverybodys,
        Mutant::AnswersForHidden,
        Mutant::PlansOfHidden,
        Mutant::DeletesHidden,
        Mutant::DeletesWhatIsWithheld,
        Mutant::HiddenPartsAreNamed,
        Mutant::ProposalsGoWithThePlan,
        Mutant::ProposesAboutHidden,
        Mutant::ReviewsAreAnybodys,
        Mutant::WritesDropHidden,
        Mutant::ConditionsSeeHidden,
        Mutant::WritesAreNumberedTogether,
        Mutant::PostSkipsRelease,
        Mutant::HeadSkipsRelease,
        Mutant::DecisionsShift,
        Mutant::HiddenReferencesShow,
        Mutant::NarrativeIsWhole,
        Mutant::ProvenanceIsOfTheDocument,
        Mutant::WritersAreAlike,
        Mutant::ThrottleIsShared,
        Mutant::UnknownPermits,
        Mutant::KeptAnswerIsAnybodys,
        Mutant::KeptAnswerOutlivesChange,
        Mutant::KeptDecisionIsAnybodys,
        Mutant::CompletenessNamesHolders,
        Mutant::HandlesForHidden,
        Mutant::HiddenIsDrawnAsZero,
        Mutant::FormsSkipRelease,
        Mutant::GapKnowsHiddenGoals,
        Mutant::PatientScopeIsEverybodys,
        Mutant::EverythingSkipsRelease,
        Mutant::BatchSkipsRelease,
        Mutant::ExplainsToAnybody,
        Mutant::OthersAreNotAsked,
        Mutant::MembersFindHidden,
        Mutant::ConsentIsNotAsked,
        Mutant::CountsSkipRelease,
        Mutant::CountsAreNotLookedAtAgain,
        Mutant::SmallNumbersAreTold,
        Mutant::ExportIsAnybodys,
        Mutant::ExportSkipsRelease,
        Mutant::ExportPassesOverChanged,
        Mutant::ExportTellsOfHiddenDeletions,
        Mutant::ExportFilesFollowPeople,
        Mutant::SubscribesToHeldAlone,
        Mutant::SubscriptionIsAnybodys,
        Mutant::NotificationSkipsRelease,
        Mutant::HiddenChangesAreCounted,
    ];

    /// Makes a mistake from now on, or none, on this thread.
    pub fn made(mistake: Option<Mutant>) {
        MADE.set(mistake);
        CARELESS.set(false);
    }

    pub(crate) fn on(mistake: Mutant) -> bool {
        MADE.get() == Some(mistake)
    }

    pub(crate) fn is_careless() -> bool {
        CARELESS.get()
    }

    pub(crate) fn careless<T>(mistake: Mutant, of: impl FnOnce() -> T) -> T {
        if !on(mistake) {
            return of();
        }
        let before = CARELESS.replace(true);
        let found = of();
        CARELESS.set(before);
        found
    }
}
