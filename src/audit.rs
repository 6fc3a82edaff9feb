//! The append-only log of who was told what, and its readable faces.
//!
//! The step between the answer and its first byte (design 3.5 and 9): a record is durable before
//! anything leaves. RFC 6962 tree over salted leaves, signed checkpoints (C2SP tlog-checkpoint), each
//! record sealed under its person's key so that forgetting the key erases it and the tree stays valid.
//! Never holds a token, an identity code or the free text of data; decides nothing.

pub mod step;
pub mod record;
pub mod frame;
pub mod tree;
pub mod chain;
pub mod log;
pub mod checkpoint;
pub mod segment;
pub mod index;
pub mod read;
pub mod event;
pub mod review;
pub mod verify;

pub use self::step::{Receipt, record};
