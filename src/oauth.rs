//! The authorization server's core: tokens for backend services and between gateways.
//!
//! A road of its own beside the way of a request: what it issues is what `authenticate` accepts.
//! Sources: RFC 6749, SMART App Launch 2.2 `backend-services`, RFC 7523, RFC 8693, RFC 8414. Reads no person's
//! data and logs none.

pub mod keys;
pub mod form;
pub mod refused;
pub mod token;
mod pace;
mod own_proof;
pub mod place;
pub mod issuers;
mod possession;
pub mod client;
pub mod launch;
pub mod code;
pub mod refresh;
pub mod introspect;
pub mod revoke;
pub mod grant;
mod exchange;
pub mod metadata;
