//! Messages as text mode shows them (TS 27.005 §3.1, §3.4.1 to §3.4.3).

use super::super::air::{
    Address, Alphabet, Deliver, StatusReport, Submit, Timestamp, UserData, ValidityPeriod,
};
use super::super::charset;
use super::super::storage::Stored;
use super::Firmware;

/// A stored or arriving TPDU, read as far as text mode needs it.
pub(super) enum Shown {
    Deliver(u8, Deliver),
    Submit(u8, Submit),
    Report(u8, StatusReport),
    Unreadable,
}

impl Shown {
    pub(super) fn of(tpdu: &[u8], written_here: bool) -> Self {
        // A SUBMIT-REPORT and a SUBMIT share their indicator with other types of the other
        // direction; who wrote it decides (TS 23.040 §9.2.3.1).
        let first = tpdu.first().copied().unwrap_or(0);
        let read = match (first & 3, written_here) {
            (1, true) => Submit::decode(tpdu).map(|submit| Self::Submit(first, submit)),
            (2, _) => StatusReport::decode(tpdu).map(|(first, report)| Self::Report(first, report)),
            _ => Deliver::decode(tpdu).map(|(first, deliver)| Self::Deliver(first, deliver)),
        };
        read.unwrap_or(Self::Unreadable)
    }
}

/// `<toa>` as text mode says it.
fn kind_of(address: &Address) -> u8 {
    address.kind
}

impl Firmware {
    /// A string parameter in the terminal's character set.
    pub(super) fn shown(&self, text: &str) -> Vec<u8> {
        charset::encode(self.terms.charset, text)
    }

    fn quoted(&self, text: &str) -> Vec<u8> {
        let mut quoted = vec![b'"'];
        quoted.extend(self.shown(text));
        quoted.push(b'"');
        quoted
    }

    /// `<data>`: characters for GSM 7-bit without a header, else hexadecimal.
    fn data(&self, user_data: &UserData) -> Vec<u8> {
        if user_data.alphabet() == Alphabet::Gsm7 && user_data.header.is_empty() {
            self.shown(&user_data.to_text().unwrap_or_default())
        } else {
            super::super::air::to_hex(&user_data.octets()).into_bytes()
        }
    }

    fn data_length(user_data: &UserData) -> usize {
        if user_data.alphabet() == Alphabet::Gsm7 && user_data.header.is_empty() {
            user_data.body.len()
        } else {
            user_data.octets().len()
        }
    }

    /// `+CMGL` of one message in text mode.
    pub(super) fn listed(&self, index: usize, message: &Stored, tpdu: &[u8]) -> Vec<u8> {
        let status = message.status.words();
        let mut line = format!("+CMGL: {index},\"{status}\",").into_bytes();
        match Shown::of(tpdu, message.status.number() >= 2) {
            Shown::Deliver(_, deliver) => {
                line.extend(self.quoted(&deliver.from.to_string()));
                line.extend(format!(",,\"{}\"", Timestamp::shown(&deliver.scts)).as_bytes());
                if self.terms.show_all {
                    let length = Self::data_length(&deliver.user_data);
                    line.extend(format!(",{},{length}", kind_of(&deliver.from)).as_bytes());
                }
                line.extend(b"\r\n");
                line.extend(self.data(&deliver.user_data));
            }
            Shown::Submit(_, submit) => {
                line.extend(self.quoted(&submit.to.to_string()));
                line.extend(b",,");
                if self.terms.show_all {
                    let length = Self::data_length(&submit.user_data);
                    line.extend(format!(",{},{length}", kind_of(&submit.to)).as_bytes());
                }
                line.extend(b"\r\n");
                line.extend(self.data(&submit.user_data));
            }
            Shown::Report(first, report) => line.extend(self.report_fields(first, &report)),
            Shown::Unreadable => line.extend(b"\"\",,\r\n"),
        }
        line
    }

    /// `+CMGR` of one message in text mode.
    pub(super) fn read_out(&self, message: &Stored, tpdu: &[u8]) -> Vec<u8> {
        let status = message.status.words();
        let mut line = format!("+CMGR: \"{status}\",").into_bytes();
        match Shown::of(tpdu, message.status.number() >= 2) {
            Shown::Deliver(first, deliver) => {
                line.extend(self.quoted(&deliver.from.to_string()));
                line.extend(format!(",,\"{}\"", Timestamp::shown(&deliver.scts)).as_bytes());
                if self.terms.show_all {
                    line.extend(self.deliver_details(first, &deliver));
                }
                line.extend(b"\r\n");
                line.extend(self.data(&deliver.user_data));
            }
            Shown::Submit(first, submit) => {
                line.extend(self.quoted(&submit.to.to_string()));
                line.push(b',');
                if self.terms.show_all {
                    let validity = match submit.validity_period {
                        Some(ValidityPeriod::Relative(period)) => period.to_string(),
                        Some(ValidityPeriod::Absolute(stamp)) => {
                            format!("\"{}\"", Timestamp::shown(&stamp))
                        }
                        Some(ValidityPeriod::Enhanced(_)) | None => String::new(),
                    };
                    line.extend(
                        format!(
                            ",{},{first},{},{},{validity},",
                            kind_of(&submit.to),
                            submit.pid,
                            submit.user_data.dcs
                        )
                        .as_bytes(),
                    );
                    line.extend(self.service_centre_fields());
                    line.extend(format!(",{}", Self::data_length(&submit.user_data)).as_bytes());
                }
                line.extend(b"\r\n");
                line.extend(self.data(&submit.user_data));
            }
            Shown::Report(first, report) => line.extend(self.report_fields(first, &report)),
            Shown::Unreadable => line.extend(b"\"\",,\r\n"),
        }
        line
    }

    /// `+CMT` in text mode.
    pub(super) fn handed_on(&self, first: u8, deliver: &Deliver) -> Vec<u8> {
        let mut line = b"+CMT: ".to_vec();
        line.extend(self.quoted(&deliver.from.to_string()));
        line.extend(format!(",,\"{}\"", Timestamp::shown(&deliver.scts)).as_bytes());
        if self.terms.show_all {
            line.extend(self.deliver_details(first, deliver));
        }
        line.extend(b"\r\n");
        line.extend(self.data(&deliver.user_data));
        line
    }

    /// `,<tooa>,<fo>,<pid>,<dcs>,<sca>,<tosca>,<length>`
    fn deliver_details(&self, first: u8, deliver: &Deliver) -> Vec<u8> {
        let mut fields = format!(
            ",{},{first},{},{},",
            kind_of(&deliver.from),
            deliver.pid,
            deliver.user_data.dcs
        )
        .into_bytes();
        fields.extend(self.service_centre_fields());
        fields.extend(format!(",{}", Self::data_length(&deliver.user_data)).as_bytes());
        fields
    }

    /// `<fo>,<mr>,[<ra>],[<tora>],<scts>,<dt>,<st>`
    pub(super) fn report_fields(&self, first: u8, report: &StatusReport) -> Vec<u8> {
        let mut fields = format!("{first},{},", report.message_reference).into_bytes();
        fields.extend(self.quoted(&report.recipient.to_string()));
        fields.extend(
            format!(
                ",{},\"{}\",\"{}\",{}",
                kind_of(&report.recipient),
                Timestamp::shown(&report.scts),
                Timestamp::shown(&report.discharge),
                report.status
            )
            .as_bytes(),
        );
        fields
    }

    /// `<sca>,<tosca>`
    pub(super) fn service_centre_fields(&self) -> Vec<u8> {
        let mut fields = self.quoted(&self.settings.service_centre);
        let kind = if self.settings.service_centre.starts_with('+') {
            145
        } else {
            129
        };
        fields.extend(format!(",{kind}").as_bytes());
        fields
    }
}
