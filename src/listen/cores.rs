//! One single-threaded runtime per core, each with ports of its own.
//!
//! Around `listen`: the kernel spreads connections over the ports (`SO_REUSEPORT`), and a request
//! stays on the core that took it. It must not know what is served.

use std::{io, pin::Pin, sync::Arc, thread};

use tokio::{runtime::Builder, task::JoinSet};

use super::{Answer, Door, Stop, Stopping, serve};
use crate::transport::Port;

/// A port, the rules at its door, and who answers behind it.
pub struct Entrance {
    /// Shared by the entrances of all cores.
    pub door: Arc<Door>,
    /// Bound on the core that serves it.
    pub port: Box<dyn Port>,
    /// Who answers.
    pub answer: Arc<dyn Answer>,
}

/// Binds one core's entrances; called on that core with its number.
pub type Bind<'a> = dyn Fn(usize) -> Binding<'a> + Sync + 'a;

/// One core's entrances on their way.
pub type Binding<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<Entrance>>> + 'a>>;

/// Serves on `cores` threads until asked to stop, and blocks as long. If one core cannot bind, or
/// breaks, all stop and its error is returned.
pub fn serve_per_core(cores: usize, bind: &Bind<'_>, stopping: &Stopping) -> io::Result<()> {
    let (all, stopped) = Stop::new();
    let run = |core| {
        let outcome = one_core(core, bind, stopping.clone(), stopped.clone());
        if outcome.is_err() {
            all.now();
        }
        outcome
    };
    thread::scope(|scope| {
        let start = |core| {
            let run = &run;
            thread::Builder::new()
                .name(format!("core-{core}"))
                .spawn_scoped(scope, move || run(core))
        };
        let started: Vec<_> = (0..cores.max(1)).map(start).collect();
        if started.iter().any(Result::is_err) {
            all.now();
        }
        started.into_iter().try_for_each(|thread| {
            thread?.join().unwrap_or_else(|_| Err(io::Error::other("a core's thread panicked")))
        })
    })
}

fn one_core(
    core: usize,
    bind: &Bind<'_>,
    mut stopping: Stopping,
    mut broken: Stopping,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (stop, asked) = Stop::new();
        let mut doors = JoinSet::new();
        for Entrance { door, port, answer } in bind(core).await? {
            doors.spawn(serve(door, port, answer, asked.clone()));
        }
        tokio::select! {
            () = stopping.asked() => (),
            () = broken.asked() => (),
            Some(ended) = doors.join_next() => ended.map_err(io::Error::other)?,
        }
        stop.now();
        while let Some(ended) = doors.join_next().await {
            ended.map_err(io::Error::other)?;
        }
        Ok(())
    })
}
