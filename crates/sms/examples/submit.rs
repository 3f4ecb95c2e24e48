//! Prints the PDUs of a text: `cargo run --example submit -- NUMBER TEXT`.

use sms_codec::{Address, SmsSubmit, hex, split};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let number = given.next().unwrap_or_else(|| "+15551230100".to_owned());
    let text = given
        .next()
        .unwrap_or_else(|| "Yes: it is on the shelf. See you at noon!".to_owned());
    for part in split(&text, 1)? {
        let tpdu = SmsSubmit::new(Address::number(&number)?, part).encode()?;
        // The length leaves out the service centre's address, `00`: the SIM's own.
        println!("AT+CMGS={}\n00{}", tpdu.len(), hex(&tpdu));
    }
    Ok(())
}
