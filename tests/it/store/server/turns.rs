//! What one process of a gateway does at a time, by the server's clock alone; and the settings of all.

use std::{sync::Arc, time::Duration};

use mylife::store::{Settings, Store};
use tokio::task::JoinSet;

use super::{Directory, fresh, on_one_thread, open, shared};

const LIFE: Duration = Duration::from_mins(10);

#[test]
fn a_turn_is_one_processs_until_it_is_given_back_or_its_time_is_over() {
    let (name, database) = fresh();
    let directories = [(); 2].map(|()| Directory::new("turns"));
    on_one_thread(async {
        let a = open(&directories[0], database.clone()).await;
        let b = open(&directories[1], database.clone()).await;
        let takes = async |who: &Arc<dyn Store>, what| who.take_turn(what, LIFE).await.unwrap();
        assert!(takes(&a, "post").await && !takes(&b, "post").await);
        assert!(takes(&a, "post").await, "who has it keeps it");
        assert!(takes(&b, "other").await, "another's name is another turn");
        b.end_turn("post").await.unwrap();
        assert!(!takes(&b, "post").await, "nobody gives back what is another's");
        a.end_turn("post").await.unwrap();
        assert!(takes(&b, "post").await && !takes(&a, "post").await);
        // Who has it is gone: by the server's clock it ends, whatever processes think of the time.
        let over = "UPDATE turn SET until = clock_timestamp() - interval '1 millisecond'";
        shared().run(&name, over);
        assert!(takes(&a, "post").await && !takes(&b, "post").await);
        // Started again it is the same process, and has what it had.
        drop(a);
        let a = open(&directories[0], database.clone()).await;
        assert!(!takes(&b, "post").await && takes(&a, "post").await);
    });
}

/// As many processes as there are, each with a word of its own.
async fn all<T: Send + 'static>(
    stores: &[Arc<dyn Store>],
    ask: impl Fn(u8, Arc<dyn Store>) -> mylife::store::Task<T>,
) -> Vec<T> {
    let mut asking = JoinSet::new();
    for (number, store) in (0_u8..).zip(stores) {
        asking.spawn(ask(number, Arc::clone(store)));
    }
    asking.join_all().await.into_iter().map(Result::unwrap).collect()
}

#[test]
fn of_many_who_want_a_turn_or_settings_at_once_one_is_first() {
    let (_, database) = fresh();
    let directories = [(); 6].map(|()| Directory::new("first"));
    on_one_thread(async {
        let mut stores = Vec::new();
        for directory in &directories {
            stores.push(open(directory, database.clone()).await);
        }
        for number in 1..20 {
            let name = format!("turn {number}");
            let took = all(&stores, |_, store| store.take_turn(&name, LIFE)).await;
            assert_eq!(took.into_iter().filter(|took| *took).count(), 1);
            let own = |mark| Settings { number, mark: [mark; 32] };
            let settled = all(&stores, |mark, store| store.settle(own(mark))).await;
            assert!(settled.iter().all(|one| *one == settled[0] && one.number == number));
            let older = Settings { number: number - 1, mark: [99; 32] };
            assert_eq!(stores[3].settle(older).await.unwrap(), settled[0], "they only grow");
            assert_eq!(stores[0].revoked(0).await.unwrap().settings, number, "who follows hears");
        }
    });
}
