//! Expects E0451: a grant that no scope gave.

fn forge(caller: std::sync::Arc<mylife::authenticate::Caller>, call: mylife::route::Call) {
    drop(mylife::scope::Grant { caller, call });
}

fn main() {
    let _: fn(_, _) = forge;
}
