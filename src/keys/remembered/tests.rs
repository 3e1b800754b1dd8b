//! A list that rots: each flipped bit is noticed, nothing is forgotten, and no key is made up.

use std::cell::RefCell;

use tierlog_model::Identities;

use super::*;
use crate::keys::open;

/// Data with pseudonyms of some keys.
#[derive(Default)]
struct Data {
    keys: BTreeSet<String>,
    kept: RefCell<Vec<Vec<u8>>>,
}

impl WrittenData for Data {
    fn keep_damaged(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        assert_eq!(name, FILE_NAME);
        self.kept.borrow_mut().push(bytes.to_owned());
        Ok(())
    }

    fn pseudonym_keys(&self, fields: &[String]) -> BTreeSet<String> {
        assert_eq!(fields, ["user_id"]);
        self.keys.clone()
    }
}

struct Place {
    _root: tempfile::TempDir,
    data_dir: PathBuf,
    key_file: PathBuf,
}

impl Place {
    /// Returns a data directory and a key, of the name that is returned too.
    fn new() -> (Place, String) {
        let root = tempfile::tempdir().expect("a directory");
        let data_dir = root.path().join("data");
        let key_file = root.path().join("data.keys/pseudonym.key");
        let place = Place { _root: root, data_dir, key_file };
        place.open(&Data::default()).expect("opened");
        let ids = place.ids();
        let [id] = ids.as_slice() else { panic!("one key, not {ids:?}") };
        let id = id.clone();
        (place, id)
    }

    fn open(&self, data: &Data) -> Result<(), KeyError> {
        let identities = Identities::new(&["user_id".to_owned()], &[]).expect("a field");
        open(&self.key_file, &self.data_dir, identities, data).map(drop)
    }

    fn ids(&self) -> Vec<String> {
        Remembered::read(&self.data_dir).expect("read").ids().to_vec()
    }

    fn file(&self) -> PathBuf {
        self.data_dir.join(FILE_NAME)
    }
}

fn keys(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed_and_made_good_from_the_data() {
    let (place, id) = Place::new();
    let whole = fs::read(place.file()).expect("read");
    let flips = (0..whole.len() * 8).map(|bit| {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    });
    for damaged in flips.chain((0..whole.len()).map(|length| whole[..length].to_vec())) {
        fs::write(place.file(), &damaged).expect("written");
        let data = Data { keys: keys(&[&id]), ..Data::default() };
        place.open(&data).expect("opened");
        assert_eq!(data.kept.into_inner(), [damaged]);
        assert_eq!(fs::read(place.file()).expect("read"), whole);
    }
}

#[test]
fn keys_that_only_the_data_names_are_remembered_again() {
    let (place, id) = Place::new();
    fs::write(place.file(), "no list").expect("written");
    place.open(&Data { keys: keys(&["aaaa", &id]), ..Data::default() }).expect("opened");
    assert_eq!(place.ids().into_iter().collect::<BTreeSet<_>>(), keys(&["aaaa", &id]));
    // Data without pseudonyms: the key that writes from now on is all that there is.
    fs::write(place.file(), "no list").expect("written");
    place.open(&Data::default()).expect("opened");
    assert_eq!(place.ids(), [id]);
}

#[test]
fn data_is_not_parted_from_its_key_by_a_damaged_list() {
    let (place, _) = Place::new();
    fs::write(place.file(), "no list").expect("written");
    let error = place.open(&Data { keys: keys(&["aaaa"]), ..Data::default() }).unwrap_err();
    assert!(matches!(error, KeyError::Lost { what: "holds other keys", .. }), "{error}");
    assert!(error.to_string().contains("key aaaa"), "{error}");
    fs::write(place.file(), "no list").expect("written");
    fs::remove_file(&place.key_file).expect("removed");
    let data = Data::default();
    let error = place.open(&data).unwrap_err();
    assert!(matches!(error, KeyError::Unknown { .. }), "{error}");
    assert!(!place.key_file.exists() && data.kept.into_inner().is_empty());
}
