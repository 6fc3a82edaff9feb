//! The demo's own balancer: one port, several processes' worth of gateway behind it.
//!
//! Part of the demo. Connections go to the replicas by turns and their bytes pass unchanged, so TLS ends
//! at the replica and the balancer sees nothing of what is said. One that cannot be reached is left out.
//! Who stands behind it is asked anew for every connection; the demo, which is for trying, does not ask
//! whether they are ready.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::listen::Stopping;

/// Passes connections on to the ports that are `behind` it when they come, by turns, until told to stop.
pub async fn serve(port: TcpListener, behind: impl AsyncFn() -> Vec<u16>, mut stopping: Stopping) {
    let mut under_way = JoinSet::new();
    let mut turn = 0_usize;
    loop {
        tokio::select! {
            biased;
            () = stopping.asked() => return,
            Some(_) = under_way.join_next() => {}
            // One that is gone before it is taken is nobody's loss.
            Ok((from, _)) = port.accept() => {
                let mut order = behind().await;
                let first = turn % order.len().max(1);
                order.rotate_left(first);
                under_way.spawn(pass(from, order));
                turn = turn.wrapping_add(1);
            }
        }
    }
}

/// One connection, to the first of these that takes it.
async fn pass(mut from: TcpStream, order: Vec<u16>) {
    for port in order {
        if let Ok(mut to) = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
        {
            // Small answers must not wait for more; a peer that breaks off has its reasons.
            drop((from.set_nodelay(true), to.set_nodelay(true)));
            drop(copy_bidirectional(&mut from, &mut to).await);
            return;
        }
    }
}
