//! What a reader sees today of everything that was ever held of a person: the walk of `vread`, of
//! `_history`, and of exports since an instant.
//!
//! From `source` to `search`, as a read goes, but over every state there was: each is mapped and released
//! under today's policy. Nothing of it is kept for a second answer. Source: FHIR R4 http.html#history.

use crate::{
    consent::release::{Terms, former::Today},
    domain::moment::Moment,
    error::Result,
    mapping,
    query::page::Sealer,
    scope::Grant,
    search::history::History,
    source::local::Local,
};

/// Who looks back, and when.
pub struct Reader<'a> {
    /// What is held.
    pub local: &'a Local,
    /// What the reader may ask for.
    pub grant: &'a Grant,
    /// What decisions read beside the person's own data.
    pub terms: &'a Terms,
    /// Makes versions.
    pub sealer: &'a dyn Sealer,
    /// Today.
    pub now: Moment,
}

impl Reader<'_> {
    /// Adds to histories of nothing yet what is seen of each state, up to an instant or to the last.
    ///
    /// # Errors
    /// `Unavailable` if the store cannot be read.
    pub async fn look_back(
        &self,
        patient: &str,
        until: Option<Moment>,
        histories: &mut [History],
    ) -> Result<()> {
        let Some(mut past) = self.local.history(patient).await? else { return Ok(()) };
        let directory = &self.terms.directory;
        let mapped = mapping::to_fhir(past.today()?, directory);
        let mut today = Today::new(mapped, self.grant, self.terms, self.now);
        while let Some((at, held)) = past.advance()? {
            if until.is_some_and(|until| at > until) {
                break;
            }
            let view = today.release(mapping::to_fhir(held, directory));
            for history in &mut *histories {
                history.then(&mut today, &view, at, self.sealer);
            }
            // Whoever has a long history must not keep others waiting.
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
