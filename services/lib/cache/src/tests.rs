use super::*;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(10);

/// A Redis of our own, so that it can be killed.
struct Server {
    port: u16,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Server {
    fn start() -> Self {
        // Below the ephemeral range: a port of that range can become the source of somebody's connection while the
        // server is down, and could then not be taken again.
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let first = u16::try_from(std::process::id() % 10_000).unwrap() + 12_000;
        let port = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::Relaxed))
            .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
            .unwrap();
        let mut server = Self { port, folder: tempfile::tempdir().unwrap(), child: None };
        server.run();
        server
    }

    fn run(&mut self) {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &self.port.to_string()])
            .arg("--dir")
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server must be installed; run ./deploy/test, which sees to it");
        self.child = Some(child);
    }

    fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

fn shared_redis() -> String {
    std::env::var("WHARF_TEST_REDIS_URL")
        .expect("WHARF_TEST_REDIS_URL is not set; run ./deploy/test, which starts a Redis")
}

fn own_prefix(test: &str) -> String {
    format!("wharf-test-{}-{test}", std::process::id())
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn woken(wakes: &mut mpsc::Receiver<()>) {
    timeout(PATIENCE, wakes.recv()).await.expect("no wake-up came").expect("the listener never ends");
}

async fn silent(wakes: &mut mpsc::Receiver<()>) {
    assert!(timeout(Duration::from_millis(150), wakes.recv()).await.is_err(), "woken for no reason");
}

#[tokio::test]
async fn a_wake_reaches_every_listener_of_its_topic_and_prefix_only() {
    let url = shared_redis();
    let prefix = own_prefix("topics");
    let (one, two) = (Cache::open(Some(&url), &prefix), Cache::open(Some(&url), &prefix));
    let stranger = Cache::open(Some(&url), &own_prefix("stranger"));
    let (mut first, mut second) = (one.wakes("outbox"), two.wakes("outbox"));
    let (mut other_topic, mut other_prefix) = (two.wakes("tokens"), stranger.wakes("outbox"));
    for wakes in [&mut first, &mut second, &mut other_topic, &mut other_prefix] {
        woken(wakes).await; // the one that every connection brings
    }
    one.wake("outbox");
    woken(&mut first).await;
    woken(&mut second).await;
    silent(&mut other_topic).await;
    silent(&mut other_prefix).await;
    assert_eq!(one.health().await, CacheHealth::Up);
    let seen = one.counters();
    assert_eq!((seen.up, seen.errors, seen.wakes_sent, seen.wakes_lost), (true, 0, 1, 0));
}

#[tokio::test]
async fn wakes_flow_again_after_redis_died_and_came_back() {
    let mut server = Server::start();
    let cache = Cache::open(Some(&server.url()), "t");
    until("Redis is up", async || cache.health().await == CacheHealth::Up).await;
    let mut wakes = cache.wakes("outbox");
    woken(&mut wakes).await;
    cache.wake("outbox");
    woken(&mut wakes).await;

    server.kill();
    until("the loss is noticed", async || !cache.counters().up).await;
    let before = Instant::now();
    assert_eq!(cache.health().await, CacheHealth::Down);
    assert!(before.elapsed() < Duration::from_secs(1), "health must answer quickly when Redis is away");
    cache.wake("outbox");
    until("the lost wake-up is counted", async || cache.counters().wakes_lost == 1).await;
    silent(&mut wakes).await;

    server.run();
    woken(&mut wakes).await; // messages may have been lost: look again
    until("commands work again", async || cache.health().await == CacheHealth::Up).await;
    cache.wake("outbox");
    woken(&mut wakes).await;
    assert!(cache.counters().up);
}

#[tokio::test]
async fn a_redis_that_hangs_is_noticed() {
    let server = Server::start();
    let cache = Cache::open(Some(&server.url()), "t");
    until("Redis is up", async || cache.health().await == CacheHealth::Up).await;
    let mut wakes = cache.wakes("outbox");
    woken(&mut wakes).await;
    let errors = cache.counters().errors;
    // Longer than the pause after which a silent connection is asked: a healthy one must survive the question.
    sleep(Duration::from_millis(2600)).await;
    assert_eq!(cache.counters().errors, errors);
    server.signal("-STOP");
    until("the silence is noticed", async || !cache.counters().up).await;
    assert_eq!(cache.health().await, CacheHealth::Down);
    server.signal("-CONT");
    woken(&mut wakes).await;
}

#[tokio::test]
async fn starts_without_redis_and_finds_it_later() {
    let mut server = Server::start();
    server.kill();
    let cache = Cache::open(Some(&server.url()), "t");
    let mut wakes = cache.wakes("outbox");
    assert_eq!(cache.health().await, CacheHealth::Down);
    silent(&mut wakes).await;
    server.run();
    woken(&mut wakes).await;
    cache.wake("outbox");
    woken(&mut wakes).await;
}

#[tokio::test]
async fn off_is_silent_and_not_down() {
    let cache = Cache::open(None, "t");
    let mut wakes = cache.wakes("outbox");
    cache.wake("outbox");
    silent(&mut wakes).await;
    assert_eq!(cache.health().await, CacheHealth::Off);
    assert_eq!(cache.counters().wakes_lost, 0);
}

#[tokio::test]
async fn a_mistyped_address_is_refused_without_echo() {
    for wrong in ["localhost:6379", "http://user:hunter2@host/", "redis://", ""] {
        if let Err(error) = Cache::check_url(wrong) {
            assert!(!error.to_string().contains("hunter2"));
        } else {
            assert_eq!(wrong, "redis://", "accepted {wrong}");
        }
    }
    Cache::check_url(&shared_redis()).unwrap();
    assert_eq!(Cache::open(Some("http://host/"), "t").health().await, CacheHealth::Down);
}

#[tokio::test]
async fn dropping_the_receiver_ends_the_listener() {
    let server = Server::start();
    let cache = Cache::open(Some(&server.url()), "t");
    until("Redis is up", async || cache.health().await == CacheHealth::Up).await;
    let mut wakes = cache.wakes("outbox");
    woken(&mut wakes).await;
    let client = Client::open(server.url()).unwrap();
    let listeners = async || {
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let answer: (String, i64) =
            redis::cmd("PUBSUB").arg("NUMSUB").arg("t:wake:outbox").query_async(&mut connection).await.unwrap();
        answer.1
    };
    assert_eq!(listeners().await, 1);
    drop(wakes);
    until("the subscription is gone", async || listeners().await == 0).await;
}
