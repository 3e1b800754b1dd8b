//! Canaries: an example of each detector that must be a find, read by the compiled policy at start
//! and at each reload. A detector that was switched off has none; one that a change has broken is
//! told before it leaks.

use super::detector::Detector;
use super::engine::Engine;
use super::tally::Tally;
use super::whole::Whole;

/// An example that must be a find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Canary {
    /// Found in a text.
    Text(&'static str),
    /// Found as the whole value of a field.
    Field(&'static str, &'static str),
    /// The detector finds nothing without configuration.
    NotByItself,
}

/// Detectors that do not find their examples any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("redaction: {} not find what {} made for: {}", verb(.0), their(.0), .0.join(", "))]
pub struct CanaryError(pub Vec<&'static str>);

fn verb(detectors: &[&str]) -> &'static str {
    if detectors.len() == 1 { "one detector does" } else { "detectors do" }
}

fn their(detectors: &[&str]) -> &'static str {
    if detectors.len() == 1 { "it is" } else { "they are" }
}

/// Lets each active detector find its example.
pub(super) fn check(engine: &Engine) -> Result<(), CanaryError> {
    let silent = |(position, detector): &(usize, &'static dyn Detector)| {
        !fires(engine, *position, detector.canary())
    };
    let failed = engine.active().filter(silent).map(|(_, detector)| detector.name());
    let failed: Vec<&'static str> = failed.collect();
    if failed.is_empty() { Ok(()) } else { Err(CanaryError(failed)) }
}

fn fires(engine: &Engine, position: usize, canary: Canary) -> bool {
    let mut tally = Tally::default();
    let answer = match canary {
        Canary::NotByItself => return true,
        Canary::Text(text) => engine.redact(text, &mut tally),
        Canary::Field(name, text) => {
            let claims = engine.claims(name);
            return engine.judge(Whole::Text(text), claims) == Some(position);
        }
    };
    let has_fired = tally.take_fired().contains(position);
    has_fired && answer.is_some_and(|answer| answer.contains(engine.placeholder(position)))
}

#[cfg(test)]
mod tests {
    use tierlog_model::Pseudonyms;

    use super::super::registry::DETECTORS;
    use super::super::settings::RedactionSettings;
    use super::*;

    #[test]
    fn every_detector_finds_its_example_and_explains_its_finds() {
        for detector in DETECTORS {
            let name = detector.name();
            let settings = RedactionSettings::default().with(super::super::DetectorName(name));
            let engine = Engine::new(DETECTORS, &settings, Pseudonyms::off());
            let position = DETECTORS.iter().position(|one| one.name() == name).expect("listed");
            assert!(fires(&engine, position, detector.canary()), "{name}");
            assert!(!detector.about().is_empty() && !detector.about().ends_with('.'), "{name}");
        }
    }

    #[test]
    fn an_example_that_is_no_find_is_told_by_name() {
        let engine = Engine::new(DETECTORS, &RedactionSettings::default(), Pseudonyms::off());
        let email = DETECTORS.iter().position(|one| one.name() == "email").expect("listed");
        for (canary, expected) in [
            (Canary::Text("ask ada at example.org"), false),
            (Canary::Text("ask ada@example.org"), true),
            (Canary::Field("message", "x"), false),
            (Canary::NotByItself, true),
        ] {
            assert_eq!(fires(&engine, email, canary), expected, "{canary:?}");
        }
        let one = CanaryError(vec!["email"]).to_string();
        assert_eq!(one, "redaction: one detector does not find what it is made for: email");
        let two = CanaryError(vec!["email", "card"]).to_string();
        assert_eq!(two, "redaction: detectors do not find what they are made for: email, card");
    }
}
