//! The sender before a server that is a script: one entry a connection.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::JoinHandle;

use std::time::Duration;

use super::super::lines::{Cut, Cutter, Unfinished};
use super::super::spool::Identity;
use super::*;

/// What the server does with one connection.
struct Scene {
    /// What it answers to the handshake.
    greeting: &'static str,
    /// Lines that it reads; all, when missing.
    lines_read: Option<usize>,
    /// What it says then, before it closes.
    answer: &'static str,
}

/// The handshake of one connection and the lines behind.
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

/// A backlog, and who sends its lines.
struct Sending {
    backlog: Arc<Backlog>,
    weather: Arc<Weather>,
    courier: Arc<Courier>,
}

impl Sending {
    fn start(address: String, input: &str) -> Sending {
        let notices = Notices::beside(Progress::hidden());
        let backlog = Arc::new(Backlog::in_memory(Identity(1), notices.clone()));
        let weather = Arc::new(Weather::new(notices.clone()));
        let mut wishes = Map::new();
        wishes.insert("service".to_owned(), json!("shop"));
        let courier = Courier::new(
            TcpSettings { address, wishes },
            Arc::clone(&backlog),
            Arc::clone(&weather),
            notices,
            Progress::hidden(),
        );
        let mut cutter = Cutter::default();
        cutter.feed(input.as_bytes());
        while let Some(Cut::Piece(piece)) = cutter.finish(Unfinished::Take) {
            assert!(backlog.push(&piece));
        }
        backlog.end(Ok(()));
        let sending = Sending { backlog, weather, courier: Arc::new(courier) };
        sending.courier.start().expect("a thread");
        sending
    }

    fn finish(self) -> Tally {
        while !self.backlog.is_done() {
            self.backlog.wait_for_change(Duration::from_millis(10));
        }
        self.courier.tally()
    }
}

fn exchange(input: &str, scenes: Vec<Scene>) -> (Tally, Vec<Heard>) {
    let (address, server) = serve(scenes);
    let tally = Sending::start(address, input).finish();
    (tally, server.join().expect("the server ends"))
}

#[test]
fn lines_follow_the_handshake_and_the_last_ack_decides() {
    let greeting = "{\"resume\":0}\n";
    let answer = "{\"ack\":1,\"rejected\":0}\n{\"ack\":3,\"rejected\":1}\n";
    let scene = Scene { greeting, lines_read: None, answer };
    let (tally, heard) = exchange("{}\n\n{}\nx", vec![scene]);
    let (handshake, lines) = &heard[0];
    let producer = Identity(1).to_string();
    assert_eq!(
        handshake["tierlog"],
        json!({"service": "shop", "ack": true, "producer": producer, "from": 1})
    );
    assert_eq!(lines, "{}\n\n{}\nx\n");
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
    let (tally, heard) = exchange("a\nb\nc\n", scenes);
    let wishes = |number: usize| &heard[number].0["tierlog"];
    assert_eq!(heard[0].1, "a\nb\nc\n");
    assert_eq!((&wishes(1)["from"], &wishes(2)["from"]), (&json!(2), &json!(2)));
    assert_eq!(wishes(0)["producer"], wishes(2)["producer"]);
    assert_eq!(heard[2].1, "b\nc\n");
    assert_eq!((tally.accepted, tally.rejected), (1, 2));
}

#[test]
fn a_server_that_knows_more_lines_of_our_name_than_were_sent_hears_another_name() {
    let scenes = vec![
        Scene { greeting: "{\"resume\":7}\n", lines_read: Some(0), answer: "" },
        Scene {
            greeting: "{\"resume\":0}\n",
            lines_read: None,
            answer: "{\"ack\":2,\"rejected\":0}\n",
        },
    ];
    let (tally, heard) = exchange("a\nb\n", scenes);
    assert_eq!((heard[0].1.as_str(), heard[1].1.as_str()), ("", "a\nb\n"));
    assert_ne!(heard[0].0["tierlog"]["producer"], heard[1].0["tierlog"]["producer"]);
    assert_eq!((tally.accepted, tally.duplicate), (2, None));
}

#[test]
fn a_server_that_is_not_there_or_takes_nothing_is_waited_for_and_said_why() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let nowhere = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let full = Scene {
        greeting: "{\"resume\":0}\n",
        lines_read: Some(2),
        answer: "{\"error\":\"disk is full\"}\n",
    };
    let deaf = Scene { greeting: "", lines_read: Some(0), answer: "" };
    for (address, expected) in [
        (nowhere, "refused"),
        (serve(vec![full]).0, "the server said: disk is full"),
        (serve(vec![deaf]).0, "handshake"),
    ] {
        let sending = Sending::start(address, "a\nb\n");
        let error = loop {
            if let Some(error) = sending.weather.take_error() {
                break error;
            }
            sending.backlog.wait_for_change(Duration::from_millis(10));
        };
        assert!(error.chain().any(|cause| cause.is::<Unreachable>()), "{error:#}");
        assert!(format!("{error:#}").contains(expected), "{error:#}");
        assert_eq!(sending.backlog.close().lines, 2);
    }
}

#[test]
fn an_address_that_cannot_be_one_ends_sending() {
    let sending = Sending::start("nonsense".to_owned(), "a\n");
    let error = loop {
        if let Some(error) = sending.courier.take_error() {
            break error;
        }
        sending.backlog.wait_for_change(Duration::from_millis(10));
    };
    assert!(error.is::<WrongUsage>(), "{error}");
}
