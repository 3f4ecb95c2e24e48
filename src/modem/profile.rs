//! What vendors do differently, as data. A profile only adds to what 27.005 and 27.007 already
//! promise: an unknown modem is driven by [`GENERIC`], every line here may be refused without harm,
//! and behind each stands the standard command that is tried when it was.

use std::time::Duration;

use crate::at::CardQuery;

/// One family's ways.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Profile {
    /// For the log.
    pub(super) name: &'static str,
    /// What `+CGMI` contains, in lower case; none: known by its model alone.
    maker: Option<&'static str>,
    /// What `+CGMM` contains, in lower case.
    models: &'static [&'static str],
    /// How to ask for the ICCID, most likely first.
    pub(super) card_queries: &'static [CardQuery],
    /// Lines of the family's own, without `AT`, sent at every setup. Each group is tried until one of
    /// its lines is taken; that none is does no harm.
    pub(super) fixups: &'static [&'static [&'static str]],
    /// The same on a UART, where it differs: `urcport` names another port there.
    uart_fixups: Option<&'static [&'static [&'static str]]>,
    /// Reports lie in `SR`, whatever memory `+CDSI` names.
    pub(super) reports_in_sr: bool,
    /// `+CFUN` levels that switch the radio off and leave AT alone, the best first.
    pub(super) radio_off: &'static [u8],
    /// Lines that restart the modem, tried before `+CFUN=1,1`.
    pub(super) resets: &'static [&'static str],
    /// The line that logs off and switches off: said before the supply is cut, where it is heard.
    pub(super) soft_off: Option<&'static str>,
    /// After a restart: it answers by then. Never more than the ladder's own patience.
    pub(super) boot_wait: Duration,
    /// What the family says of itself when it has just started, beyond what every modem may say.
    pub(super) boot_codes: &'static [&'static str],
    /// Guesses the speed of its port at every start and swallows what it guesses from, until
    /// `+IPR` fixes it.
    pub(super) guesses_speed: bool,
    /// Falls asleep after some seconds of silence where it was told to once, and swallows the line
    /// that wakes it.
    pub(super) sleeps: bool,
    /// Lets every radio technology in again; tried where no network was found for long.
    pub(super) widest_radio: &'static [&'static str],
    /// Lets texts go by IMS; tried where LTE is there and no text gets out.
    pub(super) texts_by_ims: &'static [&'static str],
}

impl Profile {
    /// [`Self::fixups`], as they are on this kind of port.
    pub(super) fn fixups_on(&self, is_uart: bool) -> &'static [&'static [&'static str]] {
        match self.uart_fixups {
            Some(fixups) if is_uart => fixups,
            Some(_) | None => self.fixups,
        }
    }
}

/// `+CNMI` settings, best first: texts stored and indicated (mt=1), reports delivered directly
/// (ds=1), else stored (ds=2, where Qualcomm refuses ds=1), else found by listing alone.
pub(super) const INDICATIONS: [[u8; 5]; 3] = [[2, 1, 2, 1, 0], [2, 1, 2, 2, 0], [2, 1, 2, 0, 0]];

/// What is tried after those, and after what `+CNMI=?` offers: no broadcasts, no reports, and the
/// other ways of telling (TS 27.005 §3.4.1). Sony Ericsson's phones take 3 alone, some modules 1.
pub(super) const INDICATIONS_SPARE: [[u8; 5]; 7] = [
    [2, 1, 0, 1, 0],
    [2, 1, 0, 0, 0],
    [1, 1, 2, 1, 0],
    [1, 1, 0, 1, 0],
    [1, 1, 0, 0, 0],
    [3, 1, 0, 1, 0],
    [3, 1, 0, 0, 0],
];

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// For a modem that nobody knows: standard commands only, and the standard's own patience.
pub(super) static GENERIC: Profile = Profile {
    name: "generic",
    maker: None,
    models: &[],
    card_queries: &[CardQuery::Ccid, CardQuery::Iccid],
    fixups: &[],
    uart_fixups: None,
    reports_in_sr: false,
    radio_off: &[0, 4],
    resets: &[],
    soft_off: None,
    boot_wait: seconds(90),
    boot_codes: &[],
    guesses_speed: false,
    sleeps: false,
    widest_radio: &[],
    texts_by_ims: &[],
};

// Unsolicited codes to every port, and no sleep.
const SIMCOM_ROUTES: &[&[&str]] = &[&["+CATR=0"], &["+CSCLK=0"]];

static FAMILIES: [Profile; 9] = [
    Profile {
        name: "Huawei",
        maker: Some("huawei"),
        card_queries: &[CardQuery::CaretIccid, CardQuery::Ccid],
        // Periodic reports pile up on the second port, which nobody reads, until the stick hangs.
        fixups: &[&["^CURC=0"], &["^PORTSEL=0"]], // URCs of a clock, and those that follow the data port
        // At 0 some sticks take the SIM's power away for good; 4 is flight mode on all of them.
        radio_off: &[4, 0],
        resets: &["^RESET"],
        boot_wait: seconds(60),
        boot_codes: &["^SYSSTART"],
        widest_radio: &["^SYSCFGEX=\"00\",3FFFFFFF,1,2,7FFFFFFFFFFFFFFF,,"],
        ..GENERIC
    },
    Profile {
        name: "Quectel",
        maker: Some("quectel"),
        card_queries: &[CardQuery::Qccid, CardQuery::Ccid],
        // Unsolicited codes otherwise go to whichever port the factory chose. `usbat` alone would
        // take them from a line on the UART, so it comes second.
        fixups: &[
            &[
                "+QURCCFG=\"urcport\",\"all\"",
                "+QURCCFG=\"urcport\",\"usbat\"",
            ],
            &["+QSCLK=0"], // no sleep
        ],
        uart_fixups: Some(&[
            &[
                "+QURCCFG=\"urcport\",\"all\"",
                "+QURCCFG=\"urcport\",\"uart1\"",
            ],
            &["+QSCLK=0"],
        ]),
        reports_in_sr: true,
        soft_off: Some("+QPOWD=1"),
        boot_wait: seconds(30),
        widest_radio: &["+QCFG=\"nwscanmode\",0,1"],
        texts_by_ims: &["+QCFG=\"ims\",1"],
        ..GENERIC
    },
    Profile {
        name: "SIMCom SIM800",
        models: &["sim800", "sim808", "sim868", "sim900"],
        fixups: &[&["+CSCLK=0"]], // no sleep
        sleeps: true,
        soft_off: Some("+CPOWD=1"),
        boot_wait: seconds(30),
        guesses_speed: true,
        ..GENERIC
    },
    Profile {
        name: "SIMCom SIM7000",
        models: &["sim7000", "sim7070", "sim7080", "sim7090"],
        fixups: SIMCOM_ROUTES,
        sleeps: true,
        resets: &["+CREBOOT"],
        soft_off: Some("+CPOWD=1"),
        boot_wait: seconds(40),
        guesses_speed: true,
        widest_radio: &["+CNMP=2"],
        ..GENERIC
    },
    Profile {
        name: "SIMCom SIM7600",
        maker: Some("simcom"),
        models: &["sim7500", "sim7600", "sim7800"],
        card_queries: &[CardQuery::Ciccid, CardQuery::Ccid],
        fixups: SIMCOM_ROUTES,
        resets: &["+CRESET"],
        soft_off: Some("+CPOF"),
        boot_wait: seconds(45),
        widest_radio: &["+CNMP=2"],
        ..GENERIC
    },
    Profile {
        name: "SIMCom A76xx",
        models: &["a7600", "a7608", "a766", "a767", "a768", "a780"],
        card_queries: &[CardQuery::Ciccid, CardQuery::Ccid],
        fixups: SIMCOM_ROUTES,
        resets: &["+CRESET"],
        soft_off: Some("+CPOF"),
        boot_wait: seconds(45),
        boot_codes: &["*ATREADY: 1"],
        widest_radio: &["+CNMP=2"],
        ..GENERIC
    },
    Profile {
        name: "u-blox",
        maker: Some("u-blox"),
        models: &["sara-", "lara-", "toby-", "lisa-"],
        fixups: &[&["+UPSV=0"]], // no sleep
        sleeps: true,
        radio_off: &[4, 0],
        // 16: restart, the SIM included; 15: without it.
        resets: &["+CFUN=16", "+CFUN=15"],
        soft_off: Some("+CPWROFF"),
        boot_wait: seconds(40),
        ..GENERIC
    },
    Profile {
        name: "China Mobile ML30x",
        models: &["ml302", "ml305", "ml307"],
        card_queries: &[CardQuery::Iccid, CardQuery::Ccid],
        fixups: &[&["+MLPMCFG=\"sleepmode\",0"]], // no sleep
        sleeps: true,
        ..GENERIC
    },
    Profile {
        name: "Telit",
        maker: Some("telit"),
        card_queries: &[CardQuery::HashCcid, CardQuery::Ccid],
        // At 0 the older ones sleep and no longer listen to AT at all.
        radio_off: &[4],
        resets: &["#REBOOT"],
        soft_off: Some("#SHDN"),
        boot_wait: seconds(60),
        ..GENERIC
    },
];

/// The profile for what `+CGMI` and `+CGMM` said. The model decides first: SIM800 calls its maker
/// `SIMCOM_Ltd` like its cousins with other ways, A7670 some numbers or `INCORPORATED`.
pub(super) fn profile_for(manufacturer: &str, model: &str) -> &'static Profile {
    let (manufacturer, model) = (
        manufacturer.to_ascii_lowercase(),
        model.to_ascii_lowercase(),
    );
    let by_model = FAMILIES
        .iter()
        .find(|family| family.models.iter().any(|known| model.contains(known)));
    let by_maker = || {
        FAMILIES.iter().find(|family| {
            let maker = family.maker;
            maker.is_some_and(|maker| manufacturer.contains(maker))
        })
    };
    by_model.or_else(by_maker).unwrap_or(&GENERIC)
}

#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static Profile> {
    FAMILIES.iter().chain([&GENERIC])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::at::Unsolicited;

    #[test]
    fn families_are_known_by_what_they_say() {
        for (manufacturer, model, name) in [
            ("huawei", "E3372", "Huawei"),
            ("Huawei Technologies Co., Ltd.", "ME909s-120", "Huawei"),
            ("Quectel", "EC25", "Quectel"),
            ("Quectel", "EG25", "Quectel"),
            ("Quectel", "BG96", "Quectel"),
            ("SIMCOM INCORPORATED", "SIMCOM_SIM7600G-H", "SIMCom SIM7600"),
            ("SIMCOM INCORPORATED", "SIM7080", "SIMCom SIM7000"),
            ("SIMCOM_Ltd", "SIM800L", "SIMCom SIM800"),
            ("SIMCOM_Ltd", "SIMCOM_SIM7000G", "SIMCom SIM7000"),
            ("SIMCOM INCORPORATED", "SIM5320E", "SIMCom SIM7600"),
            ("INCORPORATED", "A7670E-FASE", "SIMCom A76xx"),
            ("u-blox", "SARA-R510S", "u-blox"),
            ("Telit", "LE910C1-EU", "Telit"),
            ("Telit Cinterion", "LE910Q1", "Telit"),
            ("Cinterion", "MC75i", "generic"),
            ("", "", "generic"),
        ] {
            assert_eq!(
                profile_for(manufacturer, model).name,
                name,
                "{manufacturer} {model}"
            );
        }
    }

    #[test]
    fn no_profile_leaves_a_standard_question_out() {
        for profile in all() {
            let name = profile.name;
            assert!(profile.card_queries.contains(&CardQuery::Ccid), "{name}");
            assert!(!profile.radio_off.is_empty(), "{name}");
            assert!(
                profile.radio_off.iter().all(|level| *level != 1),
                "1 is on: {name}"
            );
            assert!(profile.boot_wait <= seconds(90), "{name}");
        }
    }

    #[test]
    fn lines_of_a_family_are_its_own_and_never_of_the_standards_mailbox() {
        let lines = |profile: &'static Profile| {
            let fixups = profile.fixups.iter().chain(profile.fixups_on(true));
            let fixups = fixups.flat_map(|group| group.iter());
            let resets = profile.resets.iter().chain(profile.soft_off.iter());
            let radio = profile.widest_radio.iter().chain(profile.texts_by_ims);
            fixups.chain(resets).chain(radio)
        };
        for profile in all() {
            for line in lines(profile) {
                assert!(
                    !line.starts_with("AT") && !line.contains(['\r', ';']),
                    "{line}"
                );
                for standard in ["+CPMS", "+CNMI", "+CMG", "+CSMS", "+CPIN", "+COPS", "&F"] {
                    assert!(!line.starts_with(standard), "{}: {line}", profile.name);
                }
            }
        }
    }

    #[test]
    fn what_a_family_says_at_start_is_taken_for_a_start() {
        for profile in all() {
            for code in profile.boot_codes {
                assert!(
                    matches!(
                        Unsolicited::parse(code),
                        Unsolicited::Started | Unsolicited::Boot | Unsolicited::Unknown(_)
                    ),
                    "{}: {code}",
                    profile.name
                );
            }
        }
        for (code, expected) in [
            ("RDY", Unsolicited::Started),
            ("*ATREADY: 1", Unsolicited::Started),
            ("^SYSSTART", Unsolicited::Started),
            ("SMS Ready", Unsolicited::SmsReady),
            ("SMS DONE", Unsolicited::SmsReady),
        ] {
            assert_eq!(Unsolicited::parse(code), expected);
        }
    }
}
