//! The arithmetic of limits is the same in Rust and in Lua.

use std::{sync::Arc, time::Duration};

use mylife::{
    domain::moment::Moment,
    shared::{Limit, Shared, process::Process},
};
use proptest::prelude::*;

use super::{Server, one, redis};
use crate::shared::{NOON, key};

/// Any limit, at the ends too.
fn limits() -> impl Strategy<Value = Limit> {
    let micros = prop_oneof![1_u64..10, 1_u64..2_000_000, 1_u64..100_000_000_000];
    let burst = prop_oneof![1_u32..4, 1_u32..5000, any::<u32>()];
    (micros, burst).prop_map(|(micros, burst)| Limit::new(Duration::from_micros(micros), burst))
}

/// A step of the clock, mostly small, now and then back or far.
fn steps() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 0_i64..50,
        2 => 0_i64..100_000,
        1 => -5000_i64..0,
        1 => -200_000_000_i64..200_000_000,
    ]
}

#[test]
fn both_count_alike() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Server::start(&[]);
    let there = redis(one(&server));
    let here: Arc<dyn Shared> = Arc::new(Process::default());
    let asked = prop::collection::vec((limits(), 0_u8..3, steps(), 0_u32..200), 1..60);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(150));
    let case = std::cell::Cell::new(0_u32);
    runner
        .run(&(asked, prop::option::of(any::<i64>())), |(asked, start)| {
            case.set(case.get() + 1);
            let mut now = start.unwrap_or(NOON.millis());
            for (limit, which, step, most) in asked {
                now = now.saturating_add(step);
                let (key, now) =
                    (key(&format!("{} {which}", case.get())), Moment::from_millis(now));
                let (ours, theirs) = runtime.block_on(async {
                    let ours = here.permit(&key, limit, most, now).await.unwrap();
                    (ours, there.permit(&key, limit, most, now).await.unwrap())
                });
                prop_assert_eq!(ours, theirs, "{:?} {} at {:?}", limit, most, now);
            }
            Ok(())
        })
        .unwrap();
}
