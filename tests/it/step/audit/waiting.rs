//! Waiting: a thousand at once, on several runtimes, dropped half-way, moved to another runtime.

use std::{
    collections::HashSet,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
};

use mylife::audit::{log::FileDisk, log::Log, read::read, verify::verify};
use tokio::{runtime::Builder, task::JoinSet};

use super::{Dir, aino, all_keys, block_on, eero, entry, fill, signer};

async fn append(log: Arc<Log>, name: String) -> [u8; 32] {
    let payload = entry(&name).to_payload().unwrap();
    log.append(&aino(), &payload).await.unwrap().leaf
}

fn runtime() -> tokio::runtime::Runtime {
    Builder::new_current_thread().build().unwrap()
}

#[test]
fn a_thousand_at_once_on_four_runtimes_are_all_on_disk() {
    let dir = Dir::new();
    let log = Arc::new(dir.threaded(Arc::new(FileDisk)));
    let one_thread = |number: usize| {
        let log = Arc::clone(&log);
        thread::spawn(move || {
            runtime().block_on(async {
                let mut tasks = JoinSet::new();
                for n in 0..250 {
                    tasks.spawn(append(Arc::clone(&log), format!("{number}-{n}")));
                }
                tasks.join_all().await
            })
        })
    };
    let threads: Vec<_> = (0..4).map(one_thread).collect();
    let told: HashSet<[u8; 32]> =
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    assert_eq!((told.len(), log.head().size), (1000, 1000));
    let head = log.head();
    drop(log);

    assert_eq!(dir.open().head(), head);
    let found: Vec<_> = read(dir.path(), &all_keys).unwrap().map(Result::unwrap).collect();
    assert!(found.iter().all(|found| told.contains(&found.leaf)));
    let requests: HashSet<_> = found.iter().map(|f| f.entry.clone().unwrap().request).collect();
    assert_eq!(requests.len(), 1000);
    assert_eq!(verify(dir.path(), Some(&signer().verifier()), &all_keys).unwrap().fault, None);
}

#[test]
fn who_has_no_runtime_is_served_too() {
    let dir = Dir::new();
    let log = Arc::new(dir.threaded(Arc::new(FileDisk)));
    let bare = |n: u32| {
        let future = append(Arc::clone(&log), format!("bare{n}"));
        thread::spawn(move || park_on(future))
    };
    let threads: Vec<_> = (0..20).map(bare).collect();
    for thread in threads {
        assert_ne!(thread.join().unwrap(), [0; 32]);
    }
    assert_eq!(log.head().size, 20);
}

/// The smallest executor: a thread that sleeps until it is woken.
fn park_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_future_dropped_at_any_time_keeps_its_record_and_wakes_the_others() {
    let dir = Dir::new();
    let log = Arc::new(dir.threaded(Arc::new(FileDisk)));
    runtime().block_on(async {
        let mut tasks = JoinSet::new();
        for n in 0..300 {
            let payload = entry(&format!("d{n}")).to_payload().unwrap();
            let mut future = Box::pin(log.append(&eero(), &payload));
            if n % 3 == 1 {
                let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                assert!(polled.is_pending() || matches!(polled, Poll::Ready(Ok(_))));
            }
            if n % 3 == 2 {
                tasks.spawn(async move { future.await.unwrap() });
            }
        }
        assert_eq!(tasks.join_all().await.len(), 100);
    });
    log.close().unwrap();
    assert_eq!(log.head().size, 300);
}

#[test]
fn a_waiter_may_move_when_its_runtime_stands_still_or_has_ended() {
    let dir = Dir::new();
    let log = Arc::new(dir.threaded(Arc::new(FileDisk)));
    for ends in [false, true] {
        let first = runtime();
        let name = |n| format!("{ends}{n}");
        let mut waiting: Vec<_> =
            (0..20).map(|n| Box::pin(log.append(&aino(), name(n).as_bytes()))).collect();
        let done: Vec<bool> = first.block_on(async {
            let mut context = Context::from_waker(Waker::noop());
            waiting.iter_mut().map(|w| w.as_mut().poll(&mut context).is_ready()).collect()
        });
        let standing = if ends { None } else { Some(first) };
        runtime().block_on(async {
            for (future, _) in waiting.into_iter().zip(done).filter(|(_, done)| !done) {
                future.await.unwrap();
            }
        });
        drop(standing);
    }
    log.close().unwrap();
    assert_eq!(log.head().size, 40);
}

#[test]
fn a_full_batch_is_written_while_its_runtime_is_still_at_its_turn() {
    let dir = Dir::new();
    let log = Arc::new(dir.threaded(Arc::new(FileDisk)));
    runtime().block_on(async {
        let waiting: Vec<_> =
            (0..64).map(|n| log.append(&aino(), format!("{n}").as_bytes())).collect();
        // The turn does not end: nothing is awaited, and the relay cannot call the writer.
        let written = (0..10_000_000).any(|_| {
            thread::yield_now();
            log.head().size >= 32
        });
        assert!(written, "{} of 64 are written", log.head().size);
        for future in waiting {
            future.await.unwrap();
        }
    });
    assert_eq!(log.head().size, 64);
}

#[test]
fn records_appended_together_share_a_batch_and_keep_their_order() {
    let dir = Dir::new();
    let log = dir.threaded(Arc::new(FileDisk));
    let (aino, eero) = (aino(), eero());
    let pieces: Vec<_> = (0..5).map(|n| entry(&format!("p{n}")).to_payload().unwrap()).collect();
    let keys = [&aino, &eero, &aino, log.node_key(), &eero];
    let records: Vec<_> = keys.into_iter().zip(pieces.iter().map(Vec::as_slice)).collect();
    let recorded = block_on(log.append_many(&records)).unwrap();
    assert_eq!(block_on(log.append_many::<&[u8]>(&[])).unwrap(), []);
    log.close().unwrap();
    let found: Vec<_> = read(dir.path(), &all_keys).unwrap().map(Result::unwrap).collect();
    let pairs = found.iter().zip(&recorded);
    assert!(pairs.clone().all(|(found, recorded)| found.leaf == recorded.leaf));
    assert!(recorded.iter().all(|one| one.durable_at == recorded[0].durable_at));
    let names: Vec<_> = found.iter().map(|f| f.entry.clone().unwrap().request).collect();
    assert_eq!(names, ["p0", "p1", "p2", "p3", "p4"]);
}

#[test]
fn a_receipt_is_bound_to_its_leaf() {
    let dir = Dir::new();
    let log = dir.open();
    fill(&log, 1);
    let mac = log.receipt_mac(&[1; 32]);
    assert_eq!(mac, log.receipt_mac(&[1; 32]));
    assert_ne!(mac, log.receipt_mac(&[2; 32]));
}
