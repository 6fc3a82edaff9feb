//! The cache of what was decoded: its bound holds at every moment, however much is put in.

use std::sync::Arc;

use mylife::source::slot::{self, Slot};

const BOUND: u64 = 64 * 1024;
/// What a place without anybody's data weighs at least.
const LEAST: u64 = 256;

#[test]
fn who_goes_from_the_cache_is_let_go_of_at_once() {
    let slots = slot::cache(BOUND);
    let mut kept = Vec::new();
    for number in 0..5000 {
        let slot = Slot::of(None);
        kept.push(Arc::downgrade(&slot));
        slots.insert(format!("297.{number}").into(), slot);
        let alive = slots.len();
        assert!(alive as u64 <= BOUND / LEAST, "{alive} after {number}");
    }
    let alive = kept.iter().filter(|one| one.strong_count() > 0).count();
    assert!(alive > 0 && alive == slots.len(), "{alive} of {} in it are held", slots.len());
    // The same where one is put in again and again.
    let mut kept = Vec::new();
    for _ in 0..5000 {
        let slot = Slot::of(None);
        kept.push(Arc::downgrade(&slot));
        slots.insert("297.again".into(), slot);
    }
    assert_eq!(kept.iter().filter(|one| one.strong_count() > 0).count(), 1);
}
