//! Real sockets on free ports: the cap, the drain, panics.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const DRAIN: Duration = Duration::from_secs(5);

async fn listener(connections_max: usize) -> (Listener, SocketAddr) {
    let listener = Listener::bind("test".into(), "127.0.0.1:0", connections_max, Remote::Refused)
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Echoes one byte, then waits for the client to leave.
async fn echo(mut stream: TcpStream, _peer: IpAddr, _seat: Seat) {
    let Ok(byte) = stream.read_u8().await else { return };
    assert_ne!(byte, b'!', "asked to panic");
    let _ = stream.write_u8(byte).await;
    let _ = stream.read_u8().await;
}

async fn echoed(client: &mut TcpStream) -> Option<u8> {
    client.write_u8(b'a').await.unwrap();
    tokio::time::timeout(Duration::from_millis(200), client.read_u8())
        .await
        .ok()
        .map(Result::unwrap)
}

#[tokio::test]
async fn over_the_cap_a_client_waits_until_a_place_is_free() {
    let (listener, address) = listener(1).await;
    let stop = CancellationToken::new();
    let server = tokio::spawn(listener.run(echo, stop.clone(), DRAIN));
    let mut first = TcpStream::connect(address).await.unwrap();
    assert_eq!(echoed(&mut first).await, Some(b'a'));
    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(echoed(&mut second).await, None, "answered beyond the cap");
    let mut third = TcpStream::connect(address).await.unwrap();
    assert_eq!(echoed(&mut third).await, None, "answered beyond the cap");
    drop(first);
    assert_eq!(second.read_u8().await.unwrap(), b'a');
    drop(second);
    assert_eq!(third.read_u8().await.unwrap(), b'a');
    drop(third);
    stop.cancel();
    server.await.unwrap();
}

#[tokio::test]
async fn stop_refuses_new_connections_and_drains_open_ones() {
    let (listener, address) = listener(8).await;
    let stop = CancellationToken::new();
    let server = tokio::spawn(listener.run(echo, stop.clone(), DRAIN));
    let mut open = TcpStream::connect(address).await.unwrap();
    assert_eq!(echoed(&mut open).await, Some(b'a'));
    stop.cancel();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.is_finished());
    open.write_u8(b'b').await.unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_does_not_finish_is_ended() {
    let (listener, address) = listener(8).await;
    let stop = CancellationToken::new();
    let server = tokio::spawn(listener.run(echo, stop.clone(), Duration::from_millis(50)));
    let mut open = TcpStream::connect(address).await.unwrap();
    assert_eq!(echoed(&mut open).await, Some(b'a'));
    stop.cancel();
    server.await.unwrap();
    assert!(open.read_u8().await.is_err());
}

#[tokio::test]
async fn a_panic_frees_its_place_and_harms_nobody_else() {
    let (listener, address) = listener(1).await;
    let stop = CancellationToken::new();
    let server = tokio::spawn(listener.run(echo, stop.clone(), DRAIN));
    let mut bad = TcpStream::connect(address).await.unwrap();
    bad.write_u8(b'!').await.unwrap();
    assert!(bad.read_u8().await.is_err());
    let mut good = TcpStream::connect(address).await.unwrap();
    assert_eq!(echoed(&mut good).await, Some(b'a'));
    drop(good);
    stop.cancel();
    server.await.unwrap();
}

#[tokio::test]
async fn other_machines_are_kept_out_unless_allowed() {
    let Err(error) = Listener::bind("test".into(), "0.0.0.0:0", 1, Remote::Refused).await else {
        panic!("bound a public address");
    };
    assert!(error.to_string().contains("security.allow_remote"), "{error}");
    assert!(Listener::bind("test".into(), "0.0.0.0:0", 1, Remote::Allowed).await.is_ok());
    let taken = Listener::bind("test".into(), "127.0.0.1:0", 1, Remote::Refused).await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = Listener::bind("test".into(), &address, 1, Remote::Refused).await.unwrap_err();
    assert!(error.to_string().contains(&address), "{error}");
}
