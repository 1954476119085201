//! Ten minutes of mixed load: `make soak` (MINUTES=..).
//!
//! Single mentions, batches, streams, lookups, invalid requests, clients that disconnect, and a
//! reload of the index every twenty seconds. The run fails if memory grows, if a valid request gets
//! another status than 200 or 429, if an invalid one gets another status than 4xx, or if the
//! service exits.

use std::{
    error::Error,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Maximum memory after the first fifth of the time, as a multiple of the maximum until then.
const MAX_GROWTH: f64 = 1.08;
/// Time between two measurements of memory.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);
/// Time between two reloads.
const RELOAD_INTERVAL: Duration = Duration::from_secs(20);

/// A running service and its address, killed when dropped.
struct Service(Child, String);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(Duration::from_secs(60))).build().into()
}

fn start() -> Outcome<Service> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let arguments =
        ["serve", "--listen", &address, "--index", "index/starter", "--log-level", "error", "--cache", "16MiB"];
    let service = Service(Command::new(env!("CARGO_BIN_EXE_saplink")).args(arguments).spawn()?, address);
    let started = Instant::now();
    while !agent().get(format!("http://{}/readyz", service.1)).call().is_ok_and(|answer| answer.status() == 200) {
        if started.elapsed() > Duration::from_secs(60) {
            return Err("the service does not become ready".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(service)
}

/// Resident memory of a process in megabytes.
fn resident(process: u32) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).ok_or("the service has exited")?;
    Ok(line.split_whitespace().nth(1).ok_or("no VmRSS")?.parse::<f64>()? / 1024.0)
}

/// Distinct mentions.
struct Mentions {
    names: Vec<String>,
    used: AtomicUsize,
}

impl Mentions {
    fn next(&self) -> String {
        let i = self.used.fetch_add(1, Ordering::Relaxed);
        format!("{} {}", self.names[i % self.names.len()], i / 3)
    }
}

/// Numbers of answers.
#[derive(Default)]
struct Counts {
    /// 200 to a valid request.
    answered: AtomicUsize,
    /// 429 to a valid request.
    overloaded: AtomicUsize,
    /// 4xx to an invalid request.
    refused: AtomicUsize,
}

struct Load<'a> {
    address: &'a str,
    mentions: &'a Mentions,
    counts: &'a Counts,
    stop: &'a AtomicBool,
}

impl Load<'_> {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Calls `request` until `stop` is set. A failure sets it.
    fn repeat(&self, request: impl Fn(&ureq::Agent) -> Outcome<()>) -> Outcome<()> {
        let agent = agent();
        let outcome = (|| {
            while !self.stop.load(Ordering::Relaxed) {
                request(&agent)?;
            }
            Ok(())
        })();
        self.stop.store(true, Ordering::Relaxed);
        outcome
    }

    /// Counts the answer to a valid request.
    fn count_valid(&self, status: u16) -> Outcome<()> {
        match status {
            200 => self.counts.answered.fetch_add(1, Ordering::Relaxed),
            429 => self.counts.overloaded.fetch_add(1, Ordering::Relaxed),
            other => return Err(format!("a valid request was answered {other}").into()),
        };
        Ok(())
    }

    fn link(&self, agent: &ureq::Agent, mentions: usize) -> Outcome<()> {
        let mentions: Vec<String> = (0..mentions).map(|_| self.mentions.next()).collect();
        let mut answer = agent.post(self.url("/link")).send_json(json!({ "mentions": mentions }))?;
        answer.body_mut().read_to_vec()?;
        self.count_valid(answer.status().as_u16())
    }

    fn stream(&self, agent: &ureq::Agent) -> Outcome<()> {
        let lines: String =
            (0..200).map(|_| json!({"text": self.mentions.next(), "top_k": 1}).to_string() + "\n").collect();
        let mut answer =
            agent.post(self.url("/link")).header("content-type", "application/x-ndjson").send(lines.as_bytes())?;
        let text = answer.body_mut().read_to_string()?;
        if text.lines().count() != 200 || text.contains("\"error\"") {
            return Err("a stream was not answered line by line".into());
        }
        self.count_valid(answer.status().as_u16())
    }

    fn look_up(&self, agent: &ureq::Agent) -> Outcome<()> {
        for path in ["/concepts/C0027051", "/concepts?q=hea", "/info", "/metrics", "/sources", "/readyz"] {
            let mut answer = agent.get(self.url(path)).call()?;
            answer.body_mut().read_to_vec()?;
            self.count_valid(answer.status().as_u16())?;
        }
        Ok(())
    }

    fn send_invalid(&self, agent: &ureq::Agent) -> Outcome<()> {
        for body in ["{", "[]", "{\"mention\": 5}", "{\"mentions\": []}", "{\"mention\": \"..\"}"] {
            let mut answer = agent.post(self.url("/link")).header("content-type", "application/json").send(body)?;
            answer.body_mut().read_to_vec()?;
            if !(400..500).contains(&answer.status().as_u16()) {
                return Err(format!("an invalid request was answered {}", answer.status()).into());
            }
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        thread::sleep(Duration::from_millis(20));
        Ok(())
    }

    /// Disconnects in the middle of a request, and before the answer has arrived.
    fn disconnect(&self) -> Outcome<()> {
        let mentions: Vec<String> = (0..300).map(|_| self.mentions.next()).collect();
        let body = json!({ "mentions": mentions }).to_string();
        let head = format!(
            "POST /link HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        for part in [body.len() / 2, body.len(), body.len()] {
            let mut client = TcpStream::connect(self.address)?;
            client.set_read_timeout(Some(Duration::from_millis(100)))?;
            client.write_all(head.as_bytes())?;
            client.write_all(&body.as_bytes()[..part])?;
            let _ = client.read(&mut [0; 64]);
        }
        thread::sleep(Duration::from_millis(50));
        Ok(())
    }
}

fn main() -> Outcome<()> {
    let minutes: f64 = std::env::args().nth(1).and_then(|minutes| minutes.parse().ok()).unwrap_or(10.0);
    let (time, service) = (Duration::from_secs_f64(60.0 * minutes), start()?);
    let table = fs::read_to_string("index/starter.mentions.tsv")?;
    let names = table.lines().skip(1).filter_map(|line| line.split('\t').next()).map(str::to_owned).collect();
    let (mentions, counts, stop) =
        (Mentions { names, used: AtomicUsize::new(0) }, Counts::default(), AtomicBool::new(false));
    let load = Load { address: &service.1, mentions: &mentions, counts: &counts, stop: &stop };
    let (started, process) = (Instant::now(), service.0.id());
    let memory = thread::scope(|scope| -> Outcome<Vec<(f64, f64)>> {
        let (load, mut workers) = (&load, vec![]);
        for _ in 0..4 {
            workers.push(scope.spawn(|| load.repeat(|agent| load.link(agent, 1))));
            workers.push(scope.spawn(|| load.repeat(|agent| load.link(agent, 100))));
        }
        workers.push(scope.spawn(|| load.repeat(|agent| load.stream(agent))));
        workers.push(scope.spawn(|| load.repeat(|agent| load.look_up(agent))));
        workers.push(scope.spawn(|| load.repeat(|agent| load.send_invalid(agent))));
        workers.push(scope.spawn(|| load.repeat(|_| load.disconnect())));
        let (mut memory, mut reloaded) = (vec![], Instant::now());
        while started.elapsed() < time && !stop.load(Ordering::Relaxed) {
            thread::sleep(SAMPLE_INTERVAL.min(time));
            memory.push((started.elapsed().as_secs_f64(), resident(process)?));
            if reloaded.elapsed() > RELOAD_INTERVAL {
                reloaded = Instant::now();
                Command::new("kill").args(["-s", "HUP", &process.to_string()]).stdout(Stdio::null()).status()?;
            }
        }
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().map_err(|_| "a client panicked")??;
        }
        Ok(memory)
    })?;
    let max = |part: &[(f64, f64)]| part.iter().map(|sample| sample.1).fold(0.0, f64::max);
    let (early, late) = memory.split_at(memory.len() / 5);
    let (early, late) = (max(early), max(&late[late.len() / 2..]));
    let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    println!(
        "{:.1} minutes: {} answered, {} refused for load, {} invalid and refused",
        started.elapsed().as_secs_f64() / 60.0,
        count(&counts.answered),
        count(&counts.overloaded),
        count(&counts.refused)
    );
    println!("memory, MB: {early:.0} at most in the first fifth, {late:.0} in the last two fifths");
    if late > early * MAX_GROWTH {
        return Err("memory grows".into());
    }
    Ok(())
}
