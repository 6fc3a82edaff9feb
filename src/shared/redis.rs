//! What is shared, on Redis: single keys alone, so a cluster serves as well as one server.
//!
//! Part of `shared`. Keys are `mylife:{node}:{p|v|o}:{hash}`, channels `mylife:{node}:wake:{topic}`;
//! nothing else is read or written, so others may live on the same server. The hash is keyed, so
//! neither addresses nor client ids can be read off it. The server's own expiry only tidies up, a
//! minute after what the value says. Needs Redis 6.2.

pub mod door;
mod ear;
mod fault;
mod line;

use std::sync::Arc;

use ::redis::{Cmd, FromRedisValue, Script};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::sync::watch;

use self::{door::Door, ear::Ears, line::Line};
use super::{
    Key, Limit, Permit, Shared, Task, Topic, VALUE_LIFE, fits,
    gcra::{self, micros},
};
use crate::{
    clock::Clock,
    domain::{id::NodeCode, moment::Moment},
    error::Result,
};

/// How long the server keeps what has ended, in milliseconds: clocks differ.
const GRACE: i64 = 60_000;
/// Bytes of the hash in a key.
const HASH: usize = 16;

/// A Redis, reached when it is needed.
pub struct Redis {
    line: Line,
    ears: Ears,
    prefix: String,
    name_key: hmac::Key,
    permit: Program,
    once: Program,
}

impl Redis {
    /// Nothing is asked of the server yet.
    pub fn new(
        door: Arc<Door>,
        node: &NodeCode,
        name_key: &[u8; 32],
        clock: Arc<dyn Clock>,
    ) -> Self {
        let prefix = format!("mylife:{node}:");
        Self {
            ears: Ears::new(Arc::clone(&door), &prefix),
            line: Line::new(door, clock),
            prefix,
            name_key: hmac::Key::new(hmac::HMAC_SHA256, name_key),
            permit: Program::new(include_str!("redis/permit.lua")),
            once: Program::new(include_str!("redis/once.lua")),
        }
    }

    fn name(&self, space: char, key: &Key) -> String {
        let hash = hmac::sign(&self.name_key, key.bytes());
        let short = hash.as_ref().get(..HASH).unwrap_or_default();
        format!("{}{space}:{}", self.prefix, URL_SAFE_NO_PAD.encode(short))
    }

    /// Runs a script by its hash, and sends it where the server does not know it (yet, or any more).
    async fn script<T: FromRedisValue>(
        &self,
        program: &Program,
        key: &str,
        arguments: &[i64],
    ) -> Result<T> {
        let call = |verb: &str, script: &str| {
            let mut command = ::redis::cmd(verb);
            command.arg(script).arg(1).arg(key).arg(arguments);
            command
        };
        let known = call("EVALSHA", &program.hash);
        let whole = || call("EVAL", program.text);
        self.line.ask_or_teach(&known, whole).await
    }
}

/// A script, and the hash by which a server that has seen it knows it.
struct Program {
    text: &'static str,
    hash: String,
}

impl Program {
    fn new(text: &'static str) -> Self {
        Self { text, hash: Script::new(text).get_hash().to_owned() }
    }
}

/// Milliseconds until the server may forget it.
fn life(until: Moment, now: Moment) -> i64 {
    until.millis().saturating_sub(now.millis()).max(0).saturating_add(GRACE)
}

impl Shared for Redis {
    fn kind(&self) -> &'static str {
        "redis"
    }

    fn permit<'a>(
        &'a self,
        key: &'a Key,
        limit: Limit,
        most: u32,
        now: Moment,
    ) -> Task<'a, Permit> {
        Box::pin(async move {
            let key = self.name('p', key);
            let arguments = [micros(now), limit.interval, limit.burst, most.into(), GRACE];
            let (granted, remaining, wait) = self.script(&self.permit, &key, &arguments).await?;
            Ok(gcra::permit(granted, remaining, wait))
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        value: &'a [u8],
        until: Moment,
        now: Moment,
    ) -> Task<'a, ()> {
        Box::pin(async move {
            fits(value)?;
            let until = until.min(now.plus(VALUE_LIFE));
            let framed = [&micros(until).to_be_bytes(), value].concat();
            let mut put = ::redis::cmd("SET");
            put.arg(self.name('v', key)).arg(framed).arg("PX").arg(life(until, now));
            self.line.ask(&put).await
        })
    }

    fn look<'a>(&'a self, key: &'a Key, now: Moment) -> Task<'a, Option<Vec<u8>>> {
        Box::pin(async move { Ok(unframed(self.line.ask(&self.read("GET", key)).await?, now)) })
    }

    fn take<'a>(&'a self, key: &'a Key, now: Moment) -> Task<'a, Option<Vec<u8>>> {
        Box::pin(async move { Ok(unframed(self.line.ask(&self.read("GETDEL", key)).await?, now)) })
    }

    fn once<'a>(&'a self, key: &'a Key, until: Moment, now: Moment) -> Task<'a, bool> {
        Box::pin(async move {
            let until = until.min(now.plus(VALUE_LIFE));
            let arguments = [micros(now), micros(until), life(until, now)];
            self.script(&self.once, &self.name('o', key), &arguments).await
        })
    }

    fn wake(&self, topic: Topic, sequence: u64) -> Task<'_, ()> {
        Box::pin(async move {
            let mut wake = ::redis::cmd("PUBLISH");
            wake.arg(ear::channel(&self.prefix, topic)).arg(sequence);
            self.line.ask(&wake).await
        })
    }

    fn wakes(&self, topic: Topic) -> watch::Receiver<u64> {
        self.ears.wakes(topic)
    }
}

impl Redis {
    fn read(&self, verb: &str, key: &Key) -> Cmd {
        let mut read = ::redis::cmd(verb);
        read.arg(self.name('v', key));
        read
    }
}

/// The value, if its end is not reached. One that ends later than any of ours is somebody else's.
fn unframed(framed: Option<Vec<u8>>, now: Moment) -> Option<Vec<u8>> {
    let mut framed = framed?;
    let until = framed.first_chunk().map(|until| i64::from_be_bytes(*until))?;
    let latest = micros(now.plus(VALUE_LIFE)).saturating_add(GRACE * 1000);
    (until > micros(now) && until <= latest).then(|| framed.split_off(size_of::<i64>()))
}
