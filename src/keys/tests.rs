//! Life of a key file: made, read again, rotated, lost, open to others.

use std::collections::BTreeSet;

use tierlog_store::StoreError;

use super::*;

/// A data directory that holds no record.
struct NoData;

impl WrittenData for NoData {
    fn keep_damaged(&self, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    fn pseudonym_keys(&self, _: &[String]) -> BTreeSet<String> {
        BTreeSet::new()
    }
}

struct Place {
    _root: tempfile::TempDir,
    data_dir: PathBuf,
    path: PathBuf,
}

fn place() -> Place {
    let root = tempfile::tempdir().unwrap();
    let data_dir = root.path().join("data");
    let path = root.path().join("data.keys/pseudonym.key");
    Place { _root: root, data_dir, path }
}

impl Place {
    fn open(&self) -> Result<Pseudonyms, KeyError> {
        let identities = Identities::new(&["user_id".to_owned()], &[]).unwrap();
        open(&self.path, &self.data_dir, identities, &NoData)
    }

    fn write(&self, keys: &[u8]) {
        let lines: String =
            keys.iter().map(|byte| BASE64.encode(&[*byte; KEY_BYTES]) + "\n").collect();
        fs::write(&self.path, format!("# comment\n\n{lines}")).unwrap();
        fs::set_permissions(&self.path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_key_is_made_once_for_its_owner_alone() {
    let place = place();
    let first = place.open().unwrap().token_in("user_id", "4242");
    assert_eq!(place.open().unwrap().token_in("user_id", "4242"), first);
    assert_eq!(fs::metadata(&place.path).unwrap().permissions().mode() & 0o777, 0o600);
    let directory = place.path.parent().unwrap();
    assert_eq!(fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn what_a_dead_start_left_of_a_key_is_no_key() {
    let place = place();
    let left = place.path.with_added_extension(format!("new-{}", std::process::id()));
    make_private_directory(left.parent().unwrap()).unwrap();
    fs::write(&left, &HEADER[..20]).unwrap();
    let first = place.open().unwrap().token_in("user_id", "4242");
    assert!(!left.exists());
    // Nor does a second start take the place of a key that is there.
    create(&place.path).unwrap();
    assert_eq!(place.open().unwrap().token_in("user_id", "4242"), first);
}

#[test]
fn without_fields_there_is_no_key() {
    let place = place();
    let off = open(&place.path, &place.data_dir, Identities::default(), &NoData).unwrap();
    assert!(off.identities().fields().is_empty() && !place.path.exists());
}

#[test]
fn after_a_rotation_the_first_writes_and_all_are_searched() {
    let place = place();
    place.open().unwrap();
    fs::remove_file(place.data_dir.join(remembered::FILE_NAME)).unwrap();
    place.write(&[1]);
    let old = place.open().unwrap().token_in("user_id", "4242").unwrap();
    place.write(&[2, 1]);
    let rotated = place.open().unwrap();
    assert_ne!(rotated.token_in("user_id", "4242").unwrap(), old);
    assert!(rotated.stored_forms("user_id", "4242").contains(&old));
    assert_eq!(Remembered::read(&place.data_dir).unwrap().ids().len(), 2);
    // The old key may go when its data has expired: the other one is still there.
    place.write(&[2]);
    assert!(place.open().is_ok());
}

#[test]
fn data_is_not_parted_from_its_key_quietly() {
    let place = place();
    place.open().unwrap();
    fs::remove_file(&place.path).unwrap();
    let error = place.open().unwrap_err();
    assert!(matches!(error, KeyError::Lost { what: "is missing", .. }), "{error}");
    assert!(!place.path.exists(), "no new key is made");
    place.write(&[9]);
    let error = place.open().unwrap_err();
    assert!(matches!(error, KeyError::Lost { what: "holds other keys", .. }), "{error}");
    // The operator's word that the old users may stay unfindable.
    fs::remove_file(place.data_dir.join(remembered::FILE_NAME)).unwrap();
    assert!(place.open().is_ok());
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let place = place();
    place.open().unwrap();
    for mode in [0o640, 0o604, 0o660, 0o644] {
        fs::set_permissions(&place.path, fs::Permissions::from_mode(mode)).unwrap();
        let error = place.open().unwrap_err();
        assert!(error.to_string().contains("chmod 0600"), "{error}");
    }
    fs::set_permissions(&place.path, fs::Permissions::from_mode(0o400)).unwrap();
    assert!(place.open().is_ok());
}

#[test]
fn a_key_inside_the_data_is_refused_however_it_is_spelt() {
    let place = place();
    fs::create_dir_all(&place.data_dir).unwrap();
    let link = place.data_dir.with_file_name("link");
    std::os::unix::fs::symlink(&place.data_dir, &link).unwrap();
    for path in [
        place.data_dir.join("pseudonym.key"),
        place.data_dir.join("deep/er/pseudonym.key"),
        link.join("pseudonym.key"),
    ] {
        let identities = Identities::new(&["user_id".to_owned()], &[]).unwrap();
        let error = open(&path, &place.data_dir, identities, &NoData).unwrap_err();
        assert!(matches!(error, KeyError::Inside { .. }), "{error}");
    }
}

#[test]
fn a_damaged_key_file_is_named_without_its_content() {
    let place = place();
    place.open().unwrap();
    for (content, expected) in [
        ("", "holds 0 keys"),
        ("# only a comment\n", "holds 0 keys"),
        ("c2hvcnQ=\n", "line 1: not 32 bytes"),
        ("# comment\nnot base64!\n", "line 2: not 32 bytes"),
    ] {
        fs::write(&place.path, content).unwrap();
        let error = place.open().unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("c2hv"), "{error}");
    }
}

#[test]
fn a_file_of_this_user_or_of_root_is_trusted_and_no_other() {
    let own = rustix::process::geteuid().as_raw();
    let path = Path::new("pseudonym.key");
    for owner in [own, 0] {
        assert!(refuse_foreign("the file", path, owner).is_ok());
    }
    let foreign = refuse_foreign("the file", path, own + 1).unwrap_err().to_string();
    assert!(foreign.ends_with(&format!("belongs to user {}: chown {own} pseudonym.key", own + 1)));
}

#[test]
fn a_directory_in_which_others_may_replace_the_file_is_refused() {
    let place = place();
    place.open().unwrap();
    let directory = place.path.parent().unwrap();
    let mut refused = Vec::new();
    for mode in [0o700, 0o755, 0o770, 0o707, 0o1777, 0o1770] {
        fs::set_permissions(directory, fs::Permissions::from_mode(mode)).unwrap();
        if let Err(error) = place.open() {
            assert!(matches!(error, KeyError::ReplaceableByOthers { .. }), "{error}");
            refused.push(mode);
        }
    }
    assert_eq!(refused, [0o770, 0o707]);
}

#[test]
fn no_link_is_written_through() {
    let root = tempfile::tempdir().unwrap();
    let victim = root.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let path = root.path().join("addresses.json");
    std::os::unix::fs::symlink(&victim, path.with_added_extension("new")).unwrap();
    std::os::unix::fs::symlink(&victim, &path).unwrap();
    write_atomically(&path, b"new").unwrap();
    assert_eq!(
        (fs::read(&victim).unwrap(), fs::read(&path).unwrap()),
        (b"precious".to_vec(), b"new".to_vec())
    );
    assert!(!fs::symlink_metadata(&path).unwrap().is_symlink());
    // A target that cannot be replaced leaves no temporary file.
    let taken = root.path().join("taken");
    fs::create_dir(&taken).unwrap();
    write_atomically(&taken, b"new").unwrap_err();
    assert!(!taken.with_added_extension("new").exists());
}
