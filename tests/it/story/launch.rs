//! People log in to an app and let it use what is theirs.

mod attacks;
mod citizen;
mod others;
mod provider;
mod refresh;
