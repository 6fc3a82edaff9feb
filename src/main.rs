//! Starts the command line and says why it stopped.

fn main() {}
