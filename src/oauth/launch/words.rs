//! What the pages say, in Finnish, Swedish and English.
//!
//! Part of `oauth::launch`. Plain words and short sentences: a fifteen-year-old should know after one
//! reading what they permit. Every text exists in every language, or it does not compile.

use serde::{Deserialize, Serialize};

use crate::fhir::types::ResourceType;

mod en;
mod fi;
mod sv;

/// A language of the pages.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tongue {
    /// Finnish.
    Fi,
    /// Swedish.
    Sv,
    /// English.
    En,
}

impl Tongue {
    pub(super) const ALL: [Self; 3] = [Self::Fi, Self::Sv, Self::En];

    /// BCP 47.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Fi => "fi",
            Self::Sv => "sv",
            Self::En => "en",
        }
    }

    /// Its own name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Fi => "Suomeksi",
            Self::Sv => "På svenska",
            Self::En => "In English",
        }
    }

    /// The one of three, in Finnish, Swedish and English, that it speaks.
    pub(super) const fn of<T: Copy>(self, [fi, sv, en]: [T; 3]) -> T {
        match self {
            Self::Fi => fi,
            Self::Sv => sv,
            Self::En => en,
        }
    }

    /// What it says.
    pub(super) const fn texts(self) -> &'static Texts {
        self.of([&fi::TEXTS, &sv::TEXTS, &en::TEXTS])
    }

    /// What a resource type is for people.
    pub(super) const fn of_type(self, kind: ResourceType) -> &'static str {
        match self {
            Self::Fi => fi::of_type(kind),
            Self::Sv => sv::of_type(kind),
            Self::En => en::of_type(kind),
        }
    }

    /// The language of a code.
    pub(super) fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tongue| tongue.code() == code)
    }

    /// The first of a list that is spoken here: `sv-FI,fi;q=0.8`, or with spaces between.
    pub(super) fn of_list(list: &str) -> Option<Self> {
        list.split([',', ' ']).find_map(|tag| {
            let tag = tag.split(';').next().unwrap_or_default().trim();
            Self::of_code(&tag.split('-').next().unwrap_or_default().to_ascii_lowercase())
        })
    }
}

/// The texts of a language; `{}` stands for a name.
pub(super) struct Texts {
    /// Name of the row of languages.
    pub(super) languages: &'static str,
    /// Title of the page where somebody logs in.
    pub(super) sign_in: &'static str,
    /// `{}` is the app.
    pub(super) sign_in_lead: &'static str,
    /// `{}` is a provider.
    pub(super) sign_in_with: &'static str,
    /// Heading over invented people.
    pub(super) invented: &'static str,
    pub(super) invented_lead: &'static str,
    pub(super) opened: &'static str,
    pub(super) at_work: &'static str,
    /// `{}` is the app.
    pub(super) consent: &'static str,
    /// `{}` is who logged in.
    pub(super) signed_in: &'static str,
    pub(super) signed_in_nameless: &'static str,
    pub(super) somebody_else: &'static str,
    pub(super) whose: &'static str,
    pub(super) own: &'static str,
    pub(super) others: &'static str,
    pub(super) others_code: &'static str,
    pub(super) others_hint: &'static str,
    pub(super) not_represented: &'static str,
    pub(super) nothing_here: &'static str,
    pub(super) post: &'static str,
    pub(super) purpose: &'static str,
    pub(super) choose: &'static str,
    pub(super) no_post: &'static str,
    pub(super) what: &'static str,
    pub(super) what_lead: &'static str,
    /// `{}` is what.
    pub(super) see: &'static str,
    pub(super) change: &'static str,
    pub(super) see_and_change: &'static str,
    pub(super) everything: &'static str,
    /// `{}` is the limit, as the app wrote it.
    pub(super) only: &'static str,
    /// In place of a limit that lets nothing through.
    pub(super) nothing: &'static str,
    pub(super) identity: &'static str,
    pub(super) offline: &'static str,
    pub(super) offline_at_work: &'static str,
    pub(super) online: &'static str,
    pub(super) nothing_ticked: &'static str,
    pub(super) allow: &'static str,
    pub(super) deny: &'static str,
    /// `{}` is where.
    pub(super) back_to: &'static str,
    pub(super) to_permissions: &'static str,
    pub(super) sign_in_to_permissions: &'static str,
    /// Title of the page of what apps may do.
    pub(super) permissions: &'static str,
    pub(super) given_lead: &'static str,
    pub(super) no_permissions: &'static str,
    pub(super) given_own: &'static str,
    pub(super) given_other: &'static str,
    pub(super) given_by_other: &'static str,
    /// `{}` is a day.
    pub(super) since: &'static str,
    /// `{}` is a day.
    pub(super) used: &'static str,
    /// `{}` is a day.
    pub(super) until: &'static str,
    /// `{}` is the app.
    pub(super) end: &'static str,
    pub(super) ended: &'static str,
    pub(super) login_failed: &'static str,
    pub(super) gone: &'static str,
    pub(super) gone_lead: &'static str,
    pub(super) unknown: &'static str,
    pub(super) unknown_lead: &'static str,
    pub(super) closed: &'static str,
    pub(super) closed_lead: &'static str,
    pub(super) busy: &'static str,
    pub(super) busy_lead: &'static str,
    pub(super) failed: &'static str,
    pub(super) failed_lead: &'static str,
    pub(super) error: &'static str,
    /// Purposes, by their codes of `v3-ActReason`.
    pub(super) purposes: &'static [(&'static str, &'static str)],
}

impl Texts {
    /// What a purpose is for people; an unknown one is its code.
    pub(super) fn of_purpose<'a>(&self, code: &'a str) -> &'a str {
        self.purposes.iter().find(|(known, _)| *known == code).map_or(code, |(_, text)| text)
    }
}

/// A text with a name in it.
pub(super) fn with(text: &str, name: &str) -> String {
    text.replace("{}", name)
}
