//! The stages of linking that metrics, spans and benchmarks measure.

use std::{ops::AddAssign, time::Duration};

/// A stage of answering a request for linking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Looking up exact names and repairing misspelled words.
    Names,
    /// Turning texts into token ids.
    Tokenize,
    /// Waiting for a session of the encoder.
    Queue,
    /// Inference.
    Encode,
    /// Searching vectors and ranking candidates.
    Search,
    /// Writing the answer.
    Serialize,
}

impl Stage {
    /// Every stage, in the order in which they happen.
    pub const ALL: [Self; 6] = [Self::Names, Self::Tokenize, Self::Queue, Self::Encode, Self::Search, Self::Serialize];

    /// The name in metrics and spans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Tokenize => "tokenize",
            Self::Queue => "queue",
            Self::Encode => "encode",
            Self::Search => "search",
            Self::Serialize => "serialize",
        }
    }
}

/// The time that each stage took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageDurations([Duration; Stage::ALL.len()]);

impl StageDurations {
    /// Adds `duration` to the time of `stage`.
    pub fn add(&mut self, stage: Stage, duration: Duration) {
        self.0[stage as usize] += duration;
    }

    /// Each stage with its time, in the order of [`Stage::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Duration)> + '_ {
        Stage::ALL.into_iter().zip(self.0)
    }
}

impl AddAssign for StageDurations {
    fn add_assign(&mut self, other: Self) {
        other.iter().for_each(|(stage, duration)| self.add(stage, duration));
    }
}
