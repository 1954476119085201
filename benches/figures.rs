//! The figures of the README: `make figures`. Measures the release binary over HTTP on loopback.
//!
//! - Start time: from spawning the process until `/readyz` answers 200, median of five starts.
//! - Memory: resident set after the load.
//! - Latency: one connection, one mention a request. The mentions are distinct and no names of the
//!   vocabulary, so each costs an inference.
//! - Names a second: as `index build` of the starter vocabulary reports it for embedding.

use std::{
    error::Error,
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const INDEX: &str = "index/starter";
const REQUESTS: usize = 2000;

/// A running service and its URL, killed when dropped.
struct Service(Child, String);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(agent: &ureq::Agent) -> Result<(Service, Duration), Box<dyn Error>> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let started = Instant::now();
    let arguments = ["serve", "--listen", &address, "--index", INDEX, "--log-level", "warn"];
    let child = Command::new(env!("CARGO_BIN_EXE_saplink")).args(arguments).spawn()?;
    let service = Service(child, format!("http://{address}"));
    while agent.get(format!("{}/readyz", service.1)).call().is_err() {
        if started.elapsed() > Duration::from_secs(60) {
            return Err("the service does not become ready".into());
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok((service, started.elapsed()))
}

fn resident_megabytes(process: u32) -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|l| l.starts_with("VmRSS")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no VmRSS")?.parse::<f64>()? / 1024.0)
}

/// Distinct mentions of two to seven words; none is a name of the starter vocabulary.
fn mention(i: usize) -> String {
    let sites = ["left knee", "lower back", "right shoulder", "upper belly", "big toe", "neck"];
    let complaints = ["keeps aching", "hurts when walking", "went numb", "is swollen and red", "pain since spring"];
    format!("{} {} {}", sites[i % sites.len()], complaints[i / sites.len() % complaints.len()], i)
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * q) as usize]
}

fn main() -> Result<(), Box<dyn Error>> {
    let agent = ureq::Agent::new_with_defaults();
    let mut starts = vec![];
    for _ in 0..5 {
        starts.push(start(&agent)?.1.as_secs_f64() * 1e3);
    }
    starts.sort_by(f64::total_cmp);

    let (service, _) = start(&agent)?;
    let link = |text: String| -> Result<f64, Box<dyn Error>> {
        let started = Instant::now();
        let body = serde_json::json!({ "mention": text });
        agent.post(format!("{}/link", service.1)).send_json(&body)?.body_mut().read_to_vec()?;
        Ok(started.elapsed().as_secs_f64() * 1e3)
    };
    let mut uncached = (0..REQUESTS).map(|i| link(mention(i))).collect::<Result<Vec<_>, _>>()?;
    uncached.sort_by(f64::total_cmp);
    let batch: Vec<String> = (0..1000).map(|i| mention(i + REQUESTS)).collect();
    let started = Instant::now();
    let body = serde_json::json!({ "mentions": batch });
    agent.post(format!("{}/link", service.1)).send_json(&body)?.body_mut().read_to_vec()?;
    let batched = batch.len() as f64 / started.elapsed().as_secs_f64();
    let memory = resident_megabytes(service.0.id())?;

    let out = format!("{}/figures", env!("CARGO_TARGET_TMPDIR"));
    let arguments = ["index", "build", "--tsv", "index/starter.tsv", "--out", &out, "--force"];
    let build = Command::new(env!("CARGO_BIN_EXE_saplink")).args(arguments).stderr(Stdio::piped()).output()?;
    let report = String::from_utf8_lossy(&build.stderr).into_owned();
    let line = |name: &str| report.lines().rev().find(|l| l.contains(name)).unwrap_or_default().trim().to_owned();

    println!("start to ready, ms           {:.0}", quantile(&starts, 0.5));
    println!("resident memory, MB          {memory:.0}");
    println!("one /link, ms p50 / p99      {:.2} / {:.2}", quantile(&uncached, 0.5), quantile(&uncached, 0.99));
    println!("mentions/s, batch of 1,000   {batched:.0}");
    println!("{}", line("embedding the names"));
    println!("{}", line("building the graph"));
    Ok(())
}
