//! Clients that begin again and again, or have many connections at once, are counted.

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::whole::Relay;

#[tokio::test(flavor = "multi_thread")]
async fn crowds_and_thrashing_are_counted() {
    let relay = Relay::start().await;
    let port = Relay::port(&relay.app.viewers_at);
    let open = async |path: &str, agent: &str| {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut request = format!("ws://localhost:{port}{path}").into_client_request().unwrap();
        request.headers_mut().insert("user-agent", agent.parse().unwrap());
        tokio_tungstenite::client_async(request, stream).await.unwrap().0
    };
    let counted = |what: &str, dialect: &str| {
        let name = format!("footplate_viewers_{what}_total{{dialect=\"{dialect}\"}} ");
        let text = relay.app.metrics.encode();
        let line = text.lines().find(|line| line.starts_with(&name)).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let mut open_ones = vec![];
    for nth in 1..=7_u64 {
        open_ones.push(open("/api/dags/d1/stream", "one").await);
        let more = nth.saturating_sub(5);
        assert_eq!((counted("crowding", "windags"), counted("thrashing", "windags")), (more, more));
    }
    // Another browser, another page, another protocol: none of it is the same client.
    open_ones.push(open("/api/dags/d1/stream", "two").await);
    open_ones.push(open("/api/dags/d2/stream", "one").await);
    for _ in 0..7 {
        open_ones.push(open("/v1/stream", "one").await);
    }
    assert_eq!((counted("crowding", "windags"), counted("thrashing", "windags")), (2, 2));
    assert_eq!((counted("crowding", "native"), counted("thrashing", "native")), (0, 0));
    relay.end().await;
}
