//! What vendors do differently, as data. A profile only adds to what 27.005 already promises: an
//! unknown modem is driven by [`GENERIC`], and every line here may be refused without harm.

use crate::at::CardQuery;

/// One vendor's ways.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Profile {
    /// For the log.
    pub(super) name: &'static str,
    /// What `+CGMI` contains, in lower case.
    manufacturer: &'static str,
    /// How to ask for the ICCID, most likely first.
    pub(super) card_queries: &'static [CardQuery],
    /// Lines tried at every setup, without `AT`, until one is taken; that none is does no harm.
    pub(super) fixups: &'static [&'static str],
    /// Reports lie in `SR`, whatever memory `+CDSI` names.
    pub(super) reports_in_sr: bool,
}

/// `+CNMI` settings, best first: texts stored and indicated (mt=1), reports delivered directly
/// (ds=1), else stored (ds=2, where Qualcomm refuses ds=1), else found by listing alone.
pub(super) const INDICATIONS: [[u8; 5]; 3] = [[2, 1, 2, 1, 0], [2, 1, 2, 2, 0], [2, 1, 2, 0, 0]];

pub(super) static GENERIC: Profile = Profile {
    name: "generic",
    manufacturer: "",
    card_queries: &[CardQuery::Ccid, CardQuery::Iccid],
    fixups: &[],
    reports_in_sr: false,
};

static VENDORS: [Profile; 3] = [
    Profile {
        name: "Huawei",
        manufacturer: "huawei",
        card_queries: &[CardQuery::CaretIccid, CardQuery::Ccid],
        // Periodic reports pile up on the second port, which nobody reads, until the stick hangs.
        fixups: &["^CURC=0"],
        reports_in_sr: false,
    },
    Profile {
        name: "Quectel",
        manufacturer: "quectel",
        card_queries: &[CardQuery::Qccid, CardQuery::Ccid],
        // Unsolicited codes otherwise go to whichever port the factory chose. `usbat` alone would
        // take them from a line on the UART, so it comes second.
        fixups: &[
            "+QURCCFG=\"urcport\",\"all\"",
            "+QURCCFG=\"urcport\",\"usbat\"",
        ],
        reports_in_sr: true,
    },
    Profile {
        name: "SIMCom",
        manufacturer: "simcom",
        card_queries: &[CardQuery::Ciccid, CardQuery::Ccid],
        // Unsolicited codes to every port.
        fixups: &["+CATR=0"],
        reports_in_sr: false,
    },
];

/// The profile for what `+CGMI` and `+CGMM` said: SIM800 calls its maker `SIMCOM_Ltd`, A7670 some
/// numbers, but both name `SIM` or `A76` as their model.
pub(super) fn profile_for(manufacturer: &str, model: &str) -> &'static Profile {
    let (manufacturer, model) = (
        manufacturer.to_ascii_lowercase(),
        model.to_ascii_lowercase(),
    );
    let by_name = VENDORS
        .iter()
        .find(|vendor| manufacturer.contains(vendor.manufacturer));
    let by_model = || {
        let simcom = ["sim7", "sim8", "simcom", "a76", "a78"];
        let is_simcom = simcom.iter().any(|prefix| model.starts_with(prefix));
        VENDORS
            .iter()
            .find(|vendor| vendor.name == "SIMCom" && is_simcom)
    };
    by_name.or_else(by_model).unwrap_or(&GENERIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_are_known_by_what_they_say() {
        for (manufacturer, model, name) in [
            ("huawei", "E3372", "Huawei"),
            ("Quectel", "EC25", "Quectel"),
            ("SIMCOM INCORPORATED", "SIMCOM_SIM7600G-H", "SIMCom"),
            ("SIMCOM_Ltd", "SIM800L", "SIMCom"),
            ("INCORPORATED", "A7670E-FASE", "SIMCom"),
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
}
