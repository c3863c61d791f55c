//! A proxy between the program and a server it stands on, which breaks what passes as a test asks.
//!
//! What is wrong for a while is [`Weather`]; what goes wrong at one moment is a [`Strike`], which waits for that moment
//! and is then used up. With [`Protocol::Postgres`] it knows a COMMIT, with [`Protocol::Http`] a request, so that a test
//! can cut there exactly, whatever the machine's speed. It never invents bytes in fair weather.
//!
//! ```no_run
//! # async fn example(postgres: std::net::SocketAddr) {
//! use wharf_testkit::fault_proxy::{FaultProxy, Protocol, Strike, Weather};
//! let proxy = FaultProxy::start(postgres, Protocol::Postgres).await;
//! // … start the program with `proxy.address()` in its configuration …
//! proxy.strike(Strike::AfterCommit, 1); // the next commit happens, and its answer is lost
//! proxy.struck(1).await; //               waits until it has happened
//! proxy.set(Weather::Refused); //         nobody listens, whoever was connected is cut
//! proxy.set(Weather::Fair);
//! # }
//! ```

mod http;
mod postgres;

use crate::chance::Chance;
use crate::stack::free_address;
use http::Requests;
use postgres::Messages;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::JoinHandle;

/// What the proxy understands of what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Nothing: Redis, or anything else.
    Bytes,
    /// Where a COMMIT begins.
    Postgres,
    /// Where a request begins, and what it is.
    Http,
}

/// What is wrong until it is set otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Nothing.
    Fair,
    /// Nobody listens; connections that were there are cut.
    Refused,
    /// Connections are taken, and no byte passes either way until the weather changes.
    BlackHole,
    /// Each piece waits so long, each way.
    Slow(Duration),
    /// One byte in so many becomes another, each way.
    Garbled(usize),
    /// Each connection ends in the middle of what passes after so many bytes, counted both ways together.
    Short(usize),
}

/// What goes wrong at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strike {
    /// The connection is cut when a COMMIT came from the client, which the server never sees.
    BeforeCommit,
    /// The connection is cut when a COMMIT was sent on: what becomes of it is the server's choice.
    AtCommit,
    /// The connection is cut when the server has committed; the client never hears of it.
    AfterCommit,
    /// The server has committed, and the client is told instead that an administrator has ended its session (FATAL): so a
    /// server may end one between committing and saying so.
    EndedAfterCommit,
    /// A statement that begins with this text is sent on, so many bytes of what is answered pass, and after them none for as
    /// long as the client keeps the connection open: so ends a server whose power is lost.
    Silent(&'static str, usize),
    /// Half of the next piece from the client passes, then the connection is cut.
    HalfOfWhatIsSent,
    /// Half of the next piece from the server passes, then the connection is cut.
    HalfOfWhatIsAnswered,
    /// A request with this method, whose target holds this text.
    Request(&'static str, &'static str, RequestFault),
}

/// What goes wrong with a request over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestFault {
    /// The proxy answers with this status and body, and the server never sees the request.
    Answered(u16, String),
    /// The head and half of the body pass, then the connection is cut.
    Torn,
    /// The server has done it; its answer is lost.
    AnswerLost,
    /// The server sees nothing, and the client is told that its file was stored, with this `x-amz-checksum-sha256`.
    Pretended(Option<&'static str>),
    /// One byte of the body becomes another.
    BodyGarbled,
}

impl RequestFault {
    /// The server's own error, as S3 words it.
    #[must_use]
    pub fn s3_error(status: u16, code: &str) -> Self {
        Self::Answered(status, format!("<Error><Code>{code}</Code><Message>not now</Message></Error>"))
    }

    /// A listing without anything in it: the server lists later what it has taken already.
    #[must_use]
    pub fn s3_lists_nothing() -> Self {
        let list = "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><KeyCount>0</KeyCount>\
                    <MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>";
        Self::Answered(200, list.to_owned())
    }
}

impl Weather {
    /// Some bad weather.
    pub fn random(chance: &mut Chance) -> Self {
        match chance.below(5) {
            0 => Self::Refused,
            1 => Self::BlackHole,
            2 => Self::Slow(Duration::from_millis(chance.next() % 120)),
            3 => Self::Garbled(chance.within(20, 2_000)),
            _ => Self::Short(chance.within(1, 6_000)),
        }
    }
}

/// A strike that waits for its moment.
#[derive(Debug)]
struct Armed {
    strike: Strike,
    times: u32,
}

#[derive(Debug)]
struct State {
    weather: watch::Sender<Weather>,
    /// Counted up to cut every connection.
    cuts: watch::Sender<u64>,
    /// Counted up to silence every connection.
    hushes: watch::Sender<u64>,
    armed: Mutex<Option<Armed>>,
    struck: watch::Sender<u64>,
    seed: Mutex<Chance>,
    garbled: watch::Sender<u64>,
    protocol: Protocol,
    upstream: SocketAddr,
}

impl State {
    /// Takes the strike when this is its moment.
    fn take(&self, matches: impl Fn(&Strike) -> bool) -> Option<Strike> {
        let mut armed = self.armed.lock().unwrap();
        let waiting = armed.as_mut().filter(|armed| matches(&armed.strike))?;
        let strike = waiting.strike.clone();
        waiting.times -= 1;
        if waiting.times == 0 {
            *armed = None;
        }
        drop(armed);
        self.struck.send_modify(|count| *count += 1);
        Some(strike)
    }

    fn garble(&self, piece: &mut [u8], one_in: usize) {
        let mut chance = self.seed.lock().unwrap();
        for byte in piece {
            if chance.one_in(one_in) {
                *byte ^= u8::try_from(chance.within(1, 255)).unwrap();
                self.garbled.send_modify(|count| *count += 1);
            }
        }
    }
}

/// A running proxy; it closes when dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Listens on a free port of the loopback and passes everything to `upstream`.
    pub async fn start(upstream: SocketAddr, protocol: Protocol) -> Self {
        let address = free_address();
        let state = Arc::new(State {
            weather: watch::Sender::new(Weather::Fair),
            cuts: watch::Sender::new(0),
            hushes: watch::Sender::new(0),
            armed: Mutex::new(None),
            struck: watch::Sender::new(0),
            seed: Mutex::new(Chance::new(0)),
            garbled: watch::Sender::new(0),
            protocol,
            upstream,
        });
        let listener = TcpListener::bind(address).await.unwrap();
        let task = tokio::spawn(accept(address, listener, Arc::clone(&state)));
        Self { address, state, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets from what [`Weather::Garbled`] chooses bytes.
    pub fn seed(&self, seed: u64) {
        *self.state.seed.lock().unwrap() = Chance::new(seed);
    }

    /// Changes the weather.
    pub fn set(&self, weather: Weather) {
        self.state.weather.send_replace(weather);
        if weather == Weather::Refused {
            self.cut();
        }
    }

    /// Cuts every connection there is.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|count| *count += 1);
    }

    /// Silences every connection there is, as when the server's machine is gone: for the client each stays open, and no byte
    /// passes any more whatever the weather.
    pub fn hush(&self) {
        self.state.hushes.send_modify(|count| *count += 1);
    }

    /// Strikes at the next moments that fit, so many times, in place of what waited before.
    pub fn strike(&self, strike: Strike, times: u32) {
        *self.state.armed.lock().unwrap() = (times > 0).then_some(Armed { strike, times });
    }

    /// Takes back what waits, and makes the weather fair.
    pub fn heal(&self) {
        *self.state.armed.lock().unwrap() = None;
        self.set(Weather::Fair);
    }

    /// How often it has struck since it was started.
    #[must_use]
    pub fn strikes(&self) -> u64 {
        *self.state.struck.borrow()
    }

    /// Waits until so many bytes have become others since it was started.
    pub async fn garbles(&self, count: u64) {
        let mut garbled = self.state.garbled.subscribe();
        let _now = garbled.wait_for(|now| *now >= count).await.unwrap();
    }

    /// How many bytes have become others since it was started.
    #[must_use]
    pub fn garbled(&self) -> u64 {
        *self.state.garbled.borrow()
    }

    /// Waits until it has struck so often since it was started.
    pub async fn struck(&self, count: u64) {
        let mut struck = self.state.struck.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(60), struck.wait_for(|now| *now >= count)).await;
        waited.expect("the proxy waited in vain for its moment").unwrap();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn accept(address: SocketAddr, listener: TcpListener, state: Arc<State>) {
    let mut listening = Some(listener);
    let mut weather = state.weather.subscribe();
    loop {
        if *weather.borrow_and_update() == Weather::Refused {
            // Dropped, so that the kernel itself refuses.
            listening = None;
        } else if listening.is_none() {
            listening = Some(TcpListener::bind(address).await.unwrap());
        }
        let accepted = async {
            match &listening {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Ok((client, _)) = accepted => {
                tokio::spawn(carry(client, Arc::clone(&state)));
            }
            changed = weather.changed() => if changed.is_err() { return },
        }
    }
}

/// One connection, until either side ends it or it is cut.
async fn carry(client: TcpStream, state: Arc<State>) {
    let (mut cuts, mut hushes) = (state.cuts.subscribe(), state.hushes.subscribe());
    let Ok(server) = TcpStream::connect(state.upstream).await else { return };
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let to_client = Arc::new(AsyncMutex::new(to_client));
    let link = Arc::new(Link {
        state,
        swallowed: Mutex::new(None),
        silent_after: Mutex::new(None),
        passed: Mutex::new(0),
        to_client: Arc::clone(&to_client),
    });
    let hushed = tokio::select! {
        _ = up(&link, from_client, to_server) => false,
        _ = down(&link, from_server) => false,
        _ = cuts.changed() => false,
        _ = hushes.changed() => true,
    };
    if hushed {
        // The server's side is closed by now; the client's is held.
        let _cut = cuts.changed().await;
    }
}

/// What both directions of a connection share.
struct Link {
    state: Arc<State>,
    /// Once set, answers are kept back.
    swallowed: Mutex<Option<Swallowed>>,
    /// Once set, so many bytes of answers still pass.
    silent_after: Mutex<Option<usize>>,
    passed: Mutex<usize>,
    to_client: Arc<AsyncMutex<OwnedWriteHalf>>,
}

/// Answers that the client is not to see.
struct Swallowed {
    /// The connection ends when this text is among them.
    until: &'static [u8],
    kept: Vec<u8>,
    /// What the client is told in their place.
    told: Vec<u8>,
}

impl Swallowed {
    fn is_complete(&mut self, piece: &[u8]) -> bool {
        self.kept.extend_from_slice(piece);
        self.kept.windows(self.until.len()).any(|bytes| bytes == self.until)
    }
}

/// The connection is to end.
struct Cut;

impl From<std::io::Error> for Cut {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

impl Link {
    /// Reads a piece, in whatever weather there is. Nothing means that the peer has ended the connection.
    async fn piece(&self, from: &mut OwnedReadHalf) -> Result<Vec<u8>, Cut> {
        let mut piece = vec![0; 16 * 1024];
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return Err(Cut);
        }
        piece.truncate(read);
        loop {
            let weather = *self.state.weather.borrow();
            match weather {
                Weather::Fair | Weather::Short(_) => {}
                Weather::Refused => return Err(Cut),
                Weather::BlackHole => {
                    let mut changes = self.state.weather.subscribe();
                    changes.wait_for(|weather| *weather != Weather::BlackHole).await.map_err(|_| Cut)?;
                    continue;
                }
                Weather::Slow(pause) => tokio::time::sleep(pause).await,
                Weather::Garbled(one_in) => self.state.garble(&mut piece, one_in),
            }
            return Ok(piece);
        }
    }

    /// Sends a piece on, or as much of it as the weather lets through.
    async fn pass(&self, piece: &[u8], to: &mut OwnedWriteHalf) -> Result<(), Cut> {
        let allowed = match *self.state.weather.borrow() {
            Weather::Short(bytes) => bytes.saturating_sub(*self.passed.lock().unwrap()),
            _ => piece.len(),
        };
        if allowed < piece.len() {
            to.write_all(&piece[..allowed]).await?;
            return Err(Cut);
        }
        *self.passed.lock().unwrap() += piece.len();
        Ok(to.write_all(piece).await?)
    }

    /// Keeps answers back, ends the connection when `until` has come, and tells the client `told` in their place.
    fn swallow(&self, until: &'static [u8], told: Vec<u8>) {
        *self.swallowed.lock().unwrap() = Some(Swallowed { until, kept: Vec::new(), told });
    }
}

async fn up(link: &Link, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> Result<(), Cut> {
    let (mut messages, mut requests) = (Messages::default(), Requests::default());
    loop {
        let piece = link.piece(&mut from).await?;
        if link.state.take(|strike| *strike == Strike::HalfOfWhatIsSent).is_some() {
            to.write_all(&piece[..piece.len() / 2]).await?;
            return Err(Cut);
        }
        match link.state.protocol {
            Protocol::Bytes => link.pass(&piece, &mut to).await?,
            Protocol::Postgres => messages.pass(link, &piece, &mut to).await?,
            Protocol::Http => requests.pass(link, &piece, &mut to).await?,
        }
    }
}

async fn down(link: &Link, mut from: OwnedReadHalf) -> Result<(), Cut> {
    loop {
        let piece = link.piece(&mut from).await?;
        let told = match link.swallowed.lock().unwrap().as_mut() {
            Some(swallowed) => {
                if !swallowed.is_complete(&piece) {
                    continue;
                }
                Some(swallowed.told.clone())
            }
            None => None,
        };
        if let Some(told) = told {
            link.to_client.lock().await.write_all(&told).await?;
            return Err(Cut);
        }
        let mut to = link.to_client.lock().await;
        let still = link.silent_after.lock().unwrap().as_mut().map(|left| {
            let now = piece.len().min(*left);
            *left -= now;
            now
        });
        if let Some(still) = still {
            to.write_all(&piece[..still]).await?;
            continue;
        }
        if link.state.take(|strike| *strike == Strike::HalfOfWhatIsAnswered).is_some() {
            to.write_all(&piece[..piece.len() / 2]).await?;
            return Err(Cut);
        }
        link.pass(&piece, &mut to).await?;
    }
}

#[cfg(test)]
mod tests;
