//! Follows the requests of a client over HTTP/1.1 which sends one after the other, each with a length or without a body.

use super::{Cut, Link, RequestFault, Strike};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;

/// Where one client stands in its requests.
#[derive(Default)]
pub(super) struct Requests {
    head: Vec<u8>,
    body_left: usize,
    /// What becomes of the request whose body is coming.
    fault: Option<RequestFault>,
    /// How much of a torn body still passes.
    torn_after: usize,
}

impl Requests {
    pub(super) async fn pass(&mut self, link: &Link, mut piece: &[u8], to: &mut OwnedWriteHalf) -> Result<(), Cut> {
        while !piece.is_empty() {
            if self.body_left > 0 {
                let (body, rest) = piece.split_at(piece.len().min(self.body_left));
                piece = rest;
                self.body_left -= body.len();
                self.body(link, body, to).await?;
            } else {
                // One byte at a time up to the empty line: what follows it is the body.
                self.head.push(piece[0]);
                piece = &piece[1..];
                if self.head.ends_with(b"\r\n\r\n") {
                    let head = std::mem::take(&mut self.head);
                    self.begin(link, &head, to).await?;
                }
            }
        }
        Ok(())
    }

    async fn begin(&mut self, link: &Link, head: &[u8], to: &mut OwnedWriteHalf) -> Result<(), Cut> {
        let Head { method, target, length, waits } = Head::read(head);
        self.body_left = length;
        self.fault = link
            .state
            .take(|strike| match strike {
                Strike::Request(wanted, part, _) => *wanted == method && target.contains(part),
                _ => false,
            })
            .and_then(|strike| if let Strike::Request(_, _, fault) = strike { Some(fault) } else { None });
        match &self.fault {
            Some(RequestFault::Answered(..) | RequestFault::Pretended(_)) => {
                if waits {
                    link.to_client.lock().await.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                }
            }
            Some(RequestFault::Torn) => {
                self.torn_after = length / 2;
                link.pass(head, to).await?;
                if length == 0 {
                    return Err(Cut);
                }
            }
            Some(RequestFault::AnswerLost) => {
                link.pass(head, to).await?;
                if length == 0 {
                    link.swallow(b"HTTP/1.1 ", Vec::new());
                }
            }
            Some(RequestFault::BodyGarbled) | None => link.pass(head, to).await?,
        }
        if length == 0 { self.finish(link).await } else { Ok(()) }
    }

    async fn body(&mut self, link: &Link, body: &[u8], to: &mut OwnedWriteHalf) -> Result<(), Cut> {
        match &self.fault {
            Some(RequestFault::Answered(..) | RequestFault::Pretended(_)) => {}
            Some(RequestFault::Torn) => {
                let passes = body.len().min(self.torn_after);
                self.torn_after -= passes;
                link.pass(&body[..passes], to).await?;
                if self.torn_after == 0 {
                    return Err(Cut);
                }
            }
            Some(RequestFault::BodyGarbled) => {
                let mut body = body.to_vec();
                let middle = body.len() / 2;
                body[middle] ^= 0x55;
                link.pass(&body, to).await?;
            }
            Some(RequestFault::AnswerLost) => {
                // Before the last byte is sent: the answer may be faster than we.
                if self.body_left == 0 {
                    link.swallow(b"HTTP/1.1 ", Vec::new());
                }
                link.pass(body, to).await?;
            }
            None => link.pass(body, to).await?,
        }
        if self.body_left == 0 { self.finish(link).await } else { Ok(()) }
    }

    /// Answers in place of the server, when it is to.
    async fn finish(&mut self, link: &Link) -> Result<(), Cut> {
        let answer = match self.fault.take() {
            Some(RequestFault::Answered(status, body)) => format!(
                "HTTP/1.1 {status} Made Up\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
            Some(RequestFault::Pretended(checksum)) => {
                let checksum = checksum.map_or_else(String::new, |text| format!("x-amz-checksum-sha256: {text}\r\n"));
                format!("HTTP/1.1 200 OK\r\nETag: \"0\"\r\n{checksum}Content-Length: 0\r\n\r\n")
            }
            _ => return Ok(()),
        };
        Ok(link.to_client.lock().await.write_all(answer.as_bytes()).await?)
    }
}

/// What the head of a request says, as far as it matters here.
struct Head {
    method: String,
    target: String,
    length: usize,
    /// The client sends its body when it is told to.
    waits: bool,
}

impl Head {
    fn read(head: &[u8]) -> Self {
        let text = String::from_utf8_lossy(head).into_owned();
        let mut words = text.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let field = |wanted: &str| {
            text.lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.trim().to_owned())
        };
        Self {
            length: field("content-length").and_then(|value| value.parse().ok()).unwrap_or(0),
            waits: field("expect").is_some(),
            method: method.to_owned(),
            target: target.to_owned(),
        }
    }
}
