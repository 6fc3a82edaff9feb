//! What somebody logs in for: to let an app do something, or to look at what apps may do.
//!
//! Part of `oauth::launch`. It is kept with the page, or with the login at a provider, and goes on from
//! there; nothing in it comes from the browser that logs in but the language.

use serde::{Deserialize, Serialize};

use super::{login::User, request::Wish, words::Tongue};

/// What somebody logs in for.
#[derive(Clone, Deserialize, Serialize)]
pub(super) enum Errand {
    /// What an app wants.
    App(Box<Wish>),
    /// What apps may do.
    Permissions {
        /// In which language they look at it.
        tongue: Tongue,
        /// Must somebody log in, whoever is logged in?
        anew: bool,
    },
}

impl Errand {
    /// Of an app.
    pub(super) fn of(wish: Wish) -> Self {
        Self::App(Box::new(wish))
    }

    /// The app.
    pub(super) fn client(&self) -> Option<&str> {
        match self {
            Self::App(wish) => Some(&wish.client_id),
            Self::Permissions { .. } => None,
        }
    }

    /// The language of its pages.
    pub(super) fn tongue(&self) -> Tongue {
        match self {
            Self::App(wish) => wish.tongue,
            Self::Permissions { tongue, .. } => *tongue,
        }
    }

    /// The same in another language.
    pub(super) fn speaks(&mut self, other: Tongue) {
        match self {
            Self::App(wish) => wish.tongue = other,
            Self::Permissions { tongue, .. } => *tongue = other,
        }
    }

    /// Must somebody log in, whoever is logged in?
    pub(super) fn anew(&self) -> bool {
        match self {
            Self::App(wish) => wish.anew,
            Self::Permissions { anew, .. } => *anew,
        }
    }

    /// Is it for people like this? What apps may do is shown to whom it is about, or who gave it.
    pub(super) const fn is_for(&self, user: &User) -> bool {
        match self {
            Self::App(_) => true,
            Self::Permissions { .. } => matches!(user, User::Person { .. }),
        }
    }
}
