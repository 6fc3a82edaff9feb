//! # The My Life gateway
//!
//! One controller's gateway in front of its own My Life data, or the national portal's without any.
//! It maps life assessments and welfare plans to FHIR R4 and answers another gateway, a portal, a
//! regional service or a citizen only what the person's consent, the law table and the caller's
//! scopes allow, down to the single theme.
//!
//! ## The way of a request
//!
//! Start at [`gateway`]: one function on one screen, in which every module below is one step.
//!
//! ```text
//! listen        what arrives is one request, within bounds         -> Incoming
//! route         what is asked?                                     -> Call
//! authenticate  who asks?                                          -> Caller
//! scope         may they ask this at all?                          -> Grant
//! query         what exactly?                                      -> Query
//! federation    whom do we ask, what did they answer?              -> Plan, Answered, Completeness
//! source        what do we hold ourselves?                         -> Held
//! mapping       what is that in FHIR?                              -> Mapped
//! consent       what may leave?                                    -> View
//! search        what of that was asked for?                        -> Found
//! bundle        one answer of it                                   -> Answer
//! audit         written down, durably                              -> Receipt
//! respond       only then it leaves                                -> Response
//! ```
//!
//! Writes walk `route`, `authenticate`, `scope`, [`native`] or `consent::profile`, [`commit`],
//! `audit`, `respond`.
//!
//! ## What must stay true
//!
//! Stated as absences; each has a test that would fail.
//!
//! - No data reaches `respond` that did not pass a [`consent::view::View`], and no answer leaves
//!   without a [`audit::Receipt`]: forging one does not compile (`tests/forbidden`).
//! - No step after `consent` can reach a store, a compartment or an unreleased segment, so matching,
//!   sorting, counting and paging depend on nothing the reader may not see.
//! - No error path of `consent` yields data: what cannot be decided is not released.
//! - Nothing a caller sends loosens a decision; it can only narrow.
//! - No source that fails costs an answer more than its own part.
//! - No identity code, name, token or secret stands in a URL, log, metric, trace or error text.
//! - No module names one above it (`tests/tables/directions.txt`).
//!
//! ## Words
//!
//! | word | Finnish | what it is |
//! |---|---|---|
//! | compartment | asiakkaan tiedot | everything about one person at one gateway; the unit of loading and deciding |
//! | kind | laji | the distinct tuple of all that a decision reads of a piece of data |
//! | theme | teema, elämänalue | one of the ten themes of the 3X10D survey |
//! | withheld class | erityinen tieto | a label no permit covers unless it names it: own words, contact, psychiatry, substance use, child protection |
//! | grant, prohibition | suostumus, kielto | the two forms of consent |
//! | case manager | omatyöntekijä | the one professional who answers for the whole plan |
//! | proposal | ehdotus | what somebody asks of a plan that another keeps |
//! | node | solmu | one gateway, by its short code: `297` for Kuopio |
//! | handle | kahva | an identity code sealed to one other gateway |
//!
//! ## Log
//!
//! `tracing` lines say what the operator can act on: `road`, `status`, `source.name`, `reason`,
//! `request.id`. Never a person, a query, a body or a token. Who saw what is not a log line but a
//! record in the [`audit`] log.

pub mod cli;
pub mod config;
pub mod serve;
pub mod gateway;
pub mod listen;
pub mod route;
pub mod authenticate;
pub mod scope;
pub mod query;
pub mod federation;
pub mod source;
pub mod mapping;
pub mod consent;
pub mod search;
pub mod circle;
pub mod collective;
pub mod indicator;
pub mod bundle;
pub mod audit;
pub mod respond;
pub mod former;
pub mod commit;
pub mod oauth;
pub mod native;
pub mod export;
pub mod notify;
pub mod demo;
pub mod compartment;
pub mod directory;
pub mod domain;
pub mod fhir;
pub mod fhirpath;
pub mod smart;
pub mod unit;
pub mod handle;
pub mod shared;
pub mod store;
pub mod json;
pub mod percent;
pub mod markup;
pub mod digest;
pub mod seal;
pub mod transport;
pub mod pki;
pub mod telemetry;
pub mod error;
pub mod clock;
pub mod mutant;
pub mod chance;
mod memory;
