//! Listeners as configuration says them: further ones beside the three of the default, each by its
//! name in the addresses file, in metrics and at the end.

use std::net::TcpStream;

use serde_json::json;

use crate::harness::{Home, Tcp, line};
use crate::hostile::metric;

#[test]
fn further_listeners_are_added_by_configuration_alone() {
    let home = Home::with(&[
        "listeners.second.protocol=tcp",
        "listeners.second.transport=tcp",
        "listeners.second.listen=127.0.0.1:0",
        "listeners.support.protocol=query",
        "listeners.support.transport=http",
        "listeners.support.listen=127.0.0.1:0",
        "listeners.support.connections_max=7",
    ]);
    let server = home.start();
    let second = server.address("second").to_owned();
    let mut tcp = Tcp::connect(&second).with_acks();
    tcp.send(line(&json!({"message": "by the second door", "level": "error"})).as_bytes());
    assert_eq!(tcp.await_ack(1), 0);
    server.await_count("door", 1);

    let support = format!("http://{}", server.address("support"));
    let answer = server.http().get(&format!("{support}/api/v1/search?q=door"));
    assert_eq!(answer.json()["hits"][0]["message"], "by the second door");
    // A listener of queries takes no lines.
    let refused = server.http().post(&format!("{support}/api/v1/ingest"), b"{}", &[]);
    assert_eq!((refused.status, &refused.json()["code"]), (404, &json!("not_found")));

    for (listener, least) in [("second", 1), ("support", 1), ("tcp", 0), ("ingest", 0)] {
        let label = format!("listener=\"{listener}\"");
        let opened = metric(&server, "tierlog_connections_opened_total", &label);
        assert!(opened >= least, "{listener}: {opened} connections");
    }
    let metrics = server.http().get(&server.query("/metrics")).text();
    for listener in ["second", "support", "tcp", "ingest", "query"] {
        let series = format!("tierlog_connections_evicted_total{{listener=\"{listener}\"}} 0");
        assert!(metrics.contains(&series), "{listener} starts at zero");
    }
    tcp.send(line(&json!({"message": "still on its way"})).as_bytes());
    tcp.finish();
    assert_eq!(server.terminate(), Some(0));
    assert!(TcpStream::connect(&second).is_err(), "the second door is closed");
    let server = home.start();
    server.await_count("", 2);
}

#[test]
fn a_listener_that_is_off_is_not_bound() {
    let home = Home::with(&["listeners.tcp.listen=off"]);
    let server = home.start();
    let file = std::fs::read_to_string(home.path().join("addresses.json")).expect("a file");
    let addresses: serde_json::Value = serde_json::from_str(&file).expect("JSON");
    let names: Vec<&String> = addresses.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["ingest", "query"]);
    server.store(&line(&json!({"message": "over HTTP"})));
    assert_eq!(server.count("HTTP"), 1);
}
