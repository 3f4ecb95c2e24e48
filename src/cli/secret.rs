//! Secrets: made here and shown once; the spool keeps only their SHA-256.

use std::io::{BufRead, IsTerminal};

use crate::sms::hex;
use crate::web;
use anyhow::{Context, bail, ensure};

/// 256 bits from the system, in hexadecimal.
pub(super) fn make() -> String {
    let mut octets = [0_u8; 32];
    getrandom::fill(&mut octets).expect("the system's random source works");
    hex(&octets)
}

/// A new password: asked for twice at a terminal, else one line from standard input.
pub(super) fn new_password(operator: &str) -> anyhow::Result<String> {
    let password = if std::io::stdin().is_terminal() {
        let password = rpassword::prompt_password(format!("A password for {operator}: "))
            .context("cannot read the password from the terminal")?;
        let again = rpassword::prompt_password("The same again: ")
            .context("cannot read the password from the terminal")?;
        ensure!(
            password == again,
            "the two passwords differ: nothing was changed"
        );
        password
    } else {
        let mut line = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .context("cannot read the password from standard input")?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    if password.is_empty() {
        bail!("no password was given: write one line to standard input, or use --no-password");
    }
    web::check_password(operator, &password).map_err(anyhow::Error::msg)?;
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_kept_as_its_sha_256() {
        // FIPS 180-4, the example of one block.
        assert_eq!(
            crate::spool::staff::secret_hash("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(make().len(), 64);
        assert_ne!(make(), make());
    }
}
