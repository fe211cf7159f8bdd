//! A5: a token that is shown in any way stands in no log, no metric, no answer and no page.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use footplate::telemetry::logs::{self, Format};
use serde_json::json;
use tracing::dispatcher::with_default;

use super::mint::*;
use super::stand::Stand;
use crate::watch::Secrets;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a5_no_output_holds_a_token() {
    let lines = Lines::default();
    // As the program does it: what it never lets through has not to be in it.
    let (begun, to) = (Instant::now(), lines.clone());
    let log = logs::into("trace", Format::Text, move || to.clone(), move || begun.elapsed());
    // While there is but one that listens, tests on other threads would turn off for all what they are
    // the first to say.
    let _other = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish());
    // One thread: all of the relay logs here.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let said = with_default(&log, || runtime.block_on(shown_in_every_way()));
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("what was shown does not count") && logged.contains("viewer connected"),
        "it does log"
    );
    for (what, text) in [("the log", &logged), ("what is said", &said)] {
        for canary in ["CANARY", &b64(b"CANARY")[..7], &b64(b"xCANARY")[2..9]] {
            let at = text.find(canary);
            let around = at.map(|at| &text[at.saturating_sub(200)..text.len().min(at + 60)]);
            assert_eq!(around, None, "{what} holds {canary}");
        }
    }
}

/// Shows marked tokens, good and bad, in every way that there is; gives all that was answered, and the
/// metrics.
async fn shown_in_every_way() -> String {
    let stand = Stand::start(&[]).await;
    let mut claims = claims_at(today(), "ada", &["operator"]);
    (claims["org"], claims["mark"]) = ("acme".into(), "CANARY".into());
    let mut said = String::new();
    let good = stand.pair.token(&json!({ "mark": "CANARY" }), &claims);
    let forged =
        Pair::new(footplate::auth::Alg::Es256).token(&json!({ "mark": "CANARY" }), &claims);
    let key = "fp_CANARY_8Jm3kq0XvT2s9hWc".to_owned();
    for token in [good, forged, key, "CANARY".repeat(2_000), "CANARY.CANARY.CANARY".to_owned()] {
        let bearer = format!("Bearer {token}");
        let offer = format!("footplate.v1, bearer.{token}");
        let cookie = format!("__Host-footplate={token}");
        let own = format!("http://localhost:{}", stand.port());
        for headers in [
            &[("authorization", bearer.as_str())][..],
            &[("x-api-key", token.as_str())],
            &[("authorization", bearer.as_str()), ("x-api-key", token.as_str())],
        ] {
            for line in [
                "GET /v1/executions",
                "GET /v1/executions/x1",
                "POST /v1/tickets",
                "POST /v1/nowhere",
            ] {
                said += &stand.ask(line, headers, "").await.1;
            }
        }
        // Addresses have a limit of their own.
        let short = &token[..token.len().min(4_000)];
        said += &stand.ask(&format!("GET /v1/executions?token={short}"), &[], "").await.1;
        said += &stand.ask(&format!("GET /nowhere?token={short}"), &[], "").await.1;
        for path in
            ["/v1/stream", "/api/dags/x1/stream", "/ws/executions/x1", "/ws/x1", "/api/v1/ws"]
        {
            for (path, headers) in [
                (format!("{path}?token={short}"), vec![]),
                (format!("{path}?ticket={short}"), vec![]),
                (path.to_owned(), vec![("authorization", bearer.as_str())]),
                (path.to_owned(), vec![("sec-websocket-protocol", offer.as_str())]),
                (path.to_owned(), vec![("cookie", cookie.as_str()), ("origin", own.as_str())]),
            ] {
                match stand.open(&path, &headers).await {
                    Ok((mut socket, response)) => {
                        said += &format!("{response:?}");
                        socket.says(&json!({ "type": "ping" })).await;
                        said += &format!("{:?}", socket.hears().await);
                    }
                    Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                        said += &String::from_utf8_lossy(&response.into_body().unwrap_or_default());
                    }
                    // Too much for a request.
                    Err(_) => {}
                }
            }
        }
        for path in ["/v1/stream", "/api/v1/ws"] {
            let (mut socket, _) = stand.open(path, &[]).await.unwrap();
            socket.says(&json!({ "type": "authenticate", "token": token })).await;
            said += &format!("{:?}", socket.hears().await);
        }
        for shown in [("authorization", bearer.clone()), ("x-api-key", token.clone())] {
            said += &format!("{:?}", stand.publishes(Some(shown), "x1").await);
        }
    }
    said += &stand.relay.app.metrics.encode();
    stand.end().await;
    said
}

#[test]
fn a5_a_token_in_a_line_is_found_and_its_test_named() {
    let secrets = Secrets::default();
    let token = Pair::new(footplate::auth::Alg::Hs256).token(&json!({}), &claims());
    secrets.know(&token);
    secrets.know("fp_8Jm3kq0XvT2s9hWcY4LrZQ");
    let parts: Vec<&str> = token.split('.').collect();
    for line in [
        format!("INFO footplate: refused {token}\n"),
        format!("TRACE uri=/v1/stream?token={token}&x=1"),
        format!("claims={:?}", parts[1]),
        format!("signature=\"{}", &parts[2][..20]),
        format!("…{}", &parts[2][parts[2].len() - 20..]),
        format!("kept=prefix_{}_suffix", parts[1]),
        "x-api-key: fp_8Jm3kq0XvT2s9hWcY4LrZQ".to_owned(),
    ] {
        let (whose, shown) = secrets.found(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(whose, "auth::canary::a5_a_token_in_a_line_is_found_and_its_test_named");
        assert_eq!(secrets.found(shown.as_bytes()), None, "{shown}");
        assert!(shown.contains("<TOKEN>"), "{shown}");
    }
    for line in [
        format!("header={}", parts[0]),
        "INFO a_name_that_is_long_enough_to_be_looked_at".to_owned(),
        String::new(),
    ] {
        assert_eq!(secrets.found(line.as_bytes()), None, "{line}");
    }
}
