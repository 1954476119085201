//! The [`Encoder`]: a loaded model with tokenizer, sessions and cache.
//!
//! A call tokenizes its texts, takes cached vectors from the cache, and passes the others to the
//! dispatcher.
//!
//! Invariant: vectors have the order of the texts.

use std::{
    path::Path,
    sync::Arc,
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use rayon::prelude::*;

use crate::{
    encoder::{
        cache::EmbeddingCache,
        call::Call,
        device::Device,
        dispatcher::{Dispatcher, EncoderCounters},
        error::EncoderError,
        manifest::{ModelManifest, TOKENIZER_FILE},
        runtime::Runtime,
        session::{EncoderSession, normalize},
        tokenizer::BertTokenizer,
    },
    job::Job,
};

/// From this number of texts on, several threads tokenize them.
const MIN_PARALLEL_TEXTS: usize = 256;

/// How a model is run.
#[derive(Clone, Copy, Debug)]
pub struct EncoderOptions {
    /// Where inference runs.
    pub device: Device,
    /// Number of sessions; each has its own copy of the weights. By default one per core, at most
    /// four, on the CPU, where sessions of one thread embed the most texts per second; one on CUDA.
    pub sessions: Option<usize>,
    /// Threads of each session. By default the number of cores divided by that of sessions.
    pub threads: Option<usize>,
}

impl EncoderOptions {
    /// Number of sessions, and of threads of each, on `device`.
    fn sessions_and_threads(&self, device: Device, cores: usize) -> (usize, usize) {
        let sessions = self.sessions.unwrap_or(if device == Device::Cuda { 1 } else { cores.clamp(1, 4) }).max(1);
        (sessions, self.threads.unwrap_or(cores / sessions).max(1))
    }
}

/// Durations of the stages of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EmbedTimes {
    /// Tokenization.
    pub tokenize: Duration,
    /// From the end of the tokenization until a session began with the first text.
    pub queue: Duration,
    /// From then until the last text was done, with batches of other calls in between.
    pub run: Duration,
}

/// The vectors of the texts of one call.
#[derive(Clone, Debug, Default)]
pub struct Embedded {
    /// The vectors, row-major `[texts, dimensions]`.
    pub vectors: Vec<f32>,
    /// Whether each text was truncated.
    pub truncated: Vec<bool>,
    /// Durations of the stages.
    pub times: EmbedTimes,
}

/// A loaded model.
pub struct Encoder {
    manifest: ModelManifest,
    tokenizer: BertTokenizer,
    device: Device,
    dispatcher: Arc<Dispatcher>,
    workers: Vec<JoinHandle<()>>,
    cache: Option<EmbeddingCache>,
}

impl Encoder {
    /// Loads the model in `dir` after it has checked its files against its manifest.
    ///
    /// # Errors
    /// [`EncoderError`] of manifest, checksum, tokenizer, graph or device.
    pub fn load(runtime: &Runtime, dir: &Path, options: EncoderOptions) -> Result<Self, EncoderError> {
        let manifest = ModelManifest::read(dir)?;
        let tokenizer = BertTokenizer::read(&dir.join(TOKENIZER_FILE), manifest.max_tokens)?;
        let cores = std::thread::available_parallelism().map_or(1, Into::into);
        let (_, threads) = options.sessions_and_threads(options.device, cores);
        let (first, device) = EncoderSession::load(runtime, dir, &manifest, options.device, threads)?;
        let mut sessions = vec![first];
        let (count, threads) = options.sessions_and_threads(device, cores);
        while sessions.len() < count {
            sessions.push(EncoderSession::load(runtime, dir, &manifest, device, threads)?.0);
        }
        let dispatcher = Arc::new(Dispatcher::new(sessions, device));
        let spawn_worker = |number| {
            let dispatcher = dispatcher.clone();
            Builder::new().name(format!("encoder {number}")).spawn(move || dispatcher.run_worker())
        };
        let workers = (1..=count).map(spawn_worker).collect::<Result<_, _>>()?;
        Ok(Self { manifest, tokenizer, device, dispatcher, workers, cache: None })
    }

    /// Caches recent vectors in about `bytes` bytes of memory; 0 disables the cache.
    pub fn enable_cache(&mut self, bytes: usize) {
        self.cache = (bytes > 0).then(|| EmbeddingCache::new(bytes, self.dimensions()));
    }

    /// The manifest of the loaded model.
    pub fn manifest(&self) -> &ModelManifest {
        &self.manifest
    }

    /// Values of a vector.
    pub fn dimensions(&self) -> usize {
        self.manifest.dimensions
    }

    /// The device in use, never [`Device::Auto`].
    pub fn device(&self) -> Device {
        self.device
    }

    /// Whether a caller would run its texts at once, without another thread.
    pub fn is_idle(&self) -> bool {
        self.dispatcher.is_idle()
    }

    /// Totals since the model was loaded, and the texts that wait now.
    pub fn counters(&self) -> EncoderCounters {
        let (cache_hits, cache_misses) = self.cache.as_ref().map_or((0, 0), EmbeddingCache::hits_and_misses);
        EncoderCounters { cache_hits, cache_misses, ..self.dispatcher.counters() }
    }

    /// Computes the vectors of `texts`, scaled to length 1: row-major `[texts, dimensions]`.
    ///
    /// # Errors
    /// [`EncoderError::Tokenize`], or [`EncoderError::Inference`] if a session fails.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<f32>, EncoderError> {
        self.embed_with(texts, Job::silent())
    }

    /// As [`Encoder::embed`]; reports each finished text to `job`.
    ///
    /// # Errors
    /// As [`Encoder::embed`], and [`EncoderError::Canceled`].
    pub fn embed_with(&self, texts: &[&str], job: Job<'_>) -> Result<Vec<f32>, EncoderError> {
        self.embed_timed(texts, job).map(|embedded| embedded.vectors)
    }

    /// As [`Encoder::embed_with`]; also says which texts were truncated, and the durations of the
    /// stages.
    ///
    /// # Errors
    /// As [`Encoder::embed_with`].
    pub fn embed_timed(&self, texts: &[&str], job: Job<'_>) -> Result<Embedded, EncoderError> {
        let mut embedded = self.run(texts, job)?;
        embedded.vectors.chunks_exact_mut(self.dimensions()).try_for_each(normalize)?;
        Ok(embedded)
    }

    /// As [`Encoder::embed_with`], but the vectors keep the length that the model gives them. Their
    /// inner products are the scores of the SapBERT authors.
    ///
    /// # Errors
    /// As [`Encoder::embed_with`].
    pub fn embed_raw(&self, texts: &[&str], job: Job<'_>) -> Result<Vec<f32>, EncoderError> {
        self.run(texts, job).map(|embedded| embedded.vectors)
    }

    /// Whether a whole word is one token of the model, see [`BertTokenizer::has_word`].
    pub fn has_word(&self, word: &str) -> bool {
        self.tokenizer.has_word(word)
    }

    fn run(&self, texts: &[&str], job: Job<'_>) -> Result<Embedded, EncoderError> {
        let started = Instant::now();
        let tokenize = |text: &&str| self.tokenizer.tokenize(text).map(|tokens| (tokens.ids, tokens.truncated));
        let tokens: Result<Vec<_>, _> = if texts.len() < MIN_PARALLEL_TEXTS {
            texts.iter().map(tokenize).collect()
        } else {
            texts.par_iter().map(tokenize).collect()
        };
        let (ids, truncated): (Vec<Vec<i64>>, Vec<bool>) = tokens?.into_iter().unzip();
        let mut times = EmbedTimes { tokenize: started.elapsed(), ..EmbedTimes::default() };
        let mut compute = |ids| {
            let call = Call::new(ids, self.dimensions());
            let vectors = self.dispatcher.embed(&call, job);
            times.queue = call.queue_time();
            vectors
        };
        let vectors = match &self.cache {
            Some(cache) => cache.get_or_compute(ids, job, compute),
            None => compute(ids),
        }?;
        times.run = started.elapsed() - times.tokenize - times.queue;
        Ok(Embedded { vectors, truncated, times })
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.dispatcher.close();
        for worker in self.workers.drain(..) {
            // A worker catches panics of its runs, so the result of the join carries no
            // information.
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_and_threads_fit_the_cores() {
        let options = EncoderOptions { device: Device::Auto, sessions: None, threads: None };
        for cores in 1..=64 {
            let (sessions, threads) = options.sessions_and_threads(Device::Cpu, cores);
            assert!(sessions * threads <= cores && sessions >= 1, "{cores}");
            assert_eq!(options.sessions_and_threads(Device::Cuda, cores).0, 1);
        }
        assert_eq!(EncoderOptions { sessions: Some(9), ..options }.sessions_and_threads(Device::Cpu, 4), (9, 1));
    }
}
