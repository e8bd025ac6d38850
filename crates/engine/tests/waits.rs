//! One wish to stop ends a wait for a server, and waits are told.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use brinell_engine::{Attendant, Endpoint, EngineError, Wait, attend};

/// Serves `reply` at the returned address of a model.
fn serve(reply: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v2/models/m", listener.local_addr().unwrap());
    let reply = Arc::new(reply);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let reply = Arc::clone(&reply);
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                reply(&mut stream);
            });
        }
    });
    url
}

#[derive(Clone, Default)]
struct Listener {
    stop: Arc<AtomicBool>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Attendant for Listener {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn waiting(&self, wait: Wait<'_>) {
        if let Wait::Again { reason, pause, .. } = wait {
            self.heard.lock().unwrap().push(format!("{reason}, {} s", pause.as_secs()));
        }
    }
}

#[test]
fn one_wish_to_stop_ends_every_wait() {
    let listener = Listener::default();
    assert!(attend(Box::new(listener.clone())));
    assert!(!attend(Box::new(Listener::default())), "the first one stays");
    let hang = serve(|_| std::thread::sleep(Duration::from_secs(30)));
    let drip = serve(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let busy = serve(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 429 Busy\r\nRetry-After: 30\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy");
    });
    for url in [&hang, &drip, &busy] {
        listener.stop.store(false, Ordering::Relaxed);
        let stop = Arc::clone(&listener.stop);
        let stopper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(400));
            stop.store(true, Ordering::Relaxed);
            Instant::now()
        });
        let error = Endpoint::connect(url).err().unwrap();
        let late = Instant::now().saturating_duration_since(stopper.join().unwrap());
        assert!(matches!(error, EngineError::Interrupted), "{error}");
        assert!(late < Duration::from_secs(1), "{late:?}");
    }
    assert_eq!(*listener.heard.lock().unwrap(), ["status 429: busy, 30 s"]);
}
