//! One file per step of the way of a request and per part it stands on, with the names of `src/`.

mod asking;
mod audit;
mod audit_tree;
mod bearer;
mod cli;
mod config;
mod consent;
mod fhir_schema;
mod handle;
mod identity;
mod jose;
mod json;
mod listen;
mod listen_tls;
mod metadata;
mod native;
mod outbox;
mod pace;
mod peer;
mod peer_client;
mod peer_token;
mod people;
mod questionnaire;
mod signed;
mod smart;
mod token;
pub(crate) mod wires;
