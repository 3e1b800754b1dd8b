//! The pseudonym keys: lost, rotated, readable by others.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use serde_json::json;

use crate::harness::{Home, Run, Server, line, run};

/// A second key: 32 bytes that are all 7.
const OTHER_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

fn key_file(home: &Home) -> PathBuf {
    home.keys().join("pseudonym.key")
}

fn store_user(server: &Server<'_>, message: &str) {
    server.store(&line(&json!({"message": message, "user_id": "ada-7731"})));
}

/// Tries to start a server that must refuse.
#[track_caller]
fn refused(home: &Home) -> Run {
    let refused = run(&mut home.serve(&home.path().join("never.json")));
    assert_ne!(refused.code, 0);
    assert!(!home.path().join("never.json").exists(), "it never was ready");
    refused
}

#[test]
fn a_server_whose_key_is_lost_refuses_to_start_until_it_is_restored() {
    let home = Home::new();
    let server = home.start();
    store_user(&server, "before");
    server.terminate();
    let kept = home.path().join("backup.key");
    fs::rename(key_file(&home), &kept).expect("the key file");
    refused(&home);
    assert!(home.output_text().contains("restore the key file"), "{}", home.output_text());
    assert!(!key_file(&home).exists(), "no other key was made in its place");

    fs::rename(&kept, key_file(&home)).expect("the key file");
    let server = home.start();
    assert_eq!(server.count("user_id:ada-7731"), 1);
}

#[test]
fn a_flipped_bit_in_the_list_of_keys_is_made_good_from_the_data() {
    let home = Home::new();
    let server = home.start();
    store_user(&server, "before");
    server.terminate();
    let list = home.data().join("pseudonym-key-ids");
    let whole = fs::read(&list).expect("the list of keys");
    for position in [0, whole.len() / 2, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[position] ^= 2;
        fs::write(&list, &flipped).expect("the list of keys");
        let server = home.start();
        assert_eq!(server.count("user_id:ada-7731"), 1, "byte {position}");
        let entries = server.http().get(&server.query("/health")).json();
        let kept = &entries["quarantine"]["items"][0];
        assert!(kept.as_str().is_some_and(|name| name.starts_with("pseudonym-key-ids")), "{kept}");
        server.terminate();
        assert_eq!(fs::read(&list).expect("the list of keys"), whole, "byte {position}");
    }

    // Neither a key nor a name of one: another key would part the users from their lines.
    fs::write(&list, "no list").expect("the list of keys");
    let kept = home.path().join("backup.key");
    fs::rename(key_file(&home), &kept).expect("the key file");
    refused(&home);
    assert!(home.output_text().contains("pseudonym-key-ids"), "{}", home.output_text());
    assert!(!key_file(&home).exists(), "no other key was made in its place");
    // A key that the data does not name.
    fs::create_dir_all(home.keys()).expect("the directory of keys");
    fs::write(key_file(&home), format!("{OTHER_KEY}\n")).expect("the key file");
    fs::set_permissions(key_file(&home), fs::Permissions::from_mode(0o600)).expect("its mode");
    refused(&home);
    assert!(home.output_text().contains("holds other keys"), "{}", home.output_text());
}

#[test]
fn after_a_rotation_old_and_new_lines_of_a_user_are_found() {
    let home = Home::new();
    let server = home.start();
    store_user(&server, "before");
    let old_token = server.hits("")[0]["user_id"].clone();
    server.terminate();
    let old = fs::read_to_string(key_file(&home)).expect("the key file");
    fs::write(key_file(&home), format!("{OTHER_KEY}\n{old}")).expect("the key file");

    let server = home.start();
    store_user(&server, "after");
    let hits = server.hits("user_id:ada-7731");
    assert_eq!(hits.len(), 2, "{hits:?}");
    assert_eq!(hits[0]["user_id"], old_token);
    assert_ne!(hits[1]["user_id"], old_token, "the newest key writes");
}

#[test]
fn a_key_that_others_may_read_or_that_lies_in_the_data_is_refused() {
    let home = Home::new();
    home.start().terminate();
    let file = key_file(&home);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("a file of ours");
    refused(&home);
    assert!(home.output_text().contains("chmod 0600"), "{}", home.output_text());

    let home = Home::with(&["redaction.pseudonyms.key_file=data/inside.key"]);
    refused(&home);
    assert!(home.output_text().contains("outside"), "{}", home.output_text());
}

/// Gives a file to another user, if the process may.
fn give_away(path: &std::path::Path, owner: u32) -> bool {
    std::os::unix::fs::chown(path, Some(owner), None).is_ok()
}

#[test]
fn a_key_that_others_own_or_may_replace_is_refused() {
    let home = Home::new();
    home.start().terminate();
    let directory = home.keys();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("ours");
    refused(&home);
    assert!(home.output_text().contains("chmod go-w"), "{}", home.output_text());
    // Like /tmp: only its owner may replace a file.
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o1777)).expect("ours");
    home.start().terminate();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).expect("ours");

    let own = fs::metadata(&directory).expect("ours").uid();
    for (path, what) in [(key_file(&home), "the file"), (directory, "the directory")] {
        if give_away(&path, 65_533) {
            refused(&home);
            let output = home.output_text();
            let said = output.lines().last().expect("a reason");
            assert!(said.contains(what) && said.contains("belongs to user 65533"), "{said}");
            assert!(give_away(&path, own));
        }
    }
    home.start().terminate();
}

#[test]
fn a_key_file_that_is_a_pipe_holds_nobody_up() {
    let home = Home::new();
    home.start().terminate();
    fs::remove_file(key_file(&home)).expect("the key file");
    let pipe = key_file(&home);
    assert_eq!(run(std::process::Command::new("mkfifo").arg(&pipe)).code, 0);
    refused(&home);
    assert!(home.output_text().contains("not a regular file"), "{}", home.output_text());
}
