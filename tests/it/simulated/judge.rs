//! What must hold of all that was shown: what was permitted to be, and where it is said to be all, everything
//! that was.

use mylife::domain::theme::{Theme, ThemeSet};

use super::person::{CONSENTS, Seen, Shown};
use crate::load::history::{History, Span};

/// All that is wrong with what clients saw.
pub(super) fn faults(seen: &Seen) -> Vec<String> {
    let shown = seen.shown.iter().filter_map(|shown| fault(seen, shown));
    seen.faults.iter().cloned().chain(shown).collect()
}

fn fault(seen: &Seen, shown: &Shown) -> Option<String> {
    let Shown { what, holder, span, asked, themes, is_complete } = shown;
    let consents = &seen.consents[*holder];
    let may: ThemeSet = asked.iter().filter(|theme| may(consents, *theme, *span)).collect();
    let must: ThemeSet = asked.iter().filter(|theme| must(consents, *theme, *span)).collect();
    let fault = if !may.contains_all(*themes) {
        "LEAK"
    } else if *is_complete && !themes.contains_all(must) {
        "less than all"
    } else {
        return None;
    };
    Some(format!("{what}: {fault}: {themes:?} of {holder}, {must:?} to {may:?}, {span:?}"))
}

/// What a consent of each form leaves, and all of them together.
fn permits(each: impl Fn(usize) -> bool) -> bool {
    let (forbid, grant): (Vec<_>, Vec<_>) =
        (0..CONSENTS.len()).partition(|consent| CONSENTS[*consent].forbids);
    grant.into_iter().any(&each) && forbid.into_iter().all(each)
}

/// Is the theme permitted by some state on which the answer may rest?
fn may(consents: &[History<ThemeSet>], theme: Theme, span: Span) -> bool {
    permits(|consent| consents[consent].may(span).any(|state| state.contains(theme)))
}

/// Is it by each of them?
fn must(consents: &[History<ThemeSet>], theme: Theme, span: Span) -> bool {
    let now = std::time::Duration::ZERO;
    permits(|consent| consents[consent].holds(span, now).all(|state| state.contains(theme)))
}
