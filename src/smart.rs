//! What a client may ask at all: SMART App Launch 2.2 scopes, versions 1 and 2.
//!
//! Floor of the house, read by `authenticate` and `scope`. Scopes are the upper bound of an answer and
//! know nothing of any person's data: consent narrows further, nothing widens. Source: SMART App Launch 2.2,
//! `scopes-and-launch-context`. A token this module does not understand is dropped, never guessed.

pub mod grammar;
pub mod label;
pub mod word;
pub mod decide;

use std::fmt;

use self::{grammar::Token, label::LabelLimit};
use crate::fhir::types::{Interaction, ResourceType};

/// The scope under which an owner system pushes native documents; not a FHIR scope.
const NATIVE_WRITE: &str = "mylife/native.write";

/// The scope under which a system opens apps for its users; not a FHIR scope.
const LAUNCH_WRITE: &str = "mylife/launch.write";

/// Most bytes of a scope parameter that are read.
pub const MAX_TEXT: usize = 16 * 1024;

/// Most scopes of a parameter that are kept.
const MAX_SCOPES: usize = 512;

/// On whose data a scope speaks.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Context {
    /// One patient's, in the launch context.
    Patient,
    /// What the client system itself may see.
    System,
    /// What the user may see.
    User,
}

impl Context {
    /// The part before the slash.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::System => "system",
            Self::User => "user",
        }
    }
}

/// A set of the five letters `cruds`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Permissions(u8);

impl Permissions {
    /// The letters in the order the grammar wants them, each with its bit.
    const LETTERS: [(char, u8); 5] = [('c', 1), ('r', 2), ('u', 4), ('d', 8), ('s', 16)];
    /// `cruds`, in version 1 `*`.
    pub const ALL: Self = Self(31);
    /// `rs`, in version 1 `read`.
    pub const READ: Self = Self(2 | 16);
    /// `cud`, in version 1 `write`.
    pub const WRITE: Self = Self(1 | 4 | 8);

    /// Reads a non-empty subset of `cruds` in that order, each letter once.
    pub fn parse(text: &str) -> Option<Self> {
        let mut letters = Self::LETTERS.into_iter();
        let mut bits = 0;
        for c in text.chars() {
            bits |= letters.find(|(letter, _)| *letter == c)?.1;
        }
        (bits != 0).then_some(Self(bits))
    }

    /// The letter an interaction needs.
    pub const fn of(interaction: Interaction) -> Self {
        Self(match interaction {
            Interaction::Create => 1,
            Interaction::Read | Interaction::Vread | Interaction::HistoryInstance => 2,
            Interaction::Update => 4,
            Interaction::Delete => 8,
            Interaction::Search | Interaction::HistoryType => 16,
        })
    }

    /// Is everything of `other` in here?
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What both have.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What either has.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Has none?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The word of version 1 for exactly this set.
    pub fn v1(self) -> Option<&'static str> {
        match self {
            Self::READ => Some("read"),
            Self::WRITE => Some("write"),
            Self::ALL => Some("*"),
            Self(_) => None,
        }
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::LETTERS
            .into_iter()
            .filter(|(_, bit)| self.0 & bit != 0)
            .try_for_each(|(letter, _)| fmt::Write::write_char(f, letter))
    }
}

/// One `param=value` of a granular scope: a search parameter and the values of which one must match.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Filter {
    /// Name of the search parameter, without modifier.
    pub param: Box<str>,
    /// The values between commas, percent decoded; any of them is enough.
    pub values: Vec<Box<str>>,
}

/// One alternative of a limited cover: everything in it must hold.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Limits {
    /// Limits on segments, applied before any matching.
    pub labels: Vec<LabelLimit>,
    /// Search parameters that select whole resources on the released view. A parameter that the
    /// type does not have selects nothing.
    pub filters: Vec<Filter>,
}

impl Limits {
    /// Does it let everything through?
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.filters.is_empty()
    }

    /// Both at once.
    fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.labels.extend(other.labels.iter().copied());
        both.filters.extend(other.filters.iter().cloned());
        both.normal()
    }

    /// Sorted, each once: equal limits are equal values.
    fn normal(mut self) -> Self {
        self.labels.sort_unstable();
        self.labels.dedup();
        self.filters.sort_unstable();
        self.filters.dedup();
        self
    }
}

/// One scope that the gateway understands and can enforce.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Scope {
    /// On whose data.
    pub context: Context,
    /// The type; `None` is `*`.
    pub resource: Option<ResourceType>,
    /// What may be done.
    pub permissions: Permissions,
    /// The granular part; empty where there is none.
    pub limits: Limits,
    /// Was it asked for in the words of version 1?
    pub v1: bool,
}

impl Scope {
    /// Reads one token; `None` if it is no SMART scope, names a type the gateway does not serve, or
    /// has a filter that the gateway cannot enforce.
    pub fn parse(token: &str) -> Option<Self> {
        let token = Token::parse(token)?;
        let resource = match token.resource {
            "*" => None,
            name => Some(ResourceType::parse(name)?),
        };
        let mut limits = Limits::default();
        for (param, value) in token.filters {
            if !grammar::is_plain(param) {
                return None;
            }
            let filter = Filter { param: param.into(), values: grammar::values(value)? };
            match label::limit(&filter) {
                label::Reading::Labels(limit) => limits.labels.push(limit),
                label::Reading::Plain => limits.filters.push(filter),
                label::Reading::Mixed => return None,
            }
        }
        Some(Self {
            context: token.context,
            resource,
            permissions: token.permissions,
            limits: limits.normal(),
            v1: token.v1,
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = self.resource.map_or("*", ResourceType::name);
        write!(f, "{}/{resource}.", self.context.name())?;
        match self.permissions.v1().filter(|_| self.v1) {
            Some(word) => f.write_str(word)?,
            None => write!(f, "{}", self.permissions)?,
        }
        let labels = self.limits.labels.iter().map(|limit| limit.filter());
        for (n, filter) in labels.chain(self.limits.filters.iter().cloned()).enumerate() {
            f.write_str(if n == 0 { "?" } else { "&" })?;
            grammar::write_filter(f, &filter)?;
        }
        Ok(())
    }
}

/// A set of scopes, in the order they were asked for, each once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scopes {
    fhir: Vec<Scope>,
    native_write: bool,
    launch_write: bool,
}

impl Scopes {
    /// Reads a scope parameter. Tokens that mean nothing here are left out, repeated ones are one
    /// (RFC 6749 section 3.3 lets a server ignore what it does not know).
    pub fn parse(text: &str) -> Self {
        Self::parse_noting(text).0
    }

    /// As [`Scopes::parse`], with the tokens that were left out: for configuration, where they are
    /// mistakes.
    pub fn parse_noting(text: &str) -> (Self, Vec<String>) {
        let mut scopes = Self::default();
        let mut unknown = Vec::new();
        for token in text.split(' ').filter(|t| !t.is_empty()) {
            if token == NATIVE_WRITE {
                scopes.native_write = true;
            } else if token == LAUNCH_WRITE {
                scopes.launch_write = true;
            } else if let Some(scope) =
                Scope::parse(token).filter(|_| scopes.fhir.len() < MAX_SCOPES)
            {
                scopes.add(scope);
            } else {
                unknown.push(token.to_owned());
            }
        }
        (scopes, unknown)
    }

    /// The FHIR scopes.
    pub fn fhir(&self) -> &[Scope] {
        &self.fhir
    }

    /// May native documents be pushed?
    pub const fn native_write(&self) -> bool {
        self.native_write
    }

    /// May apps be opened for users?
    pub const fn launch_write(&self) -> bool {
        self.launch_write
    }

    /// Is nothing in it?
    pub fn is_empty(&self) -> bool {
        self.fhir.is_empty() && !self.native_write && !self.launch_write
    }

    /// Only the FHIR scopes of some contexts; scopes of ours stay.
    pub fn only(mut self, contexts: &[Context]) -> Self {
        self.fhir.retain(|s| contexts.contains(&s.context));
        self
    }

    /// Is there a scope of this context?
    pub fn speaks_of(&self, context: Context) -> bool {
        self.fhir.iter().any(|scope| scope.context == context)
    }

    /// Only those FHIR scopes that are kept, by their place.
    pub fn keep(mut self, kept: impl Fn(usize) -> bool) -> Self {
        let mut place = 0..;
        self.fhir.retain(|_| place.next().is_some_and(&kept));
        self
    }

    /// Without the scopes that are ours and no FHIR scopes.
    pub fn without_ours(self) -> Self {
        Self { native_write: false, launch_write: false, ..self }
    }

    fn add(&mut self, scope: Scope) {
        if !self.fhir.contains(&scope) {
            self.fhir.push(scope);
        }
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        for scope in &self.fhir {
            write!(f, "{gap}{scope}")?;
            gap = " ";
        }
        let ours = [(self.native_write, NATIVE_WRITE), (self.launch_write, LAUNCH_WRITE)];
        for (_, scope) in ours.into_iter().filter(|(has, _)| *has) {
            write!(f, "{gap}{scope}")?;
            gap = " ";
        }
        Ok(())
    }
}
