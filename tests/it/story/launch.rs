//! People log in to an app and let it use what is theirs.

mod attacks;
mod citizen;
mod given;
mod held;
mod keyed;
mod opened;
mod others;
mod pages;
mod provider;
mod refresh;
mod told;
