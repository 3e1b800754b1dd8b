//! What detectors share: the key table with its configuration, the placeholders of all of them,
//! and the pseudonyms.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use tierlog_model::{Placed, Pseudonyms, Template, reads_as_id};

use super::custom::Custom;
use super::detector_set::DetectorSet;
use super::keys::KeyTable;
use super::named::NamedKinds;
use super::placeholders::Placeholders;
use super::prefilter::classes_in;
use super::settings::RedactionSettings;
use super::trigger::{Words, class};

/// The configuration, in the form in which detectors ask.
pub(super) struct Policy {
    keys: KeyTable,
    placeholders: Placeholders,
    named: NamedKinds,
    custom: Arc<Custom>,
    pseudonyms: Pseudonyms,
    /// Finds the anchors of the templates of ids; none when there are no templates.
    anchors: Option<AhoCorasick>,
    /// For each byte, whether the key of an id may end so.
    endings: [bool; 256],
}

impl Policy {
    /// Compiles the configuration.
    pub(super) fn new(
        settings: &RedactionSettings,
        pseudonyms: Pseudonyms,
        placeholders: Placeholders,
        named: NamedKinds,
    ) -> Policy {
        let templates = pseudonyms.identities().templates();
        let anchors = (!templates.is_empty()).then(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .build(templates.iter().map(|template| template.anchor()))
                .expect("few and short anchors stay far below the automaton's limits")
        });
        let identities = pseudonyms.identities();
        let endings = std::array::from_fn(|byte| identities.may_end(byte as u8));
        let keys = KeyTable::new(settings, placeholders.clone());
        let custom = Arc::clone(settings.policy().custom());
        Policy { keys, placeholders, named, custom, pseudonyms, anchors, endings }
    }

    /// Returns the table of secret keys.
    pub(super) fn keys(&self) -> &KeyTable {
        &self.keys
    }

    /// Returns the placeholders of all detectors.
    pub(super) fn placeholders(&self) -> &Placeholders {
        &self.placeholders
    }

    /// Returns the rules of one's own.
    pub(super) fn custom(&self) -> &Custom {
        &self.custom
    }

    /// Returns the detectors that know a name by their table of names.
    pub(super) fn named(&self, name: &str) -> DetectorSet {
        self.named.of(name)
    }

    /// Returns the pseudonyms.
    pub(super) fn pseudonyms(&self) -> &Pseudonyms {
        &self.pseudonyms
    }

    /// Returns the identity whose id stands under a key: see
    /// [`tierlog_model::Identities::covered`].
    pub(super) fn covered(&self, key: &str) -> Option<u16> {
        self.pseudonyms.identities().covered(key).map(|covered| covered.identity)
    }

    /// Returns the ids that stand in places of a text, in any order.
    pub(super) fn placed_ids<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Placed<'t>> {
        let templates = self.pseudonyms.identities().templates();
        let anchors =
            self.anchors.iter().flat_map(move |anchors| anchors.find_overlapping_iter(text));
        anchors.flat_map(move |anchor| {
            let template = templates.get(anchor.pattern().as_usize());
            template.map(|template| template.ids_at(text, anchor.start())).unwrap_or_default()
        })
    }

    /// Returns a name with tokens for the ids that stand in it below a covered field, as in
    /// `user_id.42`; `None` when there are none.
    pub(super) fn without_ids(&self, name: &str) -> Option<String> {
        let covered = self.pseudonyms.identities().covered(name)?;
        let (path, below) = name.split_at_checked(covered.bytes)?;
        let below = below.strip_prefix('.')?;
        let tokens = below.split('.').map(|part| self.token_of_key(covered.identity, part));
        let tokens: Vec<Option<String>> = tokens.collect();
        if tokens.iter().all(Option::is_none) {
            return None;
        }
        let mut kept = path.to_owned();
        for (part, token) in below.split('.').zip(&tokens) {
            kept.push('.');
            kept.push_str(token.as_deref().unwrap_or(part));
        }
        Some(kept)
    }

    /// Returns the token of a key below a covered field; `None` when the key reads as no id, or is
    /// a token already.
    pub(super) fn token_of_key(&self, identity: u16, key: &str) -> Option<String> {
        let token = reads_as_id(key).then(|| self.token(identity, key)).flatten();
        token.filter(|token| token != key)
    }

    /// Returns what the configuration says of texts with ids.
    pub(super) fn words_of_ids(&self) -> Words {
        let identities = self.pseudonyms.identities();
        let templates = identities.templates();
        let bytes = templates.iter().map(|template| template.anchor().len() + 1).min();
        let of_anchors = templates.iter().map(|template| classes_in(template.anchor()));
        let letter = of_anchors.fold(class::LETTER, |common, classes| common & classes);
        // An id has a digit, unless any word may be one; an address is longer.
        let takes_any = templates.iter().any(Template::takes_any);
        let digit = if takes_any { 0 } else { class::DIGIT };
        let shortest = bytes.map(|bytes| (bytes, letter | digit));
        let (triggered, alone) = (identities.words_of_names(), identities.anchors());
        Words { triggered, alone, shortest }
    }

    /// Tells whether the key of an id may end so.
    pub(super) fn may_end_covered(&self, byte: u8) -> bool {
        self.endings.get(usize::from(byte)).copied().unwrap_or_default()
    }

    /// Returns the canonical field of an identity.
    pub(super) fn identity(&self, identity: u16) -> Option<&str> {
        self.pseudonyms.identities().name(identity)
    }

    /// Returns the token of an id.
    pub(super) fn token(&self, identity: u16, id: &str) -> Option<String> {
        self.pseudonyms.token_in(self.identity(identity)?, id)
    }

    /// Returns the token of a value under an identity that need be no field's; `None` without keys.
    pub(super) fn token_in(&self, identity: &str, value: &str) -> Option<String> {
        self.pseudonyms.token_in(identity, value)
    }

    /// Tells whether any field is pseudonymised.
    pub(super) fn has_pseudonyms(&self) -> bool {
        !self.pseudonyms.identities().fields().is_empty()
    }
}
