//! A configuration that changes under a running server: taken over or refused as a whole, by signal
//! and by command.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Home, Server, line, run, wait_until};

/// Writes the file that the server was started with.
fn configure(home: &Home, text: &str) {
    fs::write(home.path().join("tierlog.toml"), text).expect("a file of ours");
}

/// Returns a home whose servers read `tierlog.toml` in it.
fn home(text: &str) -> Home {
    let home = Home::new();
    configure(&home, text);
    home
}

/// Returns the message as it was stored.
fn stored(server: &Server<'_>, id: &str, message: &str) -> String {
    server.store(&line(&json!({"message": message, "request_id": id})));
    let hits = server.hits(&format!("request_id:{id}"));
    hits.first().and_then(|hit| hit["message"].as_str()).expect("a message").to_owned()
}

fn hang_up(server: &Server<'_>) {
    let signal = format!("kill -HUP {}", server.process_id());
    assert_eq!(run(Command::new("sh").args(["-c", &signal])).code, 0);
}

#[test]
fn redaction_and_levels_are_taken_over_and_the_rest_is_named() {
    let home = home("[redaction]\ndetectors_off = [\"email\"]\n");
    let server = home.start();
    let mail = "ask ada@example.com";
    assert_eq!(stored(&server, "r-1", mail), mail);
    // A connection that is open keeps the settings that it began with.
    let mut open = server.tcp().with_acks();
    open.send(line(&json!({"message": mail, "request_id": "r-open-1"})).as_bytes());
    assert_eq!(open.await_ack(1), 0);
    server.await_count("request_id:r-open-1", 1);

    configure(
        &home,
        "[redaction]\nsecret_keys = [\"recipe\"]\n[ingest.levels]\nmissing = \"error\"\n\
         [query]\nhits_max = 50\n[listeners.query]\nconnections_max = 7\n",
    );
    let reloaded = server.run(&["config", "reload"]);
    assert_eq!(reloaded.code, 0, "{}", reloaded.stderr);
    assert_eq!(
        reloaded.stdout,
        "taken over: ingest.levels.missing, redaction.detectors_off, redaction.secret_keys\n\
         needs a restart: listeners.query.connections_max, query.hits_max\n"
    );
    assert_eq!(stored(&server, "r-2", mail), "ask [EMAIL]");
    server.store(&line(&json!({"message": "x", "recipe": "cake", "request_id": "r-3"})));
    let hit = &server.hits("request_id:r-3")[0];
    assert_ne!(hit["recipe"], "cake");
    assert_eq!(hit["level"], "error");
    open.send(line(&json!({"message": mail, "request_id": "r-open-2"})).as_bytes());
    assert_eq!(open.await_ack(2), 0);
    server.await_count("request_id:r-open-2", 1);
    assert_eq!(server.hits("request_id:r-open-2")[0]["message"], mail);
    let mut fresh = server.tcp().with_acks();
    fresh.send(line(&json!({"message": mail, "request_id": "r-open-3"})).as_bytes());
    assert_eq!(fresh.await_ack(1), 0);
    server.await_count("request_id:r-open-3", 1);
    assert_eq!(server.hits("request_id:r-open-3")[0]["message"], "ask [EMAIL]");

    // Back to the file of the start: nothing is left to wait for a restart.
    configure(&home, "[redaction]\ndetectors_off = [\"email\"]\n");
    let reloaded = server.run(&["config", "reload"]);
    assert!(reloaded.stdout.ends_with("needs a restart: nothing\n"), "{}", reloaded.stdout);
    assert_eq!(stored(&server, "r-4", mail), mail);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_configuration_with_problems_is_refused_whole() {
    let home = home("");
    let server = home.start();
    configure(
        &home,
        "[redaction]\nenabled = false\n[query]\ntimout = \"3s\"\n[ingest.limits]\nline_max = 1\n",
    );
    let refused = server.run(&["config", "reload"]);
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    for expected in
        ["2 problems", "query.timout", "ingest.limits.line_max", "invalid_configuration"]
    {
        assert!(refused.stderr.contains(expected), "{expected}: {}", refused.stderr);
    }
    assert_eq!(stored(&server, "r-1", "ask ada@example.com"), "ask [EMAIL]");
    let url = server.query("/api/v1/config/reload");
    let unconfirmed = server.http().post(&url, b"", &[]);
    assert_eq!(unconfirmed.json()["code"], "confirmation_required");
}

#[test]
fn a_hangup_reloads_and_the_server_goes_on() {
    let home = home("[log]\nlevel = \"warn\"\n");
    let server = home.start();
    configure(&home, "[log]\nlevel = \"info\"\n[redaction]\ndetectors_off = [\"email\"]\n");
    hang_up(&server);
    wait_until("the level of the log", || {
        home.output_text().contains("configuration taken over").then_some(())
    });
    assert_eq!(stored(&server, "r-1", "ask ada@example.com"), "ask ada@example.com");
    configure(&home, "[log]\nlevel = \"no such level,=\"\n");
    hang_up(&server);
    wait_until("the refusal", || {
        home.output_text().contains("configuration refused").then_some(())
    });
    let ready: Value = server.http().get(&server.query("/health/ready")).json();
    assert_eq!(ready["ready"], true);
}
