//! `callnumber pdu`: PDUs at the bench, without a modem.

use std::io::{self, BufRead, BufWriter, ErrorKind, Write};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::sms::{
    Address, Body, Concat, DecodeError, Delivery, NationalTables, Pdu, SmsDeliver, SmsStatusReport,
    SmsSubmit, Timestamp, Tpdu, UserData, ValidityPeriod, hex, split_in, unhex,
};

/// Octets of one line; the longest PDU has 376 digits.
const LINE_MAX: usize = 4096;

/// What to do with PDUs.
#[derive(Debug, Subcommand)]
pub enum PduCommand {
    /// Read PDUs: one given here, or one a line from standard input; one JSON object a line
    Decode(DecodeArgs),
    /// Write the PDUs of a text, one a line, as AT+CMGS takes them
    Encode(EncodeArgs),
}

/// What to read.
#[derive(Debug, Args)]
pub struct DecodeArgs {
    /// The PDU as the modem shows it, service centre first
    pub hex: Option<String>,
}

/// What to write.
#[derive(Debug, Args)]
pub struct EncodeArgs {
    /// Whom to: a number such as +15551230100, or a short code
    #[arg(long, value_name = "NUMBER")]
    pub to: String,
    /// The text; longer ones become several PDUs
    #[arg(long, allow_hyphen_values = true)]
    pub text: String,
    /// The service centre; without it the modem's own
    #[arg(long, value_name = "NUMBER")]
    pub smsc: Option<String>,
    /// Ask for status reports
    #[arg(long)]
    pub report: bool,
    /// How long the service centre should try: 30m, 24h, 3d, 2w
    #[arg(long, value_name = "PERIOD", value_parser = period)]
    pub validity: Option<Duration>,
    /// Reference of the first PDU, counted up, and of the parts of a long text
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub reference: u8,
    /// A national language table that the text may go out in where that takes fewer PDUs: spanish,
    /// turkish-locking; once for each
    #[arg(long, value_name = "TABLE")]
    pub national: Vec<String>,
    /// Print JSON with the length that AT+CMGS is told
    #[arg(long)]
    pub json: bool,
}

/// What became of the lines read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// PDUs read.
    pub read: usize,
    /// Lines that are no PDU; each was answered with an error.
    pub unreadable: usize,
}

/// Does what the command says. A reader that stops listening (`| head`) is no failure.
pub fn run(command: &PduCommand, input: impl BufRead, output: impl Write) -> anyhow::Result<Tally> {
    match command {
        PduCommand::Decode(args) => match decode(args.hex.as_deref(), input, output) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Tally::default()),
            result => result.context("cannot read PDUs or print them"),
        },
        PduCommand::Encode(args) => encode(args, output).map(|()| Tally::default()),
    }
}

/// Reads one PDU, or one a line, and prints one JSON object a line. Blank lines are skipped. What
/// has been read is printed before waiting for more, so that another program can ask and listen.
pub fn decode(hex: Option<&str>, mut input: impl BufRead, output: impl Write) -> io::Result<Tally> {
    let mut decoder = Decoder {
        output: BufWriter::with_capacity(64 * 1024, output),
        line: Vec::with_capacity(LINE_MAX),
        too_long: false,
        tally: Tally::default(),
    };
    if let Some(hex) = hex {
        decoder.take(hex.as_bytes());
        decoder.end_line()?;
        decoder.output.flush()?;
        return Ok(decoder.tally);
    }
    loop {
        decoder.output.flush()?;
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            decoder.end_line()?;
            decoder.output.flush()?;
            return Ok(decoder.tally);
        }
        let mut lines = available.split(|&octet| octet == b'\n');
        // What follows the last newline belongs to a line that goes on.
        let unfinished = lines.next_back().unwrap_or_default();
        for line in lines {
            decoder.take(line);
            decoder.end_line()?;
        }
        decoder.take(unfinished);
        let used = available.len();
        input.consume(used);
    }
}

/// Prints the PDUs of a text, one a line.
pub fn encode(args: &EncodeArgs, output: impl Write) -> anyhow::Result<()> {
    let mut output = BufWriter::new(output);
    let destination = Address::number(&args.to).context("--to")?;
    let smsc = match args.smsc.as_deref() {
        Some(number) => Some(Address::number(number).context("--smsc")?),
        None => None,
    };
    let mut tables = NationalTables::NONE;
    for name in &args.national {
        tables.add(name).context("--national")?;
    }
    let parts = split_in(&args.text, tables, args.reference).context("--text")?;
    let total = parts.len();
    let mut message_reference = args.reference;
    for (part, user_data) in (1..).zip(parts) {
        let mut submit = SmsSubmit::new(destination.clone(), user_data);
        submit.status_report_request = args.report;
        submit.message_reference = message_reference;
        submit.validity = args.validity.map(ValidityPeriod::at_least);
        message_reference = message_reference.wrapping_add(1);
        let tpdu = submit.encode()?.len();
        let pdu = Pdu {
            smsc: smsc.clone(),
            tpdu: Tpdu::Submit(submit),
        };
        let digits = hex(&pdu.encode()?);
        if args.json {
            let encoded = Encoded {
                pdu: &digits,
                length: tpdu,
                part,
                parts: total,
            };
            serde_json::to_writer(&mut output, &encoded)?;
            output.write_all(b"\n")?;
        } else {
            writeln!(output, "{digits}")?;
        }
    }
    output.flush()?;
    Ok(())
}

/// A period such as `24h`: minutes, hours, days or weeks.
fn period(text: &str) -> anyhow::Result<Duration> {
    let minutes = match text.trim().char_indices().next_back() {
        Some((at, unit)) => {
            let count = text
                .trim()
                .get(..at)
                .and_then(|count| count.parse::<u64>().ok());
            let each = match unit {
                'm' => Some(1),
                'h' => Some(60),
                'd' => Some(24 * 60),
                'w' => Some(7 * 24 * 60),
                _ => None,
            };
            count
                .zip(each)
                .and_then(|(count, each)| count.checked_mul(each))
        }
        None => None,
    };
    match minutes.and_then(|minutes| minutes.checked_mul(60)) {
        Some(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => bail!("give a number and a unit, such as 30m, 24h, 3d or 2w"),
    }
}

/// Lines to objects.
struct Decoder<W: Write> {
    output: BufWriter<W>,
    line: Vec<u8>,
    too_long: bool,
    tally: Tally,
}

impl<W: Write> Decoder<W> {
    fn take(&mut self, octets: &[u8]) {
        if self.line.len() + octets.len() > LINE_MAX {
            self.too_long = true;
        } else {
            self.line.extend_from_slice(octets);
        }
    }

    fn end_line(&mut self) -> io::Result<()> {
        let digits = self.line.trim_ascii();
        if digits.is_empty() && !self.too_long {
            self.line.clear();
            return Ok(());
        }
        let error = if self.too_long {
            Some("the line is longer than any PDU".to_owned())
        } else {
            match read(digits) {
                Ok(pdu) => {
                    serde_json::to_writer(&mut self.output, &Decoded::from(&pdu))?;
                    None
                }
                Err(error) => Some(error),
            }
        };
        match error {
            None => self.tally.read += 1,
            Some(error) => {
                self.tally.unreadable += 1;
                serde_json::to_writer(&mut self.output, &Unreadable { error })?;
            }
        }
        self.line.clear();
        self.too_long = false;
        self.output.write_all(b"\n")
    }
}

fn read(digits: &[u8]) -> Result<Pdu, String> {
    let octets = unhex(digits)
        .ok_or("not hexadecimal: a PDU has two of 0-9 and A-F for each octet, and nothing else")?;
    Pdu::decode(&octets).map_err(|error: DecodeError| error.to_string())
}

/// One PDU as the contract words it.
#[derive(Debug, Default, Serialize)]
struct Decoded {
    r#type: &'static str,
    smsc: Option<String>,
    address: String,
    text: Option<String>,
    data: Option<String>,
    encoding: Option<&'static str>,
    concat: Option<Part>,
    /// When the service centre had it, RFC 3339; null when it wrote no time.
    timestamp: Option<String>,
    /// 0 to 3.
    class: Option<u8>,
    /// TP-ST.
    status: Option<u8>,
    /// TP-MR.
    reference: Option<u8>,
    #[serde(flatten)]
    more: More,
}

/// What only some PDUs have.
#[derive(Debug, Default, Serialize)]
struct More {
    /// TP-PID, where it is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u8>,
    /// TP-DCS.
    #[serde(skip_serializing_if = "Option::is_none")]
    dcs: Option<u8>,
    /// The user data header, without its length.
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    /// Destination and originator port.
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<(u16, u16)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discharge: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Part {
    r#ref: u16,
    total: u8,
    seq: u8,
    wide: bool,
}

#[derive(Debug, Serialize)]
struct Unreadable {
    error: String,
}

#[derive(Debug, Serialize)]
struct Encoded<'a> {
    pdu: &'a str,
    length: usize,
    part: usize,
    parts: usize,
}

impl From<&Pdu> for Decoded {
    fn from(pdu: &Pdu) -> Self {
        let decoded = match &pdu.tpdu {
            Tpdu::Deliver(deliver) => Self::from(deliver),
            Tpdu::Submit(submit) => Self::from(submit),
            Tpdu::StatusReport(report) => Self::from(report),
        };
        Self {
            smsc: pdu.smsc.as_ref().map(Address::to_string),
            ..decoded
        }
    }
}

impl From<&SmsDeliver> for Decoded {
    fn from(deliver: &SmsDeliver) -> Self {
        let mut decoded = Self {
            r#type: "deliver",
            address: deliver.originator.to_string(),
            timestamp: moment(deliver.timestamp),
            class: deliver.coding.class().map(|class| class.number()),
            ..Self::default()
        };
        decoded.more.pid = (deliver.pid.0 != 0).then_some(deliver.pid.0);
        decoded.more.dcs = Some(deliver.coding.0);
        decoded.with(&deliver.user_data)
    }
}

impl From<&SmsSubmit> for Decoded {
    fn from(submit: &SmsSubmit) -> Self {
        let mut decoded = Self {
            r#type: "submit",
            address: submit.destination.to_string(),
            class: submit.coding.class().map(|class| class.number()),
            reference: Some(submit.message_reference),
            ..Self::default()
        };
        decoded.more.pid = (submit.pid.0 != 0).then_some(submit.pid.0);
        decoded.more.dcs = Some(submit.coding.0);
        decoded.with(&submit.user_data)
    }
}

impl From<&SmsStatusReport> for Decoded {
    fn from(report: &SmsStatusReport) -> Self {
        let mut decoded = Self {
            r#type: "status-report",
            address: report.recipient.to_string(),
            timestamp: moment(report.timestamp),
            status: Some(report.status.0),
            reference: Some(report.message_reference),
            ..Self::default()
        };
        decoded.more.dcs = report.coding.map(|coding| coding.0);
        decoded.more.discharge = moment(report.discharge);
        decoded.more.meaning = Some(report.status.words());
        decoded.more.delivery = Some(match report.status.delivery() {
            Delivery::Delivered => "delivered",
            Delivery::StillTrying => "still-trying",
            Delivery::Failed => "failed",
            Delivery::Unknown => "unknown",
        });
        match &report.user_data {
            Some(user_data) => decoded.with(user_data),
            None => decoded,
        }
    }
}

impl Decoded {
    fn with(mut self, user_data: &UserData) -> Self {
        self.encoding = Some(match user_data.body() {
            Body::Septets(_) => "gsm7",
            Body::Ucs2(_) => "ucs2",
            Body::Octets(_) => "8bit",
        });
        self.text = user_data.text();
        self.data = user_data.data().map(hex);
        self.concat = user_data.concat().map(Part::from);
        self.more.header = user_data.header().map(|header| hex(header.octets()));
        self.more.ports = user_data
            .ports()
            .map(|ports| (ports.destination, ports.originator));
        self
    }
}

impl From<Concat> for Part {
    fn from(concat: Concat) -> Self {
        Self {
            r#ref: concat.reference,
            total: concat.total,
            seq: concat.sequence,
            wide: concat.wide,
        }
    }
}

fn moment(stamp: Timestamp) -> Option<String> {
    stamp.instant().map(|_| stamp.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    fn lines(input: &[u8]) -> (Tally, Vec<Value>) {
        let mut output = Vec::new();
        let tally = decode(None, input, &mut output).unwrap();
        let lines = String::from_utf8(output).unwrap();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        (tally, lines.collect())
    }

    fn args(to: &str, text: &str) -> EncodeArgs {
        EncodeArgs {
            to: to.to_owned(),
            text: text.to_owned(),
            smsc: None,
            report: false,
            validity: None,
            reference: 0,
            national: Vec::new(),
            json: false,
        }
    }

    fn encoded(args: &EncodeArgs) -> Vec<String> {
        let mut output = Vec::new();
        encode(args, &mut output).unwrap();
        let output = String::from_utf8(output).unwrap();
        output.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_delivery_has_every_key_of_the_contract() {
        let (_, found) = lines(
            b"07915155210399F9040B915155210301F00000425071900300\
              0A0CC8F71D14969741F977FD07\n",
        );
        assert_eq!(
            found,
            [json!({
                "type": "deliver",
                "smsc": "+15551230999",
                "address": "+15551230100",
                "text": "How are you?",
                "data": null,
                "encoding": "gsm7",
                "concat": null,
                "timestamp": "2024-05-17T09:30:00-05:00",
                "class": null,
                "status": null,
                "reference": null,
                "dcs": 0,
            })]
        );
    }

    #[test]
    fn an_unreadable_line_does_not_stop_the_next() {
        let (tally, found) = lines(
            b"hello\r\n\n  0004 \n\t00060505810531f1010150610000400101506100004000  \r\n\
              07915155210399F9040B91515521\n00060505810531F10101506100004001015061000040",
        );
        assert_eq!(
            tally,
            Tally {
                read: 1,
                unreadable: 4
            }
        );
        assert_eq!(found.len(), 5);
        for at in [0, 1, 3, 4] {
            assert!(found[at]["error"].is_string(), "{at}");
        }
        assert_eq!(found[2]["type"], "status-report");
        assert_eq!(found[2]["status"], 0);
        assert_eq!(found[2]["reference"], 5);
        assert_eq!(found[2]["delivery"], "delivered");
        assert_eq!(found[2]["text"], Value::Null);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let mut input = vec![b'0'; 3 * LINE_MAX];
        input.extend_from_slice(b"\n00060505810531F1010150610000400101506100004000\n");
        let mut output = Vec::new();
        let small = io::BufReader::with_capacity(16, &input[..]);
        let tally = decode(None, small, &mut output).unwrap();
        assert_eq!(
            tally,
            Tally {
                read: 1,
                unreadable: 1
            }
        );
    }

    #[test]
    fn one_on_the_command_line_leaves_standard_input_alone() {
        let mut output = Vec::new();
        let tally = decode(Some(" 00xx "), &b"unread"[..], &mut output).unwrap();
        assert_eq!(
            tally,
            Tally {
                read: 0,
                unreadable: 1
            }
        );
        assert!(output.starts_with(b"{\"error\":"));
    }

    #[test]
    fn what_is_encoded_decodes() {
        let mut args = args("+1 555 123 0100", &"Ваша книга здесь 😀 ".repeat(6));
        args.smsc = Some("+15551230999".to_owned());
        args.report = true;
        args.validity = Some(Duration::from_secs(24 * 3600));
        args.reference = 255;
        let pdus = encoded(&args);
        assert_eq!(pdus.len(), 2);
        let (_, found) = lines(pdus.join("\n").as_bytes());
        let text: String = found
            .iter()
            .map(|part| part["text"].as_str().unwrap())
            .collect();
        assert_eq!(text, args.text);
        assert_eq!(found[0]["reference"], 255);
        assert_eq!(found[1]["reference"], 0);
        assert_eq!(found[1]["smsc"], "+15551230999");
        assert_eq!(
            found[1]["concat"],
            json!({"ref": 255, "total": 2, "seq": 2, "wide": false})
        );
    }

    #[test]
    fn national_tables_take_fewer_pdus() {
        let mut args = args("72456", &"¿Dónde está la biblioteca? ".repeat(5));
        assert_eq!(encoded(&args).len(), 3);
        args.national = vec!["spanish".to_owned()];
        let pdus = encoded(&args);
        assert_eq!(pdus.len(), 1);
        let (_, found) = lines(pdus[0].as_bytes());
        assert_eq!(found[0]["text"], args.text.as_str());
        assert_eq!(found[0]["encoding"], "gsm7");
        assert_eq!(found[0]["header"], "240102");
        args.national = vec!["latin".to_owned()];
        assert!(encode(&args, io::sink()).is_err());
    }

    #[test]
    fn the_length_leaves_the_service_centre_out() {
        let mut args = args("72456", "hello");
        assert_eq!(encoded(&args), ["00010005812754F6000005E8329BFD06"]);
        args.smsc = Some("+15551230999".to_owned());
        args.json = true;
        let found: Value = serde_json::from_str(&encoded(&args)[0]).unwrap();
        assert_eq!(
            found,
            json!({
                "pdu": "07915155210399F9010005812754F6000005E8329BFD06",
                "length": 15,
                "part": 1,
                "parts": 1,
            })
        );
    }

    #[test]
    fn the_command_line_is_read() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(subcommand)]
            command: PduCommand,
        }
        let parse = |words: &[&str]| {
            let words = ["pdu"].iter().chain(words);
            <Line as clap::Parser>::try_parse_from(words).map(|line| line.command)
        };
        let words = [
            "encode",
            "--to",
            "72456",
            "--text",
            "- one",
            "--validity",
            "24h",
        ];
        let mut output = Vec::new();
        run(&parse(&words).unwrap(), io::empty(), &mut output).unwrap();
        // TP-VPF relative, and 24 h is 167.
        assert_eq!(output, b"00110005812754F60000A7052DD0DB5D06\n".as_slice());
        output.clear();
        let tally = run(&parse(&["decode"]).unwrap(), &b"00\n"[..], &mut output).unwrap();
        assert_eq!(tally.unreadable, 1);
        assert!(parse(&["decode", "0004"]).is_ok());
        for words in [
            &["encode", "--to", "72456"][..],
            &[
                "encode",
                "--to",
                "72456",
                "--text",
                "a",
                "--validity",
                "soon",
            ],
            &[
                "encode",
                "--to",
                "72456",
                "--text",
                "a",
                "--reference",
                "256",
            ],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (to, text) in [
            ("nobody", "hello"),
            ("", "hello"),
            ("72456", &"a".repeat(50_000)),
        ] {
            assert!(encode(&args(to, text), io::sink()).is_err(), "{to}");
        }
        for (text, seconds) in [
            ("30m", Some(1800)),
            ("24h", Some(86_400)),
            (" 2w", Some(1_209_600)),
            ("0h", None),
            ("h", None),
            ("", None),
            ("24", None),
            ("-1h", None),
            ("99999999999999999999w", None),
            ("9999999999999999w", None),
            ("3é", None),
        ] {
            let found = period(text).ok().map(|period| period.as_secs());
            assert_eq!(found, seconds, "{text:?}");
        }
    }
}
