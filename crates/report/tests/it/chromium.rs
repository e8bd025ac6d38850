//! A headless Chromium, spoken to over its debugging pipe.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use brinell_testkit::{Need, skip};
use serde_json::{Value, json};

/// Longest wait for one message; a browser that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running browser with one tab.
pub(crate) struct Chromium {
    process: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    events: VecDeque<Value>,
    session: Option<String>,
    last: u64,
    /// Profile and net log of this browser alone.
    folder: tempfile::TempDir,
}

impl Chromium {
    /// Starts a browser; `None`, with a message, where there is none on this machine.
    pub(crate) fn start() -> Option<Self> {
        let Some(program) = find() else {
            skip(Need::Browser, "none of chromium, chromium-browser, google-chrome is in PATH");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        // The pipe is expected at descriptors 3 and 4, which only a shell can arrange without unsafe code.
        let mut process = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"])
            // What the browser itself would ask on its own account goes nowhere.
            .arg("--host-resolver-rules=MAP * ~NOTFOUND")
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .arg(format!("--log-net-log={}", folder.path().join("net.json").display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = process.stdout.take().unwrap();
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0) {
                let Ok(bytes) = message else { return };
                if sender.send(serde_json::from_slice(&bytes).unwrap()).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { process, input, messages, events: VecDeque::new(), session: None, last: 0, folder };
        let tab = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let session = browser.call("Target.attachToTarget", json!({"targetId": tab, "flatten": true}))["sessionId"].clone();
        browser.session = session.as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Calls a method and returns its result; events that come first are kept.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.input.write_all(message.to_string().as_bytes()).unwrap();
        self.input.write_all(&[0]).unwrap();
        self.input.flush().unwrap();
        loop {
            let mut answer = self.receive();
            if answer["id"] == self.last {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            self.events.push_back(answer);
        }
    }

    fn receive(&mut self) -> Value {
        self.messages.recv_timeout(PATIENCE).expect("Chromium has stopped answering")
    }

    /// Opens a file and returns what happened until it was loaded.
    pub(crate) fn open(&mut self, path: &Path) -> Vec<Value> {
        self.events.clear();
        self.call("Page.navigate", json!({"url": format!("file://{}", path.display())}));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.receive();
            self.events.push_back(event);
        }
        self.events.drain(..).collect()
    }

    /// Evaluates JavaScript in the page; the page's own policy does not bind the debugger.
    pub(crate) fn evaluate(&mut self, script: &str) -> Value {
        let mut answer = self.call("Runtime.evaluate", json!({"expression": script, "returnByValue": true}));
        assert!(answer["exceptionDetails"].is_null(), "{}", answer["exceptionDetails"]);
        answer["result"]["value"].take()
    }

    /// Lays the page out at this width, in a colour scheme (`light`, `dark`).
    pub(crate) fn look(&mut self, width: u32, scheme: &str) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
        self.call("Emulation.setEmulatedMedia", json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}));
    }

    /// Presses a key that writes no character.
    pub(crate) fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}));
        }
    }

    /// A place for files that are gone with the browser.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the browser and returns all it noted about its network.
    pub(crate) fn net_log(mut self) -> String {
        self.session = None;
        self.call("Browser.close", json!({}));
        self.process.wait().unwrap();
        std::fs::read_to_string(self.folder.path().join("net.json")).unwrap()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn find() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
        .into_iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}
