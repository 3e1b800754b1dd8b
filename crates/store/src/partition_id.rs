//! Which partition: tenant, tier and day, and the forms in which names say so.
//!
//! ```text
//! path := tenant '/' tier '/' yyyy-mm-dd      below partitions/, in answers and logs
//! flat := tenant '.' tier '.' yyyy-mm-dd      as a name in tombstones/, trash/, quarantine/
//! ```
//!
//! Neither the name of a tenant nor that of a tier holds a point or a slash.

use tierlog_model::{Day, Tenant, TierId, Tiers};

/// Which partition: its tenant, its tier and its UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId {
    /// The owner of all records.
    pub tenant: Tenant,
    /// The tier.
    pub tier: TierId,
    /// The day of the records' timestamps.
    pub day: Day,
}

impl PartitionId {
    /// Returns `<tenant>/<tier>/<yyyy-mm-dd>`.
    pub fn name(self, tiers: &Tiers) -> String {
        format!("{}/{}/{}", self.tenant, tiers.policy(self.tier).name, self.day)
    }

    /// Returns `<tenant>.<tier>.<yyyy-mm-dd>`.
    pub(crate) fn flat_name(self, tiers: &Tiers) -> String {
        self.name(tiers).replace('/', ".")
    }

    /// Returns the partition that a name begins with in its flat form, and the rest of the name
    /// behind the next point.
    pub(crate) fn split_flat<'n>(
        name: &'n str,
        tiers: &Tiers,
    ) -> Option<(PartitionId, Option<&'n str>)> {
        let mut parts = name.splitn(4, '.');
        let tenant = Tenant::define(parts.next()?).ok()?;
        let tier = tiers.by_name(parts.next()?)?;
        let day = parts.next()?.parse().ok()?;
        Some((PartitionId { tenant, tier, day }, parts.next()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_name_reads_back_and_no_other_name_does() {
        let tiers = Tiers::standard();
        let tenant = Tenant::define("team-7_x").expect("a name");
        let tier = tiers.by_name("dead_letter").expect("a tier");
        let id = PartitionId { tenant, tier, day: "2026-11-20".parse().expect("a day") };
        assert_eq!(id.name(&tiers), "team-7_x/dead_letter/2026-11-20");
        let flat = id.flat_name(&tiers);
        assert_eq!(PartitionId::split_flat(&flat, &tiers), Some((id, None)));
        let numbered = format!("{flat}.3.rebuilt");
        assert_eq!(PartitionId::split_flat(&numbered, &tiers), Some((id, Some("3.rebuilt"))));
        let others = ["info.2026-11-20", "a.nope.2026-11-20", "a.info.day", "A.info.2026-11-20"];
        for other in others {
            assert_eq!(PartitionId::split_flat(other, &tiers), None, "{other}");
        }
    }
}
