//! The service under load, beside the bare session and beside a Python service: `make bench`.
//!
//! - All are measured in one run on the same kind of texts, with the cache off. Every text is sent
//!   once, is no name and has no word that would be repaired, so it costs one inference (a
//!   misspelled mention costs two).
//! - A bare session has one thread. It runs one text at a time; then one session on each core runs
//!   batches of similar length, as the service forms them.
//! - Processor time of a service is that of its process: tokenizing, searching, HTTP and JSON too.
//! - Under saturation, 16 clients send requests of 32 mentions without a pause.
//! - The Python service (`benches/python_service.py`: FastAPI, ONNX Runtime in float32, texts
//!   padded to 25 tokens, exact search) is measured by the same clients if `.bench/python` has its
//!   packages; `make bench` installs them.
//!
//! Arguments: none, or a model and an index of it (`make bench-base`), which are measured without
//! the Python service.

use std::{
    collections::HashMap,
    error::Error,
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use saplink::{
    encoder::{BertTokenizer, Device, EncoderSession, ModelManifest, Runtime},
    index::Index,
    linker::Stage,
    text,
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const BASELINE: &str = ".bench/all-MiniLM-L6-v2-fp32";
const PYTHON: &str = ".bench/python/bin/python";
/// Texts that the bare session embeds, and mentions that are sent one at a time.
const TEXTS: usize = 3000;
/// Clients of the saturated service.
const CLIENTS: usize = 16;
/// Mentions of a request of such a client.
const MENTIONS_PER_REQUEST: usize = 32;
/// Duration of the saturation.
const LOAD: Duration = Duration::from_secs(15);
/// Padded tokens and texts of a batch of the bare session: those of the service.
const BATCH_TOKENS: usize = 512;
const BATCH_TEXTS: usize = 64;
/// Ticks a second of `/proc/PID/stat` on Linux.
const TICKS: f64 = 100.0;

/// A running service, killed when dropped.
struct Service {
    child: Child,
    url: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn start(command: impl Fn(&str) -> Command) -> Outcome<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let child = command(&address).stdout(Stdio::null()).spawn()?;
        let service = Self { child, url: format!("http://{address}") };
        let started = Instant::now();
        while agent().get(format!("{}/readyz", service.url)).call().is_err() {
            if started.elapsed() > Duration::from_secs(120) {
                return Err("the service does not become ready".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(service)
    }

    fn link(&self, agent: &ureq::Agent, mentions: &[String]) -> Outcome<Duration> {
        let started = Instant::now();
        let body = serde_json::json!({ "mentions": mentions });
        agent.post(format!("{}/link", self.url)).send_json(&body)?.body_mut().read_to_vec()?;
        Ok(started.elapsed())
    }

    /// Processor time in seconds that the process has used.
    fn processor(&self) -> Outcome<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |position: usize| {
            fields.get(position).and_then(|field| field.parse::<f64>().ok()).ok_or("no processor time")
        };
        Ok((ticks(11)? + ticks(12)?) / TICKS)
    }

    /// Latencies of single mentions in milliseconds, sorted.
    fn singles(&self, texts: &Texts, count: usize) -> Outcome<Vec<f64>> {
        let agent = agent();
        let latencies = (0..count).map(|_| Ok(self.link(&agent, &texts.next(1))?.as_secs_f64() * 1e3));
        sorted(latencies.collect::<Outcome<Vec<f64>>>()?)
    }

    /// Measures [`CLIENTS`] clients for [`LOAD`].
    fn saturated(&self, texts: &Texts) -> Outcome<Saturated> {
        let (processor, started) = (self.processor()?, Instant::now());
        let client = || -> Outcome<Vec<f64>> {
            let (agent, mut latencies) = (agent(), vec![]);
            while started.elapsed() < LOAD {
                latencies.push(self.link(&agent, &texts.next(MENTIONS_PER_REQUEST))?.as_secs_f64() * 1e3);
            }
            Ok(latencies)
        };
        let latencies = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
            let joined = clients.into_iter().map(|client| client.join().map_err(|_| "a client panicked")?);
            joined.collect::<Outcome<Vec<_>>>()
        })?
        .concat();
        let mentions = (latencies.len() * MENTIONS_PER_REQUEST) as f64;
        let (seconds, processor) = (started.elapsed().as_secs_f64(), self.processor()? - processor);
        Ok(Saturated {
            mentions_per_second: mentions / seconds,
            processor: processor / mentions,
            latencies: sorted(latencies)?,
        })
    }
}

struct Saturated {
    mentions_per_second: f64,
    /// Processor time of a mention in seconds.
    processor: f64,
    /// Milliseconds of each request, sorted.
    latencies: Vec<f64>,
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(120))).build().into()
}

fn sorted(mut values: Vec<f64>) -> Outcome<Vec<f64>> {
    values.sort_by(f64::total_cmp);
    if values.is_empty() { Err("no request was measured".into()) } else { Ok(values) }
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

/// Everyday texts of two to eight words. Each is used once; none is a name or would be repaired.
struct Texts {
    names: Vec<String>,
    used: AtomicUsize,
}

impl Texts {
    fn read(index: &Path) -> Outcome<Self> {
        let (table, index) = (fs::read_to_string("index/starter.mentions.tsv")?, Index::open(index)?);
        let names = table.lines().skip(1).filter_map(|line| line.split('\t').next()).map(str::to_owned);
        let names =
            names.filter(|name| index.repair(&text::normalize(name), &|_| false, &|_| false).is_empty()).collect();
        Ok(Self { names, used: AtomicUsize::new(0) })
    }

    fn next(&self, count: usize) -> Vec<String> {
        let first = self.used.fetch_add(count, Ordering::Relaxed);
        (first..first + count).map(|i| format!("{} {i}", self.names[i % self.names.len()])).collect()
    }
}

/// Times of sessions with one thread, without a service.
struct BareSession {
    /// Median time of a text that runs alone, in milliseconds.
    alone: f64,
    /// The same with a pause of a millisecond before each text, like a processor that waits for
    /// requests.
    after_pause: f64,
    /// Processor time of a text in batches, in seconds, with a session on each core.
    batched: f64,
}

impl BareSession {
    fn measure(dir: &Path, texts: &[String]) -> Outcome<Self> {
        let runtime = Runtime::load(None)?;
        let manifest = ModelManifest::read(dir)?;
        let tokens = BertTokenizer::read(&dir.join("tokenizer.json"), manifest.max_tokens)?;
        let ids = texts.iter().map(|text| tokens.ids(text)).collect::<Result<Vec<_>, _>>()?;
        let session = || Ok(EncoderSession::load(&runtime, dir, &manifest, Device::Cpu, 1)?.0);
        let mut one: EncoderSession = session()?;
        let mut median = |pause: Duration| -> Outcome<f64> {
            let mut took = vec![];
            for ids in &ids {
                if !pause.is_zero() {
                    thread::sleep(pause);
                }
                let started = Instant::now();
                one.run(&[ids])?;
                took.push(started.elapsed().as_secs_f64() * 1e3);
            }
            Ok(quantile(&sorted(took)?, 0.5))
        };
        let (alone, after_pause) = (median(Duration::ZERO)?, median(Duration::from_millis(1))?);
        let cores = thread::available_parallelism()?.get();
        let sessions = (0..cores).map(|_| session()).collect::<Outcome<Vec<_>>>()?;
        let seconds = thread::scope(|scope| {
            let running: Vec<_> =
                sessions.into_iter().map(|session| scope.spawn(|| run_batches(session, ids.clone()))).collect();
            let joined = running.into_iter().map(|running| running.join().map_err(|_| "a session panicked")?);
            joined.sum::<Outcome<f64>>()
        })?;
        Ok(Self { alone, after_pause, batched: seconds / (cores * ids.len()) as f64 })
    }
}

/// Processor time in seconds of a session for texts in batches of similar length.
fn run_batches(mut session: EncoderSession, mut ids: Vec<Vec<i64>>) -> Outcome<f64> {
    ids.sort_by_key(|ids| std::cmp::Reverse(ids.len()));
    let used = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    };
    let (started, mut rest) = (used(), ids.as_slice());
    while let Some(longest) = rest.first() {
        let count = (BATCH_TOKENS / longest.len()).clamp(1, BATCH_TEXTS).min(rest.len());
        session.run(&rest[..count].iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        rest = &rest[count..];
    }
    Ok(used() - started)
}

/// The values of `GET /metrics` by name, without `saplink_`.
struct Metrics(HashMap<String, f64>);

impl Metrics {
    fn of(service: &Service) -> Outcome<Self> {
        let text = agent().get(format!("{}/metrics", service.url)).call()?.body_mut().read_to_string()?;
        let value_of = |line: &str| {
            let (name, value) = line.strip_prefix("saplink_")?.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Ok(Self(text.lines().filter_map(value_of).collect()))
    }

    /// The increase of `name` since `before`.
    fn since(&self, before: &Self, name: &str) -> Outcome<f64> {
        let of = |metrics: &Self| metrics.0.get(name).copied().ok_or_else(|| format!("no metric {name}"));
        Ok(of(self)? - of(before)?)
    }

    /// Seconds of each stage of linking since `before`.
    fn stages(&self, before: &Self) -> Outcome<Vec<(&'static str, f64)>> {
        let stages = Stage::ALL.into_iter().map(Stage::as_str);
        let took = |stage| Ok((stage, self.since(before, &format!("stage_seconds_sum{{stage=\"{stage}\"}}"))?));
        stages.map(took).collect()
    }
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (model, index, other) = match &arguments[..] {
        [] => ("models/saplink-mini", "index/starter", false),
        [model, index] => (model.as_str(), index.as_str(), true),
        _ => return Err("usage: no argument, or a model and an index of it".into()),
    };
    let texts = Texts::read(Path::new(index))?;
    let bare = BareSession::measure(Path::new(model), &texts.next(TEXTS))?;
    println!(
        "bare session, one thread       {:.3} ms a text alone (p50), {:.3} ms after a pause",
        bare.alone, bare.after_pause
    );
    println!("                               {:.3} ms processor time in batches", bare.batched * 1e3);

    let service = Service::start(|address| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_saplink"));
        command.args(["serve", "--listen", address, "--index", index, "--model", model]);
        command.args(["--log-level", "warn", "--cache", "0"]);
        command
    })?;
    let fresh = Metrics::of(&service)?;
    let singles = service.singles(&texts, TEXTS)?;
    let (single, slowest) = (quantile(&singles, 0.5), quantile(&singles, 0.99));
    println!(
        "saplink, idle, one mention     {single:.3} ms p50, {slowest:.3} ms p99: {:.2} x the bare session, {:.2} x after a pause",
        single / bare.alone,
        single / bare.after_pause
    );
    let before = Metrics::of(&service)?;
    let stages = before.stages(&fresh)?;
    let means: Vec<String> =
        stages.iter().map(|(stage, took)| format!("{stage} {:.3}", took / TEXTS as f64 * 1e3)).collect();
    println!("                               mean ms of its stages: {}", means.join(", "));
    let ours = service.saturated(&texts)?;
    let (p50, p99) = (quantile(&ours.latencies, 0.5), quantile(&ours.latencies, 0.99));
    println!(
        "saplink, saturated             {:.0} mentions/s, {p50:.1} ms p50, {p99:.1} ms p99: {:.2} x p50",
        ours.mentions_per_second,
        p99 / p50
    );
    println!(
        "                               {:.3} ms processor time a mention: {:.2} x the bare session",
        ours.processor * 1e3,
        ours.processor / bare.batched
    );
    let after = Metrics::of(&service)?;
    let increase = |name: &str| after.since(&before, name);
    let (batches, texts_run, tokens) =
        (increase("batches_total")?, increase("batch_texts_total")?, increase("batch_tokens_total")?);
    println!(
        "                               {texts_run:.0} texts in batches of {:.1} with {:.1} % padding",
        texts_run / batches,
        100.0 * increase("batch_padding_total")? / tokens
    );
    let took = after.stages(&before)?;
    let all: f64 = took.iter().map(|(_, seconds)| seconds).sum();
    let shares: Vec<String> = took.iter().map(|(stage, took)| format!("{stage} {:.1} %", 100.0 * took / all)).collect();
    println!("                               time of a request: {}", shares.join(", "));
    drop(service);

    if other {
        return Ok(());
    }
    if !Path::new(PYTHON).exists() || !Path::new(BASELINE).exists() {
        println!("Python service                 not measured: `make bench` installs its packages");
        return Ok(());
    }
    let python = Service::start(|address| {
        let mut command = Command::new(PYTHON);
        command.args(["benches/python_service.py", address, BASELINE, "index/starter.tsv"]);
        command
    })?;
    let theirs = python.saturated(&texts)?;
    let singles = python.singles(&texts, TEXTS / 10)?;
    println!(
        "Python service, saturated      {:.0} mentions/s, {:.3} ms processor time a mention",
        theirs.mentions_per_second,
        theirs.processor * 1e3
    );
    println!("Python service, idle           {:.3} ms p50", quantile(&singles, 0.5));
    println!(
        "saplink beside it              {:.1} x the mentions/s, {:.1} x less processor time",
        ours.mentions_per_second / theirs.mentions_per_second,
        theirs.processor / ours.processor
    );
    Ok(())
}
