//! Random walks of wrong clocks, stops, corrections and lost files, against a plain model: true
//! time, and the records with the true moment that their days count from.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Longest time that a machine is off.
const OFF_MAX: i64 = 40 * DAY;

/// The time that a line claims.
#[derive(Clone, Copy, Debug)]
enum Own {
    /// Nothing.
    None,
    /// The time of a machine whose clock is right.
    Right,
    /// The time of the machine that the store runs on.
    Local,
    /// A right time, so many days ago.
    Late(u8),
}

/// What is lost of the two files of what is believed.
#[derive(Clone, Copy, Debug)]
enum Lost {
    /// A bit of the first or the second.
    Bit(usize),
    /// The first or the second.
    One(usize),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Time passes on a running machine.
    Pass(i64),
    /// The process ends, is stopped or killed, and the machine runs on.
    Restart { stopped: bool, after: i64 },
    /// The machine is off, and its clock is so wrong afterwards; as before when it is not said.
    Off { stopped: bool, for_micros: i64, wrong: Option<i64> },
    /// Somebody sets the clock.
    Set(i64),
    /// A line arrives, of a tier by its days.
    Write { own: Own, tier: usize },
    /// What was written is committed.
    Commit,
    /// Retention runs.
    Retain,
    /// A file of what is believed is damaged or gone.
    Lose(Lost),
    /// An engineer confirms the clock, if it is right.
    Confirm,
}

/// A record: when it was let in, and the true moment that its days count from.
#[derive(Clone, Copy, Debug)]
struct Known {
    moment: i64,
    seq: u64,
    /// Whether the line claims a right time.
    is_right: bool,
    /// Unmeasured time by which the record may be older or younger.
    doubt: i64,
}

const TIERS: [&str; 2] = ["debug", "info"];

struct Walk {
    machine: Machine,
    clock: Option<BelievedClock>,
    /// True time, microseconds since the beginning.
    now: i64,
    wrong: i64,
    partitions: BTreeMap<PartitionId, (u64, Vec<Known>)>,
    /// By how much time that did not pass may have been taken for a pause.
    false_pauses: i64,
    /// How far ahead the clock was set and is followed, because clocks are set by hours: a line of
    /// a right clock looks older by it.
    followed: i64,
    /// Whether the store cannot know the right time, because it was never told or was off when its
    /// clock went wrong: then a line of a right clock looks as old as the wrong one says.
    is_blind: bool,
    /// Whether the clock was set while the machine was off: an engineer who knows of one such time
    /// does not confirm the others.
    set_while_off: bool,
    /// Whether the clock was set since the store's last look: when the power fails before the next
    /// look, the store cannot tell such a setting from a setting while the machine was off.
    set_unseen: bool,
    /// For how long the machine was off, all in all.
    off: i64,
    /// When it was on again.
    on_since: i64,
    /// Whether an engineer has confirmed a clock all the same.
    is_careless: bool,
}

impl Walk {
    fn new(wrong: i64) -> Walk {
        let machine = Machine::new();
        machine.clock.set(at(wrong));
        let clock = Some(machine.start());
        Walk {
            machine,
            clock,
            now: 0,
            wrong,
            partitions: BTreeMap::new(),
            false_pauses: 0,
            followed: 0,
            is_blind: wrong != 0,
            set_while_off: false,
            set_unseen: false,
            off: 0,
            on_since: 0,
            is_careless: false,
        }
    }

    fn clock(&self) -> &BelievedClock {
        self.clock.as_ref().expect("a running process")
    }

    fn pass(&mut self, micros: i64) {
        self.machine.pass(self.clock(), micros);
        self.now += micros;
    }

    fn end(&mut self, stopped: bool) {
        let clock = self.clock.take().expect("a running process");
        if stopped {
            clock.close();
        }
    }

    fn set(&mut self, wrong: i64) {
        if (1..=DAY).contains(&(wrong - self.wrong)) {
            self.followed += wrong - self.wrong;
        }
        self.wrong = wrong;
        self.machine.clock.set(at(self.now + wrong));
    }

    fn off(&mut self, for_micros: i64, wrong: i64) {
        self.now += for_micros;
        self.off += for_micros;
        self.on_since = self.now;
        let told = for_micros + wrong - self.wrong;
        if (1..=DAY).contains(&told) {
            self.false_pauses += (told - for_micros).max(0);
        }
        self.set_while_off |= wrong != self.wrong;
        self.is_blind |= wrong != 0;
        self.set(wrong);
        self.machine.clock.reboot();
        for (_, known) in self.partitions.values_mut() {
            known.iter_mut().for_each(|known| known.doubt += for_micros);
        }
    }

    /// Loses what the files say, between an orderly end and the next start.
    fn lose(&mut self, lost: Lost) {
        self.end(true);
        let files = self.machine.files();
        match lost {
            Lost::Bit(file) => self.machine.lose(&files[file..=file], |bytes| {
                let middle = bytes.len() / 2;
                if let Some(byte) = bytes.get_mut(middle) {
                    *byte ^= 1;
                }
            }),
            Lost::One(file) => self.machine.remove(&files[file..=file]),
        }
        self.clock = Some(self.machine.start());
    }

    fn write(&mut self, own: Own, tier: usize) {
        let tiers = Tiers::standard();
        let tier = tiers.by_name(TIERS[tier]).expect("a tier");
        let present = self.clock().present();
        let (stamp, moment) = match own {
            Own::None => (present.now, self.now),
            Own::Right => (at(self.now), self.now),
            Own::Local => (at(self.now + self.wrong), self.now),
            Own::Late(days) => {
                let moment = self.now - i64::from(days) * DAY;
                (at(moment), moment)
            }
        };
        // As ingest judges.
        let id = PartitionId { tenant: Tenant::DEFAULT, tier, day: stamp.day() };
        let is_ahead = |now: Timestamp| stamp > now.saturating_add_micros(DAY);
        let is_let_in = present.candidates().any(|now| {
            let unknown = present.doubt == Doubt::Unknown;
            (unknown || !is_ahead(now)) && !tiers.is_expired(tier, id.day, now)
        });
        if !is_let_in {
            return;
        }
        let clock = self.clock.take().expect("a running process");
        let seq = self.machine.log.next_seq();
        self.machine.write(&clock);
        self.clock = Some(clock);
        let is_right = matches!(own, Own::Right | Own::Late(_));
        // While the clock is doubted, a record may be of either time.
        let is_sure = present.doubt == Doubt::None && self.clock().report().unconfirmed_s == 0;
        // The same holds for a day on which the machine was off later, and for a day of another
        // clock.
        let is_young = moment > self.on_since + 2 * DAY;
        let doubt = if is_sure && is_young { 0 } else { self.off };
        let known = Known { moment, seq, is_right, doubt };
        self.partitions.entry(id).or_default().1.push(known);
    }

    fn commit(&mut self) {
        let next_seq = self.machine.log.next_seq();
        for (below, known) in self.partitions.values_mut() {
            if known.iter().any(|known| known.seq >= *below) {
                *below = next_seq;
            }
        }
        self.machine.log.logged_from.store(next_seq, Ordering::SeqCst);
    }

    /// Drops what is due. No record of the partition may be younger than the tier keeps.
    fn retain(&mut self) -> Result<(), TestCaseError> {
        let clock = self.clock.as_ref().expect("a running process");
        let present = clock.oldest_present();
        let tiers = Tiers::standard();
        let (now, false_pauses, followed) = (self.now, self.false_pauses, self.followed);
        let due: Vec<PartitionId> = self
            .partitions
            .iter()
            .filter(|(id, (below, _))| clock.due(**id, *below) <= present)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let (_, gone) = self.partitions.remove(&id).expect("a partition");
            let kept = i64::from(tiers.policy(id.tier).days) * DAY;
            for known in gone {
                let age = now - known.moment;
                // Clocks are set by minutes, and that is no wrong clock.
                let early = kept - age - 20 * 300_000_000;
                let allowed = false_pauses + if known.is_right { followed } else { 0 };
                let is_unknowable = self.is_careless || known.is_right && self.is_blind;
                prop_assert!(
                    early <= allowed || is_unknowable,
                    "{} goes {} hours early",
                    id.name(&tiers),
                    (kept - age) / HOUR
                );
            }
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        self.set_unseen = match step {
            Step::Set(wrong) => self.set_unseen || wrong != self.wrong,
            Step::Off { stopped: false, .. } => {
                self.set_while_off |= self.set_unseen;
                false
            }
            Step::Commit => self.set_unseen,
            _ => false,
        };
        match step {
            Step::Pass(micros) => self.pass(micros),
            Step::Restart { stopped, after } => {
                self.end(stopped);
                self.machine.clock.advance(after);
                self.now += after;
                self.clock = Some(self.machine.start());
            }
            Step::Off { stopped, for_micros, wrong } => {
                self.end(stopped);
                self.off(for_micros, wrong.unwrap_or(self.wrong));
                self.clock = Some(self.machine.start());
            }
            Step::Set(wrong) => self.set(wrong),
            Step::Write { own, tier } => self.write(own, tier),
            Step::Commit => self.commit(),
            Step::Retain => self.retain()?,
            Step::Lose(lost) => self.lose(lost),
            Step::Confirm if self.wrong == 0 && !self.set_while_off => self.clock().confirm(),
            Step::Confirm => {}
        }
        Ok(())
    }

    /// Sets the clock right, lets so many days pass, and returns what is left with its doubt.
    fn end_right(&mut self, days: i64) -> Result<Vec<(PartitionId, Known)>, TestCaseError> {
        self.set(0);
        self.clock().report();
        self.commit();
        // A clock that was believed while it was ahead leaves a doubt that only a word ends.
        self.is_careless = self.set_while_off;
        self.clock().confirm();
        for _ in 0..days {
            self.machine.clock.advance(DAY);
            self.now += DAY;
            self.clock().report();
            self.retain()?;
        }
        let left = self.partitions.iter();
        Ok(left.flat_map(|(id, (_, known))| known.iter().map(|known| (*id, *known))).collect())
    }
}

/// How wrong a clock is: by hours, weeks or years, either way.
fn wrong() -> BoxedStrategy<i64> {
    prop_oneof![
        3 => Just(0),
        2 => -23 * HOUR..23 * HOUR,
        2 => -60 * DAY..60 * DAY,
        2 => prop_oneof![Just(-9 * YEAR), Just(-2 * YEAR), Just(YEAR), Just(10 * YEAR)],
    ]
    .boxed()
}

fn own() -> impl Strategy<Value = Own> {
    prop_oneof![Just(Own::None), Just(Own::Right), Just(Own::Local), (0..9_u8).prop_map(Own::Late)]
}

fn lost() -> impl Strategy<Value = Lost> {
    prop_oneof![(0..2_usize).prop_map(Lost::Bit), (0..2_usize).prop_map(Lost::One),]
}

fn step(wrong: impl Strategy<Value = i64> + Clone) -> impl Strategy<Value = Step> {
    let off = (any::<bool>(), prop_oneof![0..DAY, 0..OFF_MAX], prop::option::of(wrong.clone()));
    prop_oneof![
        4 => prop_oneof![0..3 * HOUR, 0..3 * DAY].prop_map(Step::Pass),
        2 => (any::<bool>(), 0..5 * DAY)
            .prop_map(|(stopped, after)| Step::Restart { stopped, after }),
        2 => off.prop_map(|(stopped, for_micros, wrong)| Step::Off { stopped, for_micros, wrong }),
        2 => wrong.prop_map(Step::Set),
        8 => (own(), 0..TIERS.len()).prop_map(|(own, tier)| Step::Write { own, tier }),
        3 => Just(Step::Commit),
        4 => Just(Step::Retain),
        2 => lost().prop_map(Step::Lose),
        1 => Just(Step::Confirm),
    ]
}

proptest! {
    /// No order of wrong clocks and corrections drops a record before its days are over, or keeps
    /// one for years. A day that two clocks have written stays for as long as either says, and both
    /// differ at most by the days for which records are let in.
    #[test]
    fn nothing_leaves_early_and_nothing_stays_for_years(
        first in wrong(), steps in prop::collection::vec(step(wrong()), 1..60),
    ) {
        let mut walk = Walk::new(first);
        for step in steps {
            walk.step(step)?;
        }
        let left = walk.end_right(70)?;
        prop_assert!(left.is_empty(), "{left:?}");
    }

    /// With a clock that is right, days are over when they say: no later than the time that nobody
    /// has measured, and a day.
    #[test]
    fn a_right_clock_keeps_nothing_longer_than_the_time_that_nobody_measured(
        steps in prop::collection::vec(step(Just(0)), 1..60), days in 1..40_i64,
    ) {
        let mut walk = Walk::new(0);
        for step in steps {
            walk.step(step)?;
        }
        let tiers = Tiers::standard();
        for (id, known) in walk.end_right(days)? {
            let kept = i64::from(tiers.policy(id.tier).days) * DAY;
            let over = walk.now - known.moment - kept;
            prop_assert!(over <= DAY + known.doubt + HOUR, "{} stays {} hours", id.name(&tiers), over / HOUR);
        }
    }
}
