//! The mail server as the doctor sees it: whether it lets us in. No letter is sent.

use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use super::finding::Finding;
use super::readable;
use crate::cli::config::Config;
use crate::mail::{MailError, Mailer, Settings};
use crate::spool::settings;
use crate::web::mail_server;

const CHECK: &str = "mail";
const PATIENCE: Duration = Duration::from_secs(30);
const NEEDS: &str = "Calls for help are not mailed so. Correct `[alerts.smtp]` in the configuration, \
                     or the mail server on the page Settings; that page sends a trial letter too";

/// Tries the server that the file names, or else the one that the page was told; nothing is said
/// where there is none.
pub(super) async fn try_out(config: &Config, spool: &Path) -> Option<Finding> {
    let server = match config.alerts.server() {
        Ok(Some(server)) => server,
        Ok(None) => match of_the_page(spool)? {
            Ok(server) => server,
            Err(error) => return Some(Finding::failure(CHECK, error.to_string(), NEEDS)),
        },
        Err(words) => return Some(Finding::failure(CHECK, words, NEEDS)),
    };
    let place = format!("{}:{}", server.host, server.port);
    Some(match timeout(PATIENCE, knock(&server)).await {
        Ok(Ok(())) => Finding::ok(CHECK, format!("{place} lets us in")),
        Ok(Err(error)) => Finding::failure(CHECK, format!("{place}: {error}"), NEEDS),
        Err(_) => Finding::failure(
            CHECK,
            format!("{place} does not answer within {} s", PATIENCE.as_secs()),
            NEEDS,
        ),
    })
}

async fn knock(server: &Settings) -> Result<(), MailError> {
    Mailer::new(server)?.knock().await
}

fn of_the_page(spool: &Path) -> Option<Result<Settings, MailError>> {
    let told = settings::alerting(&readable(spool)?).ok()??;
    Some(mail_server(&told.smtp?))
}
