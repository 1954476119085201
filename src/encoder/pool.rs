//! Sessions at work: each has a thread of its own, all take batches from one queue.
//!
//! A call is cut into batches of similar length, so that padding is small and several sessions share the work.
//! Invariant: the order of the answers is the order of the texts, whatever batch each was in.

use std::{
    ops::Range,
    path::Path,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

use super::{
    Device, EncoderError, ModelManifest, Runtime, manifest::TOKENIZER, session::EncoderSession, tokens::Tokens,
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
    /// Sessions at work side by side; each holds the model's weights.
    pub sessions: usize,
    /// Threads inside a session.
    pub threads: usize,
}

impl EncoderOptions {
    /// One single-threaded session a core up to four, then more threads each: for models of this size that gives the
    /// most texts a second, and a bounded number of copies of the weights.
    pub fn for_cores(cores: usize, device: Device) -> Self {
        let sessions = if device == Device::Cuda { 1 } else { cores.clamp(1, 4) };
        Self { device, sessions, threads: (cores / sessions).max(1) }
    }
}

/// A batch on its way to a session; the reply carries the batch's number.
struct Job {
    ids: Vec<Vec<i64>>,
    number: usize,
    reply: Sender<(usize, Result<Vec<f32>, EncoderError>)>,
}

/// A loaded model.
pub struct Encoder {
    manifest: ModelManifest,
    tokens: Tokens,
    device: Device,
    jobs: SyncSender<Job>,
}

impl Encoder {
    /// Loads the model in `dir`, after checking its files against its manifest.
    ///
    /// # Errors
    /// [`EncoderError`]: manifest, checksum, tokenizer, graph or device.
    pub fn load(runtime: &Runtime, dir: &Path, options: EncoderOptions) -> Result<Self, EncoderError> {
        let manifest = ModelManifest::read(dir)?;
        let tokens = Tokens::read(&dir.join(TOKENIZER), manifest.max_tokens)?;
        let (jobs, queue) = sync_channel(options.sessions * 2);
        let queue = Arc::new(Mutex::new(queue));
        let mut device = options.device;
        for n in 0..options.sessions {
            let (session, taken) = EncoderSession::load(runtime, dir, &manifest, device, options.threads)?;
            device = taken;
            let queue = queue.clone();
            thread::Builder::new().name(format!("encoder-{n}")).spawn(move || work(session, &queue))?;
        }
        Ok(Self { manifest, tokens, device, jobs })
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
        let mut ids = texts.iter().map(|t| self.tokens.ids(t)).collect::<Result<Vec<_>, _>>()?;
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(ids[i].len()));
        let batches = batches(&order.iter().map(|&i| ids[i].len()).collect::<Vec<_>>());

        let dimensions = self.dimensions();
        let mut vectors = vec![0f32; texts.len() * dimensions];
        let mut place = |number: usize, rows: Vec<f32>| {
            let batch: &Range<usize> = &batches[number];
            for (row, &i) in rows.chunks_exact(dimensions).zip(&order[batch.clone()]) {
                vectors[i * dimensions..][..dimensions].copy_from_slice(row);
            }
            progress.advance(batch.len() as u64);
        };
        let (reply, replies) = channel();
        let mut done = 0;
        for (number, batch) in batches.iter().enumerate() {
            if progress.interrupted() {
                return Err(EncoderError::Interrupted);
            }
            let ids = order[batch.clone()].iter().map(|&i| std::mem::take(&mut ids[i])).collect();
            self.jobs.send(Job { ids, number, reply: reply.clone() }).map_err(|_| stopped())?;
            while let Ok((number, rows)) = replies.try_recv() {
                place(number, rows?);
                done += 1;
            }
        }
        drop(reply);
        for _ in done..batches.len() {
            let (number, rows) = replies.recv().map_err(|_| stopped())?;
            place(number, rows?);
        }
        Ok(vectors)
    }
}

fn stopped() -> EncoderError {
    EncoderError::Inference("the session has stopped".into())
}

fn work(mut session: EncoderSession, queue: &Mutex<Receiver<Job>>) {
    loop {
        // A poisoned lock means that another session's thread panicked while it waited: this one need not.
        let job = queue.lock().unwrap_or_else(|e| e.into_inner()).recv();
        let Ok(Job { ids, number, reply }) = job else { return };
        let ids: Vec<&[i64]> = ids.iter().map(Vec::as_slice).collect();
        // Nobody waits any more when the caller was interrupted.
        let _ = reply.send((number, session.run(&ids)));
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
        for cores in 1..=64 {
            let options = EncoderOptions::for_cores(cores, Device::Cpu);
            assert!(options.sessions * options.threads <= cores && options.sessions >= 1, "{cores}");
        }
    }
}
