//! Presence put down as files: in a folder, by a real SFTP server, by a real WebDAV server with and
//! without TLS.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callnumber::desk::Board;
use callnumber::routing::{Plan, Queue, QueueId};
use callnumber::web::{Dav, Publishing, Sftp, Target, publish};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// Nothing in a test takes longer than this.
const PATIENCE: Duration = Duration::from_secs(90);

fn board(online: bool) -> Arc<Board> {
    let mut board = Board::default();
    if online {
        board.online.insert(QueueId(1));
    }
    board.plan = Arc::new(Plan {
        queues: vec![Queue::new(QueueId(1), "ask")],
        ..Plan::default()
    });
    Arc::new(board)
}

/// Waits until a file holds these words: other programs write it.
async fn until(file: &Path, words: &str) {
    let began = Instant::now();
    loop {
        let found = std::fs::read_to_string(file).unwrap_or_default();
        if found == words {
            return;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{} holds {found:?}, not {words:?}",
            file.display()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Somebody comes, goes, comes, and the daemon stops.
async fn follows_the_desk(target: Target, folder: &Path) {
    let (hang, hung) = watch::channel(board(false));
    let (stop, stopped) = watch::channel(false);
    let publishing = Publishing {
        host: "elm.example".into(),
        target,
    };
    let publishing = tokio::spawn(publish(publishing, hung, stopped));
    let place = folder.join("presence/jid/ask/chat.elm.example");
    until(&place.join("text"), "unavailable").await;
    hang.send_replace(board(true));
    until(&place.join("text"), "available").await;
    until(
        &place.join("js"),
        "var jabber_user='ask'; var jabber_server='chat.elm.example'; \
         var jabber_resources=[{name:'libraryh3lp',priority:5,show:'available',status:''}]; \
         var jabber_client_id='x';",
    )
    .await;
    until(
        &place.join("xml"),
        "<presence user=\"ask\" server=\"chat.elm.example\"><resource show=\"available\" \
         name=\"libraryh3lp\" priority=\"5\"/></presence>",
    )
    .await;
    hang.send_replace(board(false));
    until(&place.join("text"), "unavailable").await;
    hang.send_replace(board(true));
    until(&place.join("text"), "available").await;
    // Nobody is there once the daemon is not.
    stop.send_replace(true);
    tokio::time::timeout(PATIENCE, publishing)
        .await
        .unwrap()
        .unwrap();
    until(&place.join("text"), "unavailable").await;
    until(
        &place.join("json"),
        r#"{"server":"chat.elm.example","show":"unavailable","user":"ask"}"#,
    )
    .await;
    let left: Vec<_> = std::fs::read_dir(&place)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().ends_with(".part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn into_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::Directory(folder.path().to_owned());
    follows_the_desk(target, folder.path()).await;
}

/// A folder that cannot be written at first is written once it can be.
#[tokio::test]
async fn a_target_that_fails_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    std::fs::write(&site, "a file where a folder should be").unwrap();
    let (_hang, hung) = watch::channel(board(true));
    let (stop, stopped) = watch::channel(false);
    let publishing = Publishing {
        host: "elm.example".into(),
        target: Target::Directory(site.clone()),
    };
    let publishing = tokio::spawn(publish(publishing, hung, stopped));
    tokio::task::yield_now().await;
    std::fs::remove_file(&site).unwrap();
    let text = site.join("presence/jid/ask/chat.elm.example/text");
    until(&text, "available").await;
    stop.send_replace(true);
    publishing.await.unwrap();
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

async fn until_listens(port: u16, server: &mut Child) {
    let began = Instant::now();
    while tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .is_err()
    {
        if let Some(status) = server.try_wait().unwrap() {
            panic!("the server ended: {status}");
        }
        assert!(began.elapsed() < PATIENCE, "nothing listens on {port}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn by_sftp_into_a_real_server() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = |path: PathBuf| path.display().to_string();
    for key in ["host", "own"] {
        let arguments = ["-q", "-t", "ed25519", "-N", "", "-f", &text(at(key))];
        run("ssh-keygen", &arguments).await;
    }
    std::fs::copy(at("own.pub"), at("authorized")).unwrap();
    let site = at("my site");
    std::fs::create_dir(&site).unwrap();
    let port = free_port();
    std::fs::write(
        at("sshd_config"),
        format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\n\
             PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n",
            text(at("host")),
            text(at("authorized"))
        ),
    )
    .unwrap();
    if run("id", &["-u"]).await.trim() == "0" {
        // Where the server puts what it does not trust away.
        std::fs::create_dir_all("/run/sshd").unwrap();
    }
    let mut server = Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-f", &text(at("sshd_config"))])
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("sshd starts; `apt-get install openssh-server` brings it");
    until_listens(port, &mut server).await;
    let host_key = std::fs::read_to_string(at("host.pub")).unwrap();
    std::fs::write(at("known"), format!("[127.0.0.1]:{port} {host_key}")).unwrap();
    let user = run("id", &["-un"]).await;
    let target = Target::Sftp(Sftp {
        destination: format!("{}@127.0.0.1", user.trim()),
        port: Some(port),
        folder: text(site.clone()),
        identity: Some(at("own")),
        known_hosts: Some(at("known")),
    });
    follows_the_desk(target, &site).await;
}

/// An nginx with its WebDAV module, by HTTP on one port and by HTTPS on another.
async fn nginx(folder: &Path) -> (Child, u16, u16) {
    let site = folder.join("site");
    std::fs::create_dir(&site).unwrap();
    for name in ["body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        std::fs::create_dir(folder.join(name)).unwrap();
    }
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), certified.cert.pem()).unwrap();
    let key = certified.signing_key.serialize_pem();
    std::fs::write(folder.join("key.pem"), key).unwrap();
    std::fs::write(folder.join("users"), "web:{PLAIN}shelf mark\n").unwrap();
    let (plain, tls) = (free_port(), free_port());
    let at = folder.display();
    let user = run("id", &["-un"]).await;
    let user = user.trim();
    std::fs::write(
        folder.join("nginx.conf"),
        format!(
            "user {user}; daemon off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ }}\n\
             http {{ access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;\n\
             fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
             server {{ listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl;\n\
             ssl_certificate {at}/cert.pem; ssl_certificate_key {at}/key.pem;\n\
             location /dav/ {{ alias {at}/site/; dav_methods PUT MKCOL;\n\
             auth_basic site; auth_basic_user_file {at}/users; }} }} }}\n"
        ),
    )
    .unwrap();
    let mut server = Command::new("/usr/sbin/nginx")
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .arg("-p")
        .arg(folder)
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("nginx starts; `apt-get install nginx-light` brings it");
    until_listens(plain, &mut server).await;
    (server, plain, tls)
}

#[tokio::test]
async fn by_webdav_into_a_real_server() {
    for by_tls in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (mut server, plain, tls) = nginx(folder.path()).await;
        let target = Target::WebDav(Dav {
            tls: by_tls,
            host: "localhost".into(),
            port: if by_tls { tls } else { plain },
            folder: "/dav".into(),
            // web, shelf mark
            authorization: Some("Basic d2ViOnNoZWxmIG1hcms=".into()),
            ca: by_tls.then(|| folder.path().join("cert.pem")),
        });
        follows_the_desk(target, &folder.path().join("site")).await;
        // Its master ends its workers when asked, not when killed.
        let pid = server.id().unwrap().to_string();
        run("kill", &["-QUIT", &pid]).await;
        tokio::time::timeout(PATIENCE, server.wait())
            .await
            .unwrap()
            .unwrap();
    }
}
