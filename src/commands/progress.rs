//! Progress on a terminal as a bar, elsewhere as a line for each stage.

use std::{
    fmt::Write,
    io::IsTerminal,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use indicatif::{DecimalBytes, HumanCount, HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use crate::{cancel::CancelToken, job::Job, progress::Progress};

/// Draws stages on standard error and carries the cancel token of a command.
pub(super) struct Bars {
    cancel: CancelToken,
    stage: Mutex<Option<Stage>>,
}

struct Stage {
    name: String,
    total: u64,
    /// Rows, where `total` is bytes.
    rows: Option<u64>,
    started: Instant,
    bar: ProgressBar,
}

impl Bars {
    /// Draws nothing yet.
    pub(super) fn new(cancel: CancelToken) -> Self {
        Self { cancel, stage: Mutex::default() }
    }

    /// A job that these bars display and that a signal cancels.
    pub(super) fn job(&self) -> Job<'_> {
        Job::new(self, &self.cancel)
    }

    /// Ends the last stage.
    pub(super) fn finish(&self) {
        if let Some(stage) = self.stage.lock().unwrap_or_else(PoisonError::into_inner).take() {
            stage.bar.finish_and_clear();
            if stage.total == 0 {
                return;
            }
            let seconds = stage.started.elapsed().as_secs_f64();
            let per_second = |n: u64| n as f64 / seconds.max(1e-9);
            let (count, rate) = match stage.rows {
                Some(rows) => {
                    let bytes = DecimalBytes(per_second(stage.total) as u64);
                    let rate = format!("{} rows/s, {bytes}/s", rate(per_second(rows)));
                    (format!("{} rows, {}", HumanCount(rows), DecimalBytes(stage.total)), rate)
                }
                None => (HumanCount(stage.total).to_string(), format!("{}/s", rate(per_second(stage.total)))),
            };
            eprintln!("  {}: {count} in {seconds:.1} s ({rate})", stage.name);
        }
    }

    /// Ends the last stage, which did not get to its end.
    pub(super) fn give_up(&self) {
        if let Some(stage) = self.stage.lock().unwrap_or_else(PoisonError::into_inner).take() {
            stage.bar.finish_and_clear();
        }
    }

    fn begin(&self, name: &str, total: u64, rows: Option<u64>, template: &str) {
        self.finish();
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, out: &mut dyn Write| {
            let _ = write!(out, "{}", rate(state.per_sec()));
        };
        let style = style.with_key("rate", rate).progress_chars("=> ");
        let bar = ProgressBar::new(total).with_style(style).with_prefix(name.to_owned());
        if total > 0 && !std::io::stderr().is_terminal() {
            let total = if rows.is_some() { DecimalBytes(total).to_string() } else { HumanCount(total).to_string() };
            eprintln!("  {name}: {total} ..");
        }
        let stage = Stage { name: name.into(), total, rows, started: Instant::now(), bar };
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Some(stage);
    }
}

impl Progress for Bars {
    fn stage(&self, name: &str, total: u64) {
        self.begin(name, total, None, "  {prefix} [{bar:24}] {human_pos}/{human_len}, {rate}/s, {eta} left{msg}");
    }

    fn bytes_stage(&self, name: &str, total: u64) {
        let template =
            "  {prefix} [{bar:24}] {decimal_bytes}/{decimal_total_bytes}, {msg}{decimal_bytes_per_sec}, {eta} left";
        self.begin(name, total, Some(0), template);
    }

    fn detail(&self, rows: u64) {
        if let Some(stage) = &mut *self.stage.lock().unwrap_or_else(PoisonError::into_inner) {
            stage.rows = Some(rows);
            stage.bar.set_message(format!("{} rows, ", HumanCount(rows)));
        }
    }

    fn advance(&self, steps: u64) {
        if let Some(stage) = &*self.stage.lock().unwrap_or_else(PoisonError::into_inner) {
            stage.bar.inc(steps);
        }
    }

    fn note(&self, text: &str) {
        if let Some(stage) = &*self.stage.lock().unwrap_or_else(PoisonError::into_inner) {
            stage.bar.set_message(format!(", {text}"));
        }
    }

    fn remark(&self, text: &str) {
        match &*self.stage.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(stage) => stage.bar.suspend(|| eprintln!("  {text}")),
            None => eprintln!("  {text}"),
        }
    }
}

/// So many a second, for people.
fn rate(per_second: f64) -> String {
    if per_second < 10.0 { format!("{per_second:.2}") } else { HumanCount(per_second as u64).to_string() }
}

/// A duration for people.
pub(super) fn since(started: Instant) -> String {
    HumanDuration(started.elapsed()).to_string()
}

/// The most memory that this process ever held, where the system tells.
pub(super) fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes.map_or(String::new(), |n| format!(", with at most {} of memory", DecimalBytes(n * 1024)))
}
