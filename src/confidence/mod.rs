//! How sure an answer is: features of a candidate, and a logistic model that turns them into a
//! probability.
//!
//! Reading order: `feature` (the list of features), `phrase` (the words of a name or mention),
//! `kind` (what its head names), `evidence` (computes the features of words), `model` (features to
//! a probability), `fit` (labeled samples to a model).
//!
//! Invariants: a probability depends on features alone, so that an answer can explain it; the
//! weight of a feature never has the sign against its meaning.

mod evidence;
mod feature;
mod fit;
mod kind;
mod model;
mod phrase;

pub use evidence::{MentionProfile, WordStatistics};
pub use feature::{Direction, Feature, FeatureValues};
pub use fit::{Sample, fit};
pub use model::ConfidenceModel;
