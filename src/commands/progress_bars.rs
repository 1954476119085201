//! Shows progress on standard error: on a terminal a bar, otherwise a line per stage.

use std::{
    fmt::Write,
    io::IsTerminal,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use indicatif::{DecimalBytes, HumanCount, HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use crate::{cancel::CancelToken, commands::common::counted, job::Job, progress::Progress};

/// Shows the stages of a command and holds its cancel token.
pub(super) struct ProgressBars {
    cancel: CancelToken,
    stage: Mutex<Option<RunningStage>>,
}

struct RunningStage {
    name: String,
    /// Steps of the stage, or bytes; 0 if unknown.
    total: u64,
    /// Rows read so far, if `total` is in bytes.
    rows: Option<u64>,
    started: Instant,
    bar: ProgressBar,
}

impl ProgressBars {
    /// No stage yet.
    pub(super) fn new(cancel: CancelToken) -> Self {
        Self { cancel, stage: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Option<RunningStage>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job whose reports these bars show and which a signal cancels.
    pub(super) fn job(&self) -> Job<'_> {
        Job::new(self, &self.cancel)
    }

    /// Ends the current stage and prints its duration and rate.
    pub(super) fn finish(&self) {
        if let Some(stage) = self.lock().take() {
            stage.bar.finish_and_clear();
            if stage.total == 0 {
                return;
            }
            let seconds = stage.started.elapsed().as_secs_f64();
            let per_second = |n: u64| n as f64 / seconds.max(1e-9);
            let (count, rate) = match stage.rows {
                Some(rows) => {
                    let bytes = DecimalBytes(per_second(stage.total) as u64);
                    let rate = format!("{} rows/s, {bytes}/s", format_rate(per_second(rows)));
                    (format!("{}, {}", counted(rows, "row"), DecimalBytes(stage.total)), rate)
                }
                None => (HumanCount(stage.total).to_string(), format!("{}/s", format_rate(per_second(stage.total)))),
            };
            eprintln!("  {}: {count} in {seconds:.1} s ({rate})", stage.name);
        }
    }

    /// Ends the current stage, which failed, without a line.
    pub(super) fn abandon(&self) {
        if let Some(stage) = self.lock().take() {
            stage.bar.finish_and_clear();
        }
    }

    fn begin(&self, name: &str, total: u64, rows: Option<u64>, template: &str) {
        self.finish();
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, out: &mut dyn Write| {
            let _ = write!(out, "{}", format_rate(state.per_sec()));
        };
        let style = style.with_key("rate", rate).progress_chars("=> ");
        let bar = ProgressBar::new(total).with_style(style).with_prefix(name.to_owned());
        if total > 0 && !std::io::stderr().is_terminal() {
            let total = if rows.is_some() { DecimalBytes(total).to_string() } else { HumanCount(total).to_string() };
            eprintln!("  {name}: {total} ..");
        }
        let stage = RunningStage { name: name.into(), total, rows, started: Instant::now(), bar };
        *self.lock() = Some(stage);
    }
}

impl Progress for ProgressBars {
    fn stage(&self, name: &str, total: u64) {
        self.begin(name, total, None, "  {prefix} [{bar:24}] {human_pos}/{human_len}, {rate}/s, {eta} left{msg}");
    }

    fn bytes_stage(&self, name: &str, total: u64) {
        let template =
            "  {prefix} [{bar:24}] {decimal_bytes}/{decimal_total_bytes}, {msg}{decimal_bytes_per_sec}, {eta} left";
        self.begin(name, total, Some(0), template);
    }

    fn rows_read(&self, rows: u64) {
        // The steps of another stage are its rows.
        if let Some(stage) = &mut *self.lock()
            && stage.rows.is_some()
        {
            stage.rows = Some(rows);
            stage.bar.set_message(format!("{}, ", counted(rows, "row")));
        }
    }

    fn advance(&self, steps: u64) {
        if let Some(stage) = &*self.lock() {
            stage.bar.inc(steps);
        }
    }

    fn status(&self, text: &str) {
        if let Some(stage) = &*self.lock() {
            stage.bar.set_message(format!(", {text}"));
        }
    }

    fn message(&self, text: &str) {
        match &*self.lock() {
            Some(stage) => stage.bar.suspend(|| eprintln!("  {text}")),
            None => eprintln!("  {text}"),
        }
    }
}

fn format_rate(per_second: f64) -> String {
    if per_second < 10.0 { format!("{per_second:.2}") } else { HumanCount(per_second as u64).to_string() }
}

/// The time since `started`, such as "3 minutes".
pub(super) fn elapsed(started: Instant) -> String {
    HumanDuration(started.elapsed()).to_string()
}

/// The peak memory of this process as a clause, or nothing where the system does not report it.
pub(super) fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes.map_or(String::new(), |n| format!(", with at most {} of memory", DecimalBytes(n * 1024)))
}
