//! What stands before servers that speak plain HTTP: it notes what clients call themselves, and speaks TLS, as a proxy does
//! in production, under an authority of the test's own. Some clients send a password over nothing else.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, crypto};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// An authority that nobody else trusts, and a certificate of this machine's.
pub struct Authority {
    certificate: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
    server: Arc<ServerConfig>,
}

/// A certificate for a server of its own, with its key, in PEM form.
#[derive(Clone, Debug)]
pub struct ServerCertificate {
    /// What it shows to everybody.
    pub certificate: String,
    /// What it keeps to itself.
    pub key: String,
}

/// Names of this machine by which tests reach their servers.
const LOCAL_NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

impl Authority {
    /// Makes a new one.
    #[must_use]
    pub fn generate() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, "authority of a test");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = named(&LOCAL_NAMES).signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let server = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        Self { certificate: issuer.pem(), issuer, server: Arc::new(server) }
    }

    /// The certificate of the authority, for clients that shall trust it.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for a server of this machine.
    #[must_use]
    pub fn issue(&self) -> ServerCertificate {
        self.sign(named(&LOCAL_NAMES))
    }

    /// A certificate for a server of this name.
    #[must_use]
    pub fn issue_for(&self, name: &str) -> ServerCertificate {
        self.sign(named(&[name]))
    }

    /// A certificate for a server of this machine that has expired long ago.
    #[must_use]
    pub fn issue_expired(&self) -> ServerCertificate {
        let mut params = named(&LOCAL_NAMES);
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2001, 1, 1), rcgen::date_time_ymd(2002, 1, 1));
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> ServerCertificate {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        ServerCertificate { certificate, key: key.serialize_pem() }
    }
}

fn named(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

/// A running proxy; it closes when dropped.
#[derive(Debug)]
pub struct Front {
    task: JoinHandle<()>,
    agents: Arc<Mutex<BTreeSet<String>>>,
}

impl Front {
    /// Listens on `address` and passes on to `server` what comes in, over TLS if there is an authority for it.
    pub async fn start(address: SocketAddr, server: SocketAddr, authority: Option<&Authority>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let acceptor = authority.map(|authority| TlsAcceptor::from(Arc::clone(&authority.server)));
        let agents = Arc::new(Mutex::new(BTreeSet::new()));
        let seen = Arc::clone(&agents);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(server).await else { return };
                    match acceptor {
                        // Who does not speak TLS, or trusts another authority, is its own client's matter.
                        Some(acceptor) => {
                            if let Ok(client) = acceptor.accept(client).await {
                                pass(client, server, &seen).await;
                            }
                        }
                        None => pass(client, server, &seen).await,
                    }
                });
            }
        });
        Self { task, agents }
    }

    /// What clients called themselves since the last call.
    #[must_use]
    pub fn take_agents(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.agents.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Passes on both ways until both have ended.
async fn pass(client: impl AsyncRead + AsyncWrite + Unpin, mut server: TcpStream, agents: &Mutex<BTreeSet<String>>) {
    let (from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, to_server) = server.split();
    let back = async {
        let _end = copy(&mut from_server, &mut to_client).await;
        let _end = to_client.shutdown().await;
    };
    tokio::join!(forward(from_client, to_server, agents), back);
}

/// Passes on what a client sends, and notes what it calls itself.
async fn forward(
    mut client: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
    agents: &Mutex<BTreeSet<String>>,
) {
    let mut part = [0; 16 * 1024];
    while let Ok(length @ 1..) = client.read(&mut part).await {
        for line in part[..length].split(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("user-agent")
            {
                agents.lock().unwrap_or_else(PoisonError::into_inner).insert(value.trim().to_owned());
            }
        }
        if server.write_all(&part[..length]).await.is_err() {
            break;
        }
    }
    let _end = server.shutdown().await;
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}
