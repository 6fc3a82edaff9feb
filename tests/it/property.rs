//! What must hold of any store, any reader and any question: non-interference, release within what is
//! decided, and resources that stay FHIR R4 whatever is left out of them.

mod absent;
mod asked;
mod asked_of_past;
mod circle;
mod edit;
mod explained;
mod expressions;
mod handed_in;
mod history;
mod indicator;
mod interference;
mod lab;
mod lens;
mod merge;
mod oracle;
mod past;
mod reader;
mod released;
mod round_trip;
mod shelf;
mod validity;
mod world;
mod writes;
mod writes_by_chance;
mod written;

/// Cases of a property where each costs some requests.
const SOME: u32 = 150;
/// Cases of a property where each costs little.
const MANY: u32 = 300;
