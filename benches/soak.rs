//! Ten minutes of everything at once: `make soak` (MINUTES=..). Single mentions, batches, streams, lookups, nonsense, clients that leave in the
//! middle, an index that is loaded anew every twenty seconds. It fails when memory grows, when a request that is right is not answered, when one
//! that is wrong is answered by more than a 4xx, or when the process ends before it is told to.

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

/// Memory that may be taken after a fifth of the time, beside what is taken then.
const GROWTH: f64 = 1.08;
const SAMPLE: Duration = Duration::from_secs(5);
const RELOAD: Duration = Duration::from_secs(20);

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
            return Err("it does not become ready".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(service)
}

fn resident(process: u32) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).ok_or("it has ended")?;
    Ok(line.split_whitespace().nth(1).ok_or("no VmRSS")?.parse::<f64>()? / 1024.0)
}

/// Mentions that differ.
struct Words {
    names: Vec<String>,
    given: AtomicUsize,
}

impl Words {
    fn next(&self) -> String {
        let i = self.given.fetch_add(1, Ordering::Relaxed);
        format!("{} {}", self.names[i % self.names.len()], i / 3)
    }
}

/// Counts of answers by what was asked and the class of their status.
#[derive(Default)]
struct Counts {
    right: AtomicUsize,
    full: AtomicUsize,
    refused: AtomicUsize,
}

struct Load<'a> {
    address: &'a str,
    words: &'a Words,
    counts: &'a Counts,
    stop: &'a AtomicBool,
}

impl Load<'_> {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Does `once` until it is told to stop.
    fn again(&self, once: impl Fn(&ureq::Agent) -> Outcome<()>) -> Outcome<()> {
        let agent = agent();
        let outcome = (|| {
            while !self.stop.load(Ordering::Relaxed) {
                once(&agent)?;
            }
            Ok(())
        })();
        self.stop.store(true, Ordering::Relaxed);
        outcome
    }

    fn right(&self, status: u16) -> Outcome<()> {
        match status {
            200 => self.counts.right.fetch_add(1, Ordering::Relaxed),
            429 => self.counts.full.fetch_add(1, Ordering::Relaxed),
            other => return Err(format!("a request that is right was answered {other}").into()),
        };
        Ok(())
    }

    fn link(&self, agent: &ureq::Agent, mentions: usize) -> Outcome<()> {
        let mentions: Vec<String> = (0..mentions).map(|_| self.words.next()).collect();
        let mut answer = agent.post(self.url("/link")).send_json(json!({ "mentions": mentions }))?;
        answer.body_mut().read_to_vec()?;
        self.right(answer.status().as_u16())
    }

    fn stream(&self, agent: &ureq::Agent) -> Outcome<()> {
        let lines: String =
            (0..200).map(|_| json!({"text": self.words.next(), "top_k": 1}).to_string() + "\n").collect();
        let mut answer =
            agent.post(self.url("/link")).header("content-type", "application/x-ndjson").send(lines.as_bytes())?;
        let text = answer.body_mut().read_to_string()?;
        if text.lines().count() != 200 || text.contains("\"error\"") {
            return Err("a stream was not answered line by line".into());
        }
        self.right(answer.status().as_u16())
    }

    fn look_up(&self, agent: &ureq::Agent) -> Outcome<()> {
        for path in ["/concepts/C0027051", "/concepts?q=hea", "/info", "/metrics", "/sources", "/readyz"] {
            let mut answer = agent.get(self.url(path)).call()?;
            answer.body_mut().read_to_vec()?;
            self.right(answer.status().as_u16())?;
        }
        Ok(())
    }

    fn nonsense(&self, agent: &ureq::Agent) -> Outcome<()> {
        for body in ["{", "[]", "{\"mention\": 5}", "{\"mentions\": []}", "{\"mention\": \"..\"}"] {
            let mut answer = agent.post(self.url("/link")).header("content-type", "application/json").send(body)?;
            answer.body_mut().read_to_vec()?;
            if !(400..500).contains(&answer.status().as_u16()) {
                return Err(format!("nonsense was answered {}", answer.status()).into());
            }
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        thread::sleep(Duration::from_millis(20));
        Ok(())
    }

    /// Sends a request and leaves: before it is whole, before it is answered, in the middle of the answer.
    fn leave(&self) -> Outcome<()> {
        let mentions: Vec<String> = (0..300).map(|_| self.words.next()).collect();
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
    let (words, counts, stop) =
        (Words { names, given: AtomicUsize::new(0) }, Counts::default(), AtomicBool::new(false));
    let load = Load { address: &service.1, words: &words, counts: &counts, stop: &stop };
    let (started, process) = (Instant::now(), service.0.id());
    let memory = thread::scope(|scope| -> Outcome<Vec<(f64, f64)>> {
        let (load, mut workers) = (&load, vec![]);
        for _ in 0..4 {
            workers.push(scope.spawn(|| load.again(|agent| load.link(agent, 1))));
            workers.push(scope.spawn(|| load.again(|agent| load.link(agent, 100))));
        }
        workers.push(scope.spawn(|| load.again(|agent| load.stream(agent))));
        workers.push(scope.spawn(|| load.again(|agent| load.look_up(agent))));
        workers.push(scope.spawn(|| load.again(|agent| load.nonsense(agent))));
        workers.push(scope.spawn(|| load.again(|_| load.leave())));
        let (mut memory, mut reloaded) = (vec![], Instant::now());
        while started.elapsed() < time && !stop.load(Ordering::Relaxed) {
            thread::sleep(SAMPLE.min(time));
            memory.push((started.elapsed().as_secs_f64(), resident(process)?));
            if reloaded.elapsed() > RELOAD {
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
    let most = |part: &[(f64, f64)]| part.iter().map(|sample| sample.1).fold(0.0, f64::max);
    let (begun, ended) = memory.split_at(memory.len() / 5);
    let (begun, ended) = (most(begun), most(&ended[ended.len() / 2..]));
    let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    println!(
        "{:.1} minutes: {} answered, {} refused for load, {} refused as nonsense",
        started.elapsed().as_secs_f64() / 60.0,
        count(&counts.right),
        count(&counts.full),
        count(&counts.refused)
    );
    println!("memory, MB: {begun:.0} at most in the first fifth, {ended:.0} in the last two");
    if ended > begun * GROWTH {
        return Err("memory grows".into());
    }
    Ok(())
}
