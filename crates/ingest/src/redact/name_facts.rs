//! What the name of a field says to redaction.

use tierlog_model::fields::URL_QUERY;

use super::claim::Claims;
use super::engine::Engine;
use super::key_pairs::PairPart;
use super::tally::Tally;

/// What a name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameFacts {
    /// What the name says to each detector.
    pub(super) claims: Claims,
    /// The shortest text that may read otherwise under the name than under other names: what is
    /// clean under one may be a card or a secret under another.
    pub(super) apart_bytes_min: u32,
    /// The identity whose id the name spells, see [`super::policy::Policy::identity`].
    pub(super) covered: Option<u16>,
    /// Whether a member of an array under the name may be an id.
    pub(super) covers_below: bool,
    /// Its part in a pair.
    pub(super) pair: PairPart,
    /// Whether it is the query of an address, apart from its path.
    pub(super) is_query: bool,
    /// Whether the name itself holds personal data.
    pub(super) is_suspect: bool,
}

impl NameFacts {
    /// Reads a name.
    pub(super) fn of(name: &str, engine: &Engine) -> NameFacts {
        let claims = engine.claims(name);
        let is_query = name == URL_QUERY;
        NameFacts {
            claims,
            apart_bytes_min: if is_query { 0 } else { engine.apart_bytes_min(claims) },
            covered: engine.policy().covered(name),
            covers_below: engine.policy().pseudonyms().identities().may_cover_below(name),
            pair: PairPart::of(name),
            is_query,
            is_suspect: engine.redact_name(name, &mut Tally::default()).is_some(),
        }
    }

    /// Returns the facts of the written and the kept form of a name together. Only the kept form
    /// makes a pseudonym: its field is the one that can be searched.
    pub(super) fn stricter(self, kept: NameFacts) -> NameFacts {
        NameFacts {
            // A name that was redacted itself may name no id any more, and a card only now.
            claims: self.claims.stricter(kept.claims),
            apart_bytes_min: self.apart_bytes_min.min(kept.apart_bytes_min),
            covered: kept.covered,
            covers_below: self.covers_below || kept.covers_below,
            pair: if self.pair == PairPart::Neither { kept.pair } else { self.pair },
            is_query: self.is_query || kept.is_query,
            is_suspect: self.is_suspect,
        }
    }

    /// Returns the facts of a value whose name stands beside it in a pair.
    pub(super) fn spelled(self, claims: Claims, engine: &Engine) -> NameFacts {
        let claims = self.claims.stricter(claims);
        let apart_bytes_min = self.apart_bytes_min.min(engine.apart_bytes_min(claims));
        NameFacts { claims, apart_bytes_min, ..self }
    }
}
