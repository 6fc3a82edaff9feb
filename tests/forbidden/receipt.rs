//! Expects E0451: a receipt that nobody wrote down.

fn main() {
    let deadline = std::time::Duration::MAX;
    drop(mylife::audit::Receipt { leaf: [0; 32], deadline, gateway: None, people: Vec::new() });
}
