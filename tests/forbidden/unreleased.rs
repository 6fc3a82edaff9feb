//! Expects E0308: mapped data is searched before it is released.

fn search(mapped: mylife::mapping::Mapped, query: &mylife::query::Query) {
    drop(mylife::search::find(&std::sync::Arc::new(mapped), query));
}

fn main() {
    let _: fn(_, &_) = search;
}
