//! Runs one HTTP server inside a process that may have several.

use crate::client_address::TrustedProxies;
use crate::config::Limits;
use crate::faces::PlainFault;
use crate::frame::{Frame, Traffic};
use crate::health::{self, Readiness};
use crate::hosts::Hosts;
use crate::metrics::{self, Metrics};
use crate::shutdown::Stop;
use crate::table::reading;
use actix_web::dev::Server;
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, PayloadConfig, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use socket2::SockRef;
use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use wharf_domain::Entropy;
use wharf_registry::Error;

/// What a server has to close its connections when there is no time for requests to finish.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// What the servers of a process share.
#[derive(Clone)]
pub struct Process {
    /// Makes request ids.
    pub entropy: Arc<dyn Entropy>,
    /// Where requests are counted.
    pub metrics: Metrics,
    /// When to stop.
    pub stop: Stop,
    /// What bounds a request.
    pub limits: Limits,
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: TrustedProxies,
    /// What its requests are like.
    pub traffic: Traffic,
    /// The hosts it answers for.
    pub hosts: Hosts,
}

/// A server that accepts connections.
#[derive(Debug)]
pub struct Running {
    /// The address it got, which tells the port when 0 was asked for.
    pub address: SocketAddr,
    finished: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Waits until the server has stopped. It stops by itself only when something is badly wrong.
    pub async fn finished(self) -> io::Result<()> {
        self.finished.await.map_err(io::Error::other)?
    }
}

/// Starts `service` with its routes on `address`, inside the [`Frame`]. It stops with the process: new connections are
/// refused, running requests have the grace of the limits, none when the process must end now.
pub fn start<R>(service: &'static str, address: SocketAddr, process: &Process, routes: R) -> io::Result<Running>
where
    R: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let Process { limits, stop, trusted_proxies, .. } = process.clone();
    let frame = Frame::new(service, process.metrics.clone(), Arc::clone(&process.entropy))
        .carrying(process.traffic)
        .answering_for(process.hosts.clone());
    let workers = match limits.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        some => some,
    };
    let server = HttpServer::new(move || {
        App::new()
            .app_data(trusted_proxies.clone())
            .app_data(PayloadConfig::new(limits.body_bytes))
            .default_service(web::to(no_such_route))
            .configure(routes.clone())
            .wrap(frame.clone())
    })
    .workers(workers)
    .max_connections(limits.connections_per_worker)
    .client_request_timeout(Duration::from_secs(limits.request_head_timeout_s))
    .client_disconnect_timeout(Duration::from_secs(1))
    .keep_alive(Duration::from_secs(limits.keep_alive_s))
    .shutdown_timeout(limits.stop_grace_s)
    .on_connect(move |connection, _| give_up_on_stalls(connection, limits.write_stall_s))
    // With Nagle's delay an HTTP/2 answer waits up to 44 ms for the client's acknowledgement.
    .tcp_nodelay(true)
    .disable_signals()
    .bind(address)
    .map_err(|error| io::Error::new(error.kind(), format!("{service} cannot listen on {address}: {error}")))?;
    let address = server.addrs().into_iter().next().ok_or_else(|| io::Error::other("bound to no address"))?;
    let server = server.run();
    tracing::info!(service, address = %address, "listening");
    Ok(Running { address, finished: tokio::spawn(run(server, stop)) })
}

/// Lets the kernel end a connection whose client takes nothing of what is sent to it. What waits to be sent is polled for
/// only when there is room again, so nothing in this process would notice.
fn give_up_on_stalls(connection: &dyn Any, after_s: u64) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    let after = Duration::from_secs(after_s);
    if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(after)) {
        tracing::warn!(cause = &error as &dyn std::error::Error, "a connection has no bound on stalls");
    }
}

async fn run(mut server: Server, stop: Stop) -> io::Result<()> {
    tokio::select! {
        ended = &mut server => return ended,
        () = stop.requested() => {}
    }
    // Sent by the call itself; the answer would come when `server` ends.
    let _answer = server.handle().stop(!stop.is_now());
    let no_time_left = async {
        stop.now().await;
        sleep(LAST_MOMENT).await;
    };
    tokio::select! {
        ended = &mut server => ended,
        // A stop with grace cannot be hurried once it has begun, so its threads are left to end with the process.
        () = no_time_left => Ok(()),
    }
}

/// What the internal server has besides health: method, path.
pub const INTERNAL_ROUTES: &[(&str, &str)] = &[("GET", "/metrics")];

/// Routes of the internal server: health, readiness by check, and metrics.
pub fn internal_routes(
    metrics: Metrics,
    readiness: Arc<Readiness>,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let health = health::detailed_routes(readiness);
    move |config| {
        let metrics = metrics.clone();
        config.configure(health.clone());
        config.route("/metrics", reading().to(move || ready_metrics(metrics.clone())));
    }
}

async fn ready_metrics(metrics: Metrics) -> Result<HttpResponse, PlainFault> {
    let text = metrics.render().map_err(Error::internal)?;
    Ok(HttpResponse::Ok().content_type(metrics::CONTENT_TYPE).body(text))
}

async fn no_such_route() -> Result<HttpResponse, PlainFault> {
    Err(Error::not_found().into())
}

#[cfg(test)]
mod tests;
