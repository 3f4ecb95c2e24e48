//! Words that modems say and that are nobody's: kept as they are.

/// Final result codes (V.250 §5.7.1) and Huawei's spellings of `ERROR`.
const FINAL: &[&str] = &[
    "OK",
    "ERROR",
    "NO CARRIER",
    "BUSY",
    "NO ANSWER",
    "NO DIALTONE",
    "NO DIAL TONE",
    "COMMAND NOT SUPPORT",
    "COMMAND NOT SUPPORTED",
    "TOO MANY PARAMETERS",
    "ABORTED",
];

/// Lines of their own that tell of a modem's state.
const WORDS: &[&str] = &[
    "AT",
    "RDY",
    "*ATREADY",
    "START",
    "RING",
    "CONNECT",
    "SMS Ready",
    "SMS READY",
    "SMS DONE",
    "Call Ready",
    "CALL READY",
    "PB DONE",
    "POWERED DOWN",
    "NORMAL POWER DOWN",
    "UNDER-VOLTAGE WARNNING",
    "UNDER-VOLTAGE WARNING",
    "UNDER-VOLTAGE POWER DOWN",
    "OVER-VOLTAGE WARNNING",
    "OVER-VOLTAGE POWER DOWN",
    ">",
];

/// What stands in quotes and is nobody's: memories, character sets, states.
const QUOTED: &[&str] = &[
    "",
    "SM",
    "ME",
    "MT",
    "SR",
    "BM",
    "TA",
    "IRA",
    "GSM",
    "UCS2",
    "UTF-8",
    "HEX",
    "8859-1",
    "ALL",
    "REC READ",
    "REC UNREAD",
    "STO SENT",
    "STO UNSENT",
    "READY",
    "SMS DONE",
    "SMS FULL",
    "PB DONE",
];

/// Names of responses and codes whose unquoted words are the modem's own.
const NAMES: &[&str] = &[
    "+CMGL",
    "+CMGR",
    "+CMGS",
    "+CMGW",
    "+CMGD",
    "+CMT",
    "+CMTI",
    "+CDS",
    "+CDSI",
    "+CBM",
    "+CBMI",
    "+CPMS",
    "+CNMI",
    "+CSMS",
    "+CMMS",
    "+CSCA",
    "+CSCS",
    "+CSQ",
    "+CSMP",
    "+CSDH",
    "+CMGF",
    "+CREG",
    "+CGREG",
    "+CEREG",
    "+CGATT",
    "+COPS",
    "+CPIN",
    "+CFUN",
    "+CNUM",
    "+CUSD",
    "+CLIP",
    "+CRING",
    "+CCWA",
    "+CLCC",
    "+CGMI",
    "+CGMM",
    "+CGMR",
    "+CGSN",
    "+CIMI",
    "+CCID",
    "+ICCID",
    "+QCCID",
    "+CICCID",
    "^ICCID",
    "+CRSM",
    "+CSIM",
    "+CMEE",
    "+CCLK",
    "+CTZV",
    "+CTZE",
    "+CPAS",
    "+CIEV",
    "+CIND",
    "+QIND",
    "+QURCCFG",
    "+CGSMS",
    "+CATR",
    "+CNMA",
    "+CPSI",
    "+CPBR",
    "+CPBS",
    "^RSSI",
    "^BOOT",
    "^MODE",
    "^SRVST",
    "^SIMST",
    "^SMMEMFULL",
    "^SYSINFO",
    "^HCSQ",
    "^CURC",
    "^STIN",
    "^RFSWITCH",
    "^CSNR",
    "*PSUTTZ",
    "DST",
];

/// Commands answered by a line of the maker's own words: name, model, revision (TS 27.007 §5.1).
const IDENTITIES: &[&str] = &[
    "ATI",
    "ATI0",
    "ATI1",
    "ATI3",
    "AT+CGMI",
    "AT+CGMM",
    "AT+CGMR",
    "AT+GMI",
    "AT+GMM",
    "AT+GMR",
    "AT+CSUB",
    "AT+SIMCOMATI",
    "AT^VERSION?",
];

pub(super) fn is_final(line: &[u8]) -> bool {
    FINAL.iter().any(|known| known.as_bytes() == line) || is_error(line)
}

/// `+CMS ERROR: 500`, or a few words in its place, but never a number of more than three digits.
fn is_error(line: &[u8]) -> bool {
    let reason = line
        .strip_prefix(b"+CMS ERROR:")
        .or_else(|| line.strip_prefix(b"+CME ERROR:"));
    reason.is_some_and(|reason| {
        let number = reason.trim_ascii();
        let numeric = (1..=3).contains(&number.len()) && number.iter().all(u8::is_ascii_digit);
        let words = reason.len() <= 48
            && reason
                .iter()
                .all(|octet| octet.is_ascii_alphabetic() || b" -+,/".contains(octet));
        numeric || words
    })
}

pub(super) fn is_word(line: &[u8]) -> bool {
    WORDS.iter().any(|known| known.as_bytes() == line)
}

pub(super) fn is_quoted(text: &[u8]) -> bool {
    QUOTED.iter().any(|known| known.as_bytes() == text)
}

pub(super) fn is_name(name: &[u8]) -> bool {
    NAMES.iter().any(|known| known.as_bytes() == name)
}

/// Whether a command, in capitals, is answered by the maker's own words.
pub(super) fn asks_identity(command: &[u8]) -> bool {
    IDENTITIES.iter().any(|known| known.as_bytes() == command)
}

/// `24/11/25,22:11:00-24`, the quarters of an hour perhaps left out (TS 27.007 §8.15).
pub(super) fn is_time(text: &[u8]) -> bool {
    const SHAPE: &[u8; 20] = b"00/00/00,00:00:00+00";
    (text.len() == 17 || text.len() == 20)
        && text.iter().zip(SHAPE).all(|(octet, shape)| match shape {
            b'0' => octet.is_ascii_digit(),
            b'+' => matches!(octet, b'+' | b'-'),
            _ => octet == shape,
        })
}

/// `+NAME` of `+NAME: …`: what stands before the colon, behind one of the marks makers use.
pub(super) fn name_of(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|octet| *octet == b':')?;
    let name = line.get(..colon)?;
    let marked = matches!(
        name.first(),
        Some(b'+' | b'^' | b'*' | b'%' | b'$' | b'#' | b'&')
    );
    let letters = name.get(1..)?;
    let named = (1..=12).contains(&letters.len())
        && letters
            .iter()
            .all(|octet| octet.is_ascii_alphanumeric() || *octet == b'_')
        // A name is no hiding place for a number.
        && letters.iter().filter(|octet| octet.is_ascii_digit()).count() <= 2;
    (marked && named).then_some(name)
}
