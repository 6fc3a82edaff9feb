//! Documents pushed over TLS to several processes of a gateway by turns.
//!
//! Beside the way. Each document is a further assessment of another person; every acknowledgement is
//! awaited, 64 at a time.

use std::{cell::Cell, net::SocketAddr, process::Stdio, rc::Rc, time::Duration};

use mylife::clock::{Clock, SystemClock};
use tokio::{io::AsyncWriteExt, runtime::Builder, task::LocalSet};

use super::rounds::{
    CORE,
    client::{connect, connector, cpu_of, read},
    list, pinned, unlist,
    world::{HOST, World, assessment},
};

/// Documents of a round.
pub(crate) const DOCUMENTS: usize = 2000;
const CONNECTIONS: usize = 64;

/// What a round of pushing came to.
pub(crate) struct Pushed {
    /// Documents per second.
    pub(crate) per_second: f64,
    /// CPU time of the servers per document, in microseconds.
    pub(crate) cpu: f64,
}

impl Pushed {
    pub(crate) fn of(time: Duration, cpu: Duration) -> Self {
        let count = DOCUMENTS as f64;
        Self { per_second: count / time.as_secs_f64(), cpu: cpu.as_secs_f64() * 1e6 / count }
    }
}

/// One round, by a process of its own; the CPU time of `counted` counts.
pub(crate) fn load(at: &[SocketAddr], counted: &[u32], round: usize) -> Pushed {
    let words = ["push", &list(at), &list(counted), &round.to_string()];
    let output = pinned(CORE + 1, &words).stderr(Stdio::inherit()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut words = text.split_whitespace().map(|word| word.parse::<f64>().unwrap());
    let mut next = || words.next().expect("the client tells two figures");
    Pushed { per_second: next(), cpu: next() }
}

/// The other side of [`load`], with the words of its line.
pub(crate) fn run(world: &World, words: &[&str]) {
    let [at, counted, round] = words else { panic!("three words: {words:?}") };
    let (at, counted): (Vec<SocketAddr>, Vec<u32>) = (unlist(at), unlist(counted));
    let round: usize = round.parse().unwrap();
    let people = world.people().len();
    let token = world.token("source");
    // What is pushed is made beforehand.
    let question = |number: usize| {
        let all = round * DOCUMENTS + number;
        let (somebody, which) = (all % people, 1 + all / people);
        let body = assessment(&format!("p-{somebody}"), somebody, which).to_string();
        format!(
            "PUT /native/assessments/a-{somebody}-{which} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer \
             {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let questions: Rc<Vec<String>> = Rc::new((0..DOCUMENTS).map(question).collect());
    let (next, connector) = (Rc::new(Cell::new(0)), connector(world));
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let local = LocalSet::new();
    runtime.block_on(local.run_until(async {
        let mut links = Vec::new();
        for number in 0..CONNECTIONS {
            links.push(connect(&connector, at[number % at.len()]).await);
        }
        let clock = SystemClock::default();
        let (began, before) = (clock.elapsed(), cpu_of(&counted));
        let mut doing = Vec::new();
        for mut link in links {
            let (next, questions) = (Rc::clone(&next), Rc::clone(&questions));
            doing.push(tokio::task::spawn_local(async move {
                let mut answer = Vec::new();
                while let Some(question) = questions.get(next.replace(next.get() + 1)) {
                    link.write_all(question.as_bytes()).await.unwrap();
                    read(&mut link, &mut answer).await.expect("an answer");
                    let is_made = answer.starts_with(b"HTTP/1.1 201 ");
                    assert!(is_made, "{}", String::from_utf8_lossy(&answer));
                }
            }));
        }
        for one in doing {
            one.await.unwrap();
        }
        let time = clock.elapsed().checked_sub(began).unwrap();
        let cpu = cpu_of(&counted).checked_sub(before).unwrap();
        let Pushed { per_second, cpu } = Pushed::of(time, cpu);
        println!("{per_second} {cpu}");
    }));
}
