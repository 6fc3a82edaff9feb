//! Expects E0624: a caller without a token.

fn main() {
    let forge = mylife::authenticate::Caller::new;
    drop(forge);
}
