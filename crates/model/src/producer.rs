//! Numbered lines of a producer, by which the retries of a reconnecting client are recognised.
//!
//! A name, line numbers and an address arrive with a connection; a [`RetryKey`] and a [`SenderId`]
//! leave with each batch. A batch of a producer holds one record for each of its lines, in order,
//! but for the runs of lines that it names ([`LineRun`]): the first line and the
//! number of lines say which numbers a batch holds.

use std::net::IpAddr;

use crate::batch_id::id_of;
use crate::limits::{LINE_JUMP_MAX, LINE_NUMBER_MAX};
use crate::{BatchId, Tenant};

/// Stands for the name that a client gave to itself: a hash, and never that of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId([u8; BatchId::BYTES]);

impl ProducerId {
    /// Returns the id of a client's name for itself, or `None` when the name is empty, longer
    /// than [`crate::limits::BATCH_ID_BYTES_MAX`] or not printable ASCII. Equal names of two
    /// tenants are two producers.
    pub fn of_client(tenant: Tenant, name: &str) -> Option<ProducerId> {
        let id = BatchId::of_client(tenant, name)?;
        Some(ProducerId(id_of(&[id.as_bytes(), b"\0producer"])))
    }

    /// Returns an id that was stored.
    pub fn from_bytes(bytes: [u8; BatchId::BYTES]) -> ProducerId {
        ProducerId(bytes)
    }

    /// Returns the bytes for storing, which hold nothing of the name.
    pub fn as_bytes(&self) -> &[u8; BatchId::BYTES] {
        &self.0
    }
}

/// Stands for the machine behind a batch: a number below 65,536, by a hash of the peer's address.
/// The retry window counts entries by sender and needs no more of an address; two machines with
/// equal numbers share the room of one machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SenderId(u16);

impl SenderId {
    /// Returns the sender of an address. Of IPv6 the network counts: each machine has 2^64
    /// addresses of its own.
    pub fn of_peer(peer: IpAddr) -> SenderId {
        let [first, second, ..] = match peer.to_canonical() {
            IpAddr::V4(address) => id_of(&[b"sender", &address.octets()]),
            IpAddr::V6(address) => {
                let network = address.segments().into_iter().take(4).flat_map(u16::to_be_bytes);
                id_of(&[b"sender", &network.collect::<Vec<u8>>()])
            }
        };
        SenderId(u16::from_le_bytes([first, second]))
    }

    /// Returns a sender that was stored.
    pub fn from_number(number: u16) -> SenderId {
        SenderId(number)
    }

    /// Returns the number for storing.
    pub fn number(self) -> u16 {
        self.0
    }
}

/// What must be known of the lines before a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinesBefore {
    /// They are durable here. If they are not, taking the batch would skip them for good.
    Durable,
    /// By the producer's word, the lines need no sending: the first batch of a connection.
    Settled,
}

/// Adjacent lines that count otherwise than a record each: lines joined to a record, or a line with
/// two records. Such a run is known as a whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineRun {
    /// Position of its first record in the batch.
    pub first_record: u32,
    /// How many records it has.
    pub record_count: u32,
    /// How many lines they are made of.
    pub line_count: u32,
}

/// Which lines of a producer a batch holds, in order; how many, the batch says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerLines {
    /// Whose lines.
    pub producer: ProducerId,
    /// Number of the first one. The producer's very first line is number 1.
    pub first: u64,
    /// What must be known of the lines before.
    pub before: LinesBefore,
}

impl ProducerLines {
    /// Returns the number of the last line before the batch.
    pub fn settled(&self) -> u64 {
        self.first.saturating_sub(1)
    }

    /// Returns the number of the last of so many lines.
    pub fn last(&self, line_count: u32) -> u64 {
        self.settled().saturating_add(u64::from(line_count))
    }

    /// Tells whether the numbers leap further ahead than a producer can mean: such a leap, taken
    /// for true, would turn every later line of the producer into a repeat. Of a new producer
    /// (`durable` is 0) only the highest number counts.
    pub fn jump(&self, durable: u64, line_count: u32) -> bool {
        let skipped = self.settled().saturating_sub(durable);
        self.last(line_count) > LINE_NUMBER_MAX || (durable > 0 && skipped > LINE_JUMP_MAX)
    }
}

/// By what a batch is recognised when it is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryKey {
    /// The name of the batch.
    Batch(BatchId),
    /// The lines of a producer up to the given line.
    Lines {
        /// Whose lines.
        producer: ProducerId,
        /// Number of the last one.
        last: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_of_two_tenants_are_two_keys() {
        let [shop, bank] = ["shop", "bank"].map(|name| Tenant::define(name).expect("a name"));
        assert_ne!(BatchId::of_client(shop, "b-1"), BatchId::of_client(bank, "b-1"));
        assert_ne!(ProducerId::of_client(shop, "p"), ProducerId::of_client(bank, "p"));
        assert_ne!(BatchId::of_client(shop, "b-1"), BatchId::of_client(Tenant::DEFAULT, "b-1"));
    }

    #[test]
    fn one_name_is_a_batch_a_piece_and_a_producer_apart() {
        let batch = BatchId::of_client(Tenant::DEFAULT, "shop-1").expect("a name");
        let producer = ProducerId::of_client(Tenant::DEFAULT, "shop-1").expect("a name");
        let pieces = [0, 1, u32::MAX].map(|number| *batch.piece(number).as_bytes());
        let mut all = vec![*batch.as_bytes(), *producer.as_bytes()];
        all.extend(pieces);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 5);
        assert_eq!(BatchId::from_bytes(*batch.as_bytes()), batch);
        assert_eq!(ProducerId::from_bytes(*producer.as_bytes()), producer);
    }

    #[test]
    fn a_sender_is_a_machine() {
        let of = |text: &str| SenderId::of_peer(text.parse().expect("an address"));
        assert_eq!(of("10.0.0.1"), of("::ffff:10.0.0.1"), "one address, written in two ways");
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1:2:3"), "a machine has a network");
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(SenderId::from_number(of("10.0.0.1").number()), of("10.0.0.1"));
    }

    #[test]
    fn lines_are_numbered_from_one() {
        let producer = ProducerId::of_client(Tenant::DEFAULT, "p").expect("a name");
        let lines = ProducerLines { producer, first: 11, before: LinesBefore::Durable };
        assert_eq!((lines.settled(), lines.last(5), lines.last(0)), (10, 15, 10));
        assert_eq!(ProducerId::of_client(Tenant::DEFAULT, "not printable\n"), None);
    }

    #[test]
    fn a_producer_may_skip_what_a_spool_can_lose_and_no_more() {
        let jumps = |durable, first| {
            let producer = ProducerId::of_client(Tenant::DEFAULT, "p").expect("a name");
            let lines = ProducerLines { producer, first, before: LinesBefore::Settled };
            lines.jump(durable, 1)
        };
        assert!(!jumps(10, 11), "the next line");
        assert!(!jumps(10, 11 + LINE_JUMP_MAX));
        assert!(jumps(10, 12 + LINE_JUMP_MAX));
        assert!(!jumps(0, 12 + LINE_JUMP_MAX), "nothing is known of the producer");
        assert!(!jumps(0, LINE_NUMBER_MAX));
        assert!(jumps(0, LINE_NUMBER_MAX + 1));
        assert!(jumps(10, u64::MAX));
        assert!(!jumps(1_000, 1), "lines that are sent again");
    }
}
