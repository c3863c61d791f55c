use super::*;
use crate::ambient::OsEntropy;
use crate::shutdown::{Stopper, stop_signal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

fn process(grace_s: u64) -> (Stopper, Process) {
    crate::frame::tests::keep_listening();
    let (stopper, stop) = stop_signal();
    let limits =
        Limits { workers: 1, stop_grace_s: grace_s, request_head_timeout_s: 1, body_bytes: 16, ..Limits::default() };
    let process = Process {
        entropy: Arc::new(OsEntropy),
        metrics: Metrics::new().unwrap(),
        stop,
        limits,
        trusted_proxies: TrustedProxies::default(),
        traffic: crate::frame::Traffic::Ordinary,
        hosts: Hosts::any(),
    };
    (stopper, process)
}

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

async fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
    let answer = reqwest::get(format!("http://{address}{path}")).await.unwrap();
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
    (answer.status().as_u16(), kind, answer.text().await.unwrap())
}

#[tokio::test]
async fn the_internal_server_tells_health_and_numbers() {
    let (stopper, process) = process(1);
    let readiness = Arc::new(Readiness::new(process.stop.clone()).check("database", async || Ok(())));
    let routes = internal_routes(process.metrics.clone(), readiness);
    let server = start("internal", anywhere(), &process, routes).unwrap();
    assert_ne!(server.address.port(), 0);
    assert_eq!(get(server.address, "/healthz").await.2, "ok");
    assert_eq!(
        get(server.address, "/readyz").await,
        (200, "application/json".into(), r#"{"checks":{"database":true},"ready":true}"#.into())
    );
    let (status, kind, _) = get(server.address, "/nowhere").await;
    assert_eq!((status, kind.as_str()), (404, "text/plain; charset=utf-8"));
    let (status, kind, text) = get(server.address, "/metrics").await;
    assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4"));
    let counted = r#"wharf_http_requests_total{method="GET",route="/healthz",service="internal",status="200"} 1"#;
    assert!(text.contains(counted), "{text}");
    stopper.stop();
    timeout(Duration::from_secs(5), server.finished()).await.expect("stops").unwrap();
}

/// A route that says when it is entered, and ends when told.
fn slow(entered: &Arc<Notify>, leave: &Arc<Notify>) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (entered, leave) = (Arc::clone(entered), Arc::clone(leave));
    move |config| {
        let (entered, leave) = (Arc::clone(&entered), Arc::clone(&leave));
        config.route(
            "/slow",
            web::get().to(move || {
                let (entered, leave) = (Arc::clone(&entered), Arc::clone(&leave));
                async move {
                    entered.notify_one();
                    leave.notified().await;
                    "done"
                }
            }),
        );
    }
}

#[tokio::test]
async fn stopping_lets_a_running_request_finish_and_refuses_new_ones() {
    let (stopper, process) = process(20);
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = start("test", anywhere(), &process, slow(&entered, &leave)).unwrap();
    let address = server.address;
    let request = tokio::spawn(async move { get(address, "/slow").await });
    entered.notified().await;
    stopper.stop();
    timeout(Duration::from_secs(5), async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("new connections are refused");
    leave.notify_one();
    assert_eq!(request.await.unwrap().2, "done");
    timeout(Duration::from_secs(5), server.finished()).await.expect("stops once the request is done").unwrap();
}

#[tokio::test]
async fn stopping_now_waits_for_nobody() {
    for grace_begins_first in [true, false] {
        let (stopper, process) = process(60);
        let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let server = start("test", anywhere(), &process, slow(&entered, &leave)).unwrap();
        let address = server.address;
        let request = tokio::spawn(async move { reqwest::get(format!("http://{address}/slow")).await });
        entered.notified().await;
        if grace_begins_first {
            stopper.stop();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stopper.stop_now();
        timeout(Duration::from_secs(5), server.finished()).await.expect("stops at once").unwrap();
        request.abort();
    }
}

#[tokio::test]
async fn a_client_that_dawdles_is_cut_off() {
    let (_stopper, process) = process(1);
    let server = start("test", anywhere(), &process, |_: &mut ServiceConfig| {}).unwrap();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    let start = Instant::now();
    let mut answer = Vec::new();
    timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("cut off").unwrap();
    assert!(start.elapsed() > Duration::from_millis(500));
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let (_stopper, process) = process(1);
    let routes = |config: &mut ServiceConfig| {
        config.route("/", web::post().to(async |body: web::Bytes| body.len().to_string()));
    };
    let server = start("test", anywhere(), &process, routes).unwrap();
    for (size, status) in [(16, 200), (17, 413)] {
        let client = reqwest::Client::new();
        let answer = client.post(format!("http://{}/", server.address)).body(vec![0; size]).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
    }
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let (_stopper, process) = process(1);
    let taken = std::net::TcpListener::bind(anywhere()).unwrap();
    let address = taken.local_addr().unwrap();
    let error = start("index", address, &process, |_: &mut ServiceConfig| {}).unwrap_err().to_string();
    assert!(error.starts_with(&format!("index cannot listen on {address}: ")), "{error}");
}

#[tokio::test]
async fn a_request_for_another_host_is_misdirected_but_health_is_told_to_all() {
    let (_stopper, process) = process(1);
    let process = Process { hosts: Hosts::only([crate::HostPattern::name("wharf.example")]), ..process };
    let health = health::routes(Arc::new(Readiness::new(process.stop.clone())));
    let server = start("test", anywhere(), &process, move |config: &mut ServiceConfig| {
        config.configure(health.clone());
        config.route("/", web::get().to(async || "ours"));
    })
    .unwrap();
    let ask = async |path: &str, host: &str| {
        let client = reqwest::Client::new();
        client.get(format!("http://{}{path}", server.address)).header("host", host).send().await.unwrap()
    };
    assert_eq!(ask("/", "wharf.example:443").await.text().await.unwrap(), "ours");
    for path in ["/", "/nowhere"] {
        let answer = ask(path, "evil.example").await;
        assert_eq!(answer.status(), 421);
        for header in ["x-request-id", "x-content-type-options", "cache-control"] {
            assert!(answer.headers().contains_key(header), "{header}");
        }
        assert!(!answer.text().await.unwrap().contains("evil"));
    }
    assert_eq!(ask("/healthz", "10.1.2.3").await.status(), 200);
    assert_eq!(ask("/readyz", "10.1.2.3").await.text().await.unwrap(), r#"{"ready":true}"#);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let (stopper, mut process) = process(1);
    process.limits.write_stall_s = 1;
    let ended = Arc::new(Notify::new());
    let told = Arc::clone(&ended);
    /// Tells when the server has let go of a body.
    struct Telling(Arc<Notify>);
    impl Drop for Telling {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let server = start("test", anywhere(), &process, move |config: &mut ServiceConfig| {
        let told = Arc::clone(&told);
        config.route(
            "/endless",
            web::get().to(move || {
                let telling = Telling(Arc::clone(&told));
                let pieces = futures::stream::repeat_with(move || {
                    let _kept = &telling;
                    Ok::<_, std::convert::Infallible>(web::Bytes::from_static(&[7; 65_536]))
                });
                async move { HttpResponse::Ok().streaming(pieces) }
            }),
        );
    })
    .unwrap();
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // Whoever reads is served for longer than that.
    let reading = Instant::now();
    let mut piece = vec![0; 1 << 16];
    while reading.elapsed() < Duration::from_secs(3) {
        assert_ne!(client.read(&mut piece).await.unwrap(), 0);
    }
    // It reads no more, and keeps the connection.
    timeout(Duration::from_secs(30), ended.notified()).await.expect("the stalled answer ends");
    stopper.stop();
    timeout(Duration::from_secs(5), server.finished()).await.expect("stops").unwrap();
    drop(client);
}
