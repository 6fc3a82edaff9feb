//! What is wrong with a Redis and what mends it, in one line for the operator's log.
//!
//! Part of `shared`. Callers read nothing of it. What a server says of itself names no value and no
//! password; a key of ours that it names is a hash.

use std::fmt;

use ::redis::{ErrorKind, RedisError};

use crate::error::Error;

/// An error and its mend.
#[derive(Debug)]
pub(super) struct Fault(pub(super) RedisError);

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::unavailable(fault)
    }
}

impl Fault {
    fn mend(&self) -> &'static str {
        let Self(cause) = self;
        if cause.kind() == ErrorKind::AuthenticationFailed {
            return LOGIN;
        }
        if cause.kind() == ErrorKind::Io {
            return "start it, let this machine reach it, or correct shared.url; over TLS its \
                    certificate must be good today and vouched for by shared.authorities";
        }
        match cause.code() {
            Some("NOAUTH" | "WRONGPASS") => LOGIN,
            Some("NOPERM") => {
                "let its user do what the settings' example says at shared.user (ACL SETUSER)"
            }
            Some("OOM") => {
                "give it more memory, or let it forget (maxmemory-policy volatile-lru): what is kept \
                 there may be lost"
            }
            Some("MISCONF") => {
                "free its disk, or let it keep nothing there (save \"\"): nothing needs it"
            }
            Some("READONLY" | "MASTERDOWN") => {
                "it is a copy: name the master in shared.url, or its sentinels"
            }
            Some("WRONGTYPE") => {
                "another program writes under our names, which begin with mylife: and the node's code; \
                 let it use others"
            }
            Some("CLUSTERDOWN") => "parts of the cluster are served by nobody: CLUSTER INFO tells",
            Some("MOVED" | "CROSSSLOT") => {
                "it is one of a cluster: name nodes and say cluster = true"
            }
            Some("LOADING" | "BUSY") => "it is busy: wait",
            Some(_) | None => "look at its log",
        }
    }
}

const LOGIN: &str =
    "it refuses this user or password: correct shared.user, or shared.password_file";

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0, self.mend())
    }
}

impl std::error::Error for Fault {}
