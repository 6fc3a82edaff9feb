//! The scopes of an app launch that are no FHIR scopes.
//!
//! Part of `smart`. Source: SMART App Launch 2.2, `scopes-and-launch-context`; `OpenID` Connect Core 5.4.
//! What is not listed here means nothing to the gateway and is left out.

use std::{collections::BTreeSet, fmt};

/// One of them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Word {
    /// `launch`: what the system says that opened the app.
    Launch,
    /// `launch/patient`: a patient in the launch context.
    LaunchPatient,
    /// `openid`: an ID token.
    OpenId,
    /// `fhirUser`: who logged in, as a resource.
    FhirUser,
    /// `offline_access`: new tokens while the user is away.
    OfflineAccess,
    /// `online_access`: new tokens for as long as the login lasts.
    OnlineAccess,
}

impl Word {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 6] = [
        Self::Launch,
        Self::LaunchPatient,
        Self::OpenId,
        Self::FhirUser,
        Self::OfflineAccess,
        Self::OnlineAccess,
    ];

    /// As a scope parameter has it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::LaunchPatient => "launch/patient",
            Self::OpenId => "openid",
            Self::FhirUser => "fhirUser",
            Self::OfflineAccess => "offline_access",
            Self::OnlineAccess => "online_access",
        }
    }

    /// The word of a token; `None` for any other.
    pub fn parse(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.text() == token)
    }
}

/// Some of them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Words(BTreeSet<Word>);

impl Words {
    /// Those in a scope parameter; the rest of it is left alone.
    pub fn parse(text: &str) -> Self {
        Self(text.split(' ').filter_map(Word::parse).collect())
    }

    /// Is this one among them?
    pub fn has(&self, word: Word) -> bool {
        self.0.contains(&word)
    }

    /// Those that both have.
    pub fn intersect(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }

    /// Without one.
    pub fn without(mut self, word: Word) -> Self {
        self.0.remove(&word);
        self
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, word) in self.0.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { " " })?;
            f.write_str(word.text())?;
        }
        Ok(())
    }
}
