//! Sessions at work: whoever finds one idle runs batches with it, and their vectors go to those who wait for them.
//!
//! A caller takes an idle session itself, so that a lone text wakes no other thread; a thread for each session takes what callers
//! leave. On CUDA these threads take all: ONNX Runtime keeps handles and memory of the device for each thread that it is run on. Invariants: the order of the answers is the order of the texts, whatever batch each was in; as long as texts wait, no session
//! is idle; whatever becomes of a run, its session goes on with the next.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use rayon::prelude::*;

use crate::encoder::{
    Device, EncoderError, ModelManifest, Runtime,
    cache::Cache,
    manifest::TOKENIZER,
    queue::{Batch, Call, Queue, Room},
    session::{EncoderSession, normalize},
    tokens::Tokens,
};
use crate::job::Job;

/// Texts from which on they are tokenized by several threads.
const PARALLEL_FROM: usize = 256;

/// How a model is run.
#[derive(Clone, Copy, Debug)]
pub struct EncoderOptions {
    pub device: Device,
    /// Sessions at work side by side; each holds the model's weights. By default one a core and at most four: for models of this
    /// size single-threaded sessions give the most texts a second. One on CUDA.
    pub sessions: Option<usize>,
    /// Threads inside a session; by default the cores divided by the sessions.
    pub threads: Option<usize>,
}

impl EncoderOptions {
    /// Sessions and threads on `device`.
    fn on(&self, device: Device, cores: usize) -> (usize, usize) {
        let sessions = self.sessions.unwrap_or(if device == Device::Cuda { 1 } else { cores.clamp(1, 4) }).max(1);
        (sessions, self.threads.unwrap_or(cores / sessions).max(1))
    }
}

/// What an encoder has done since it was loaded, and what waits for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    pub batches: u64,
    pub texts: u64,
    /// Tokens of the texts, and what they were padded with.
    pub tokens: u64,
    pub padding: u64,
    /// Texts whose vectors were remembered, and those that were not, where there is a cache.
    pub cache_hits: u64,
    pub cache_misses: u64,
    /// Texts that wait for a session.
    pub waiting: u64,
}

/// What a call took, by its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    pub tokenize: Duration,
    /// Until a session began with the first of its texts.
    pub queue: Duration,
    /// From then until the last was done, other calls' turns in between.
    pub run: Duration,
}

/// A loaded model.
pub struct Encoder {
    manifest: ModelManifest,
    tokens: Tokens,
    device: Device,
    desk: Arc<Desk>,
    workers: Vec<JoinHandle<()>>,
    cache: Option<Cache>,
}

/// Where calls and sessions meet.
struct Desk {
    state: Mutex<State>,
    /// There is work for a thread, or the desk was closed.
    changed: Condvar,
    sessions: usize,
    /// Whether callers run sessions.
    shared: bool,
    batches: AtomicU64,
    texts: AtomicU64,
    tokens: AtomicU64,
    padding: AtomicU64,
}

struct State {
    queue: Queue,
    idle: Vec<EncoderSession>,
    closed: bool,
}

impl Encoder {
    /// Loads the model in `dir`, after checking its files against its manifest.
    ///
    /// # Errors
    /// [`EncoderError`]: manifest, checksum, tokenizer, graph or device.
    pub fn load(runtime: &Runtime, dir: &Path, options: EncoderOptions) -> Result<Self, EncoderError> {
        let manifest = ModelManifest::read(dir)?;
        let tokens = Tokens::read(&dir.join(TOKENIZER), manifest.max_tokens)?;
        let cores = std::thread::available_parallelism().map_or(1, Into::into);
        let (_, threads) = options.on(options.device, cores);
        let (first, device) = EncoderSession::load(runtime, dir, &manifest, options.device, threads)?;
        let mut sessions = vec![first];
        let (count, threads) = options.on(device, cores);
        while sessions.len() < count {
            sessions.push(EncoderSession::load(runtime, dir, &manifest, device, threads)?.0);
        }
        let desk = Arc::new(Desk::new(sessions, device));
        let work = |number| {
            let desk = desk.clone();
            Builder::new().name(format!("encoder {number}")).spawn(move || desk.work())
        };
        let workers = (1..=count).map(work).collect::<Result<_, _>>()?;
        Ok(Self { manifest, tokens, device, desk, workers, cache: None })
    }

    /// Remembers vectors of texts in about so many bytes, those that were asked for lately.
    pub fn remember(&mut self, bytes: usize) {
        self.cache = (bytes > 0).then(|| Cache::new(bytes, self.dimensions()));
    }

    /// What was loaded.
    pub fn manifest(&self) -> &ModelManifest {
        &self.manifest
    }

    /// Length of a vector.
    pub fn dimensions(&self) -> usize {
        self.manifest.dimensions
    }

    /// The device that was taken, never [`Device::Auto`].
    pub fn device(&self) -> Device {
        self.device
    }

    /// Whether a caller would run a text at once.
    pub fn is_idle(&self) -> bool {
        self.desk.shared && !self.desk.state().idle.is_empty()
    }

    /// What was done and what waits.
    pub fn work(&self) -> Work {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (cache_hits, cache_misses) = self.cache.as_ref().map_or((0, 0), Cache::counts);
        Work {
            batches: count(&self.desk.batches),
            texts: count(&self.desk.texts),
            tokens: count(&self.desk.tokens),
            padding: count(&self.desk.padding),
            cache_hits,
            cache_misses,
            waiting: self.desk.state().queue.texts() as u64,
        }
    }

    /// Vectors of length 1, a row of `dimensions` values for each text, in their order.
    ///
    /// # Errors
    /// [`EncoderError::Inference`] when a session fails.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<f32>, EncoderError> {
        self.embed_with(texts, Job::silent())
    }

    /// As [`Encoder::embed`], reporting each text that is done.
    ///
    /// # Errors
    /// As [`Encoder::embed`], and [`EncoderError::Canceled`].
    pub fn embed_with(&self, texts: &[&str], job: Job<'_>) -> Result<Vec<f32>, EncoderError> {
        self.embed_timed(texts, job).map(|(vectors, _)| vectors)
    }

    /// As [`Encoder::embed_with`], and what it took.
    ///
    /// # Errors
    /// As [`Encoder::embed_with`].
    pub fn embed_timed(&self, texts: &[&str], job: Job<'_>) -> Result<(Vec<f32>, Times), EncoderError> {
        let (mut vectors, times) = self.run(texts, job)?;
        vectors.chunks_exact_mut(self.dimensions()).try_for_each(normalize)?;
        Ok((vectors, times))
    }

    /// As [`Encoder::embed_with`], the vectors being as long as the model makes them: inner products of them are SapBERT's scores.
    ///
    /// # Errors
    /// As [`Encoder::embed_with`].
    pub fn embed_raw(&self, texts: &[&str], job: Job<'_>) -> Result<Vec<f32>, EncoderError> {
        self.run(texts, job).map(|(vectors, _)| vectors)
    }

    fn run(&self, texts: &[&str], job: Job<'_>) -> Result<(Vec<f32>, Times), EncoderError> {
        let started = Instant::now();
        let tokenize = |text: &&str| self.tokens.ids(text);
        let ids: Vec<Vec<i64>> = if texts.len() < PARALLEL_FROM {
            texts.iter().map(tokenize).collect::<Result<_, _>>()?
        } else {
            texts.par_iter().map(tokenize).collect::<Result<_, _>>()?
        };
        let mut times = Times { tokenize: started.elapsed(), ..Times::default() };
        let mut compute = |ids| {
            let call = Call::new(ids, self.dimensions());
            let vectors = self.desk.answer(&call, job);
            times.queue = call.waited();
            vectors
        };
        let vectors = match &self.cache {
            Some(cache) => cache.through(ids, job, compute),
            None => compute(ids),
        }?;
        times.run = started.elapsed() - times.tokenize - times.queue;
        Ok((vectors, times))
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.desk.state().closed = true;
        self.desk.changed.notify_all();
        for worker in self.workers.drain(..) {
            // A worker catches what happens in a run: there is nothing to learn from its end.
            let _ = worker.join();
        }
    }
}

impl Desk {
    fn new(idle: Vec<EncoderSession>, device: Device) -> Self {
        let room = if device == Device::Cuda { Room::GPU } else { Room::CPU };
        Self {
            sessions: idle.len(),
            shared: device != Device::Cuda,
            state: Mutex::new(State { queue: Queue::new(room), idle, closed: false }),
            changed: Condvar::new(),
            batches: AtomicU64::new(0),
            texts: AtomicU64::new(0),
            tokens: AtomicU64::new(0),
            padding: AtomicU64::new(0),
        }
    }

    /// The vectors of a call: computed here if a session is idle, else waited for.
    fn answer(&self, call: &Arc<Call>, job: Job<'_>) -> Result<Vec<f32>, EncoderError> {
        let mut state = self.state();
        state.queue.push(call.clone());
        match state.idle.pop() {
            Some(session) if self.shared => self.run(state, session, &|| call.is_over(job)),
            Some(session) => {
                state.idle.push(session);
                drop(state);
                self.changed.notify_one();
            }
            None => drop(state),
        }
        call.wait(job)
    }

    /// A session's thread: runs what callers leave, until the desk is closed.
    fn work(&self) {
        let mut state = self.state();
        while !state.closed {
            match state.idle.pop() {
                Some(session) if !state.queue.is_empty() => {
                    self.run(state, session, &|| false);
                    state = self.state();
                }
                idle => {
                    state.idle.extend(idle);
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Runs batches with `session` until none waits or `enough` is so, and puts it back. Wakes a thread whenever texts wait and a session
    /// is idle.
    fn run<'a>(&'a self, mut state: MutexGuard<'a, State>, mut session: EncoderSession, enough: &dyn Fn() -> bool) {
        while let Some(batch) = state.queue.next(self.sessions) {
            let wake = !state.idle.is_empty() && !state.queue.is_empty();
            drop(state);
            if wake {
                self.changed.notify_one();
            }
            match self.vectors(&mut session, &batch) {
                // What one text does to a session is not to be what becomes of the others.
                Err(_) if !batch.is_single() => batch.singles().for_each(|single| {
                    let outcome = self.vectors(&mut session, &single);
                    single.finish(outcome);
                }),
                outcome => batch.finish(outcome),
            }
            // What it reports takes its time.
            let enough = enough();
            state = self.state();
            if enough {
                break;
            }
        }
        state.idle.push(session);
        if !state.queue.is_empty() {
            self.changed.notify_one();
        }
    }

    fn vectors(&self, session: &mut EncoderSession, batch: &Batch) -> Result<Vec<f32>, EncoderError> {
        let ids = batch.ids();
        let outcome = catch_unwind(AssertUnwindSafe(|| session.run(&ids)));
        let (texts, tokens) = (ids.len(), batch.tokens());
        for (counter, more) in [
            (&self.batches, 1),
            (&self.texts, texts),
            (&self.tokens, tokens),
            (&self.padding, texts * batch.longest - tokens),
        ] {
            counter.fetch_add(more as u64, Ordering::Relaxed);
        }
        outcome.unwrap_or_else(|_| Err(EncoderError::Inference("the session panicked".into())))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_and_threads_fit_the_cores() {
        let options = EncoderOptions { device: Device::Auto, sessions: None, threads: None };
        for cores in 1..=64 {
            let (sessions, threads) = options.on(Device::Cpu, cores);
            assert!(sessions * threads <= cores && sessions >= 1, "{cores}");
            assert_eq!(options.on(Device::Cuda, cores).0, 1);
        }
        assert_eq!(EncoderOptions { sessions: Some(9), ..options }.on(Device::Cpu, 4), (9, 1));
    }
}
