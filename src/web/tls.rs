//! TLS, where no proxy speaks it for the desk: TLS 1.2 and 1.3 by rustls and ring. A renewed
//! certificate is taken up without a restart.

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

/// How often the files are looked at: certificates are renewed weeks before they end.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// A certificate's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The chain, PEM: the server's own certificate first.
    pub chain: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// Why a certificate cannot be used. Says what to do.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file that cannot be read, or holds something else.
    #[error("[web] tls: {} cannot be used: {words}; name a PEM file this user may read", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        words: String,
    },
    /// The two do not belong together, or the key is of a kind nobody knows.
    #[error("[web] tls: certificate and key cannot be used together: {0}")]
    Pair(String),
}

/// What a visitor is shown: the newest pair of files that could be read.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(|held| held.into_inner());
        Some(Arc::clone(&shown))
    }
}

/// TLS, ready to be spoken.
#[derive(Clone)]
pub struct Tls(pub(super) TlsAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Tls")
    }
}

impl Tls {
    /// Reads the files, and from then on looks for newer ones. Must be called inside a Tokio
    /// runtime.
    ///
    /// # Errors
    /// When they cannot be used now. Later, the old ones stay and the log says why.
    pub fn open(certificate: Certificate) -> Result<Self, CertificateError> {
        let first = read(&certificate)?;
        let shown = Arc::new(Shown(RwLock::new(Arc::new(first))));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| CertificateError::Pair(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        tokio::spawn(look_again(certificate, Arc::downgrade(&shown)));
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

fn read(certificate: &Certificate) -> Result<CertifiedKey, CertificateError> {
    let unusable = |path: &Path, words: String| CertificateError::File {
        path: path.to_owned(),
        words,
    };
    let chain = CertificateDer::pem_file_iter(&certificate.chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(&certificate.chain, error.to_string()))?;
    if chain.is_empty() {
        let words = "there is no certificate in it".into();
        return Err(unusable(&certificate.chain, words));
    }
    let key = PrivateKeyDer::from_pem_file(&certificate.key)
        .map_err(|error| unusable(&certificate.key, error.to_string()))?;
    CertifiedKey::from_der(chain, key, &ring::default_provider())
        .map_err(|error| CertificateError::Pair(error.to_string()))
}

fn dates(certificate: &Certificate) -> [Option<SystemTime>; 2] {
    [&certificate.chain, &certificate.key].map(|path| {
        let about = std::fs::metadata(path).ok()?;
        about.modified().ok()
    })
}

/// Takes up renewed files, as long as somebody listens.
async fn look_again(certificate: Certificate, shown: std::sync::Weak<Shown>) {
    let mut known = dates(&certificate);
    let mut interval = tokio::time::interval(LOOK_EVERY);
    loop {
        interval.tick().await;
        let Some(shown) = shown.upgrade() else {
            return;
        };
        let now = dates(&certificate);
        if now == known {
            continue;
        }
        match read(&certificate) {
            Ok(newer) => {
                known = now;
                *shown.0.write().unwrap_or_else(|held| held.into_inner()) = Arc::new(newer);
                tracing::info!("a renewed certificate is in use");
            }
            // The key may not have been written yet: looked at again until the pair fits.
            Err(error) => tracing::warn!(%error, "the renewed certificate is not used yet"),
        }
    }
}
