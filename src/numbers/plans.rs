//! The numbering plans of the world: calling codes, prefixes and lengths.
//!
//! Facts of ITU-T E.164's list of assigned country codes, E.212's of mobile country codes and the
//! national plans filed under E.129, as of 2026. Countries that share a plan share a row.

use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// One country's plan.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NumberingPlan {
    iso: &'static str,
    calling_code: u16,
    trunk_prefix: &'static str,
    mobile: &'static [u8],
    lengths: &'static [u8],
    mobile_country_codes: &'static [u16],
}

/// The country a line is in: how numbers without `+` are read there.
#[derive(Debug, Clone, Copy)]
pub struct Country(&'static NumberingPlan);

impl PartialEq for Country {
    fn eq(&self, other: &Self) -> bool {
        self.0.iso == other.0.iso
    }
}

impl Eq for Country {}

/// Not two letters of any country.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no country: write its two letters, such as \"US\"")]
pub struct NoSuchCountry(String);

impl FromStr for Country {
    type Err = NoSuchCountry;

    fn from_str(iso: &str) -> Result<Self, NoSuchCountry> {
        Self::named(iso).ok_or_else(|| NoSuchCountry(iso.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let iso = String::deserialize(deserializer)?;
        iso.parse().map_err(D::Error::custom)
    }
}

/// The United States and the other countries of the North American plan.
impl Default for Country {
    fn default() -> Self {
        let us = PLANS.iter().find(|plan| plan.iso == "US");
        Self(us.unwrap_or(&PLANS[0]))
    }
}

impl Country {
    /// By its two letters (ISO 3166-1), in either case. Countries of one plan are equal: `CA` is
    /// `US`.
    pub fn named(iso: &str) -> Option<Self> {
        let shared = SHARED
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(iso))
            .map_or(iso, |(_, plan)| plan);
        PLANS
            .iter()
            .find(|plan| plan.iso.eq_ignore_ascii_case(shared))
            .map(Self)
    }

    /// By a telephone number of that country: `+` and its digits.
    pub fn of_number(number: &str) -> Option<Self> {
        NumberingPlan::calling(number.strip_prefix('+')?).map(Self)
    }

    /// By the IMSI of a SIM: its first three digits are the mobile country code (TS 23.003 §2.2).
    pub fn of_imsi(imsi: &str) -> Option<Self> {
        let code: u16 = imsi.get(..3)?.parse().ok()?;
        PLANS
            .iter()
            .find(|plan| plan.mobile_country_codes.contains(&code))
            .map(Self)
    }

    /// The two letters of the plan's main country (ISO 3166-1).
    pub fn as_str(self) -> &'static str {
        self.0.iso
    }

    pub(super) fn plan(self) -> &'static NumberingPlan {
        self.0
    }
}

impl NumberingPlan {
    /// Calling codes that are no country's: free phone, shared cost, satellites and networks
    /// (E.164 annex).
    pub(super) const OF_NO_COUNTRY: [&str; 9] = [
        "800", "808", "870", "878", "881", "882", "883", "888", "979",
    ];

    /// The plan whose calling code these digits begin with. No code begins with another.
    pub(super) fn calling(digits: &str) -> Option<&'static Self> {
        if digits.starts_with('0') {
            return None;
        }
        let mut codes = [u16::MAX; 3];
        let mut code = 0;
        for (at, digit) in digits.bytes().take(3).enumerate() {
            code = code * 10 + u16::from(digit.checked_sub(b'0').filter(|d| *d < 10)?);
            codes[at] = code;
        }
        PLANS.iter().find(|plan| codes.contains(&plan.calling_code))
    }

    pub(super) fn iso(&self) -> &'static str {
        self.iso
    }

    pub(super) fn calling_code(&self) -> u16 {
        self.calling_code
    }

    pub(super) fn calling_code_digits(&self) -> usize {
        match self.calling_code {
            0..=9 => 1,
            10..=99 => 2,
            _ => 3,
        }
    }

    /// Dialled before a national number; empty where there is none.
    pub(super) fn trunk_prefix(&self) -> &'static str {
        self.trunk_prefix
    }

    /// Digits that a mobile number has, without prefixes.
    pub(super) fn mobile_lengths(&self) -> &'static [u8] {
        self.mobile
    }

    /// Digits that a mobile or fixed number has, without prefixes.
    pub(super) fn lengths(&self) -> &'static [u8] {
        self.lengths
    }

    /// The trunk prefix, and those that were dialled before it or beside it and are still written.
    pub(super) fn national_prefixes(&self) -> impl Iterator<Item = &'static str> + use<> {
        let others: &[&str] = match self.iso {
            "MX" => &["1", "01", "044", "045"],
            "LT" | "AM" | "AZ" | "GE" | "MD" | "UZ" | "TJ" => &["8"],
            "BY" => &["8", "0"],
            "CO" => &["03"],
            "BO" | "KI" | "LB" | "LI" | "MC" | "MN" | "SO" | "UY" => &["0"],
            "MH" => &["1"],
            _ => &[],
        };
        let trunk = Some(self.trunk_prefix).filter(|trunk| !trunk.is_empty());
        trunk.into_iter().chain(others.iter().copied())
    }

    /// What is dialled before a calling code. `00` is tried everywhere: it is what E.164 asks for.
    pub(super) fn international_prefixes(&self) -> impl Iterator<Item = &'static str> + use<> {
        let own: &[&str] = match self.iso {
            "US" | "MH" | "PW" => &["011"],
            "AU" => &["0011"],
            "RU" | "BY" | "TJ" | "TM" => &["810"],
            "JP" => &["010"],
            "KR" => &["001", "002", "00700"],
            "HK" | "SG" | "KH" | "ID" | "TH" => &["001", "007", "008", "009"],
            "GY" | "MN" => &["001"],
            "IL" => &["012", "013", "014", "018", "019"],
            "TW" => &["002", "005", "006", "007", "009", "019"],
            "KE" => &["000"],
            "TZ" | "UG" => &["000", "005", "006", "007"],
            "NG" => &["009"],
            "CU" => &["119"],
            "FI" => &["990", "994", "999"],
            "BR" => &["0014", "0015", "0021", "0031", "0041"],
            "CL" => &["1230", "1710", "1810", "1880"],
            "CV" | "WS" => &["0"],
            _ => &[],
        };
        own.iter().copied().chain(["00"])
    }
}

const fn row(
    iso: &'static str,
    calling_code: u16,
    trunk_prefix: &'static str,
    mobile: &'static [u8],
    lengths: &'static [u8],
    mobile_country_codes: &'static [u16],
) -> NumberingPlan {
    NumberingPlan {
        iso,
        calling_code,
        trunk_prefix,
        mobile,
        lengths,
        mobile_country_codes,
    }
}

/// Countries that share a plan, and whose row it is.
const SHARED: &[(&str, &str)] = &[
    ("AG", "US"),
    ("AI", "US"),
    ("AS", "US"),
    ("AX", "FI"),
    ("BB", "US"),
    ("BL", "GP"),
    ("BM", "US"),
    ("BQ", "CW"),
    ("BS", "US"),
    ("CA", "US"),
    ("CC", "AU"),
    ("CX", "AU"),
    ("DM", "US"),
    ("DO", "US"),
    ("EH", "MA"),
    ("GD", "US"),
    ("GG", "GB"),
    ("GU", "US"),
    ("IM", "GB"),
    ("JE", "GB"),
    ("JM", "US"),
    ("KN", "US"),
    ("KY", "US"),
    ("KZ", "RU"),
    ("LC", "US"),
    ("MF", "GP"),
    ("MP", "US"),
    ("MS", "US"),
    ("PR", "US"),
    ("SJ", "NO"),
    ("SX", "US"),
    ("TA", "SH"),
    ("TC", "US"),
    ("TT", "US"),
    ("VA", "IT"),
    ("VC", "US"),
    ("VG", "US"),
    ("VI", "US"),
    ("YT", "RE"),
];

/// Country, calling code, trunk prefix, digits of mobile numbers, digits of all, mobile country codes.
static PLANS: [NumberingPlan; 206] = [
    row("AC", 247, "", &[5], &[5], &[]),
    row("AD", 376, "", &[6, 9], &[6, 9], &[213]),
    row("AE", 971, "0", &[9], &[8, 9], &[424]),
    row("AF", 93, "0", &[9], &[9], &[412]),
    row("AL", 355, "0", &[9], &[8, 9], &[276]),
    row("AM", 374, "0", &[8], &[8], &[283]),
    row("AO", 244, "", &[9], &[9], &[631]),
    row("AR", 54, "0", &[10, 11], &[10, 11], &[722]),
    row(
        "AT",
        43,
        "0",
        &[7, 8, 9, 10, 11, 12, 13],
        &[4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
        &[232],
    ),
    row("AU", 61, "0", &[9], &[9], &[505]),
    row("AW", 297, "", &[7], &[7], &[363]),
    row("AZ", 994, "0", &[9], &[9], &[400]),
    row("BA", 387, "0", &[8, 9], &[8, 9], &[218]),
    row("BD", 880, "0", &[10], &[6, 7, 8, 9, 10], &[470]),
    row("BE", 32, "0", &[9], &[8, 9], &[206]),
    row("BF", 226, "", &[8], &[8], &[613]),
    row("BG", 359, "0", &[8, 9], &[6, 7, 8, 9], &[284]),
    row("BH", 973, "", &[8], &[8], &[426]),
    row("BI", 257, "", &[8], &[8], &[642]),
    row("BJ", 229, "", &[10], &[10], &[616]),
    row("BN", 673, "", &[7], &[7], &[528]),
    row("BO", 591, "", &[8], &[8], &[736]),
    row("BR", 55, "0", &[10, 11], &[10, 11], &[724]),
    row("BT", 975, "", &[8], &[7, 8], &[402]),
    row("BW", 267, "", &[8], &[7, 8], &[652]),
    row("BY", 375, "80", &[9], &[9], &[257]),
    row("BZ", 501, "", &[7], &[7], &[702]),
    row("CD", 243, "0", &[7, 9], &[7, 8, 9, 10], &[630]),
    row("CF", 236, "", &[8], &[8], &[623]),
    row("CG", 242, "", &[9], &[9], &[629]),
    row("CH", 41, "0", &[9], &[9], &[228]),
    row("CI", 225, "", &[10], &[10], &[612]),
    row("CK", 682, "", &[5], &[5], &[548]),
    row("CL", 56, "", &[9], &[9], &[730]),
    row("CM", 237, "", &[9], &[9], &[624]),
    row("CN", 86, "0", &[11], &[7, 8, 9, 10, 11], &[460, 461]),
    row("CO", 57, "0", &[10], &[8, 10], &[732]),
    row("CR", 506, "", &[8], &[8], &[712]),
    row("CU", 53, "0", &[8], &[6, 7, 8, 10], &[368]),
    row("CV", 238, "", &[7], &[7], &[625]),
    row("CW", 599, "", &[7, 8], &[7, 8], &[362]),
    row("CY", 357, "", &[8], &[8], &[280]),
    row("CZ", 420, "", &[9], &[9], &[230]),
    row(
        "DE",
        49,
        "0",
        &[10, 11],
        &[5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        &[262],
    ),
    row("DJ", 253, "", &[8], &[8], &[638]),
    row("DK", 45, "", &[8], &[8], &[238]),
    row("DZ", 213, "0", &[9], &[8, 9], &[603]),
    row("EC", 593, "0", &[9], &[8, 9], &[740]),
    row("EE", 372, "", &[7, 8], &[7, 8], &[248]),
    row("EG", 20, "0", &[10], &[8, 9, 10], &[602]),
    row("ER", 291, "0", &[7], &[7], &[657]),
    row("ES", 34, "", &[9], &[9], &[214]),
    row("ET", 251, "0", &[9], &[9], &[636]),
    row(
        "FI",
        358,
        "0",
        &[6, 7, 8, 9, 10],
        &[5, 6, 7, 8, 9, 10],
        &[244],
    ),
    row("FJ", 679, "", &[7], &[7], &[542]),
    row("FK", 500, "", &[5], &[5], &[750]),
    row("FM", 691, "", &[7], &[7], &[550]),
    row("FO", 298, "", &[6], &[6], &[288]),
    row("FR", 33, "0", &[9], &[9], &[208]),
    row("GA", 241, "", &[7, 8], &[7, 8], &[628]),
    row("GB", 44, "0", &[10], &[9, 10], &[234, 235]),
    row("GE", 995, "0", &[9], &[9], &[282, 289]),
    row("GF", 594, "0", &[9], &[9], &[]),
    row("GH", 233, "0", &[9], &[9], &[620]),
    row("GI", 350, "", &[8], &[8], &[266]),
    row("GL", 299, "", &[6], &[6], &[290]),
    row("GM", 220, "", &[7, 9], &[7, 9], &[607]),
    row("GN", 224, "", &[9], &[8, 9], &[611]),
    row("GP", 590, "0", &[9], &[9], &[340]),
    row("GQ", 240, "", &[9], &[9], &[627]),
    row("GR", 30, "", &[10], &[10], &[202]),
    row("GT", 502, "", &[8], &[8], &[704]),
    row("GW", 245, "", &[9], &[9], &[632]),
    row("GY", 592, "", &[7], &[7], &[738]),
    row("HK", 852, "", &[8], &[8], &[454]),
    row("HN", 504, "", &[8], &[8], &[708]),
    row("HR", 385, "0", &[8, 9], &[8, 9], &[219]),
    row("HT", 509, "", &[8], &[8], &[372]),
    row("HU", 36, "06", &[9], &[8, 9], &[216]),
    row(
        "ID",
        62,
        "0",
        &[9, 10, 11, 12],
        &[7, 8, 9, 10, 11, 12],
        &[510],
    ),
    row("IE", 353, "0", &[9], &[7, 8, 9, 10], &[272]),
    row("IL", 972, "0", &[9], &[8, 9, 11, 12], &[425]),
    row("IN", 91, "0", &[10], &[10], &[404, 405, 406]),
    row("IO", 246, "", &[7], &[7], &[]),
    row("IQ", 964, "0", &[10], &[8, 9, 10], &[418]),
    row("IR", 98, "0", &[10], &[6, 7, 10], &[432]),
    row("IS", 354, "", &[7, 9], &[7, 9], &[274]),
    row(
        "IT",
        39,
        "",
        &[9, 10],
        &[6, 7, 8, 9, 10, 11, 12],
        &[222, 225],
    ),
    row("JO", 962, "0", &[9], &[8, 9], &[416]),
    row("JP", 81, "0", &[10], &[9, 10], &[440, 441]),
    row("KE", 254, "0", &[9], &[7, 8, 9], &[639]),
    row("KG", 996, "0", &[9], &[9], &[437]),
    row("KH", 855, "0", &[8, 9], &[8, 9], &[456]),
    row("KI", 686, "", &[8], &[5, 8], &[545]),
    row("KM", 269, "", &[7], &[7], &[654]),
    row("KP", 850, "0", &[10], &[8, 10], &[467]),
    row("KR", 82, "0", &[9, 10], &[5, 6, 8, 9, 10], &[450]),
    row("KW", 965, "", &[8], &[8], &[419]),
    row("LA", 856, "0", &[9, 10], &[8, 9, 10], &[457]),
    row("LB", 961, "", &[7, 8], &[7, 8], &[415]),
    row("LI", 423, "", &[7, 9], &[7, 9], &[295]),
    row("LK", 94, "0", &[9], &[9], &[413]),
    row("LR", 231, "0", &[7, 9], &[7, 8, 9], &[618]),
    row("LS", 266, "", &[8], &[8], &[651]),
    row("LT", 370, "0", &[8], &[8], &[246]),
    row("LU", 352, "", &[9], &[4, 5, 6, 7, 8, 9, 10, 11], &[270]),
    row("LV", 371, "", &[8], &[8], &[247]),
    row("LY", 218, "0", &[9], &[9], &[606]),
    row("MA", 212, "0", &[9], &[9], &[604]),
    row("MC", 377, "", &[8, 9], &[8, 9], &[212]),
    row("MD", 373, "0", &[8], &[8], &[259]),
    row("ME", 382, "0", &[8], &[8], &[297]),
    row("MG", 261, "0", &[9], &[9], &[646]),
    row("MH", 692, "", &[7], &[7], &[551]),
    row("MK", 389, "0", &[8], &[8], &[294]),
    row("ML", 223, "", &[8], &[8], &[610]),
    row("MM", 95, "0", &[7, 8, 9, 10], &[6, 7, 8, 9, 10], &[414]),
    row("MN", 976, "", &[8], &[8, 9, 10], &[428]),
    row("MO", 853, "", &[8], &[8], &[455]),
    row("MQ", 596, "0", &[9], &[9], &[]),
    row("MR", 222, "", &[8], &[8], &[609]),
    row("MT", 356, "", &[8], &[8], &[278]),
    row("MU", 230, "", &[8], &[7, 8], &[617]),
    row("MV", 960, "", &[7], &[7], &[472]),
    row("MW", 265, "0", &[9], &[7, 9], &[650]),
    row("MX", 52, "", &[10], &[10], &[334]),
    row("MY", 60, "0", &[9, 10], &[8, 9, 10], &[502]),
    row("MZ", 258, "", &[9], &[8, 9], &[643]),
    row("NA", 264, "0", &[9], &[8, 9], &[649]),
    row("NC", 687, "", &[6], &[6], &[546]),
    row("NE", 227, "", &[8], &[8], &[614]),
    row("NF", 672, "", &[6], &[6], &[]),
    row("NG", 234, "0", &[10], &[10], &[621]),
    row("NI", 505, "", &[8], &[8], &[710]),
    row("NL", 31, "0", &[9, 11], &[9, 11], &[204]),
    row("NO", 47, "", &[8], &[8], &[242]),
    row("NP", 977, "0", &[10], &[8, 10], &[429]),
    row("NR", 674, "", &[7], &[7], &[536]),
    row("NU", 683, "", &[4, 7], &[4, 7], &[555]),
    row("NZ", 64, "0", &[8, 9, 10], &[8, 9, 10], &[530]),
    row("OM", 968, "", &[8], &[8], &[422]),
    row("PA", 507, "", &[7, 8], &[7, 8], &[714]),
    row("PE", 51, "0", &[9], &[8, 9], &[716]),
    row("PF", 689, "", &[8], &[8], &[547]),
    row("PG", 675, "", &[8], &[7, 8], &[537]),
    row("PH", 63, "0", &[10], &[6, 8, 9, 10], &[515]),
    row("PK", 92, "0", &[10], &[9, 10], &[410]),
    row("PL", 48, "", &[9], &[7, 9], &[260]),
    row("PM", 508, "0", &[6, 9], &[6, 9], &[308]),
    row("PS", 970, "0", &[9], &[8, 9], &[]),
    row("PT", 351, "", &[9], &[9], &[268]),
    row("PW", 680, "", &[7], &[7], &[552]),
    row("PY", 595, "0", &[9], &[7, 8, 9], &[744]),
    row("QA", 974, "", &[8], &[8], &[427]),
    row("RE", 262, "0", &[9], &[9], &[647]),
    row("RO", 40, "0", &[9], &[6, 9], &[226]),
    row("RS", 381, "0", &[8, 9, 10], &[7, 8, 9, 10, 11, 12], &[220]),
    row("RU", 7, "8", &[10], &[10], &[250, 401]),
    row("RW", 250, "0", &[9], &[8, 9], &[635]),
    row("SA", 966, "0", &[9], &[9], &[420]),
    row("SB", 677, "", &[5, 7], &[5, 7], &[540]),
    row("SC", 248, "", &[7], &[7], &[633]),
    row("SD", 249, "0", &[9], &[9], &[634]),
    row("SE", 46, "0", &[9], &[7, 8, 9], &[240]),
    row("SG", 65, "", &[8], &[8], &[525]),
    row("SH", 290, "", &[5], &[4, 5], &[]),
    row("SI", 386, "0", &[8], &[8], &[293]),
    row("SK", 421, "0", &[9], &[6, 7, 9], &[231]),
    row("SL", 232, "0", &[8], &[8], &[619]),
    row("SM", 378, "", &[8], &[8, 10], &[292]),
    row("SN", 221, "", &[9], &[9], &[608]),
    row("SO", 252, "", &[7, 8, 9], &[6, 7, 8, 9], &[637]),
    row("SR", 597, "", &[7], &[6, 7], &[746]),
    row("SS", 211, "0", &[9], &[9], &[659]),
    row("ST", 239, "", &[7], &[7], &[626]),
    row("SV", 503, "", &[8], &[8], &[706]),
    row("SY", 963, "0", &[9], &[8, 9], &[417]),
    row("SZ", 268, "", &[8], &[8], &[653]),
    row("TD", 235, "", &[8], &[8], &[622]),
    row("TG", 228, "", &[8], &[8], &[615]),
    row("TH", 66, "0", &[9], &[8, 9], &[520]),
    row("TJ", 992, "", &[9], &[9], &[436]),
    row("TK", 690, "", &[4, 5, 6, 7], &[4, 5, 6, 7], &[]),
    row("TL", 670, "", &[8], &[7, 8], &[514]),
    row("TM", 993, "8", &[8], &[8], &[438]),
    row("TN", 216, "", &[8], &[8], &[605]),
    row("TO", 676, "", &[7], &[5, 7], &[539]),
    row("TR", 90, "0", &[10], &[10], &[286]),
    row("TV", 688, "", &[6, 7], &[5, 6, 7], &[553]),
    row("TW", 886, "0", &[9], &[8, 9], &[466]),
    row("TZ", 255, "0", &[9], &[9], &[640]),
    row("UA", 380, "0", &[9], &[9], &[255]),
    row("UG", 256, "0", &[9], &[9], &[641]),
    row(
        "US",
        1,
        "1",
        &[10],
        &[10],
        &[
            302, 310, 311, 312, 313, 314, 316, 330, 332, 338, 342, 344, 346, 348, 350, 352, 354,
            356, 358, 360, 364, 365, 366, 370, 374, 376, 544,
        ],
    ),
    row("UY", 598, "", &[8], &[8], &[748]),
    row("UZ", 998, "", &[9], &[9], &[434]),
    row("VE", 58, "0", &[10], &[10], &[734]),
    row("VN", 84, "0", &[9], &[9, 10], &[452]),
    row("VU", 678, "", &[7], &[5, 7], &[541]),
    row("WF", 681, "", &[6], &[6], &[]),
    row("WS", 685, "", &[7, 10], &[5, 6, 7, 10], &[549]),
    row("XK", 383, "0", &[8], &[8, 9, 10, 11, 12], &[221]),
    row("YE", 967, "0", &[9], &[7, 8, 9], &[421]),
    row("ZA", 27, "0", &[5, 6, 7, 8, 9], &[5, 6, 7, 8, 9], &[655]),
    row("ZM", 260, "0", &[9], &[9], &[645]),
    row("ZW", 263, "0", &[9], &[9], &[648]),
];
