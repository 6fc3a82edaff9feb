//! How stored things look to a developer: what they are, never what they say.
//!
//! Belongs to `store`. Bodies, parts, keys and messages appear as a number of bytes, so that no
//! `{:?}` in a log line or an assertion carries personal data or a secret.

use std::fmt::{Debug, Formatter, Result};

use crate::store::{Change, Document, Job, Outgoing, Permission, Stored, Subscription};

/// A length in the place of what has it.
struct Bytes(usize);

impl Debug for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "<{} bytes>", self.0)
    }
}

impl Debug for Document {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Document")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("version", &self.version)
            .field("recorded", &self.recorded)
            .field("parts", &Bytes(self.parts.len()))
            .field("body", &Bytes(self.body.len()))
            .finish_non_exhaustive()
    }
}

impl Debug for Stored {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Stored")
            .field("patient", &self.patient)
            .field("version", &self.version)
            .field("changed", &self.changed)
            .field("documents", &self.documents)
            .finish_non_exhaustive()
    }
}

impl Debug for Change {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Change")
            .field("patient", &self.patient)
            .field("based_on", &self.based_on)
            .field("now", &self.now)
            .field("documents", &self.documents)
            .field("names", &self.names.len())
            .field("record", &Bytes(self.record.len()))
            .field("outbox", &self.outbox)
            .finish_non_exhaustive()
    }
}

impl Debug for Outgoing {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Outgoing")
            .field("key", &self.key)
            .field("peer", &self.peer)
            .field("body", &Bytes(self.body.len()))
            .finish()
    }
}

impl Debug for Job {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Job")
            .field("owner", &self.owner)
            .field("until", &self.until)
            .field("body", &Bytes(self.body.len()))
            .finish_non_exhaustive()
    }
}

impl Debug for Permission {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Permission")
            .field("until", &self.until)
            .field("used", &self.used)
            .field("body", &Bytes(self.body.len()))
            .finish_non_exhaustive()
    }
}

impl Debug for Subscription {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Subscription")
            .field("owner", &self.owner)
            .field("version", &self.version)
            .field("state", &self.state)
            .field("due", &self.due)
            .field("ready", &self.ready)
            .field("body", &Bytes(self.body.len()))
            .finish_non_exhaustive()
    }
}
