//! TLS at the desk's own door: spoken, renewed without a restart, and refused where it cannot be.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callnumber::web::{Certificate, Settings, Tls, serve_by};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::house::House;

const PATIENCE: Duration = Duration::from_secs(90);

/// Writes a new certificate and its key; answers the certificate.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(
        folder.join("key.pem"),
        certified.signing_key.serialize_pem(),
    )
    .unwrap();
    std::fs::write(folder.join("cert.pem"), certified.cert.pem()).unwrap();
    certified.cert.der().clone()
}

/// Asks by TLS, trusting one certificate only.
async fn ask(port: u16, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    let request = "GET /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let first = certify(folder.path());
    let certificate = Certificate {
        chain: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
    };
    let house = House::open_with(Settings {
        library: "Elm Library".into(),
        secure_cookies: true,
        ..Settings::default()
    })
    .await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tls = Tls::open(certificate).unwrap();
    let router = house.router.clone();
    tokio::spawn(serve_by(
        listener,
        Some(tls),
        router,
        std::future::pending(),
    ));

    // Somebody who connects and says nothing keeps nobody out.
    let _silent = tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .unwrap();
    let mut plain = tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();

    let answer = ask(port, &first).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("Elm Library"), "{answer}");

    let second = certify(folder.path());
    let began = Instant::now();
    while ask(port, &second).await.is_err() {
        assert!(
            began.elapsed() < PATIENCE,
            "the new certificate is not used"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(ask(port, &first).await.is_err());
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let of = |chain: &str, key: &str| {
        let certificate = Certificate {
            chain: folder.path().join(chain),
            key: folder.path().join(key),
        };
        Tls::open(certificate).unwrap_err().to_string()
    };
    assert!(of("none.pem", "key.pem").contains("none.pem"));
    assert!(of("key.pem", "key.pem").contains("no certificate in it"));
    assert!(of("cert.pem", "cert.pem").contains("cert.pem"));
    let other = tempfile::tempdir().unwrap();
    certify(other.path());
    std::fs::copy(
        other.path().join("key.pem"),
        folder.path().join("other.pem"),
    )
    .unwrap();
    assert!(of("cert.pem", "other.pem").contains("together"));
}
