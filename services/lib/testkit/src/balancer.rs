//! A front door over several replicas: each new connection goes to the next one.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A running front door; it closes when dropped.
#[derive(Debug)]
pub struct Balancer {
    task: JoinHandle<()>,
}

impl Balancer {
    /// Listens on `address` and spreads connections over `replicas`.
    pub async fn start(address: SocketAddr, replicas: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let next = AtomicUsize::new(0);
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let replica = replicas[next.fetch_add(1, Ordering::Relaxed) % replicas.len()];
                tokio::spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(replica).await {
                        let _closed = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        Self { task }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
