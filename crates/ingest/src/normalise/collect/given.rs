//! Fields that are given one by one: by the formats of plain lines, and by protocols whose fields
//! are typed already.

use std::borrow::Cow;

use tierlog_model::{Timestamp, Value, fields};

use super::super::aliases::{Alias, NameHash};
use super::super::candidate::Claim;
use super::super::known::{Place, Sense, Wrapped, sense_of};
use super::super::shapes::Compiled;
use super::Collector;
use crate::decode::Reject;

impl<'a> Collector<'a, '_> {
    /// Adds a field at the top. It competes once the layer is settled.
    pub(crate) fn add(&mut self, name: &'static str, value: Value<'a>) -> Result<(), Reject> {
        self.leaf(name, || value, Place::ROOT)
    }

    /// Adds a field at the top whose name may be a part of a text that is gone soon.
    pub(crate) fn add_named(&mut self, name: Cow<'a, str>, value: Value<'a>) -> Result<(), Reject> {
        let name = match name {
            Cow::Borrowed(name) => return self.leaf(name, || value, Place::ROOT),
            Cow::Owned(name) => name,
        };
        self.count_value()?;
        let hash = NameHash::START.extend(&name);
        let sense = sense_of(self.aliases, "", &name, hash, Place::ROOT);
        let index = self.place_field(hash, || (Cow::Owned(name), value));
        if let Some(sense) = sense {
            self.note(index, sense);
        }
        Ok(())
    }

    /// Adds a field to an object that was entered, or at the top.
    pub(in crate::normalise) fn put(
        &mut self,
        name: &'a str,
        value: Value<'a>,
        place: Place,
    ) -> Result<(), Reject> {
        self.leaf(name, || value, place)
    }

    /// Says when the event happened.
    pub(in crate::normalise) fn add_moment(&mut self, moment: Timestamp) -> Result<(), Reject> {
        self.count_value()?;
        let hash = NameHash::START.extend(fields::TIMESTAMP);
        let value = Value::I64(moment.as_micros());
        let index = self.place_field(hash, || (Cow::Borrowed(fields::TIMESTAMP), value));
        let claim = Claim::new(Alias::MOMENT, Wrapped::No, fields::TIMESTAMP);
        self.note(index, Sense { claim: Some(claim), mark: None });
        Ok(())
    }

    /// Says the shape of the current layer.
    pub(in crate::normalise) fn set_shape(&mut self, shape: Option<&'static Compiled>) {
        self.shape = shape;
    }

    /// Returns how many values were added.
    pub(in crate::normalise) fn added_count(&self) -> usize {
        self.added_count
    }

    /// Moves into an object; returns where its members are, and where the path is to be cut when
    /// the object ends.
    pub(in crate::normalise) fn enter_object(
        &mut self,
        name: &str,
        place: Place,
    ) -> (Place, usize) {
        let path_bytes = self.path.len();
        (self.enter(name, place), path_bytes)
    }

    /// Moves out of an object.
    pub(in crate::normalise) fn leave_object(&mut self, path_bytes: usize) {
        self.path.truncate(path_bytes);
    }
}
