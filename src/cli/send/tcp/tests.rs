//! The sender before a server that is a script: one entry a connection.

use std::io::{BufRead as _, BufReader, Cursor, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use super::*;
use crate::cli::WrongUsage;

/// What the server does with one connection.
struct Scene {
    /// What it answers to the handshake.
    greeting: &'static str,
    /// Lines that it reads; all, when missing.
    lines_read: Option<usize>,
    /// What it says then, before it closes.
    answer: &'static str,
}

/// What one connection brought: its handshake and the lines after it.
type Heard = (Value, String);

fn serve(scenes: Vec<Scene>) -> (String, JoinHandle<Vec<Heard>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let play = move || {
        let play = |scene: &Scene| {
            let (stream, _) = listener.accept().expect("a connection");
            perform(scene, &stream)
        };
        scenes.iter().map(play).collect()
    };
    (address, std::thread::spawn(play))
}

fn perform(scene: &Scene, mut stream: &TcpStream) -> Heard {
    let mut reader = BufReader::new(stream);
    let mut handshake = String::new();
    reader.read_line(&mut handshake).expect("a handshake");
    stream.write_all(scene.greeting.as_bytes()).expect("writable");
    let mut lines = String::new();
    let mut count = 0;
    while scene.lines_read.is_none_or(|max| count < max)
        && reader.read_line(&mut lines).expect("readable") > 0
    {
        count += 1;
    }
    stream.write_all(scene.answer.as_bytes()).expect("writable");
    let _ = stream.shutdown(Shutdown::Both);
    (serde_json::from_str(&handshake).expect("JSON"), lines)
}

fn exchange(input: &str, settings: TcpSettings, scenes: Vec<Scene>) -> (Result<Tally>, Vec<Heard>) {
    let (address, server) = serve(scenes);
    let batches = BatchReader::spawn(Cursor::new(input.to_owned())).expect("a thread");
    let settings = TcpSettings { address, ..settings };
    let tally = send(batches, &settings, &Progress::hidden());
    (tally, server.join().expect("the server ends"))
}

fn anonymous() -> TcpSettings {
    TcpSettings { address: String::new(), producer: None, retry_for: Duration::from_secs(60) }
}

fn named() -> TcpSettings {
    TcpSettings { producer: Some("deploy-1".to_owned()), ..anonymous() }
}

#[test]
fn lines_follow_the_handshake_and_the_last_ack_decides() {
    let greeting = "{\"resume\":0}\n";
    let answer = "{\"ack\":1,\"rejected\":0}\n{\"ack\":3,\"rejected\":1}\n";
    let scene = Scene { greeting, lines_read: None, answer };
    let (tally, heard) = exchange("{}\n\n{}\nx", anonymous(), vec![scene]);
    let (handshake, lines) = &heard[0];
    assert_eq!(handshake["tierlog"]["ack"], json!(true));
    assert!(handshake["tierlog"]["producer"].as_str().is_some_and(|name| name.len() == 32));
    assert_eq!(handshake["tierlog"]["from"], Value::Null);
    assert_eq!(lines, "{}\n{}\nx\n", "blank lines have no number");
    let tally = tally.expect("acknowledged");
    assert_eq!((tally.accepted, tally.rejected, tally.bytes), (2, 1, 9));
    assert_eq!((tally.redacted, tally.duplicate), (None, None));
}

#[test]
fn what_was_not_acknowledged_is_sent_again_by_the_same_producer() {
    let greeting = "{\"resume\":0}\n";
    let scenes = vec![
        // Acknowledges the first line and dies in the middle of the next answer.
        Scene { greeting, lines_read: Some(3), answer: "{\"ack\":1,\"rejected\":1}\n{\"ack\":2" },
        Scene {
            greeting: "{\"resume\":1}\n",
            lines_read: Some(0),
            answer: "{\"error\":\"full\"}\n",
        },
        Scene {
            greeting: "{\"resume\":2}\n",
            lines_read: None,
            answer: "{\"ack\":3,\"rejected\":1}\n",
        },
    ];
    let (tally, heard) = exchange("a\nb\nc\n", anonymous(), scenes);
    let wishes = |number: usize| &heard[number].0["tierlog"];
    assert_eq!(heard[0].1, "a\nb\nc\n");
    assert_eq!((&wishes(1)["from"], &wishes(2)["from"]), (&json!(2), &json!(2)));
    assert_eq!(wishes(0)["producer"], wishes(2)["producer"]);
    assert_eq!(heard[2].1, "b\nc\n");
    let tally = tally.expect("acknowledged");
    assert_eq!((tally.accepted, tally.rejected), (1, 2));
}

#[test]
fn a_named_run_goes_on_where_the_last_one_was_stopped() {
    let scene = Scene {
        greeting: "{\"resume\":2}\n",
        lines_read: None,
        answer: "{\"ack\":3,\"rejected\":0}\n",
    };
    let (tally, heard) = exchange("a\nb\nc\n", named(), vec![scene]);
    assert_eq!(heard[0].0["tierlog"], json!({"ack": true, "producer": "deploy-1"}));
    assert_eq!(heard[0].1, "c\n");
    let tally = tally.expect("acknowledged");
    assert_eq!((tally.accepted, tally.duplicate), (1, Some(2)));

    let scene = Scene { greeting: "{\"resume\":3}\n", lines_read: None, answer: "" };
    let (tally, heard) = exchange("a\nb\nc\n", named(), vec![scene]);
    assert_eq!(heard[0].1, "");
    let tally = tally.expect("nothing is left to do");
    assert_eq!((tally.accepted, tally.duplicate, tally.bytes), (0, Some(3), 6));
}

#[test]
fn a_server_that_takes_nothing_is_given_up_and_said_why() {
    let impatient = TcpSettings { retry_for: Duration::ZERO, ..anonymous() };
    let scene = Scene {
        greeting: "{\"resume\":0}\n",
        lines_read: Some(2),
        answer: "{\"ack\":1,\"rejected\":0}\n{\"error\":\"disk is full\"}\n",
    };
    let (tally, _) = exchange("a\nb\n", impatient, vec![scene]);
    let error = tally.expect_err("given up");
    assert!(error.chain().any(|cause| cause.is::<Unreachable>()));
    let text = format!("{error:#}");
    assert!(text.starts_with("1 lines are durable, then sending stopped, gave up"), "{text}");
    assert!(text.contains("the server said: disk is full"), "{text}");
}

#[test]
fn a_server_that_is_not_there_or_does_not_know_producers_is_told_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let batches = BatchReader::spawn(Cursor::new("a\n")).expect("a thread");
    let settings = TcpSettings { address, ..anonymous() };
    let error = send(batches, &settings, &Progress::hidden()).expect_err("nobody listens");
    assert!(error.is::<Unreachable>(), "{error}");

    let scene = Scene { greeting: "", lines_read: Some(0), answer: "" };
    let (tally, _) = exchange("a\n", anonymous(), vec![scene]);
    assert!(tally.expect_err("no greeting").is::<Unreachable>());

    let batches = BatchReader::spawn(Cursor::new("a\n")).expect("a thread");
    let settings = TcpSettings { address: "nonsense".to_owned(), ..anonymous() };
    let error = send(batches, &settings, &Progress::hidden()).expect_err("no address");
    assert!(error.is::<WrongUsage>(), "{error}");
}
