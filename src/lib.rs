//! The My Life gateway.

pub mod domain;
pub mod store;
pub mod error;
pub mod clock;
pub mod chance;
