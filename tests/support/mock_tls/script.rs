//! What a server by script does, and the words for it.

/// What the server does.
#[derive(Clone, Debug)]
pub struct Script {
    /// Wire versions that it speaks.
    pub versions: Vec<u16>,
    pub suites: Vec<u16>,
    pub groups: Vec<u16>,
    /// Signature schemes of TLS 1.3 that it takes; an empty list is any.
    pub schemes: Option<Vec<u16>>,
    /// Bits of the prime of DHE, by suite: those of export strength always get 512.
    pub dh: usize,
    /// `mute`, `echo` or `bleed`; nothing is no heartbeat extension.
    pub heartbeat: Option<String>,
    /// Takes a ChangeCipherSpec at any time.
    pub takes_ccs: bool,
    /// Tells right from wrong paddings.
    pub robot: bool,
    /// Completes handshakes of TLS 1.2 with AES-128-CBC: `strict`, `padding` (takes any padding), `oracle` (has its own alert for them), `padding-reset`, `padding-close`,
    /// `padding-silent`, `padding-garbage` (what it does at a wrong one), and the same for every Finished without `padding-`.
    pub cbc: Option<String>,
    /// To a second hello inside the encryption: `yes`, `reset`, `close`, `silent`, `garbage`, `fatal`; nothing is no_renegotiation.
    pub renegotiation: Option<String>,
    pub ssl2: bool,
    pub compression: bool,
    pub no_renegotiation_info: bool,
    pub ignores_fallback: bool,
    pub no_ems: bool,
    /// Sends a timestamp of a certificate log in the extension (RFC 6962 §3.3.1); `false` one that is cut.
    pub timestamp: Option<bool>,
    /// What follows a message that no honest client sends: `reset`, `silence`, or `cut`, an answer that ends inside a record.
    pub after: Option<String>,
    /// `grease`, `long`, `version`: hellos that it refuses; `current`: any with TLS 1.3 in it; `own-name`: any with a heartbeat
    /// extension for a name.
    pub intolerant: Vec<String>,
    /// Reads no more suites of a hello.
    pub limit: usize,
    /// Connections a second that it takes; others are reset.
    pub rate: Option<usize>,
    /// Resets after so many bytes of its answer.
    pub reset_at: Option<usize>,
    /// Sends a byte a second.
    pub tarpit: bool,
    /// A fatal alert instead of any answer.
    pub alert: Option<u8>,
    /// Refuses by closing.
    pub closes: bool,
    /// A record that claims so many bytes.
    pub record_length: Option<u16>,
    /// So many certificates in the flight.
    pub certificates: usize,
    /// Each connection gets the next of the certificates given.
    pub mixed: bool,
    /// SMTP with STARTTLS before it; `true` keeps what was smuggled.
    pub smtp: Option<bool>,
    /// A real TLS server with tickets behind; `true` gives the session id back with memory.
    pub tickets: Option<bool>,
}

impl Script {
    /// Reads the words.
    pub fn parse(words: &[&str]) -> Self {
        let mut script = Self {
            versions: vec![0x0303],
            suites: vec![0xC02F, 0xC030],
            groups: vec![23, 24],
            schemes: None,
            dh: 2048,
            heartbeat: None,
            takes_ccs: false,
            robot: false,
            cbc: None,
            renegotiation: None,
            ssl2: false,
            compression: false,
            no_renegotiation_info: false,
            ignores_fallback: false,
            no_ems: false,
            timestamp: None,
            after: None,
            intolerant: Vec::new(),
            limit: usize::MAX,
            rate: None,
            reset_at: None,
            tarpit: false,
            alert: None,
            closes: false,
            record_length: None,
            certificates: 1,
            mixed: false,
            smtp: None,
            tickets: None,
        };
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let number = || value.parse().unwrap_or_else(|_| panic!("a number: {word}"));
            match key {
                "versions" => script.versions = codes(value),
                "suites" => script.suites = codes(value),
                "groups" => script.groups = codes(value),
                "schemes" => script.schemes = Some(if value == "any" { Vec::new() } else { codes(value) }),
                "dh" => script.dh = number(),
                "heartbeat" => script.heartbeat = Some(value.to_owned()),
                "takes-ccs" => script.takes_ccs = true,
                "robot" => script.robot = true,
                "cbc" => script.cbc = Some(value.to_owned()),
                "renegotiation" => script.renegotiation = Some(value.to_owned()),
                "ssl2" => script.ssl2 = true,
                "compression" => script.compression = true,
                "no-renegotiation-info" => script.no_renegotiation_info = true,
                "ignores-fallback" => script.ignores_fallback = true,
                "no-ems" => script.no_ems = true,
                "timestamp" => script.timestamp = Some(value != "cut"),
                "after" => script.after = Some(value.to_owned()),
                "intolerant" => script.intolerant = value.split(',').map(str::to_owned).collect(),
                "limit" => script.limit = number(),
                "rate" => script.rate = Some(number()),
                "reset-at" => script.reset_at = Some(number()),
                "tarpit" => script.tarpit = true,
                "alert" => script.alert = Some(u8::try_from(number()).expect("an alert")),
                "closes" => script.closes = true,
                "record-length" => script.record_length = Some(u16::try_from(number()).expect("a length")),
                "certificates" => script.certificates = number(),
                "mixed" => script.mixed = true,
                "smtp" => script.smtp = Some(value == "keeps"),
                "tickets" => script.tickets = Some(value == "bleed"),
                _ => panic!("no such word: {word}"),
            }
        }
        script
    }
}

fn codes(list: &str) -> Vec<u16> {
    list.split(',').map(|code| u16::from_str_radix(code, 16).expect("a code point")).collect()
}
