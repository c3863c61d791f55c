use super::*;
use tokio::io::AsyncReadExt;

/// A server that says everything back in capitals, and counts what it was told.
async fn echo() -> (SocketAddr, watch::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, heard) = watch::channel(Vec::new());
    let told = Arc::new(told);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let told = Arc::clone(&told);
            tokio::spawn(async move {
                let mut piece = [0; 256];
                while let Ok(read @ 1..) = stream.read(&mut piece).await {
                    told.send_modify(|all| all.extend_from_slice(&piece[..read]));
                    piece.make_ascii_uppercase();
                    if stream.write_all(&piece[..read]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, heard)
}

/// Says something on a new connection; what comes back before `count` bytes or the end.
async fn say(proxy: &FaultProxy, text: &[u8], count: usize) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(proxy.address()).await.ok()?;
    stream.write_all(text).await.unwrap();
    let mut answer = vec![0; count];
    let mut read = 0;
    while read < count {
        let piece = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut answer[read..]));
        match piece.await.expect("neither an answer nor an end") {
            Ok(more @ 1..) => read += more,
            _ => break,
        }
    }
    answer.truncate(read);
    Some(answer)
}

#[tokio::test]
async fn each_weather_does_what_it_says_and_passes() {
    let (server, _) = echo().await;
    let proxy = FaultProxy::start(server, Protocol::Bytes).await;
    assert_eq!(say(&proxy, b"fair", 4).await.unwrap(), b"FAIR");
    proxy.set(Weather::Refused);
    crate::until("nobody listens", async || TcpStream::connect(proxy.address()).await.is_err()).await;
    proxy.set(Weather::Fair);
    crate::until("somebody listens", async || TcpStream::connect(proxy.address()).await.is_ok()).await;
    assert_eq!(say(&proxy, b"again", 5).await.unwrap(), b"AGAIN");
    proxy.set(Weather::Slow(Duration::from_millis(5)));
    assert_eq!(say(&proxy, b"slow", 4).await.unwrap(), b"SLOW");
    proxy.set(Weather::Short(6));
    assert_eq!(say(&proxy, b"short", 5).await.unwrap(), b"S");
    proxy.set(Weather::Garbled(1));
    let garbled = say(&proxy, b"garbled", 7).await.unwrap();
    proxy.garbles(14).await;
    assert_ne!(garbled, b"GARBLED");
    assert_eq!((garbled.len(), proxy.garbled()), (7, 14), "each way");

    proxy.set(Weather::BlackHole);
    let waiting = tokio::spawn({
        let address = proxy.address();
        async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"hole").await.unwrap();
            let mut answer = [0; 4];
            let _read = stream.read_exact(&mut answer).await.unwrap();
            answer
        }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.is_finished());
    proxy.set(Weather::Fair);
    assert_eq!(&waiting.await.unwrap(), b"HOLE");

    proxy.strike(Strike::HalfOfWhatIsSent, 1);
    assert_eq!(say(&proxy, b"half", 4).await.unwrap(), b"");
    proxy.strike(Strike::HalfOfWhatIsAnswered, 1);
    assert_eq!(say(&proxy, b"half", 4).await.unwrap(), b"HA");
    assert_eq!((say(&proxy, b"whole", 5).await.unwrap(), proxy.strikes()), (b"WHOLE".to_vec(), 2));
}

#[tokio::test]
async fn a_commit_is_cut_before_at_and_after() {
    let (server, heard) = echo().await;
    let proxy = FaultProxy::start(server, Protocol::Postgres).await;
    let start = [&8_u32.to_be_bytes()[..], &(3_u32 << 16).to_be_bytes()].concat();
    let query = |text: &str| {
        [&b"Q"[..], &u32::try_from(text.len() + 5).unwrap().to_be_bytes(), text.as_bytes(), b"\0"].concat()
    };
    let session = [start, query("select 1"), query("COMMIT")].concat();
    let before = session.len() - query("COMMIT").len();
    assert_eq!(say(&proxy, &session, session.len()).await.unwrap().len(), session.len());
    for (number, (strike, arrives)) in
        [(Strike::BeforeCommit, false), (Strike::AtCommit, true), (Strike::AfterCommit, true)].into_iter().enumerate()
    {
        let already = heard.borrow().len();
        proxy.strike(strike, 1);
        let answer = say(&proxy, &session, session.len()).await.unwrap();
        assert!(answer.len() <= before, "the client hears nothing of the commit");
        let expected = if arrives { session.len() } else { before };
        crate::until("the server was told", async || heard.borrow().len() == already + expected).await;
        assert_eq!(proxy.strikes(), u64::try_from(number + 1).unwrap());
    }
    proxy.strike(Strike::EndedAfterCommit, 1);
    let answer = say(&proxy, &session, session.len() + 100).await.unwrap();
    assert!(answer.windows(6).any(|bytes| bytes == b"C57P01") && !answer.windows(7).any(|bytes| bytes == b"COMMIT\0"));
}

#[tokio::test]
async fn a_silent_connection_stays_open() {
    let (server, heard) = echo().await;
    let proxy = FaultProxy::start(server, Protocol::Postgres).await;
    let start = [&8_u32.to_be_bytes()[..], &(3_u32 << 16).to_be_bytes()].concat();
    let query = |text: &str| {
        [&b"Q"[..], &u32::try_from(text.len() + 5).unwrap().to_be_bytes(), text.as_bytes(), b"\0"].concat()
    };
    proxy.strike(Strike::Silent("SELECT PG_SLEEP", 3), 1);
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let (first, second) = ([start, query("select 1")].concat(), query("select pg_sleep(1)"));
    let mut answer = [0; 64];
    stream.write_all(&first).await.unwrap();
    let _read = stream.read_exact(&mut answer[..first.len()]).await.unwrap();
    stream.write_all(&second).await.unwrap();
    let _read = stream.read_exact(&mut answer[..3]).await.unwrap();
    stream.write_all(&query("select 2")).await.unwrap();
    let sent = first.len() + second.len() + query("select 2").len();
    crate::until("the server has heard all", async || heard.borrow().len() == sent).await;
    let silent = async |stream: &mut TcpStream| {
        let mut byte = [0];
        tokio::time::timeout(Duration::from_millis(50), stream.read(&mut byte)).await.is_err()
    };
    assert!(silent(&mut stream).await);

    // All there are at once, and none that comes later.
    let mut other = TcpStream::connect(proxy.address()).await.unwrap();
    other.write_all(b"here").await.unwrap();
    let _read = other.read_exact(&mut answer[..4]).await.unwrap();
    proxy.hush();
    crate::until("it is silent", async || {
        other.write_all(b"?").await.unwrap();
        silent(&mut other).await
    })
    .await;
    assert_eq!(say(&proxy, b"later", 5).await.unwrap(), b"LATER");
    assert!(silent(&mut stream).await && silent(&mut other).await);
    proxy.cut();
    assert_eq!(stream.read(&mut answer).await.unwrap_or(0), 0);
    assert_eq!(other.read(&mut answer).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn requests_are_answered_torn_and_garbled() {
    let (server, heard) = echo().await;
    let proxy = FaultProxy::start(server, Protocol::Http).await;
    let put = b"PUT /bucket/key HTTP/1.1\r\nContent-Length: 8\r\n\r\nabcdefgh";
    let head = put.len() - 8;
    let strike = |fault| proxy.strike(Strike::Request("PUT", "/key", fault), 1);

    strike(RequestFault::s3_error(503, "SlowDown"));
    let answer = String::from_utf8(say(&proxy, put, 37).await.unwrap()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    strike(RequestFault::Pretended(Some("AAAA")));
    let answer = String::from_utf8(say(&proxy, put, 70).await.unwrap()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("x-amz-checksum-sha256: AAAA"), "{answer}");
    assert_eq!(heard.borrow().len(), 0, "the server saw nothing of these");

    strike(RequestFault::Torn);
    let _cut = say(&proxy, put, put.len()).await.unwrap();
    crate::until("half has arrived", async || heard.borrow().len() == head + 4).await;
    strike(RequestFault::BodyGarbled);
    let _answer = say(&proxy, put, put.len()).await.unwrap();
    crate::until("all has arrived", async || heard.borrow().len() == 2 * head + 12).await;
    assert_eq!(heard.borrow()[2 * head + 4..], *b"abcd\x30fgh");
    // Another method is none of its business.
    strike(RequestFault::Torn);
    let get = b"GET /bucket/key HTTP/1.1\r\n\r\n";
    assert_eq!(say(&proxy, get, get.len()).await.unwrap().len(), get.len());
    assert_eq!(proxy.strikes(), 4);
}
