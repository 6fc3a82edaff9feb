//! In this process.

use std::{sync::Arc, time::Duration};

use mylife::shared::{Limit, Shared, process::Process};

use super::{NOON, after, key, suite};

#[tokio::test]
async fn the_suite_holds() {
    suite::all(Arc::new(Process::default())).await;
}

#[tokio::test]
async fn a_flood_of_names_neither_grows_nor_frees_who_has_used_up_the_most() {
    let process = Process::holding(1600);
    let limit = Limit::new(Duration::from_secs(10), 20);
    assert_eq!(process.permit_now(&key("victim"), limit, 20, NOON).granted, 20);
    process.put(&key("kept"), b"long", after(3_600_000), NOON).await.unwrap();
    for n in 0..20_000 {
        let name = key(&n.to_string());
        assert!(process.permit_now(&name, limit, 1, NOON).allowed());
        process.put(&name, b"short", after(1000), NOON).await.unwrap();
    }
    assert!(!process.permit_now(&key("victim"), limit, 1, NOON).allowed());
    assert!(process.look(&key("kept"), NOON).await.unwrap().is_some());
    let mut left = 0;
    for n in 0..20_000 {
        left += usize::from(process.look(&key(&n.to_string()), NOON).await.unwrap().is_some());
    }
    assert!((800..=1600).contains(&left), "{left} of 20,000 are kept");
}

#[test]
fn every_limit_is_one() {
    let day = Duration::from_hours(24);
    for (interval, burst) in
        [(Duration::ZERO, 0), (day * 9, 9), (Duration::from_micros(1), u32::MAX)]
    {
        let limit = Limit::new(interval, burst);
        for limit in [limit, limit.part(0), limit.part(7), limit.part(u32::MAX)] {
            let process = Process::default();
            let first = process.permit_now(&key("a"), limit, u32::MAX, NOON);
            assert!(first.allowed() && first.remaining == 0, "{limit:?} {first:?}");
            let next = process.permit_now(&key("a"), limit, 1, NOON);
            assert!(!next.allowed() && next.retry_after > Duration::ZERO, "{limit:?} {next:?}");
            let later = NOON.plus(next.retry_after + Duration::from_millis(1));
            assert!(process.permit_now(&key("a"), limit, 1, later).allowed(), "{limit:?}");
            assert!((1..=1024).contains(&limit.lease()));
        }
    }
}
