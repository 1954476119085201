//! The queue of waiting calls, and how their texts become batches.
//!
//! Rules of a batch:
//! - Calls take turns. The batch begins with the longest text of the call at the front.
//! - Each call with few texts adds all of its texts that fit. Each other call adds one text of the
//!   same length.
//! - The rest is filled with texts of the same length and, while the batch is small, shorter ones.
//!
//! So a call of one text waits for one batch of a large call, not for all of it, and there is
//! little padding. Starting a run costs about as much as five tokens. Padding many texts by one
//! token costs more.
//!
//! Nothing here locks: the dispatcher owns the queue and calls it under its own lock; only
//! [`Batch::finish`], which runs without that lock, takes the locks of the calls.
//!
//! Invariant: a text is in at most one batch, and a canceled call is in no further batch.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::encoder::{call::Call, error::EncoderError};

/// Below this number of tokens, a batch also takes shorter texts, and it is not reduced to leave
/// texts for idle sessions.
const MIN_BATCH_TOKENS: usize = 128;
/// A call of at most this many texts joins the next batch.
const MAX_SMALL_CALL: usize = 4;

/// Limits of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchLimits {
    /// Tokens, padding included.
    pub(super) tokens: usize,
    /// Texts.
    pub(super) texts: usize,
}

impl BatchLimits {
    /// On a CPU, larger batches bring no more texts per second.
    pub(super) const CPU: Self = Self { tokens: 512, texts: 64 };
    /// A GPU needs many texts at once to be used fully.
    pub(super) const GPU: Self = Self { tokens: 16_384, texts: 1024 };
}

/// A call with its texts that are in no batch yet.
struct WaitingCall {
    call: Arc<Call>,
    /// Indices of the texts by their number of tokens.
    by_length: BTreeMap<usize, Vec<u32>>,
    /// Number of these texts.
    left: usize,
}

impl WaitingCall {
    /// Takes the longest text of `min_length` to `max_length` tokens; returns its index and its
    /// length.
    fn take(&mut self, min_length: usize, max_length: usize) -> Option<(u32, usize)> {
        let (&length, texts) = self.by_length.range_mut(min_length..=max_length).next_back()?;
        let text = texts.pop()?;
        if texts.is_empty() {
            self.by_length.remove(&length);
        }
        self.left -= 1;
        self.call.mark_started();
        Some((text, length))
    }

    /// Tokens of the texts that are left.
    fn tokens(&self) -> usize {
        self.by_length.iter().map(|(length, texts)| length * texts.len()).sum()
    }
}

/// Texts that a session runs together.
pub(super) struct Batch {
    /// Each with the index of the text in its call.
    texts: Vec<(Arc<Call>, u32)>,
    /// Tokens of the longest text.
    pub(super) longest: usize,
}

impl Batch {
    /// The token ids of each text.
    pub(super) fn ids(&self) -> Vec<&[i64]> {
        self.texts.iter().map(|(call, text)| call.texts()[*text as usize].as_slice()).collect()
    }

    /// Tokens of all texts, without padding.
    pub(super) fn tokens(&self) -> usize {
        self.ids().iter().map(|ids| ids.len()).sum()
    }

    /// Whether it has one text only.
    pub(super) fn is_single(&self) -> bool {
        self.texts.len() == 1
    }

    /// A batch of one text for each text.
    pub(super) fn into_singles(self) -> impl Iterator<Item = Self> {
        self.texts.into_iter().map(|(call, text)| {
            let longest = call.texts()[text as usize].len();
            Self { texts: vec![(call, text)], longest }
        })
    }

    /// Passes the result of the run, row-major `[texts, dimensions]` or an error, to the calls.
    pub(super) fn finish(self, outcome: Result<Vec<f32>, EncoderError>) {
        let vectors = outcome.map_err(|e| match e {
            EncoderError::Inference(reason) => reason,
            other => other.to_string(),
        });
        for (row, (call, text)) in self.texts.iter().enumerate() {
            match &vectors {
                Ok(vectors) => call.store(*text as usize, &vectors[row * call.dimensions()..][..call.dimensions()]),
                Err(reason) => call.fail(reason),
            }
        }
    }
}

/// Calls that wait; the front one begins the next batch.
pub(super) struct Queue {
    limits: BatchLimits,
    waiting: VecDeque<WaitingCall>,
    /// Texts that are in no batch yet.
    texts: usize,
    /// Tokens of these texts.
    tokens: usize,
}

impl Queue {
    /// An empty queue.
    pub(super) fn new(limits: BatchLimits) -> Self {
        Self { limits, waiting: VecDeque::new(), texts: 0, tokens: 0 }
    }

    /// Puts a call at the end.
    pub(super) fn push(&mut self, call: Arc<Call>) {
        let mut by_length: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        // Reversed, because `take` pops from the end: of texts of equal length the first is taken
        // first.
        for (text, ids) in call.texts().iter().enumerate().rev() {
            by_length.entry(ids.len()).or_default().push(text as u32);
            self.tokens += ids.len();
        }
        let left = call.texts().len();
        self.texts += left;
        if left > 0 {
            self.waiting.push_back(WaitingCall { call, by_length, left });
        }
    }

    /// Texts that are in no batch yet, without those of canceled calls.
    pub(super) fn texts(&mut self) -> usize {
        self.remove_canceled();
        self.texts
    }

    /// Whether no text waits.
    pub(super) fn is_empty(&mut self) -> bool {
        self.texts() == 0
    }

    /// Forms the next batch, if a text waits. `sessions` is the number of sessions that share the
    /// queue: a batch takes no more than a session's share of the tokens, but at least
    /// [`MIN_BATCH_TOKENS`].
    pub(super) fn next_batch(&mut self, sessions: usize) -> Option<Batch> {
        self.remove_canceled();
        let mut first = self.waiting.pop_front()?;
        let max_tokens = (self.tokens / sessions.max(1)).clamp(MIN_BATCH_TOKENS, self.limits.tokens);
        let mut batch = Batch { texts: vec![], longest: 0 };
        let mut tokens = 0;
        if let Some((text, length)) = first.take(0, usize::MAX) {
            batch.longest = length;
            tokens += length;
            batch.texts.push((first.call.clone(), text));
        }
        let longest = batch.longest;
        let max_texts = self.limits.texts;
        let fits = |batch: &Batch| batch.texts.len() < max_texts && (batch.texts.len() + 1) * longest <= max_tokens;
        let mut fill = |batch: &mut Batch, waiting: &mut WaitingCall, min_length: usize, count: usize| {
            for _ in 0..count {
                let taken = fits(batch).then(|| waiting.take(min_length, longest)).flatten();
                let Some((text, length)) = taken else { break };
                tokens += length;
                batch.texts.push((waiting.call.clone(), text));
            }
        };
        let is_small = |waiting: &&mut WaitingCall| waiting.call.texts().len() <= MAX_SMALL_CALL;
        self.waiting.iter_mut().filter(is_small).for_each(|waiting| fill(&mut batch, waiting, 0, MAX_SMALL_CALL));
        self.waiting.iter_mut().for_each(|waiting| fill(&mut batch, waiting, longest, 1));
        for min_length in (0..=longest).rev() {
            fill(&mut batch, &mut first, min_length, usize::MAX);
            self.waiting.iter_mut().for_each(|waiting| fill(&mut batch, waiting, min_length, usize::MAX));
            if batch.texts.len() * longest >= MIN_BATCH_TOKENS.min(max_tokens) {
                break;
            }
        }
        self.tokens -= tokens;
        self.texts -= batch.texts.len();
        self.waiting.push_back(first);
        self.waiting.retain(|waiting| waiting.left > 0);
        Some(batch)
    }

    fn remove_canceled(&mut self) {
        let (texts, tokens) = (&mut self.texts, &mut self.tokens);
        self.waiting.retain(|waiting| {
            let canceled = waiting.call.is_canceled();
            if canceled {
                *texts -= waiting.left;
                *tokens -= waiting.tokens();
            }
            !canceled
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    use crate::{cancel::CancelToken, job::Job};

    fn call(lengths: &[usize]) -> Arc<Call> {
        Call::new(lengths.iter().map(|&length| vec![7; length]).collect(), 1)
    }

    /// Runs all waiting texts as `sessions` would. Returns the batches, each with call and index of
    /// its texts.
    fn batches(queue: &mut Queue, calls: &[Arc<Call>], sessions: usize) -> Vec<Vec<(usize, u32)>> {
        let mut seen = vec![];
        while let Some(batch) = queue.next_batch(sessions) {
            let call_index = |call: &Arc<Call>| calls.iter().position(|one| Arc::ptr_eq(one, call)).unwrap();
            assert_eq!(batch.longest, batch.ids().iter().map(|ids| ids.len()).max().unwrap());
            assert!(batch.texts.len() == 1 || batch.texts.len() * batch.longest <= BatchLimits::CPU.tokens);
            assert!(batch.texts.len() <= BatchLimits::CPU.texts);
            seen.push(batch.texts.iter().map(|(call, text)| (call_index(call), *text)).collect());
            let rows =
                batch.texts.iter().map(|(call, text)| (call_index(call) * 1000 + *text as usize) as f32).collect();
            batch.finish(Ok(rows));
        }
        assert_eq!((queue.texts, queue.tokens, queue.waiting.len()), (0, 0, 0));
        seen
    }

    #[test]
    fn every_text_gets_one_vector_at_its_index() {
        let lengths: Vec<usize> = (0..900).map(|i| 2 + i * 7 % 300).collect();
        let calls = [call(&lengths[..700]), call(&lengths[700..701]), call(&[]), call(&lengths[701..])];
        let mut queue = Queue::new(BatchLimits::CPU);
        calls.iter().for_each(|call| queue.push(call.clone()));
        assert_eq!(queue.texts(), 900);
        let mut seen = batches(&mut queue, &calls, 1).concat();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 900);
        for (number, call) in calls.iter().enumerate() {
            let expected: Vec<f32> = (0..call.texts().len()).map(|text| (number * 1000 + text) as f32).collect();
            assert_eq!(call.wait(Job::silent()).unwrap(), expected);
        }
    }

    #[test]
    fn a_small_call_waits_for_one_batch_of_a_large_call() {
        let calls = [call(&[20; 1000]), call(&[5]), call(&[25]), call(&[20; 1000])];
        let mut queue = Queue::new(BatchLimits::CPU);
        calls.iter().for_each(|call| queue.push(call.clone()));
        let seen = batches(&mut queue, &calls, 1);
        let first_batch =
            |number: usize| seen.iter().position(|batch| batch.iter().any(|text| text.0 == number)).unwrap();
        assert_eq!([first_batch(1), first_batch(2), first_batch(3)], [0, 1, 0]);
        let last_batch =
            |number: usize| seen.iter().rposition(|batch| batch.iter().any(|text| text.0 == number)).unwrap();
        assert!(last_batch(0).abs_diff(last_batch(3)) <= 3, "two large calls end at about the same time");
    }

    #[test]
    fn batches_have_texts_of_one_length_unless_there_are_few() {
        let lengths: Vec<usize> = (0..600).map(|i| 4 + i * 7 % 11).collect();
        let mut queue = Queue::new(BatchLimits::CPU);
        lengths.chunks(32).for_each(|lengths| queue.push(call(lengths)));
        let (mut batches, mut padded) = (0, 0);
        while let Some(batch) = queue.next_batch(1) {
            batches += 1;
            padded += batch.texts.len() * batch.longest;
        }
        let tokens: usize = lengths.iter().sum();
        assert!(
            padded <= tokens * 103 / 100 && batches <= 2 * tokens.div_ceil(BatchLimits::CPU.tokens),
            "{padded} {batches}"
        );
        queue.push(call(&[3, 4, 5, 6, 7]));
        assert_eq!(queue.next_batch(1).map(|batch| batch.texts.len()), Some(5));
    }

    #[test]
    fn sessions_share_the_texts_of_a_call() {
        let calls = [call(&[10; 40])];
        let counts = |sessions| {
            let mut queue = Queue::new(BatchLimits::CPU);
            queue.push(calls[0].clone());
            batches(&mut queue, &calls, sessions).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(counts(1), [40]);
        assert_eq!(counts(2), [20, 12, 8]);
    }

    #[test]
    fn texts_of_a_canceled_call_do_not_run() {
        let calls = [call(&[9; 100]), call(&[4, 3])];
        let mut queue = Queue::new(BatchLimits::CPU);
        calls.iter().for_each(|call| queue.push(call.clone()));
        assert!(matches!(
            calls[0].wait(Job::quiet(&CancelToken::on(Arc::new(AtomicBool::new(true))))),
            Err(EncoderError::Canceled(_))
        ));
        assert_eq!(batches(&mut queue, &calls, 1), [[(1, 0), (1, 1)]]);
    }

    #[test]
    fn a_failed_batch_fails_only_its_own_calls() {
        let calls = [call(&[9]), call(&[4])];
        let mut queue = Queue::new(BatchLimits::CPU);
        queue.push(calls[0].clone());
        queue.next_batch(1).unwrap().finish(Err(EncoderError::Inference("why".into())));
        queue.push(calls[1].clone());
        batches(&mut queue, &calls, 1);
        assert_eq!(calls[0].wait(Job::silent()).unwrap_err().to_string(), "inference failed: why");
        assert_eq!(calls[1].wait(Job::silent()).unwrap(), [1000.0]);
    }
}
