//! Expects E0451: a receipt that nobody wrote down.

fn main() {
    drop(mylife::audit::Receipt { leaf: [0; 32], deadline: std::time::Duration::MAX });
}
