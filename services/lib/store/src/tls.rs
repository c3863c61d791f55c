//! TLS towards the database, where it fails, in words that tell the operator what to change.
//!
//! Whom to trust is decided by rustls, as `sslmode` in the address of the database demands; nothing here loosens it.

use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use std::path::PathBuf;

/// The server is not what the address of the database demands, and somebody has to change something before it is.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    /// Signed by an authority that is not in the file, or by another that bears its name.
    #[error(
        "the certificate of the database server is not by an authority that is trusted: `sslrootcert` in the address of \
         the database has to name the PEM file of the authority that signed it"
    )]
    Authority(#[source] rustls::Error),
    /// Made for other hosts.
    #[error(
        "the certificate of the database server is for another host: the address of the database has to name a host for \
         which the certificate is, or the server needs a certificate whose subjectAltName has that host"
    )]
    Host(#[source] rustls::Error),
    /// Expired, or not valid yet.
    #[error("the certificate of the database server is not valid now: renew it, or set the clock right")]
    Time(#[source] rustls::Error),
    /// Anything else that is wrong with it.
    #[error(
        "the certificate of the database server cannot be used: give the server one of X.509 version 3, with a \
         subjectAltName, signed by the authority that `sslrootcert` names and not itself an authority"
    )]
    Certificate(#[source] rustls::Error),
    /// There is no TLS to be had at all.
    #[error(
        "the database cannot be reached by TLS as `sslmode` in its address demands ({0}): switch `ssl` on in its \
         server, and let whatever lies between pass it on"
    )]
    NoTls(String),
}

impl Distrust {
    /// What of this kind lies behind a failed connection.
    pub(crate) fn behind(error: &sqlx::Error) -> Option<Self> {
        let seen: &rustls::Error = match error {
            sqlx::Error::Tls(reason) => return Some(Self::NoTls(reason.to_string())),
            sqlx::Error::Io(failed) => failed.get_ref()?.downcast_ref()?,
            _ => return None,
        };
        let rustls::Error::InvalidCertificate(certificate) = seen else { return None };
        Some(match certificate {
            // A signature is wrong when the authority in the file bears the name of the one that signed, but has another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Authority(seen.clone()),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::Host(seen.clone())
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Time(seen.clone()),
            _ => Self::Certificate(seen.clone()),
        })
    }
}

/// Why the authorities cannot be read from the file that the address of the database names.
#[derive(Debug, thiserror::Error)]
#[error("`sslrootcert` in the database address names {path}, {problem}")]
pub struct UnreadableAuthorities {
    path: PathBuf,
    problem: String,
}

/// Reads the authorities once, before any connection does: a file that is missing would look like a database that is away.
pub(crate) fn check_authorities(options: &PgConnectOptions) -> Result<(), UnreadableAuthorities> {
    let url = options.to_url_lossy();
    let named = url.query_pairs().find(|(key, _)| key == "sslrootcert");
    // Without this mark the address holds the certificates themselves.
    let Some(path) = named.as_ref().and_then(|(_, value)| value.strip_prefix("file: ")) else { return Ok(()) };
    let unreadable = |problem: String| UnreadableAuthorities { path: path.into(), problem };
    let pem = std::fs::read(path).map_err(|error| unreadable(format!("which cannot be read: {error}")))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(format!("which is no PEM file of certificates: {error}")))?;
    if certificates.is_empty() {
        return Err(unreadable("in which there is no certificate in PEM form".to_owned()));
    }
    Ok(())
}
