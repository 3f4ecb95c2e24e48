//! A WebDAV collection (RFC 4918): `MKCOL` for each folder, `PUT` for each file.

use std::sync::Arc;

use axum::http::{Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Files, PublishError, folders};

/// Octets of an answer that are read: there is nothing in them for us.
const ANSWER_MAX: usize = 64 * 1024;

/// A WebDAV collection.
#[derive(Clone, PartialEq, Eq)]
pub struct Dav {
    /// Whether by TLS.
    pub tls: bool,
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The collection, which exists: `/site`.
    pub folder: String,
    /// The value of `Authorization`, if there is one.
    pub authorization: Option<String>,
    /// A certificate to trust beside the system's, PEM.
    pub ca: Option<std::path::PathBuf>,
}

impl std::fmt::Debug for Dav {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the password.
        out.debug_struct("Dav")
            .field("tls", &self.tls)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

pub(super) async fn put(place: &Dav, files: &Files) -> Result<(), PublishError> {
    let mut connection = connect(place).await?;
    for folder in folders(files) {
        let path = format!("{}/{folder}/", place.folder.trim_end_matches('/'));
        let status = ask(place, &mut connection, "MKCOL", &path, Bytes::new()).await?;
        // 405: it is there already (RFC 4918 §9.3.1); some servers say 301 or 409 of one that is.
        if !matches!(status, 200..=299 | 301 | 405) {
            return Err(refused("MKCOL", &path, status));
        }
    }
    for (file, content) in files {
        let path = format!("{}/{file}", place.folder.trim_end_matches('/'));
        let status = ask(place, &mut connection, "PUT", &path, content.clone()).await?;
        if !(200..300).contains(&status) {
            return Err(refused("PUT", &path, status));
        }
    }
    Ok(())
}

fn refused(method: &'static str, path: &str, status: u16) -> PublishError {
    PublishError::Refused {
        method,
        path: path.to_owned(),
        status,
    }
}

type Sender = SendRequest<Full<Bytes>>;

async fn connect(place: &Dav) -> Result<Sender, PublishError> {
    let away = |words: String| PublishError::Unreachable {
        host: format!("{}:{}", place.host, place.port),
        words,
    };
    let stream = TcpStream::connect((place.host.as_str(), place.port))
        .await
        .map_err(|error| away(error.to_string()))?;
    if !place.tls {
        return shake_hands(TokioIo::new(stream))
            .await
            .map_err(|error| away(error.to_string()));
    }
    let config = trust(place).map_err(away)?;
    let name = ServerName::try_from(place.host.clone())
        .map_err(|_| away("it is not a name a certificate can be for".into()))?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| away(error.to_string()))?;
    shake_hands(TokioIo::new(stream))
        .await
        .map_err(|error| away(error.to_string()))
}

async fn shake_hands<T>(stream: TokioIo<T>) -> hyper::Result<Sender>
where
    TokioIo<T>: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(stream).await?;
    // Ends with the sender; what goes wrong is told to whoever waits for an answer.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

fn trust(place: &Dav) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = &place.ca {
        let unusable = |error: String| format!("{} cannot be used: {error}", path.display());
        let certificates =
            CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| unusable(error.to_string()))?;
        }
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

async fn ask(
    place: &Dav,
    connection: &mut Sender,
    method: &'static str,
    path: &str,
    body: Bytes,
) -> Result<u16, PublishError> {
    let away = |words: String| PublishError::Unreachable {
        host: format!("{}:{}", place.host, place.port),
        words,
    };
    // A server may end a connection after any answer.
    if connection.ready().await.is_err() {
        *connection = connect(place).await?;
    }
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap_or(Method::PUT))
        .uri(path)
        .header(header::HOST, format!("{}:{}", place.host, place.port))
        .header(header::USER_AGENT, "callnumber");
    if let Some(authorization) = &place.authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request
        .body(Full::new(body))
        .map_err(|error| away(error.to_string()))?;
    let answer = connection
        .send_request(request)
        .await
        .map_err(|error| away(error.to_string()))?;
    let status = answer.status().as_u16();
    // Read to its end, so that the connection can be used again.
    let _ = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
    Ok(status)
}
