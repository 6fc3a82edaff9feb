//! Notifications: who wants to hear of changes, and what they are told.
//!
//! A road of its own with the same end as every other: release, record, send. The gateway walks it by
//! itself (`gateway::notify`); top to bottom:
//!
//! ```text
//! change      a commit, seen in the change sequence after it was acknowledged
//! touch       whose subscription is about that person: one look in an index, beside the write
//! standing    who subscribed, and what may they do now?                -> Caller, Grant
//! look        what of the topic do they see now that they did not?     -> Event, numbered
//! claim       the row is written first, naming the version it was read at
//! bundle      the notification, of hits alone                          -> Answer
//! audit       written down, durably                                    -> Receipt
//! send        to a place of the client's own list, signed
//! settle      told: forgotten. Not told: again after a pause, and after many given up
//! ```
//!
//! What must stay true:
//!
//! - *A change is not an event.* It only makes somebody look. An event is a difference between what the
//!   subscriber saw when last told and what the subscriber sees at the moment of sending: the decision
//!   is made then, by consents, law, registration and labels of then. What is hidden makes no event, no
//!   number and no other heartbeat, and what was withdrawn in between is not told.
//! - *Nobody is told that a person exists.* A subscription about a Patient who is hidden, who is absent or
//!   who never was is taken in the same words and stays silent alike.
//! - *At least once, in order.* One notification of a subscription is under way at a time, and it stays
//!   until it is acknowledged.
//! - *A number tells of nothing that was not sent.* Of what was tried and never let go, because its place
//!   could not be reached, the numbers are given to what is seen at the next try; `$status` and `$events`
//!   do not have them before. What may have arrived keeps its number, also when it may not be told any
//!   more: another event of the same number would be passed over by who had the first. Such a hole tells
//!   a subscriber of nothing but what the gateway has written down that it sent them.
//! - *One process sends.* Whoever serves a subscription first writes its row for the time that sending may
//!   take. A process that dies delays a notification by that time and loses none.
//! - Where it goes, how it is signed and with what token is the operator's to say, never the client's.
//!
//! Permits also begin and end with time alone, so each look says when the next one is due: what is
//! seen then is told then, whatever else happens. Sources: Subscriptions R5 Backport 1.1 for FHIR R4;
//! `consent` 2.2 (row 18) and 2.3.

pub mod look;
pub mod record;
pub mod sign;
pub mod topic;
pub mod wanted;
