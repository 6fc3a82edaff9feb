//! What can go wrong, and the one table from it to the wire.
//!
//! Floor of the house: named by every step, names none. `say` is read by the caller and never holds
//! personal data or the cause; `source` is read by the operator's log alone. Sources of the codes:
//! FHIR R4 `issue-type` value set, RFC 9110 section 15.

use std::{borrow::Cow, error, fmt, sync::Arc, time::Duration};

/// Result of a step that can refuse.
pub type Result<T> = std::result::Result<T, Error>;

/// What a caller may branch on. The row of each is in [`Kind::shape`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Two writes disagree; re-read, then try again.
    Conflict,
    /// `Expect` asks for what nobody here can promise.
    Expectation,
    /// The token's life is over.
    Expired,
    /// A scope is missing; independent of any person's data.
    Forbidden,
    /// It was there for this reader, and is no more.
    Gone,
    /// The head of the request is larger than the limit.
    HeadTooLarge,
    /// A fault of the gateway.
    Internal,
    /// The request breaks the grammar of URLs, parameters or JSON.
    Invalid,
    /// The method does not exist on this path.
    MethodNotAllowed,
    /// No representation the caller accepts.
    NotAcceptable,
    /// Absent, hidden or deleted while hidden: the same bytes.
    NotFound,
    /// A known thing that this gateway does not do.
    NotSupported,
    /// `If-Match` names another version.
    PreconditionFailed,
    /// The body came too slowly.
    RequestTimeout,
    /// A source answered nonsense.
    SourceFailed,
    /// A source did not answer within its deadline.
    SourceTimeout,
    /// Store or audit log cannot be reached; nothing is released.
    Unavailable,
    /// Too many requests.
    Throttled,
    /// The answer would cost more than a request may.
    TooCostly,
    /// The request target is longer than the limit.
    TargetTooLong,
    /// The body is larger than the limit.
    TooLarge,
    /// No credentials, or two.
    Unauthenticated,
    /// Credentials that do not verify.
    InvalidToken,
    /// A proof of possession that is none for this request.
    UnprovenKey,
    /// A proof of possession that repeats no number of ours.
    NumberNeeded,
    /// Well-formed, but it breaks a profile or a business rule.
    Unprocessable,
    /// A content type the gateway does not read.
    UnsupportedMedia,
}

/// How a [`Kind`] looks on the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shape {
    /// HTTP status.
    pub status: u16,
    /// `OperationOutcome.issue.code`.
    pub code: &'static str,
}

impl Kind {
    /// The one table from what went wrong to HTTP status and issue code.
    pub const fn shape(self) -> Shape {
        let (status, code) = match self {
            Self::Conflict => (409, "conflict"),
            Self::Expectation => (417, "not-supported"),
            Self::Expired => (401, "expired"),
            Self::Forbidden => (403, "forbidden"),
            Self::Gone => (410, "deleted"),
            Self::HeadTooLarge => (431, "too-long"),
            Self::Internal => (500, "exception"),
            Self::Invalid => (400, "invalid"),
            Self::InvalidToken | Self::NumberNeeded | Self::Unauthenticated | Self::UnprovenKey => {
                (401, "login")
            }
            Self::MethodNotAllowed => (405, "not-supported"),
            Self::NotAcceptable => (406, "not-supported"),
            Self::NotFound => (404, "not-found"),
            Self::NotSupported => (400, "not-supported"),
            Self::PreconditionFailed => (412, "conflict"),
            Self::RequestTimeout => (408, "timeout"),
            Self::SourceFailed => (502, "transient"),
            Self::SourceTimeout => (504, "timeout"),
            Self::TargetTooLong => (414, "too-long"),
            Self::Throttled => (429, "throttled"),
            Self::TooCostly => (422, "too-costly"),
            Self::TooLarge => (413, "too-long"),
            Self::Unavailable => (503, "no-store"),
            Self::Unprocessable => (422, "business-rule"),
            Self::UnsupportedMedia => (415, "not-supported"),
        };
        Shape { status, code }
    }
}

/// One refusal: what to branch on, what to tell the caller, where, and why.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    say: Cow<'static, str>,
    expression: Vec<String>,
    retry_after: Option<Duration>,
    about: Option<Arc<str>>,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

impl Error {
    /// `say` says what to do, without personal data and without the cause.
    pub fn new(kind: Kind, say: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            say: say.into(),
            expression: Vec::new(),
            retry_after: None,
            about: None,
            source: None,
        }
    }

    /// The same bytes for everything a reader may not know of.
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "There is no such resource for this reader.")
    }

    /// What was there for this reader, and is no more.
    pub fn gone() -> Self {
        Self::new(Kind::Gone, "This resource was there and is no more; see its _history.")
    }

    /// The request breaks a grammar.
    pub fn invalid(say: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Invalid, say)
    }

    /// A fault of the gateway, with its cause for the log.
    pub fn internal(source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self::new(Kind::Internal, "The gateway failed; its log has the cause.").because(source)
    }

    /// Store or log cannot be reached, with the cause for the log.
    pub fn unavailable(source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self::new(Kind::Unavailable, "Storage cannot be reached; try again later.").because(source)
    }

    /// An answer that may not start any more, since what it rests on may have been withdrawn.
    pub fn too_old() -> Self {
        Self::new(Kind::Unavailable, "The answer is too old to leave; ask again.")
    }

    /// More requests than may be, and when the next may come.
    pub fn throttled(retry_after: Duration) -> Self {
        let say = "Too many requests; wait as long as Retry-After says.";
        Self { retry_after: Some(retry_after), ..Self::new(Kind::Throttled, say) }
    }

    /// Adds the place: a `FHIRPath` or a JSON path.
    pub fn at(mut self, expression: impl Into<String>) -> Self {
        self.expression.push(expression.into());
        self
    }

    /// Says of whose data it tells something, by the Patient's id: for the audit log alone.
    pub fn about(mut self, patient: &Arc<str>) -> Self {
        self.about = Some(Arc::clone(patient));
        self
    }

    /// Adds the cause, for the log alone.
    pub fn because(mut self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What a caller may branch on.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What the caller reads.
    pub fn say(&self) -> &str {
        &self.say
    }

    /// Of whose data it tells something. What is absent, and what failed, tells nothing of anybody.
    pub fn whose(&self) -> Option<&Arc<str>> {
        let tells = self.kind.shape().status < 500 && self.kind != Kind::NotFound;
        self.about.as_ref().filter(|_| tells)
    }

    /// When to try again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Where in the input.
    pub fn expression(&self) -> &[String] {
        &self.expression
    }
}

/// Seconds of a `Retry-After`: rounded up, at least one (RFC 9110 section 10.2.3).
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.say)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}
