//! What modems of different makers do differently, as data.

/// One make of modem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// The name on the command line.
    pub name: &'static str,
    /// `+CGMI`.
    pub manufacturer: &'static str,
    /// `+CGMM`.
    pub model: &'static str,
    /// `+CGMR`.
    pub revision: &'static str,
    /// Number of a memory's first slot.
    pub base_index: usize,
    /// Slots of the SIM.
    pub sim_slots: usize,
    /// Slots of the modem's own memory.
    pub modem_slots: usize,
    /// The memory that is used for everything after a reset.
    pub first_memory: &'static str,
    /// Whether `+CNMI` takes `<ds>` = 1.
    pub direct_reports: bool,
    /// Whether `<ds>` = 2 puts reports into `SR`; else they lie among the texts.
    pub separate_reports: bool,
    /// Whether `+CPMS` insists on all three memories.
    pub three_memories: bool,
    /// Whether `+CMGR` and `+CMGD` of an empty slot answer plain `OK`, not `+CMS ERROR: 321`.
    pub silent_on_empty: bool,
    /// The command that reads the SIM's serial number.
    pub iccid_command: &'static str,
    /// The prefix of that command's answer; empty when the digits stand alone.
    pub iccid_prefix: &'static str,
    /// What is said at start before the SIM is ready.
    pub boot: &'static [&'static str],
    /// What is said once the SIM's messages can be read.
    pub sim_ready: &'static [&'static str],
    /// The answer to an unknown command.
    pub unknown_command: &'static str,
    /// Unsolicited codes that it scatters for no one's benefit.
    pub chatter: &'static [&'static str],
    /// Said when a text arrives and no slot is free; empty when it says nothing.
    pub full: &'static str,
    /// Whether the port goes away while the modem restarts, as with USB.
    pub restart_drops_port: bool,
    /// Commands of its own that it takes without an answer but `OK`.
    pub own_commands: &'static [&'static str],
    /// Character sets of `+CSCS`.
    pub charsets: &'static [&'static str],
}

impl Profile {
    /// Finds a profile by name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.name == name)
    }
}

/// Every profile; the first is the one for whoever does not choose.
pub static PROFILES: [Profile; 5] = [
    Profile {
        name: "generic",
        manufacturer: "callnumber",
        model: "Simulated modem",
        revision: "1",
        base_index: 1,
        sim_slots: 50,
        modem_slots: 100,
        first_memory: "SM",
        direct_reports: true,
        separate_reports: true,
        three_memories: false,
        silent_on_empty: false,
        iccid_command: "+CCID",
        iccid_prefix: "+CCID: ",
        boot: &[],
        sim_ready: &[],
        unknown_command: "ERROR",
        chatter: &[],
        full: "",
        restart_drops_port: false,
        own_commands: &[],
        charsets: &["GSM", "IRA", "UCS2", "HEX", "8859-1", "UTF-8"],
    },
    Profile {
        name: "huawei-e3372",
        manufacturer: "huawei",
        model: "E3372",
        revision: "21.180.01.00.00",
        base_index: 0,
        sim_slots: 50,
        modem_slots: 99,
        first_memory: "SM",
        direct_reports: true,
        separate_reports: false,
        three_memories: true,
        silent_on_empty: false,
        iccid_command: "^ICCID",
        iccid_prefix: "^ICCID: ",
        boot: &["^BOOT:14520683,0,0,0,20"],
        sim_ready: &["^SIMST:1", "^SRVST:2"],
        unknown_command: "COMMAND NOT SUPPORT",
        chatter: &[
            "^RSSI:21",
            "^HCSQ:\"LTE\",52,48,161,26",
            "^BOOT:14520683,0,0,0,20",
            "^RSSI:18",
        ],
        full: "^SMMEMFULL: \"SM\"",
        restart_drops_port: true,
        own_commands: &["^CURC", "^SYSCFGEX", "^BOOT", "^STSF", "^PORTSEL", "^CPBW"],
        charsets: &["IRA", "UCS2", "GSM"],
    },
    Profile {
        name: "quectel-ec25",
        manufacturer: "Quectel",
        model: "EC25",
        revision: "EC25EFAR06A06M4G",
        base_index: 0,
        sim_slots: 50,
        modem_slots: 255,
        first_memory: "ME",
        direct_reports: false,
        separate_reports: false,
        three_memories: false,
        silent_on_empty: true,
        iccid_command: "+QCCID",
        iccid_prefix: "+QCCID: ",
        boot: &["RDY", "+CFUN: 1"],
        sim_ready: &[
            "+CPIN: READY",
            "+QUSIM: 1",
            "+QIND: SMS DONE",
            "+QIND: PB DONE",
        ],
        unknown_command: "ERROR",
        chatter: &["+QIND: \"csq\",18,99", "+QIND: \"act\",\"LTE\""],
        full: "+QIND: SMS FULL,\"ME\"",
        restart_drops_port: true,
        own_commands: &["+QURCCFG", "+QINDCFG", "+QCFG", "+QURCCFG", "+QSCLK"],
        charsets: &["GSM", "IRA", "UCS2"],
    },
    Profile {
        name: "simcom-sim7600",
        manufacturer: "SIMCOM INCORPORATED",
        model: "SIMCOM_SIM7600E-H",
        revision: "+CGMR: LE11B12SIM7600M22",
        base_index: 0,
        sim_slots: 40,
        modem_slots: 23,
        first_memory: "ME",
        direct_reports: false,
        separate_reports: false,
        three_memories: false,
        silent_on_empty: true,
        iccid_command: "+CICCID",
        iccid_prefix: "+ICCID: ",
        boot: &["RDY"],
        sim_ready: &["+CPIN: READY", "SMS DONE", "PB DONE"],
        unknown_command: "ERROR",
        chatter: &["+CGEV: ME PDN ACT 1", "+CSQ: 18,99"],
        full: "+SMS FULL",
        restart_drops_port: true,
        own_commands: &["+CATR", "+CEXTERNTONE", "+CNMP", "+AUTOCSQ", "+CURCD"],
        charsets: &["IRA", "GSM", "UCS2"],
    },
    Profile {
        name: "simcom-sim800",
        manufacturer: "SIMCOM_Ltd",
        model: "SIMCOM_SIM800L",
        revision: "Revision:1418B05SIM800L24",
        base_index: 1,
        sim_slots: 10,
        modem_slots: 50,
        first_memory: "SM",
        direct_reports: true,
        separate_reports: false,
        three_memories: false,
        silent_on_empty: true,
        iccid_command: "+CCID",
        iccid_prefix: "",
        boot: &["RDY", "+CFUN: 1"],
        sim_ready: &["+CPIN: READY", "Call Ready", "SMS Ready"],
        unknown_command: "ERROR",
        chatter: &[
            "*PSUTTZ: 2024,3,1,18,22,31,\"-24\",0",
            "DST: 0",
            "+CIEV: 10,\"00101\",\"Test\",\"Test\",0,0",
        ],
        full: "+SMSFULL",
        restart_drops_port: false,
        own_commands: &["+CLTS", "+CSCLK", "+CMTE", "+CIURC"],
        charsets: &["IRA", "GSM", "UCS2", "HEX", "PCCP", "PCDN", "8859-1"],
    },
];
