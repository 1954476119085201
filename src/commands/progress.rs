//! Progress on a terminal as a bar, elsewhere as a line for each stage.

use std::{
    fmt::Write,
    io::IsTerminal,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use crate::progress::Progress;

/// Draws stages on standard error and stops when `interrupt` is raised.
pub struct Bars {
    interrupt: Arc<AtomicBool>,
    stage: Mutex<Option<Stage>>,
}

struct Stage {
    name: String,
    total: u64,
    started: Instant,
    bar: ProgressBar,
}

impl Bars {
    /// Draws nothing yet.
    pub fn new(interrupt: Arc<AtomicBool>) -> Self {
        Self { interrupt, stage: Mutex::default() }
    }

    /// Ends the last stage.
    pub fn finish(&self) {
        if let Some(stage) = self.stage.lock().unwrap_or_else(PoisonError::into_inner).take() {
            stage.bar.finish_and_clear();
            let (seconds, count) = (stage.started.elapsed().as_secs_f64(), HumanCount(stage.total));
            let rate = HumanCount((stage.total as f64 / seconds.max(1e-9)) as u64);
            eprintln!("  {}: {count} in {seconds:.1} s ({rate}/s)", stage.name);
        }
    }
}

impl Progress for Bars {
    fn stage(&self, name: &str, total: u64) {
        self.finish();
        let template = "  {msg} [{bar:24}] {human_pos}/{human_len}, {rate}/s, {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, out: &mut dyn Write| {
            let _ = write!(out, "{}", HumanCount(state.per_sec() as u64));
        };
        let style = style.with_key("rate", rate).progress_chars("=> ");
        let bar = ProgressBar::new(total).with_style(style).with_message(name.to_owned());
        if !std::io::stderr().is_terminal() {
            eprintln!("  {name}: {} ..", HumanCount(total));
        }
        let stage = Stage { name: name.into(), total, started: Instant::now(), bar };
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Some(stage);
    }

    fn bytes_stage(&self, name: &str, total: u64) {
        self.stage(name, total);
    }

    fn detail(&self, _: u64) {}

    fn advance(&self, steps: u64) {
        if let Some(stage) = &*self.stage.lock().unwrap_or_else(PoisonError::into_inner) {
            stage.bar.inc(steps);
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }
}

/// A duration for people.
pub fn since(started: Instant) -> String {
    HumanDuration(started.elapsed()).to_string()
}
