//! What came of asking a peer.
//!
//! Part of asking peers; `client` makes it, whoever asked and `token` read it. The causes are for the log:
//! a caller learns that a source failed, and must never learn how.

use std::{fmt, io, time::Duration};

use bytes::Bytes;
use http::{Response, StatusCode};

use super::breaker::Health;

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// The peer answered, with whatever status but a redirect; the body is JSON or empty.
    Answered(Response<Bytes>),
    /// The peer cannot be reached, or answered nonsense.
    Failed(Failure),
    /// It was not asked.
    Refused(Refusal),
    /// The deadline passed.
    TimedOut,
}

/// Why a peer was not asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// Too many questions wait for it already.
    Busy,
    /// It has failed too often; to be asked again after about this long.
    Resting(Duration),
}

/// Why an answer does not count.
#[derive(Debug)]
pub enum Failure {
    /// The connection broke under the answer.
    Broken(hyper::Error),
    /// It is compressed, which was not asked for.
    Compressed,
    /// Its length is said in two ways, or in none.
    Framing,
    /// Its body is not JSON.
    NotJson,
    /// It gave no token, so it was not asked.
    NoToken,
    /// It points elsewhere.
    Redirected,
    /// It is larger than allowed.
    TooLarge,
    /// There is no connection: down, or the handshake failed.
    Unreachable(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken(_) => "the connection broke under the answer",
            Self::Compressed => "the answer is compressed",
            Self::Framing => "the answer's length is said in two ways or in none",
            Self::NotJson => "the answer is not JSON",
            Self::NoToken => "the peer gave no token",
            Self::Redirected => "the answer points elsewhere",
            Self::TooLarge => "the answer is too large",
            Self::Unreachable(_) => "there is no connection",
        })
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Broken(cause) => Some(cause),
            Self::Unreachable(cause) => Some(cause),
            Self::Compressed
            | Self::Framing
            | Self::NotJson
            | Self::NoToken
            | Self::Redirected
            | Self::TooLarge => None,
        }
    }
}

/// Why there is no good answer, for the log.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(response) => {
                write!(f, "it answered with status {}", response.status().as_u16())
            }
            Self::Failed(failure) => failure.fmt(f),
            Self::Refused(Refusal::Busy) => f.write_str("too many questions wait for it already"),
            Self::Refused(Refusal::Resting(_)) => {
                f.write_str("it is not asked, as it has failed too often")
            }
            Self::TimedOut => f.write_str("it did not answer in time"),
        }
    }
}

impl Outcome {
    pub(super) fn health(&self) -> Health {
        match self {
            Self::Answered(response) if response.status() < StatusCode::INTERNAL_SERVER_ERROR => {
                Health::Well
            }
            Self::Answered(_) | Self::Failed(_) | Self::Refused(_) | Self::TimedOut => Health::Ill,
        }
    }
}
