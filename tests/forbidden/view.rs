//! Expects E0624: a view of a person that no decision made.

fn main() {
    let forge = mylife::consent::view::View::new;
    drop(forge);
}
