//! The training loss: [`write_loss`] writes one of four loss functions and the miner that selects
//! pairs.
//!
//! Names with the same label (one concept) are positives of each other, all other names negatives.
//! The input is the matrix of cosine similarities, `[names, names]`; row `i` belongs to the anchor
//! `i`. Each loss is written together with its derivative with respect to the similarities:
//! automatic differentiation of these formulas would overflow in float32. Names, formulas and
//! constants are those of PyTorch Metric Learning, which the SapBERT authors used.
//!
//! Invariant: a name is never paired with itself, and the loss of a batch without pairs is 0.

use crate::onnx::{
    graph::ValueName,
    message::{AttributeProto, DataType},
    tape::Tape,
};

/// A loss over pairs of names, with its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// Multi-similarity loss (Wang et al. 2019, equation 13).
    MultiSimilarity {
        /// Scale of the exponents of positive pairs.
        alpha: f32,
        /// Scale of the exponents of negative pairs.
        beta: f32,
        /// Similarity that separates positives from negatives (lambda in the paper).
        base: f32,
    },
    /// Circle loss (Sun et al. 2020, equation 6).
    Circle {
        /// Relaxation `m`: similarity `1 - m` is enough for positives, `m` for negatives.
        margin: f32,
        /// Scale of the similarities.
        gamma: f32,
    },
    /// InfoNCE (van den Oord et al. 2018, equation 4), one term for each positive pair.
    InfoNce {
        /// Divisor of the similarities.
        temperature: f32,
    },
    /// Triplet loss on Euclidean distances (Schroff et al. 2015, section 3.1): the mean over
    /// triplets whose loss is not 0.
    Triplet {
        /// Distance by which the negative must be farther than the positive.
        margin: f32,
    },
}

impl Loss {
    /// Multi-similarity with the constants of the SapBERT paper, section 3.
    pub const MULTI_SIMILARITY: Self = Self::MultiSimilarity { alpha: 1.0, beta: 60.0, base: 0.5 };
    /// Circle loss with the constants of PyTorch Metric Learning.
    pub const CIRCLE: Self = Self::Circle { margin: 0.4, gamma: 80.0 };
    /// InfoNCE with the temperature that the SapBERT paper compares with.
    pub const INFO_NCE: Self = Self::InfoNce { temperature: 0.07 };
    /// Triplet loss with the constant of PyTorch Metric Learning.
    pub const TRIPLET: Self = Self::Triplet { margin: 0.05 };
}

/// The values that [`write_loss`] returns.
pub struct LossValues {
    /// The loss, float32 scalar.
    pub loss: ValueName,
    /// Its derivative by the similarities, float32 `[names, names]`.
    pub gradient: ValueName,
    /// Number of positive pairs that the loss counts, in both directions; float32 scalar.
    pub positives: ValueName,
    /// Number of negative pairs that the loss counts, in both directions; float32 scalar.
    pub negatives: ValueName,
}

/// Writes `loss` over `similarities` (float32 `[names, names]`) of names with `labels` (int64
/// `[names]`).
///
/// With `miner_margin`, the loss counts only pairs of hard triplets (SapBERT paper, section 2.2): a
/// triplet (anchor, positive, negative) is hard if the distance of the negative exceeds that of the
/// positive by no more than the margin. The choice itself has no gradient.
pub fn write_loss(
    tape: &mut Tape,
    similarities: &str,
    labels: &str,
    loss: Loss,
    miner_margin: Option<f32>,
) -> LossValues {
    let mut writer = LossWriter { tape, similarities };
    let mut pairs = writer.all_pairs(labels);
    if let Some(margin) = miner_margin {
        pairs = writer.hard_pairs(&pairs, margin);
    }
    let (positives, negatives) = (writer.count(&pairs.positives), writer.count(&pairs.negatives));
    let (loss, gradient) = match loss {
        Loss::MultiSimilarity { alpha, beta, base } => writer.multi_similarity(&pairs, alpha, beta, base),
        Loss::Circle { margin, gamma } => writer.circle(&pairs, margin, gamma),
        Loss::InfoNce { temperature } => writer.info_nce(&pairs, temperature),
        Loss::Triplet { margin } => writer.triplet(&pairs, margin),
    };
    LossValues { loss, gradient, positives, negatives }
}

/// The pairs that the loss counts, as boolean masks `[names, names]`.
struct PairMasks {
    positives: ValueName,
    negatives: ValueName,
}

/// Writes the parts of a loss. Each loss returns the loss and its derivative by the similarities.
struct LossWriter<'a> {
    tape: &'a mut Tape,
    similarities: &'a str,
}

/// Replaces logits that do not count: `exp` of it is 0.
const MASKED_LOGIT: f32 = -1e9;
/// Distances below this are rounding errors and count as 0.
const MIN_DISTANCE: f32 = 1e-3;

impl LossWriter<'_> {
    fn op(&mut self, op: &str, inputs: &[&str]) -> ValueName {
        self.tape.graph.op(op, inputs)
    }

    /// An operator of `x` and a constant.
    fn op_scalar(&mut self, op: &str, x: &str, scalar: f32) -> ValueName {
        let scalar = self.tape.scalar(scalar);
        self.op(op, &[x, &scalar])
    }

    /// Reduces each row, `[names, 1]`.
    fn reduce_rows(&mut self, op: &str, x: &str) -> ValueName {
        let axis = self.tape.graph.ints(&[1]);
        self.tape.graph.op_with(op, &[x, &axis], vec![AttributeProto::int("keepdims", 1)])
    }

    /// The sum of all elements, a scalar.
    fn total(&mut self, x: &str) -> ValueName {
        self.tape.graph.op_with("ReduceSum", &[x], vec![AttributeProto::int("keepdims", 0)])
    }

    /// A boolean mask as 0 and 1.
    fn mask_as_float(&mut self, mask: &str) -> ValueName {
        self.tape.graph.cast(mask, DataType::Float)
    }

    /// Number of set elements, a float32 scalar.
    fn count(&mut self, mask: &str) -> ValueName {
        let ones = self.mask_as_float(mask);
        self.total(&ones)
    }

    /// `x` where `mask` is set, else `other`.
    fn masked(&mut self, mask: &str, x: &str, other: f32) -> ValueName {
        let other = self.tape.scalar(other);
        self.op("Where", &[mask, x, &other])
    }

    /// An operator of each pair of the elements of `values` `[n]`, `[n, n]`.
    fn pairwise(&mut self, op: &str, values: &str) -> ValueName {
        let (last, first) = (self.tape.graph.ints(&[1]), self.tape.graph.ints(&[0]));
        let column = self.op("Unsqueeze", &[values, &last]);
        let row = self.op("Unsqueeze", &[values, &first]);
        self.op(op, &[&column, &row])
    }

    /// The indices 0, 1, .. of the rows of `x`, int64 `[rows]`.
    fn row_indices(&mut self, x: &str) -> ValueName {
        let (zero, one) = (self.tape.graph.ints(&[0]), self.tape.graph.ints(&[1]));
        let rows = self.op("Shape", &[x]);
        let rows = self.op("Slice", &[&rows, &zero, &one]);
        let rows = self.op("Squeeze", &[&rows]);
        let (first, step) = (self.tape.graph.int(0), self.tape.graph.int(1));
        self.op("Range", &[&first, &rows, &step])
    }

    /// All pairs of two names.
    fn all_pairs(&mut self, labels: &str) -> PairMasks {
        let same = self.pairwise("Equal", labels);
        let indices = self.row_indices(labels);
        let diagonal = self.pairwise("Equal", &indices);
        let other = self.op("Not", &[&diagonal]);
        let negatives = self.op("Not", &[&same]);
        PairMasks { positives: self.op("And", &[&same, &other]), negatives }
    }

    /// Euclidean distances of vectors of length 1, `sqrt(2 - 2 similarity)`; 0 below
    /// [`MIN_DISTANCE`].
    fn distances(&mut self) -> ValueName {
        let doubled = self.op_scalar("Mul", self.similarities, 2.0);
        let two = self.tape.scalar(2.0);
        let squares = self.op("Sub", &[&two, &doubled]);
        let apart = self.op_scalar("Greater", &squares, MIN_DISTANCE * MIN_DISTANCE);
        let squares = self.masked(&apart, &squares, 0.0);
        self.op("Sqrt", &[&squares])
    }

    /// The pairs of hard triplets. It is enough to compare each positive with the nearest negative
    /// of its anchor, and each negative with the farthest positive.
    fn hard_pairs(&mut self, pairs: &PairMasks, margin: f32) -> PairMasks {
        let distances = self.distances();
        let positive = self.masked(&pairs.positives, &distances, MASKED_LOGIT);
        let farthest = self.reduce_rows("ReduceMax", &positive);
        let negative = self.masked(&pairs.negatives, &distances, -MASKED_LOGIT);
        let nearest = self.reduce_rows("ReduceMin", &negative);
        let gap = self.op("Sub", &[&nearest, &distances]);
        let hard = self.op_scalar("LessOrEqual", &gap, margin);
        let positives = self.op("And", &[&pairs.positives, &hard]);
        let gap = self.op("Sub", &[&distances, &farthest]);
        let hard = self.op_scalar("LessOrEqual", &gap, margin);
        PairMasks { positives, negatives: self.op("And", &[&pairs.negatives, &hard]) }
    }

    /// `log(1 + sum exp x)` of each row over `mask`, `[names, 1]`, and its derivative by each `x`.
    fn log1p_sum_exp(&mut self, x: &str, mask: &str) -> (ValueName, ValueName) {
        let chosen = self.masked(mask, x, MASKED_LOGIT);
        let largest = self.reduce_rows("ReduceMax", &chosen);
        let largest = self.op_scalar("Max", &largest, 0.0);
        let shifted = self.op("Sub", &[&chosen, &largest]);
        let powers = self.op("Exp", &[&shifted]);
        let one = self.op("Neg", &[&largest]);
        let one = self.op("Exp", &[&one]);
        let sum = self.reduce_rows("ReduceSum", &powers);
        let sum = self.op("Add", &[&one, &sum]);
        let log = self.op("Log", &[&sum]);
        (self.op("Add", &[&largest, &log]), self.op("Div", &[&powers, &sum]))
    }

    /// `log sum exp x` of each row over `mask`, `[names, 1]`, and its derivative by each `x`. A row
    /// whose mask is empty gives about [`MASKED_LOGIT`].
    fn log_sum_exp(&mut self, x: &str, mask: &str) -> (ValueName, ValueName) {
        let chosen = self.masked(mask, x, MASKED_LOGIT);
        let largest = self.reduce_rows("ReduceMax", &chosen);
        let shifted = self.op("Sub", &[&chosen, &largest]);
        let powers = self.op("Exp", &[&shifted]);
        let sum = self.reduce_rows("ReduceSum", &powers);
        let log = self.op("Log", &[&sum]);
        (self.op("Add", &[&largest, &log]), self.op("Div", &[&powers, &sum]))
    }

    /// `log(1 + exp x)` and its derivative, element by element.
    fn softplus(&mut self, x: &str) -> (ValueName, ValueName) {
        let size = self.op("Abs", &[x]);
        let small = self.op("Neg", &[&size]);
        let small = self.op("Exp", &[&small]);
        let small = self.op_scalar("Add", &small, 1.0);
        let small = self.op("Log", &[&small]);
        let large = self.op("Relu", &[x]);
        (self.op("Add", &[&large, &small]), self.op("Sigmoid", &[x]))
    }

    /// The mean of `values` over `mask`, and `1 / count`; a count of 0 is taken as 1.
    fn masked_mean(&mut self, values: &str, mask: &str) -> (ValueName, ValueName) {
        let count = self.count(mask);
        let count = self.op_scalar("Max", &count, 1.0);
        let chosen = self.masked(mask, values, 0.0);
        let sum = self.total(&chosen);
        (self.op("Div", &[&sum, &count]), self.op("Reciprocal", &[&count]))
    }

    /// Equation 13 of Wang et al. 2019: the mean over anchors.
    fn multi_similarity(&mut self, pairs: &PairMasks, alpha: f32, beta: f32, base: f32) -> (ValueName, ValueName) {
        let above = self.op_scalar("Sub", self.similarities, base);
        let near = self.op_scalar("Mul", &above, -alpha);
        let (positive, pull) = self.log1p_sum_exp(&near, &pairs.positives);
        let far = self.op_scalar("Mul", &above, beta);
        let (negative, push) = self.log1p_sum_exp(&far, &pairs.negatives);
        let positive = self.op_scalar("Div", &positive, alpha);
        let negative = self.op_scalar("Div", &negative, beta);
        let sum = self.op("Add", &[&positive, &negative]);
        let loss = self.tape.graph.op_with("ReduceMean", &[&sum], vec![AttributeProto::int("keepdims", 0)]);
        let gradient = self.op("Sub", &[&push, &pull]);
        let names = self.op("Size", &[&sum]);
        let names = self.mask_as_float(&names);
        (loss, self.op("Div", &[&gradient, &names]))
    }

    /// Equation 6 of Sun et al. 2020: the mean over anchors whose loss is not 0.
    fn circle(&mut self, pairs: &PairMasks, margin: f32, gamma: f32) -> (ValueName, ValueName) {
        let similarities = self.similarities;
        // The pair weights relu(1 + m - s) and relu(s + m) count as constants.
        let one = self.tape.scalar(1.0 + margin);
        let pull = self.op("Sub", &[&one, similarities]);
        let pull = self.op("Relu", &[&pull]);
        let pull = self.op_scalar("Mul", &pull, -gamma);
        let near = self.op_scalar("Sub", similarities, 1.0 - margin);
        let near = self.op("Mul", &[&pull, &near]);
        let push = self.op_scalar("Add", similarities, margin);
        let push = self.op("Relu", &[&push]);
        let push = self.op_scalar("Mul", &push, gamma);
        let far = self.op_scalar("Sub", similarities, margin);
        let far = self.op("Mul", &[&push, &far]);
        let (positive, positive_shares) = self.log_sum_exp(&near, &pairs.positives);
        let (negative, negative_shares) = self.log_sum_exp(&far, &pairs.negatives);
        let both = self.op("Add", &[&positive, &negative]);
        let (losses, slope) = self.softplus(&both);
        // Without positives or negatives the sum is far below 0, so that the loss of the row is 0.
        let counted = self.op_scalar("Greater", &losses, 0.0);
        let (loss, share) = self.masked_mean(&losses, &counted);
        let slope = self.masked(&counted, &slope, 0.0);
        let slope = self.op("Mul", &[&slope, &share]);
        let pull = self.op("Mul", &[&pull, &positive_shares]);
        let pull = self.masked(&pairs.positives, &pull, 0.0);
        let push = self.op("Mul", &[&push, &negative_shares]);
        let push = self.masked(&pairs.negatives, &push, 0.0);
        let sum = self.op("Add", &[&pull, &push]);
        (loss, self.op("Mul", &[&sum, &slope]))
    }

    /// Equation 4 of van den Oord et al. 2018: the mean over positive pairs.
    fn info_nce(&mut self, pairs: &PairMasks, temperature: f32) -> (ValueName, ValueName) {
        let warm = self.op_scalar("Div", self.similarities, temperature);
        let (negatives, shares) = self.log_sum_exp(&warm, &pairs.negatives);
        let shares = self.masked(&pairs.negatives, &shares, 0.0);
        let ahead = self.op("Sub", &[&negatives, &warm]);
        let (losses, slopes) = self.softplus(&ahead);
        let (loss, share) = self.masked_mean(&losses, &pairs.positives);
        let slopes = self.masked(&pairs.positives, &slopes, 0.0);
        let slopes = self.op("Mul", &[&slopes, &share]);
        let slopes = self.op_scalar("Div", &slopes, temperature);
        let of_row = self.reduce_rows("ReduceSum", &slopes);
        let push = self.op("Mul", &[&of_row, &shares]);
        (loss, self.op("Sub", &[&push, &slopes]))
    }

    /// Section 3.1 of Schroff et al. 2015, with distances instead of their squares: the mean over
    /// triplets whose loss is not 0.
    fn triplet(&mut self, pairs: &PairMasks, margin: f32) -> (ValueName, ValueName) {
        let distances = self.distances();
        // Each positive pair against all names: [positives, names]. The pair (0, 0) is added with
        // weight 0, because ONNX Runtime cannot reduce empty tensors on CUDA.
        let indices = self.row_indices(&distances);
        let first = self.tape.graph.int(0);
        let first_row = self.op("Equal", &[&indices, &first]);
        let corner = self.pairwise("And", &first_row);
        let cells = self.op("Or", &[&pairs.positives, &corner]);
        let cells = self.op("NonZero", &[&cells]);
        let coordinates = self.tape.graph.transpose(&cells, &[1, 0]);
        let anchors = self.op("Gather", &[&cells, &first]);
        let axis = self.tape.graph.ints(&[1]);
        let positive = self.op("GatherND", &[&distances, &coordinates]);
        let positive = self.op("Unsqueeze", &[&positive, &axis]);
        let negative = self.op("Gather", &[&distances, &anchors]);
        let negatives = self.mask_as_float(&pairs.negatives);
        let negatives = self.op("Gather", &[&negatives, &anchors]);
        let weights = self.mask_as_float(&pairs.positives);
        let weights = self.op("GatherND", &[&weights, &coordinates]);
        let weights = self.op("Unsqueeze", &[&weights, &axis]);
        let negatives = self.op("Mul", &[&negatives, &weights]);
        let gap = self.op("Sub", &[&positive, &negative]);
        let gap = self.op_scalar("Add", &gap, margin);
        let gap = self.op("Relu", &[&gap]);
        let losses = self.op("Mul", &[&gap, &negatives]);
        let counted = self.op_scalar("Greater", &losses, 0.0);
        let (loss, share) = self.masked_mean(&losses, &counted);
        let counted = self.mask_as_float(&counted);
        let counted = self.op("Mul", &[&counted, &share]);
        // Derivative by the distances: for a positive pair the number of its triplets, for a
        // negative pair minus that number, added up by anchor.
        let pull = self.tape.graph.op_with("ReduceSum", &[&counted, &axis], vec![AttributeProto::int("keepdims", 0)]);
        let zeros = self.op_scalar("Mul", &distances, 0.0);
        let pull = self.op("ScatterND", &[&zeros, &coordinates, &pull]);
        let rows = self.op("Unsqueeze", &[&indices, &axis]);
        let is_anchor = self.op("Equal", &[&rows, &anchors]);
        let is_anchor = self.mask_as_float(&is_anchor);
        let push = self.op("MatMul", &[&is_anchor, &counted]);
        let slope = self.op("Sub", &[&push, &pull]);
        // Chain rule: the derivative of the distance by the similarity is -1 / distance. At
        // distance 0 the gradient is set to 0.
        let divisors = self.op_scalar("Max", &distances, MIN_DISTANCE);
        let slope = self.op("Div", &[&slope, &divisors]);
        let apart = self.op_scalar("Greater", &distances, 0.0);
        (loss, self.masked(&apart, &slope, 0.0))
    }
}
