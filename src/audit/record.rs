//! What one audit record says: who was told what about whom, and why.
//!
//! The payload of a frame (design 9): one record per disclosure and person, refusals too. Made by the
//! record step, read by `mylife audit show` and by [`super::event`]. Never holds a token, an identity
//! code or the free text of data; a query is kept only as [`Query`] lets it.

use std::{borrow::Cow, io::Write as _, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    audit::frame::Payload,
    domain::{class::ClassSet, moment::Moment, theme::ThemeSet},
    error::{Error, Result},
};

/// One disclosure, write or refusal, about at most one person.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<'a> {
    /// When it was decided.
    pub at: Moment,
    /// `X-Request-Id`; the same in the records of all gateways that took part.
    pub request: Cow<'a, str>,
    /// Network address of the connection it came by.
    pub address: Cow<'a, str>,
    /// Who asked.
    pub caller: Caller<'a>,
    /// `ActReason` code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Cow<'a, str>>,
    /// What permitted it, or forbade it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub basis: Vec<Basis<'a>>,
    /// What was done.
    pub interaction: Interaction,
    /// Resource types it was about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<Cow<'a, str>>,
    /// What was searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Query>,
    /// What left, or was written.
    #[serde(default)]
    pub resources: Resources<'a>,
    /// The labels of what left.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Id of the Patient; absent if none was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<Cow<'a, str>>,
    /// How it ended.
    pub outcome: Outcome<'a>,
    /// Node codes of the sources asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Cow<'a, str>>,
    /// The emergency that was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<Emergency<'a>>,
    /// What a second person found of an earlier disclosure of the same request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review<'a>>,
    /// That the person was told of an earlier disclosure of the same request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice<'a>>,
    /// The version of a Consent that was written, so that it is in force again after a restore of
    /// what was before it. Sealed like all of this; no face of the log shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Written<'a>>,
}

/// A version of a Consent as the store keeps it; its id is the one resource of the record.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Written<'a> {
    /// 1, 2, 3, ...
    pub version: u64,
    /// The client that owns it.
    pub owner: Cow<'a, str>,
    /// The owner's id for it.
    pub local_id: Cow<'a, str>,
    /// Who wrote it, and when; JSON.
    pub parts: Cow<'a, str>,
    /// The Consent; JSON.
    pub body: Cow<'a, str>,
}

/// An emergency, as it was declared.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Emergency<'a> {
    /// Why.
    pub reason: Cow<'a, str>,
    /// When it ended.
    pub until: Moment,
}

/// A second person's finding.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Review<'a> {
    /// Who reviewed.
    pub by: Cow<'a, str>,
    /// Was it justified?
    pub justified: bool,
    /// What they wrote of it, for those who review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Cow<'a, str>>,
}

/// That a person was told what was disclosed of them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Notice<'a> {
    /// Who told.
    pub by: Cow<'a, str>,
    /// How: a letter, a message.
    pub way: Cow<'a, str>,
}

/// Who asked, as authenticated.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Caller<'a> {
    /// Client id.
    pub client: Cow<'a, str>,
    /// Who issued the token, if not this gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Cow<'a, str>>,
    /// `urn:oid:` of the organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Cow<'a, str>>,
    /// The end user's subject at the issuer; never an identity code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Cow<'a, str>>,
    /// The end user's role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Cow<'a, str>>,
    /// The actors on whose behalf, nearest first (RFC 8693 `act`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub act: Vec<Cow<'a, str>>,
    /// The token's `jti`; never the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<Cow<'a, str>>,
}

/// What a decision rested on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Basis<'a> {
    /// A Consent in one of its versions.
    Consent {
        /// Its id.
        id: Cow<'a, str>,
        /// Its version.
        version: u64,
    },
    /// The person's own access.
    Person,
    /// Use within the register the data belong to.
    Register,
    /// Representation, by the id of its record.
    Representation {
        /// Id of the `RelatedPerson`.
        id: Cow<'a, str>,
    },
    /// A ground of the law table.
    Law {
        /// Its id there.
        id: Cow<'a, str>,
        /// The reason its user declared.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Cow<'a, str>>,
        /// It set a prohibition of the person aside.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        overrode: bool,
    },
}

/// What was done, by its `restful-interaction` code.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interaction {
    /// One resource.
    Read,
    /// One version.
    Vread,
    /// Versions.
    History,
    /// A search.
    SearchType,
    /// A new resource.
    Create,
    /// A new version.
    Update,
    /// A deletion.
    Delete,
    /// An operation, export and notification among them.
    Operation,
}

/// What left or was written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Resources<'a> {
    /// `Type/id` of each.
    Listed(Vec<Cow<'a, str>>),
    /// How many, in bulk.
    Counted(u64),
}

impl Default for Resources<'_> {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

/// The labels of what left; codes on disk.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// Themes.
    #[serde(default, with = "codes::themes")]
    pub themes: ThemeSet,
    /// Withheld classes that were named.
    #[serde(default, with = "codes::classes")]
    pub classes: ClassSet,
    /// Consent, `AuditEvent`, Subscription or `RelatedPerson`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub records: bool,
    /// Something of no theme.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unclassified: bool,
}

impl Labels {
    /// Has nothing left?
    pub const fn is_empty(&self) -> bool {
        self.themes.is_empty() && self.classes.is_empty() && !self.records && !self.unclassified
    }

    /// Their codes.
    pub fn codes(self) -> impl Iterator<Item = &'static str> {
        let themes = self.themes.iter().map(crate::domain::theme::Theme::code);
        let classes = self.classes.iter().map(crate::domain::class::Class::code);
        let rest = [(self.records, "records"), (self.unclassified, "unclassified")];
        themes.chain(classes).chain(rest.into_iter().filter(|r| r.0).map(|r| r.1))
    }
}

/// How it ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Outcome<'a> {
    /// Done (`AuditEvent.outcome` 0).
    Success,
    /// The request could not be done as it stood (4); a stable reason code.
    Failed(Cow<'a, str>),
    /// It was not permitted (8); a stable reason code.
    Refused(Cow<'a, str>),
}

/// A query as it may be written down: the values of parameters that can name a person are left out.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Query(Arc<str>);

impl Query {
    /// Parameters whose values are codes, dates and numbers.
    const SHOWN: [&str; 27] = [
        "_at",
        "_count",
        "_elements",
        "_include",
        "_lastUpdated",
        "_outputFormat",
        "_revinclude",
        "_security",
        "_since",
        "_sort",
        "_summary",
        "_total",
        "_type",
        "authored",
        "category",
        "code",
        "date",
        "granted",
        "intent",
        "measure",
        "organization",
        "period",
        "purpose",
        "questionnaire",
        "role",
        "status",
        "withheld",
    ];

    /// From the pairs as understood; `name=value`, or `name=*` where the value stays out.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut written = form_urlencoded::Serializer::new(String::new());
        for (name, value) in pairs {
            let bare = name.split_once(':').map_or(name, |(bare, _)| bare);
            written.append_pair(name, if Self::SHOWN.contains(&bare) { value } else { "*" });
        }
        Self(written.finish().into())
    }

    /// As in a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// When something was done, by which request and from where: what two records of one answer differ in.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// As [`Entry::at`].
    pub at: Moment,
    /// As [`Entry::request`].
    pub request: &'a str,
    /// As [`Entry::address`].
    pub address: &'a str,
}

/// The payload of an occasion and of what is told there, see [`Entry::told`].
#[derive(Clone, Copy, Debug)]
pub struct ToldOn<'a> {
    /// When, by whom and from where.
    pub occasion: Occasion<'a>,
    /// The rest.
    pub told: &'a [u8],
}

impl Payload for ToldOn<'_> {
    fn about(&self) -> usize {
        let Occasion { at: _, request, address } = self.occasion;
        80 + request.len() + address.len() + self.told.len()
    }

    fn write(&self, mut frame: &mut Vec<u8>) -> Result<()> {
        let Occasion { at, request, address } = self.occasion;
        write!(frame, "{{\"at\":\"{at}\",\"request\":").map_err(Error::internal)?;
        serde_json::to_writer(&mut frame, request).map_err(Error::internal)?;
        frame.extend_from_slice(b",\"address\":");
        serde_json::to_writer(&mut frame, address).map_err(Error::internal)?;
        frame.extend_from_slice(self.told);
        Ok(())
    }
}

impl Entry<'_> {
    /// The payload: compact JSON.
    ///
    /// # Errors
    /// None in practice; `Internal`.
    pub fn to_payload(&self) -> Result<Vec<u8>> {
        let mut payload = Vec::with_capacity(1024);
        serde_json::to_writer(&mut payload, self).map_err(Error::internal)?;
        Ok(payload)
    }

    /// The payload without its occasion, for every record that says the same.
    ///
    /// # Errors
    /// As [`Entry::to_payload`].
    pub fn told(&self) -> Result<Box<[u8]>> {
        let occasion = Occasion { at: self.at, request: &self.request, address: &self.address };
        let payload = self.to_payload()?;
        let mut beginning = Vec::new();
        ToldOn { occasion, told: &[] }.write(&mut beginning)?;
        let told = payload.strip_prefix(&*beginning);
        told.map(Into::into).ok_or_else(|| Error::internal("a record begins with its occasion"))
    }

    /// Is it a disclosure that a second person is to review: one in a declared emergency, or one that
    /// set a prohibition aside?
    pub fn is_for_review(&self) -> bool {
        let overrode = |basis: &Basis<'_>| matches!(basis, Basis::Law { overrode: true, .. });
        !matches!(self.outcome, Outcome::Refused(_))
            && self.patient.is_some()
            && self.review.is_none()
            && self.notice.is_none()
            && (self.emergency.is_some() || self.basis.iter().any(overrode))
    }

    /// Reads a payload; an unknown member is an error.
    ///
    /// # Errors
    /// `Internal` if it is not an entry.
    pub fn from_payload(payload: &[u8]) -> Result<Entry<'static>> {
        serde_json::from_slice(payload).map_err(Error::internal)
    }
}

/// Sets of labels as lists of codes.
mod codes {
    macro_rules! codes {
        ($name:ident, $set:ty, $one:ty) => {
            pub(super) mod $name {
                use serde::{Deserialize, Deserializer, Serializer, de};

                pub(in super::super) fn serialize<S: Serializer>(
                    set: &$set,
                    to: S,
                ) -> Result<S::Ok, S::Error> {
                    to.collect_seq(set.iter().map(<$one>::code))
                }

                pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
                    from: D,
                ) -> Result<$set, D::Error> {
                    let codes = Vec::<String>::deserialize(from)?;
                    let one = |code: &String| <$one>::from_code(code);
                    codes
                        .iter()
                        .map(one)
                        .collect::<Option<$set>>()
                        .ok_or_else(|| de::Error::custom(concat!("codes of ", stringify!($name))))
                }
            }
        };
    }

    codes!(themes, crate::domain::theme::ThemeSet, crate::domain::theme::Theme);
    codes!(classes, crate::domain::class::ClassSet, crate::domain::class::Class);
}
