//! The closed word lists of the estate file.

use std::fmt;

/// Makes an enum whose words are the estate file's, with `ALL`, `word`, `parse` and `Display`.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($variant),+ }

        impl $name {
            /// Every word, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
            /// The word as written in files and facts.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
            /// The variant of a word.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.word() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// What an asset does for the election.
    ElectionFunction {
        VoterRegistration = "voter-registration",
        CandidateRegistration = "candidate-registration",
        VoterInformation = "voter-information",
        Voting = "voting",
        ResultsTransmission = "results-transmission",
        ResultsPublication = "results-publication",
        AuthorityWebsite = "authority-website",
        AuthorityDomain = "authority-domain",
        AuthorityMail = "authority-mail",
        Administration = "administration",
        Media = "media",
        Party = "party",
        Supplier = "supplier",
    }
}

words! {
    /// How bad its failure is, lowest first.
    Criticality { Low = "low", Medium = "medium", High = "high", Critical = "critical" }
}

words! {
    /// Who runs the machine behind an address.
    OperatorKind { Own = "own", Consented = "consented", Shared = "shared", PublicService = "public-service", Unknown = "unknown" }
}

words! {
    /// Who scans.
    AssessorKind { Authority = "authority", Csirt = "csirt", Supplier = "supplier", Independent = "independent" }
}

words! {
    /// What may still be sent in a freeze.
    ScanDuringFreeze { None = "none", Passive = "passive" }
}

words! {
    /// Phases of an election, as in the compendium's framework file.
    Phase { Setup = "setup", Campaign = "campaign", Voting = "voting", Results = "results", Always = "always" }
}

impl ElectionFunction {
    /// The phases in which the function matters most.
    pub fn phases(self) -> &'static [Phase] {
        use ElectionFunction as F;
        match self {
            F::VoterRegistration | F::CandidateRegistration => &[Phase::Setup],
            F::VoterInformation => &[Phase::Setup, Phase::Campaign, Phase::Voting],
            F::Voting => &[Phase::Voting],
            F::ResultsTransmission | F::ResultsPublication => &[Phase::Results],
            F::Media | F::Party => &[Phase::Campaign, Phase::Results],
            F::AuthorityWebsite | F::AuthorityDomain | F::AuthorityMail | F::Administration | F::Supplier => {
                &[Phase::Always]
            }
        }
    }
}
