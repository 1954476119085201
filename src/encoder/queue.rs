//! Texts that wait for a session, and how they become batches.
//!
//! Calls take turns: a batch begins with the longest text of the call whose turn it is, takes what fits of calls of a few texts and one text as
//! long of each other call, and is filled up with what is as long, or, where that is little, nearly as long. So a call of one text waits for a batch of a large call and
//! not for all of it, and padding is small: to begin a run takes what some five tokens take, less than to pad many texts by one.
//! Invariant: a text is in one batch, and a call that was canceled is in no further one.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::cancel::Canceled;
use crate::encoder::EncoderError;
use crate::job::Job;

/// Where several sessions could share what waits, or texts of one length are few, a batch is no smaller than this.
const LEAST_TOKENS: usize = 128;
/// A call of no more texts is run with whatever is run next.
const FEW: usize = 4;
/// How large a batch may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Tokens, padding included.
    pub tokens: usize,
    pub texts: usize,
}

impl Room {
    /// More gains nothing on a CPU.
    pub(super) const CPU: Self = Self { tokens: 512, texts: 64 };
    /// A GPU is filled by many texts at once only.
    pub(super) const GPU: Self = Self { tokens: 16_384, texts: 1024 };
}

/// How often a waiting call looks whether anybody still waits for it.
const LOOK: Duration = Duration::from_millis(20);

/// Texts that somebody waits for together.
pub(super) struct Call {
    ids: Vec<Vec<i64>>,
    dimensions: usize,
    asked: Instant,
    begun: OnceLock<Instant>,
    canceled: AtomicBool,
    answer: Mutex<Answer>,
    changed: Condvar,
}

struct Answer {
    vectors: Vec<f32>,
    done: usize,
    told: usize,
    failed: Option<String>,
}

impl Call {
    /// A call for vectors of texts, each a list of token ids.
    pub(super) fn new(ids: Vec<Vec<i64>>, dimensions: usize) -> Arc<Self> {
        let answer = Answer { vectors: vec![0.0; ids.len() * dimensions], done: 0, told: 0, failed: None };
        let (answer, changed, canceled) = (Mutex::new(answer), Condvar::new(), AtomicBool::new(false));
        let (asked, begun) = (Instant::now(), OnceLock::new());
        Arc::new(Self { ids, dimensions, asked, begun, canceled, answer, changed })
    }

    /// How long it waited until the first of its texts was in a batch.
    pub(super) fn waited(&self) -> Duration {
        self.begun.get().map_or(Duration::ZERO, |begun| *begun - self.asked)
    }

    /// Waits for the vectors, a row for each text in their order.
    ///
    /// # Errors
    /// [`EncoderError::Inference`] when a batch failed; [`EncoderError::Canceled`], after which the rest of the call is not run.
    pub(super) fn wait(&self, job: Job<'_>) -> Result<Vec<f32>, EncoderError> {
        loop {
            let over = self.is_over(job);
            let mut answer = self.answer();
            if let Some(reason) = answer.failed.take() {
                self.canceled.store(true, Ordering::Relaxed);
                return Err(EncoderError::Inference(reason));
            }
            if answer.done == self.ids.len() && over {
                return Ok(std::mem::take(&mut answer.vectors));
            }
            if over {
                self.canceled.store(true, Ordering::Relaxed);
                return Err(Canceled.into());
            }
            if answer.done == answer.told {
                drop(self.changed.wait_timeout(answer, LOOK).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// Whether there is nothing to wait for: it is done, it failed, or nobody waits any more. Reports what was done.
    pub(super) fn is_over(&self, job: Job<'_>) -> bool {
        let mut answer = self.answer();
        let (done, over) = (answer.done, answer.done == self.ids.len() || answer.failed.is_some());
        let told = std::mem::replace(&mut answer.told, done);
        drop(answer);
        if done > told {
            job.progress.advance((done - told) as u64);
        }
        over || job.cancel.is_canceled()
    }

    fn answer(&self) -> MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_canceled(&self) -> bool {
        self.canceled.load(Ordering::Relaxed)
    }
}

/// A call with those of its texts that are in no batch yet.
struct Waiting {
    call: Arc<Call>,
    by_length: BTreeMap<usize, Vec<u32>>,
    left: usize,
}

impl Waiting {
    /// Takes the longest text of `least` to `most` tokens.
    fn take(&mut self, least: usize, most: usize) -> Option<(u32, usize)> {
        let (&length, texts) = self.by_length.range_mut(least..=most).next_back()?;
        let text = texts.pop()?;
        if texts.is_empty() {
            self.by_length.remove(&length);
        }
        self.left -= 1;
        self.call.begun.get_or_init(Instant::now);
        Some((text, length))
    }
}

/// Texts that are run together.
pub(super) struct Batch {
    texts: Vec<(Arc<Call>, u32)>,
    /// Tokens of the longest.
    pub longest: usize,
}

impl Batch {
    /// The token ids of each text.
    pub(super) fn ids(&self) -> Vec<&[i64]> {
        self.texts.iter().map(|(call, text)| call.ids[*text as usize].as_slice()).collect()
    }

    /// Tokens of all texts, without padding.
    pub(super) fn tokens(&self) -> usize {
        self.ids().iter().map(|ids| ids.len()).sum()
    }

    /// Whether it is of one text.
    pub(super) fn is_single(&self) -> bool {
        self.texts.len() == 1
    }

    /// A batch for each of its texts.
    pub(super) fn singles(self) -> impl Iterator<Item = Self> {
        self.texts.into_iter().map(|(call, text)| {
            let longest = call.ids[text as usize].len();
            Self { texts: vec![(call, text)], longest }
        })
    }

    /// Hands the rows of a run, or why there are none, to those who wait.
    pub(super) fn finish(self, outcome: Result<Vec<f32>, EncoderError>) {
        let rows = outcome.map_err(|e| match e {
            EncoderError::Inference(reason) => reason,
            other => other.to_string(),
        });
        for (place, (call, text)) in self.texts.iter().enumerate() {
            let (mut answer, dimensions) = (call.answer(), call.dimensions);
            match &rows {
                Ok(rows) => {
                    let (from, to) = (place * dimensions, *text as usize * dimensions);
                    // A call that was given up has taken its vectors away.
                    if let Some(row) = answer.vectors.get_mut(to..to + dimensions) {
                        row.copy_from_slice(&rows[from..from + dimensions]);
                    }
                    answer.done += 1;
                }
                Err(reason) => answer.failed = Some(reason.clone()),
            }
            call.changed.notify_all();
        }
    }
}

/// Calls that wait, the one whose turn is next first.
pub(super) struct Queue {
    room: Room,
    waiting: VecDeque<Waiting>,
    texts: usize,
    tokens: usize,
}

impl Queue {
    /// Nothing waits, for batches of such a size.
    pub(super) fn new(room: Room) -> Self {
        Self { room, waiting: VecDeque::new(), texts: 0, tokens: 0 }
    }

    /// Puts a call at the end.
    pub(super) fn push(&mut self, call: Arc<Call>) {
        let mut by_length: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        // From the end, so that of equally long texts the first is taken first.
        for (text, ids) in call.ids.iter().enumerate().rev() {
            by_length.entry(ids.len()).or_default().push(text as u32);
            self.tokens += ids.len();
        }
        let left = call.ids.len();
        self.texts += left;
        if left > 0 {
            self.waiting.push_back(Waiting { call, by_length, left });
        }
    }

    /// Texts that are in no batch yet and that somebody still waits for.
    pub(super) fn texts(&mut self) -> usize {
        self.forget_canceled();
        self.texts
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&mut self) -> bool {
        self.texts() == 0
    }

    /// The next batch for one of `sessions`, if anything waits.
    pub(super) fn next(&mut self, sessions: usize) -> Option<Batch> {
        self.forget_canceled();
        let mut first = self.waiting.pop_front()?;
        let most = (self.tokens / sessions.max(1)).clamp(LEAST_TOKENS, self.room.tokens);
        let mut batch = Batch { texts: vec![], longest: 0 };
        let mut tokens = 0;
        if let Some((text, length)) = first.take(0, usize::MAX) {
            batch.longest = length;
            tokens += length;
            batch.texts.push((first.call.clone(), text));
        }
        let longest = batch.longest;
        let texts = self.room.texts;
        let fits = |batch: &Batch| batch.texts.len() < texts && (batch.texts.len() + 1) * longest <= most;
        let mut fill = |batch: &mut Batch, waiting: &mut Waiting, least: usize, count: usize| {
            for _ in 0..count {
                let Some((text, length)) = fits(batch).then(|| waiting.take(least, longest)).flatten() else { break };
                tokens += length;
                batch.texts.push((waiting.call.clone(), text));
            }
        };
        let few = |waiting: &&mut Waiting| waiting.call.ids.len() <= FEW;
        self.waiting.iter_mut().filter(few).for_each(|waiting| fill(&mut batch, waiting, 0, FEW));
        self.waiting.iter_mut().for_each(|waiting| fill(&mut batch, waiting, longest, 1));
        for least in (0..=longest).rev() {
            fill(&mut batch, &mut first, least, usize::MAX);
            self.waiting.iter_mut().for_each(|waiting| fill(&mut batch, waiting, least, usize::MAX));
            if batch.texts.len() * longest >= LEAST_TOKENS.min(most) {
                break;
            }
        }
        self.tokens -= tokens;
        self.texts -= batch.texts.len();
        self.waiting.push_back(first);
        self.waiting.retain(|waiting| waiting.left > 0);
        Some(batch)
    }

    fn forget_canceled(&mut self) {
        let (texts, tokens) = (&mut self.texts, &mut self.tokens);
        self.waiting.retain(|waiting| {
            let keep = !waiting.call.is_canceled();
            if !keep {
                *texts -= waiting.left;
                *tokens -= waiting.by_length.iter().map(|(length, texts)| length * texts.len()).sum::<usize>();
            }
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::CancelToken;

    fn call(lengths: &[usize]) -> Arc<Call> {
        Call::new(lengths.iter().map(|&length| vec![7; length]).collect(), 1)
    }

    /// Runs everything that waits as `sessions` would: the batches, each with the calls and numbers of its texts.
    fn batches(queue: &mut Queue, calls: &[Arc<Call>], sessions: usize) -> Vec<Vec<(usize, u32)>> {
        let mut seen = vec![];
        while let Some(batch) = queue.next(sessions) {
            let number = |call: &Arc<Call>| calls.iter().position(|one| Arc::ptr_eq(one, call)).unwrap();
            assert_eq!(batch.longest, batch.ids().iter().map(|ids| ids.len()).max().unwrap());
            assert!(batch.texts.len() == 1 || batch.texts.len() * batch.longest <= Room::CPU.tokens);
            assert!(batch.texts.len() <= Room::CPU.texts);
            seen.push(batch.texts.iter().map(|(call, text)| (number(call), *text)).collect());
            let rows = batch.texts.iter().map(|(call, text)| (number(call) * 1000 + *text as usize) as f32).collect();
            batch.finish(Ok(rows));
        }
        assert_eq!((queue.texts, queue.tokens, queue.waiting.len()), (0, 0, 0));
        seen
    }

    #[test]
    fn every_text_is_answered_once_and_in_its_place() {
        let lengths: Vec<usize> = (0..900).map(|i| 2 + i * 7 % 300).collect();
        let calls = [call(&lengths[..700]), call(&lengths[700..701]), call(&[]), call(&lengths[701..])];
        let mut queue = Queue::new(Room::CPU);
        calls.iter().for_each(|call| queue.push(call.clone()));
        assert_eq!(queue.texts(), 900);
        let mut seen = batches(&mut queue, &calls, 1).concat();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 900);
        for (number, call) in calls.iter().enumerate() {
            let expected: Vec<f32> = (0..call.ids.len()).map(|text| (number * 1000 + text) as f32).collect();
            assert_eq!(call.wait(Job::silent()).unwrap(), expected);
        }
    }

    #[test]
    fn a_small_call_waits_for_one_batch_of_a_large_one() {
        let calls = [call(&[20; 1000]), call(&[5]), call(&[25]), call(&[20; 1000])];
        let mut queue = Queue::new(Room::CPU);
        calls.iter().for_each(|call| queue.push(call.clone()));
        let seen = batches(&mut queue, &calls, 1);
        let place = |number: usize| seen.iter().position(|batch| batch.iter().any(|text| text.0 == number)).unwrap();
        assert_eq!([place(1), place(2), place(3)], [0, 1, 0]);
        let last = |number: usize| seen.iter().rposition(|batch| batch.iter().any(|text| text.0 == number)).unwrap();
        assert!(last(0).abs_diff(last(3)) <= 3, "two large calls are done at about the same time");
    }

    #[test]
    fn texts_of_a_length_are_run_together_unless_they_are_few() {
        let lengths: Vec<usize> = (0..600).map(|i| 4 + i * 7 % 11).collect();
        let mut queue = Queue::new(Room::CPU);
        lengths.chunks(32).for_each(|lengths| queue.push(call(lengths)));
        let (mut batches, mut padded) = (0, 0);
        while let Some(batch) = queue.next(1) {
            batches += 1;
            padded += batch.texts.len() * batch.longest;
        }
        let tokens: usize = lengths.iter().sum();
        assert!(padded <= tokens * 103 / 100 && batches <= 2 * tokens.div_ceil(Room::CPU.tokens), "{padded} {batches}");
        queue.push(call(&[3, 4, 5, 6, 7]));
        assert_eq!(queue.next(1).map(|batch| batch.texts.len()), Some(5));
    }

    #[test]
    fn sessions_share_a_call() {
        let calls = [call(&[10; 40])];
        let counts = |sessions| {
            let mut queue = Queue::new(Room::CPU);
            queue.push(calls[0].clone());
            batches(&mut queue, &calls, sessions).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(counts(1), [40]);
        assert_eq!(counts(2), [20, 12, 8]);
    }

    #[test]
    fn what_nobody_waits_for_is_not_run() {
        let calls = [call(&[9; 100]), call(&[4, 3])];
        let mut queue = Queue::new(Room::CPU);
        calls.iter().for_each(|call| queue.push(call.clone()));
        assert!(matches!(
            calls[0].wait(Job::quiet(&CancelToken::on(Arc::new(AtomicBool::new(true))))),
            Err(EncoderError::Canceled(_))
        ));
        assert_eq!(batches(&mut queue, &calls, 1), [[(1, 0), (1, 1)]]);
    }

    #[test]
    fn a_failed_batch_fails_its_calls_and_no_other() {
        let calls = [call(&[9]), call(&[4])];
        let mut queue = Queue::new(Room::CPU);
        queue.push(calls[0].clone());
        queue.next(1).unwrap().finish(Err(EncoderError::Inference("why".into())));
        queue.push(calls[1].clone());
        batches(&mut queue, &calls, 1);
        assert_eq!(calls[0].wait(Job::silent()).unwrap_err().to_string(), "inference failed: why");
        assert_eq!(calls[1].wait(Job::silent()).unwrap(), [1000.0]);
    }
}
