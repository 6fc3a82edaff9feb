//! The demo, as a user starts it: real gateways on real ports, every answer compared with the rules.

mod server;
mod slow;
