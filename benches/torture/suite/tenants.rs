//! The tenants under torture: each line belongs to one, and no other tenant may ever show it.
//!
//! The id of a line says its tenant, so that ledger, senders and judge need not agree in any other
//! way. Lines of all tenants have the same days, levels, users and batch ids.

/// Names of the tenants; the first has the listeners of the default configuration.
pub(crate) const TENANTS: [&str; 3] = ["default", "shop", "team-7"];

/// Ids of each tenant: more lines than a trial ever sends.
const IDS: u64 = 1_000_000;

/// A tenant under torture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tenant(usize);

impl Tenant {
    /// The tenant of the default listeners.
    pub(crate) const FIRST: Tenant = Tenant(0);

    /// Returns every tenant.
    pub(crate) fn all() -> impl Iterator<Item = Tenant> {
        (0..TENANTS.len()).map(Tenant)
    }

    /// Returns the tenants in turns.
    #[cfg(test)]
    pub(crate) fn of_turn(turn: usize) -> Tenant {
        Tenant(turn % TENANTS.len())
    }

    /// Returns the tenant of a line; `None` for an id that no ledger issues.
    pub(crate) fn of_line(id: u64) -> Option<Tenant> {
        usize::try_from(id / IDS).ok().filter(|number| *number < TENANTS.len()).map(Tenant)
    }

    /// Returns the first id of the tenant.
    pub(crate) fn first_id(self) -> u64 {
        self.0 as u64 * IDS
    }

    /// Returns the name of the tenant.
    pub(crate) fn name(self) -> &'static str {
        TENANTS.get(self.0).copied().unwrap_or_default()
    }

    /// Returns the name of the tenant's listener that speaks `tcp`, `ingest` or `query`.
    pub(crate) fn listener(self, protocol: &str) -> String {
        if self == Tenant::FIRST {
            return protocol.to_owned();
        }
        format!("{protocol}-{}", self.name())
    }

    /// Returns the settings of the listeners of all tenants.
    pub(crate) fn settings() -> impl Iterator<Item = String> {
        let protocols = [("tcp", "tcp"), ("ingest", "http"), ("query", "http")];
        let own = move |tenant: Tenant| {
            protocols.into_iter().flat_map(move |(protocol, transport)| {
                let table = format!("listeners.{}", tenant.listener(protocol));
                [
                    format!("{table}.protocol={protocol}"),
                    format!("{table}.transport={transport}"),
                    format!("{table}.listen=127.0.0.1:0"),
                    format!("{table}.tenant={}", tenant.name()),
                ]
            })
        };
        Tenant::all().flat_map(own)
    }
}
