//! Sessions at work: whoever embeds takes one from the pool and gives it back.
//!
//! A call is cut into batches of similar length, so that padding is small and several sessions share the work. The session
//! given back last is taken first: its weights are still in the processor's caches.
//! Invariant: the order of the answers is the order of the texts, whatever batch each was in.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use rayon::prelude::*;

use super::{
    Device, EncoderError, ModelManifest, Runtime,
    manifest::TOKENIZER,
    session::{EncoderSession, normalise},
    tokens::Tokens,
};
use crate::progress::{Progress, Silent};

/// Padded tokens of a batch: more gains nothing on a CPU.
const BATCH_TOKENS: usize = 512;
/// Texts of a batch.
const BATCH_TEXTS: usize = 64;

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

/// A loaded model.
pub struct Encoder {
    manifest: ModelManifest,
    tokens: Tokens,
    device: Device,
    desk: Mutex<Desk>,
    changed: Condvar,
}

/// Where sessions are asked for.
struct Desk {
    idle: Vec<EncoderSession>,
    asked: u64,
    served: u64,
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
        let mut idle = vec![first];
        let (sessions, threads) = options.on(device, cores);
        while idle.len() < sessions {
            idle.push(EncoderSession::load(runtime, dir, &manifest, device, threads)?.0);
        }
        let desk = Mutex::new(Desk { idle, asked: 0, served: 0 });
        Ok(Self { manifest, tokens, device, desk, changed: Condvar::new() })
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

    /// Vectors of length 1, a row of `dimensions` values for each text, in their order.
    ///
    /// # Errors
    /// [`EncoderError::Inference`] when a session fails.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<f32>, EncoderError> {
        self.embed_with(texts, &Silent)
    }

    /// As [`Encoder::embed`], reporting each text that is done.
    ///
    /// # Errors
    /// As [`Encoder::embed`], and [`EncoderError::Interrupted`].
    pub fn embed_with(&self, texts: &[&str], progress: &dyn Progress) -> Result<Vec<f32>, EncoderError> {
        let mut vectors = self.embed_raw(texts, progress)?;
        vectors.chunks_exact_mut(self.dimensions()).try_for_each(normalise)?;
        Ok(vectors)
    }

    /// As [`Encoder::embed_with`], the vectors being as long as the model makes them: inner products of them are SapBERT's scores.
    ///
    /// # Errors
    /// As [`Encoder::embed_with`].
    pub fn embed_raw(&self, texts: &[&str], progress: &dyn Progress) -> Result<Vec<f32>, EncoderError> {
        let ids = texts.iter().map(|t| self.tokens.ids(t)).collect::<Result<Vec<_>, _>>()?;
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(ids[i].len()));
        let batches = batches(&order.iter().map(|&i| ids[i].len()).collect::<Vec<_>>());
        let run = |batch: &Range<usize>| {
            if progress.interrupted() {
                return Err(EncoderError::Interrupted);
            }
            let batch: Vec<&[i64]> = order[batch.clone()].iter().map(|&i| ids[i].as_slice()).collect();
            let rows = self.run(&batch)?;
            progress.advance(batch.len() as u64);
            Ok(rows)
        };
        // One batch is run where it is: another thread would only cost the way there.
        let rows: Vec<Vec<f32>> = match batches.as_slice() {
            [only] => vec![run(only)?],
            several => several.par_iter().map(run).collect::<Result<_, _>>()?,
        };
        let dimensions = self.dimensions();
        let mut vectors = vec![0f32; texts.len() * dimensions];
        for (row, &i) in rows.iter().flat_map(|rows| rows.chunks_exact(dimensions)).zip(&order) {
            vectors[i * dimensions..][..dimensions].copy_from_slice(row);
        }
        Ok(vectors)
    }

    /// Waits for a session, runs it and gives it back, whatever became of the run.
    fn run(&self, batch: &[&[i64]]) -> Result<Vec<f32>, EncoderError> {
        let mut session = self.take();
        let outcome = catch_unwind(AssertUnwindSafe(|| session.run(batch)));
        self.desk().idle.push(session);
        self.changed.notify_all();
        outcome.unwrap_or_else(|_| Err(EncoderError::Inference("the session panicked".into())))
    }
}

impl Encoder {
    /// Waits for its turn and an idle session. Turns are in the order of asking, so that a request of one text waits for a batch
    /// of another request and not for all of them.
    fn take(&self) -> EncoderSession {
        let mut desk = self.desk();
        let turn = desk.asked;
        desk.asked += 1;
        loop {
            if desk.served == turn
                && let Some(session) = desk.idle.pop()
            {
                desk.served += 1;
                self.changed.notify_all();
                return session;
            }
            desk = self.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts texts of descending `lengths` into batches.
fn batches(lengths: &[usize]) -> Vec<Range<usize>> {
    let mut batches = vec![];
    let mut start = 0;
    while start < lengths.len() {
        let count = (BATCH_TOKENS / lengths[start].max(1)).clamp(1, BATCH_TEXTS);
        let end = (start + count).min(lengths.len());
        batches.push(start..end);
        start = end;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_cover_every_text_once_within_the_budget() {
        let lengths: Vec<usize> = (2..300).rev().chain(std::iter::repeat_n(2, 1000)).collect();
        let batches = batches(&lengths);
        assert_eq!(batches.iter().cloned().flatten().collect::<Vec<_>>(), (0..lengths.len()).collect::<Vec<_>>());
        for batch in batches {
            assert!(batch.len() == 1 || batch.len() * lengths[batch.start] <= BATCH_TOKENS);
            assert!(batch.len() <= BATCH_TEXTS);
        }
    }

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
