//! Servers that misbehave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::client::Patience;
use super::*;

/// Short enough for tests.
const SHORT: Patience = Patience {
    answer: Duration::from_millis(800),
    pauses: &[Duration::from_millis(10); 3],
    paused: Duration::from_secs(2),
    silence: Duration::from_secs(5),
};

const METADATA: &str = r#"{"name": "m", "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}]}"#;

/// Serves `reply`, which writes a whole answer to the request with this first line, at the returned address of a model.
fn serve(reply: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v2/models/m", listener.local_addr().unwrap());
    let reply = Arc::new(reply);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let reply = Arc::clone(&reply);
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut first = String::new();
                reader.read_line(&mut first).unwrap();
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
                        break;
                    }
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                reply(&first, &mut stream);
            });
        }
    });
    url
}

/// Writes an answer with a status and headers, and ends the connection.
fn send(stream: &mut TcpStream, status: &str, headers: &str, body: &str) {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    // A client may have gone by now.
    let _ = stream.write_all((head + body).as_bytes());
}

/// Serves an honest description and `reply` to questions.
fn model(reply: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> String {
    serve(move |first, stream| if first.starts_with("GET ") { send(stream, "200 OK", "", METADATA) } else { reply(stream) })
}

/// Asks about `rows` samples.
fn ask(url: &str, rows: usize) -> Result<Vec<f32>, String> {
    let endpoint = Endpoint::connect_with(url, SHORT).map_err(|error| error.to_string())?;
    let mut session = endpoint.compile_file(Path::new(url)).unwrap();
    let mut values = Vec::new();
    let x = vec![0.5; 2 * rows];
    let ran = session.run(&[("x", View::f32(&[rows, 2], &x))], &mut |_, view| values.extend_from_slice(view.data.as_f32().unwrap()));
    ran.map(|()| values).map_err(|error| error.to_string())
}

fn answered(body: &'static str) -> Result<Vec<f32>, String> {
    ask(&model(move |stream| send(stream, "200 OK", "", body)), 2)
}

#[test]
fn answers_are_held_to_what_is_declared() {
    let whole = r#"{"outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 3], "data": [1, 2, 3, 4, 5, null]}]}"#;
    let values = answered(whole).unwrap();
    assert_eq!(values[..5], [1.0, 2.0, 3.0, 4.0, 5.0]);
    assert!(values[5].is_nan());
    assert_eq!(answered(r#"{"outputs": [{"name": "y", "data": [[1, 2, 3], [4, 5, 6]]}]}"#).unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    for (body, expected) in [
        (
            r#"{"outputs": [{"name": "y", "data": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}]}"#,
            "`y` is declared as [-1, 3], so the answer for 2 sample(s) must have shape [2, 3], but it has 12 values",
        ),
        (r#"{"outputs": [{"name": "y", "data": [1, 2]}]}"#, "but it has 2 values"),
        (r#"{"outputs": [{"name": "y", "data": []}]}"#, "but it has 0 values"),
        (r#"{"outputs": [{"name": "y", "shape": [3, 2], "data": [1, 2, 3, 4, 5, 6]}]}"#, "but its shape is [3, 2]"),
        (r#"{"outputs": [{"name": "y", "shape": [2, 3], "data": [1, 2, 3]}]}"#, "but it has 3 values"),
        (
            r#"{"outputs": [{"name": "y", "datatype": "INT64", "data": [1, 2, 3, 4, 5, 6]}]}"#,
            "`y` is declared as FP32, but the answer has INT64",
        ),
        (r#"{"outputs": [{"name": "y", "data": [true, true, true, true, true, true]}]}"#, "but the answer contains something else"),
        (r#"{"outputs": [{"name": "y", "data": ["1", "2", "3", "4", "5", "6"]}]}"#, "but the answer contains something else"),
        (r#"{"outputs": [{"name": "z", "data": [1, 2, 3, 4, 5, 6]}]}"#, "its answer does not contain the output `y`"),
        (r#"{"outputs": [{"name": "y", "data": [1]}, {"name": "y", "data": [1]}]}"#, "has the output `y` twice"),
        (r#"{"outputs": [], "outputs": []}"#, "does not follow the protocol: duplicate field"),
        (r#"{"error": "no \u001b[31m memory"}"#, "it returned an error: no \u{fffd}[31m memory"),
        (r#"{"outputs": [{"name": "y", "data": [1, 2"#, "does not follow the protocol"),
    ] {
        let error = answered(body).unwrap_err();
        assert!(error.contains(expected), "{body}: {error}");
    }
}

#[test]
fn two_versions_are_not_one_model() {
    let asked = AtomicUsize::new(0);
    let url = model(move |stream| {
        let version = asked.fetch_add(1, Ordering::Relaxed);
        send(stream, "200 OK", "", &format!(r#"{{"model_version": "{version}", "outputs": [{{"name": "y", "data": [1, 2, 3]}}]}}"#));
    });
    let endpoint = Endpoint::connect_with(&url, SHORT).unwrap();
    let mut session = endpoint.compile_file(Path::new(&url)).unwrap();
    let mut run = || session.run(&[("x", View::f32(&[1, 2], &[0.0; 2]))], &mut |_, _| {});
    run().unwrap();
    assert!(run().unwrap_err().to_string().contains("version `1` of the model answered, but earlier answers came from version `0`"));
}

#[test]
fn no_more_is_read_than_what_is_declared_needs() {
    let pour = |stream: &mut TcpStream, head: &str| {
        let _ = stream.write_all(head.as_bytes());
        let mut written = 0_usize;
        while stream.write_all(&[b' '; 1 << 16]).is_ok() {
            written += 1 << 16;
            assert!(written < 64 << 20, "the client reads on and on");
        }
    };
    let endless = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    let error = ask(&model(move |stream| pour(stream, endless)), 2).unwrap_err();
    assert!(error.contains("its answer has more than") || error.contains("no complete answer"), "{error}");
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n";
    let error = ask(&model(move |stream| pour(stream, long)), 2).unwrap_err();
    assert!(error.contains("its answer has 1000000000000 bytes; the limit is"), "{error}");
    let error = ask(&serve(move |_, stream| pour(stream, long)), 2).unwrap_err();
    assert!(error.contains("the limit is 1048576"), "{error}");
    let squeezed = model(|stream| send(stream, "200 OK", "Content-Encoding: gzip\r\n", "no matter what"));
    assert!(ask(&squeezed, 2).unwrap_err().contains("its answer is compressed (gzip)"));
}

#[test]
fn an_answer_that_hangs_or_drips_ends_in_time_and_is_not_asked_for_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let drip = model(move |stream| {
        count.fetch_add(1, Ordering::Relaxed);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let hang = model(|_| std::thread::sleep(Duration::from_secs(10)));
    for url in [drip, hang] {
        let started = Instant::now();
        assert!(ask(&url, 1).unwrap_err().contains("no complete answer came within 0.8 s"));
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

/// Asks a server that refuses its first questions with these headers; says what came of it, how often it was asked, and how long that took.
fn refused(status: &'static str, headers: &'static str, times: usize) -> (Result<Vec<f32>, String>, usize, Duration) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let url = model(move |stream| {
        if count.fetch_add(1, Ordering::Relaxed) < times {
            send(stream, status, headers, "busy");
        } else {
            send(stream, "200 OK", "", r#"{"outputs": [{"name": "y", "data": [1, 2, 3]}]}"#);
        }
    });
    let started = Instant::now();
    let outcome = ask(&url, 1);
    (outcome, asked.load(Ordering::Relaxed), started.elapsed())
}

#[test]
fn retry_after_is_kept_within_bounds() {
    let (outcome, asked, took) = refused("429 Too Many", "Retry-After: 1\r\n", 1);
    assert_eq!((outcome.unwrap().len(), asked), (3, 2));
    assert!(took >= Duration::from_secs(1), "{took:?}");
    let (outcome, asked, took) = refused("429 Too Many", "Retry-After: 3600\r\n", 1);
    let error = outcome.unwrap_err();
    assert!(error.contains("status 429: busy; it asks to wait 3600 s, but the limit for one answer is 2 s"), "{error}");
    assert!(asked == 1 && took < Duration::from_secs(2), "{asked}, {took:?}");
    let (outcome, asked, _) = refused("503 Busy", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 99);
    assert!(outcome.unwrap_err().contains("status 503: busy") && asked == 4, "{asked}");
    let (outcome, asked, _) = refused("400 Bad", "Retry-After: 0\r\n", 1);
    assert!(outcome.unwrap_err().contains("status 400: busy") && asked == 1);
}

#[test]
fn redirections_are_named_and_not_followed() {
    let followed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&followed);
    let other = serve(move |_, stream| {
        count.fetch_add(1, Ordering::Relaxed);
        send(stream, "200 OK", "", METADATA);
    });
    for status in ["301 M", "302 M", "303 M", "307 M", "308 M"] {
        let to = format!("Location: {}\r\n", other.replace("http://", "http://ann:hunter2@"));
        let error = ask(&serve(move |_, stream| send(stream, status, &to, "")), 1).unwrap_err();
        assert!(error.contains(&format!("it redirects to {other}; redirections are not followed")), "{error}");
        let to = format!("Location: {other}\r\n");
        assert!(ask(&model(move |stream| send(stream, status, &to, "")), 1).unwrap_err().contains("redirections are not followed"));
    }
    assert_eq!(followed.load(Ordering::Relaxed), 0);
}
