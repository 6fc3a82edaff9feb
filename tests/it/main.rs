//! All tests of the gateway, in one binary: what users live, the steps of the way one by one, what
//! must not compile, and the house rules.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unused_self,
    reason = "a test that cannot build its world should stop at once"
)]

mod audit_log;
mod demo;
mod forbidden;
mod leak;
mod load;
mod property;
mod readme;
mod refusal;
mod seal;
mod shared;
mod simulated;
mod step;
mod store;
mod story;
mod table;
mod tidy;
mod world;
