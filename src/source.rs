//! Who holds data of a person, and how it is loaded.
//!
//! Stands under `federation`. A source answers "what do you hold of this person" with a compartment;
//! the local one loads from the store through a cache in which a commit marks the slot before it is
//! acknowledged, so that nobody reads what was true before an acknowledged change.

pub mod block;
pub mod commits;
pub mod follower;
pub mod local;
pub mod past;
pub mod slot;

use std::sync::Arc;

use crate::{
    compartment::Compartment,
    domain::{id::document_of, moment::Moment, person::Named},
    error::Result,
    source::{commits::Ground, local::Local},
};

/// Somebody else whom a person's data are about.
#[derive(Clone)]
pub struct Member {
    /// As the data name them.
    pub named: Named,
    /// What is held of them; `None` if nothing is.
    pub compartment: Option<Arc<Compartment>>,
}

/// What a source holds of one person: whole, unmapped, unreleased.
pub struct Held {
    compartment: Arc<Compartment>,
    members: Arc<[Member]>,
    ground: Ground,
    about: Option<Arc<[Named]>>,
}

impl Held {
    /// As whom somebody else is named, where no more was asked for than what is about them.
    pub const fn about(&self) -> Option<&Arc<[Named]>> {
        self.about.as_ref()
    }

    /// How to learn later whether this is still what is held.
    pub const fn ground(&self) -> Ground {
        self.ground
    }

    /// When the last commit to it was made.
    pub fn changed(&self) -> Moment {
        self.compartment.changed
    }

    /// The version of the compartment.
    pub fn version(&self) -> u64 {
        self.compartment.version
    }

    /// Whom it is about beside the person.
    pub const fn members(&self) -> &Arc<[Member]> {
        &self.members
    }

    /// Gives the compartment to the next step.
    pub fn into_compartment(self) -> Arc<Compartment> {
        self.compartment
    }
}

impl Local {
    /// The Patient among whose data the resource of this id is, or would be: its own id, where nothing is.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn person_of(&self, id: &str) -> Result<Arc<str>> {
        let document = document_of(id);
        Ok(self.place(document).await?.unwrap_or_else(|| document.into()))
    }
}
