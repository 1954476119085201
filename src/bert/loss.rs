//! What a batch of names has to answer for: losses over the similarities of its names, and the pairs that a miner leaves them.
//!
//! Names of one concept are positives of each other, all others negatives. Similarities are cosines `[names, names]`; each loss is
//! written with its derivative by them, since none is the sum of simple steps that is safe in float32.
//! Names, formulas and constants are those of PyTorch Metric Learning, which the SapBERT paper was made with.
//!
//! Invariant: a name is never paired with itself, and a batch without pairs has the loss 0.

use crate::onnx::{
    graph::Value,
    message::{Attribute, DataType},
    tape::Tape,
};

/// A loss over mined pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// Multi-similarity (Wang et al. 2019, equation 13).
    MultiSimilarity { alpha: f32, beta: f32, base: f32 },
    /// Circle loss (Sun et al. 2020, equation 6).
    Circle { margin: f32, gamma: f32 },
    /// InfoNCE (van den Oord et al. 2018), for each positive by itself.
    InfoNce { temperature: f32 },
    /// The triplet loss on Euclidean distances (Schroff et al. 2015), the mean of those that are not 0.
    Triplet { margin: f32 },
}

impl Loss {
    /// With the constants of the SapBERT paper, section 3.
    pub const MULTI_SIMILARITY: Self = Self::MultiSimilarity { alpha: 1.0, beta: 60.0, base: 0.5 };
    /// With PyTorch Metric Learning's constants.
    pub const CIRCLE: Self = Self::Circle { margin: 0.4, gamma: 80.0 };
    /// With the temperature of the paper's comparison.
    pub const INFO_NCE: Self = Self::InfoNce { temperature: 0.07 };
    /// With PyTorch Metric Learning's constant.
    pub const TRIPLET: Self = Self::Triplet { margin: 0.05 };
}

/// A loss as values of a graph.
pub struct Written {
    /// A number.
    pub loss: Value,
    /// Its derivative, `[names, names]`.
    pub slope: Value,
    /// How many pairs were mined, in both directions; float32 numbers.
    pub positives: Value,
    pub negatives: Value,
}

/// Writes `loss` over the `similarities` of names with these `labels`, int64 `[names]`. With `mined`, only over pairs of triplets (anchor,
/// positive, negative) whose negative is not farther from the anchor than the positive by more than so much: all triplets, as SapBERT
/// mines them (section 2.2). Nothing is learned from the choice itself.
pub fn write(tape: &mut Tape, similarities: &str, labels: &str, loss: Loss, mined: Option<f32>) -> Written {
    let mut writer = Writer { t: tape, similarities };
    let mut masks = writer.pairs(labels);
    if let Some(margin) = mined {
        masks = writer.mine(&masks, margin);
    }
    let (positives, negatives) = (writer.count(&masks.positives), writer.count(&masks.negatives));
    let (loss, slope) = match loss {
        Loss::MultiSimilarity { alpha, beta, base } => writer.multi_similarity(&masks, alpha, beta, base),
        Loss::Circle { margin, gamma } => writer.circle(&masks, margin, gamma),
        Loss::InfoNce { temperature } => writer.info_nce(&masks, temperature),
        Loss::Triplet { margin } => writer.triplet(&masks, margin),
    };
    Written { loss, slope, positives, negatives }
}

/// Which pairs count, boolean `[names, names]`.
struct Masks {
    positives: Value,
    negatives: Value,
}

struct Writer<'a> {
    t: &'a mut Tape,
    similarities: &'a str,
}

/// Where nothing is to be chosen.
const NEVER: f32 = -1e9;
/// Distances below this are rounding.
const NEAREST: f32 = 1e-3;

impl Writer<'_> {
    fn op(&mut self, op: &str, inputs: &[&str]) -> Value {
        self.t.graph.op(op, inputs)
    }

    fn with(&mut self, op: &str, x: &str, number: f32) -> Value {
        let number = self.t.scalar(number);
        self.op(op, &[x, &number])
    }

    /// Over each row, `[names, 1]`.
    fn by_row(&mut self, op: &str, x: &str) -> Value {
        let axis = self.t.graph.ints(&[1]);
        self.t.graph.op_with(op, &[x, &axis], vec![Attribute::int("keepdims", 1)])
    }

    /// Over everything.
    fn total(&mut self, x: &str) -> Value {
        self.t.graph.op_with("ReduceSum", &[x], vec![Attribute::int("keepdims", 0)])
    }

    fn float(&mut self, mask: &str) -> Value {
        self.t.graph.cast(mask, DataType::Float)
    }

    fn count(&mut self, mask: &str) -> Value {
        let ones = self.float(mask);
        self.total(&ones)
    }

    /// `x` where `mask` is set, else a number.
    fn masked(&mut self, mask: &str, x: &str, other: f32) -> Value {
        let other = self.t.scalar(other);
        self.op("Where", &[mask, x, &other])
    }

    /// An operator on each two of some `values`, `[n, n]`.
    fn each_two(&mut self, op: &str, values: &str) -> Value {
        let (down, along) = (self.t.graph.ints(&[1]), self.t.graph.ints(&[0]));
        let down = self.op("Unsqueeze", &[values, &down]);
        let along = self.op("Unsqueeze", &[values, &along]);
        self.op(op, &[&down, &along])
    }

    /// 0, 1, .. for each row of `x`.
    fn numbers(&mut self, x: &str) -> Value {
        let (zero, one) = (self.t.graph.ints(&[0]), self.t.graph.ints(&[1]));
        let rows = self.op("Shape", &[x]);
        let rows = self.op("Slice", &[&rows, &zero, &one]);
        let rows = self.op("Squeeze", &[&rows]);
        let (first, step) = (self.t.graph.int(0), self.t.graph.int(1));
        self.op("Range", &[&first, &rows, &step])
    }

    /// All pairs of names, but for each with itself.
    fn pairs(&mut self, labels: &str) -> Masks {
        let same = self.each_two("Equal", labels);
        let numbers = self.numbers(labels);
        let itself = self.each_two("Equal", &numbers);
        let other = self.op("Not", &[&itself]);
        let negatives = self.op("Not", &[&same]);
        Masks { positives: self.op("And", &[&same, &other]), negatives }
    }

    /// Euclidean distances of vectors of length 1. What float32 leaves of that of equal vectors is 0.
    fn distances(&mut self) -> Value {
        let doubled = self.with("Mul", self.similarities, 2.0);
        let two = self.t.scalar(2.0);
        let squares = self.op("Sub", &[&two, &doubled]);
        let apart = self.with("Greater", &squares, NEAREST * NEAREST);
        let squares = self.masked(&apart, &squares, 0.0);
        self.op("Sqrt", &[&squares])
    }

    /// An anchor's pair is part of such a triplet if it is so together with its farthest positive, or its nearest negative.
    fn mine(&mut self, masks: &Masks, margin: f32) -> Masks {
        let distances = self.distances();
        let positive = self.masked(&masks.positives, &distances, NEVER);
        let farthest = self.by_row("ReduceMax", &positive);
        let negative = self.masked(&masks.negatives, &distances, -NEVER);
        let nearest = self.by_row("ReduceMin", &negative);
        let gap = self.op("Sub", &[&nearest, &distances]);
        let hard = self.with("LessOrEqual", &gap, margin);
        let positives = self.op("And", &[&masks.positives, &hard]);
        let gap = self.op("Sub", &[&distances, &farthest]);
        let hard = self.with("LessOrEqual", &gap, margin);
        Masks { positives, negatives: self.op("And", &[&masks.negatives, &hard]) }
    }

    /// `log(1 + sum exp x)` of each row over `mask`, and its derivative by each `x`.
    fn log_of_one_and_sum(&mut self, x: &str, mask: &str) -> (Value, Value) {
        let chosen = self.masked(mask, x, NEVER);
        let largest = self.by_row("ReduceMax", &chosen);
        let largest = self.with("Max", &largest, 0.0);
        let shifted = self.op("Sub", &[&chosen, &largest]);
        let powers = self.op("Exp", &[&shifted]);
        let one = self.op("Neg", &[&largest]);
        let one = self.op("Exp", &[&one]);
        let sum = self.by_row("ReduceSum", &powers);
        let sum = self.op("Add", &[&one, &sum]);
        let log = self.op("Log", &[&sum]);
        (self.op("Add", &[&largest, &log]), self.op("Div", &[&powers, &sum]))
    }

    /// `log sum exp x` of each row over `mask`, and its derivative by each `x`; of a row without any, far below 0.
    fn log_of_sum(&mut self, x: &str, mask: &str) -> (Value, Value) {
        let chosen = self.masked(mask, x, NEVER);
        let largest = self.by_row("ReduceMax", &chosen);
        let shifted = self.op("Sub", &[&chosen, &largest]);
        let powers = self.op("Exp", &[&shifted]);
        let sum = self.by_row("ReduceSum", &powers);
        let log = self.op("Log", &[&sum]);
        (self.op("Add", &[&largest, &log]), self.op("Div", &[&powers, &sum]))
    }

    /// `log(1 + exp x)` and its derivative.
    fn softplus(&mut self, x: &str) -> (Value, Value) {
        let size = self.op("Abs", &[x]);
        let small = self.op("Neg", &[&size]);
        let small = self.op("Exp", &[&small]);
        let small = self.with("Add", &small, 1.0);
        let small = self.op("Log", &[&small]);
        let large = self.op("Relu", &[x]);
        (self.op("Add", &[&large, &small]), self.op("Sigmoid", &[x]))
    }

    /// `sum / count`, and `1 / count`, of at least one.
    fn mean_of(&mut self, values: &str, mask: &str) -> (Value, Value) {
        let count = self.count(mask);
        let count = self.with("Max", &count, 1.0);
        let chosen = self.masked(mask, values, 0.0);
        let sum = self.total(&chosen);
        (self.op("Div", &[&sum, &count]), self.op("Reciprocal", &[&count]))
    }

    fn multi_similarity(&mut self, masks: &Masks, alpha: f32, beta: f32, base: f32) -> (Value, Value) {
        let above = self.with("Sub", self.similarities, base);
        let near = self.with("Mul", &above, -alpha);
        let (positive, pull) = self.log_of_one_and_sum(&near, &masks.positives);
        let far = self.with("Mul", &above, beta);
        let (negative, push) = self.log_of_one_and_sum(&far, &masks.negatives);
        let positive = self.with("Div", &positive, alpha);
        let negative = self.with("Div", &negative, beta);
        let sum = self.op("Add", &[&positive, &negative]);
        let loss = self.t.graph.op_with("ReduceMean", &[&sum], vec![Attribute::int("keepdims", 0)]);
        let slope = self.op("Sub", &[&push, &pull]);
        let names = self.op("Size", &[&sum]);
        let names = self.float(&names);
        (loss, self.op("Div", &[&slope, &names]))
    }

    fn circle(&mut self, masks: &Masks, margin: f32, gamma: f32) -> (Value, Value) {
        let similarities = self.similarities;
        // The weights of pairs, relu(1 + m - s) and relu(s + m), count as constants.
        let one = self.t.scalar(1.0 + margin);
        let pull = self.op("Sub", &[&one, similarities]);
        let pull = self.op("Relu", &[&pull]);
        let pull = self.with("Mul", &pull, -gamma);
        let near = self.with("Sub", similarities, 1.0 - margin);
        let near = self.op("Mul", &[&pull, &near]);
        let push = self.with("Add", similarities, margin);
        let push = self.op("Relu", &[&push]);
        let push = self.with("Mul", &push, gamma);
        let far = self.with("Sub", similarities, margin);
        let far = self.op("Mul", &[&push, &far]);
        let (positive, positive_shares) = self.log_of_sum(&near, &masks.positives);
        let (negative, negative_shares) = self.log_of_sum(&far, &masks.negatives);
        let both = self.op("Add", &[&positive, &negative]);
        let (losses, slope) = self.softplus(&both);
        // Far below 0 without positives or negatives, so that the loss of the row is 0.
        let counted = self.with("Greater", &losses, 0.0);
        let (loss, share) = self.mean_of(&losses, &counted);
        let slope = self.masked(&counted, &slope, 0.0);
        let slope = self.op("Mul", &[&slope, &share]);
        let pull = self.op("Mul", &[&pull, &positive_shares]);
        let pull = self.masked(&masks.positives, &pull, 0.0);
        let push = self.op("Mul", &[&push, &negative_shares]);
        let push = self.masked(&masks.negatives, &push, 0.0);
        let sum = self.op("Add", &[&pull, &push]);
        (loss, self.op("Mul", &[&sum, &slope]))
    }

    fn info_nce(&mut self, masks: &Masks, temperature: f32) -> (Value, Value) {
        let warm = self.with("Div", self.similarities, temperature);
        let (negatives, shares) = self.log_of_sum(&warm, &masks.negatives);
        let shares = self.masked(&masks.negatives, &shares, 0.0);
        let ahead = self.op("Sub", &[&negatives, &warm]);
        let (losses, slopes) = self.softplus(&ahead);
        let (loss, share) = self.mean_of(&losses, &masks.positives);
        let slopes = self.masked(&masks.positives, &slopes, 0.0);
        let slopes = self.op("Mul", &[&slopes, &share]);
        let slopes = self.with("Div", &slopes, temperature);
        let of_row = self.by_row("ReduceSum", &slopes);
        let push = self.op("Mul", &[&of_row, &shares]);
        (loss, self.op("Sub", &[&push, &slopes]))
    }

    fn triplet(&mut self, masks: &Masks, margin: f32) -> (Value, Value) {
        let distances = self.distances();
        // Each positive pair against all names: [positives, names]. The first name with itself is there too, without weight: CUDA has no
        // sums over nothing.
        let numbers = self.numbers(&distances);
        let first = self.t.graph.int(0);
        let first_row = self.op("Equal", &[&numbers, &first]);
        let corner = self.each_two("And", &first_row);
        let places = self.op("Or", &[&masks.positives, &corner]);
        let places = self.op("NonZero", &[&places]);
        let pairs = self.t.graph.transpose(&places, &[1, 0]);
        let anchors = self.op("Gather", &[&places, &first]);
        let axis = self.t.graph.ints(&[1]);
        let positive = self.op("GatherND", &[&distances, &pairs]);
        let positive = self.op("Unsqueeze", &[&positive, &axis]);
        let negative = self.op("Gather", &[&distances, &anchors]);
        let negatives = self.float(&masks.negatives);
        let negatives = self.op("Gather", &[&negatives, &anchors]);
        let weights = self.float(&masks.positives);
        let weights = self.op("GatherND", &[&weights, &pairs]);
        let weights = self.op("Unsqueeze", &[&weights, &axis]);
        let negatives = self.op("Mul", &[&negatives, &weights]);
        let gap = self.op("Sub", &[&positive, &negative]);
        let gap = self.with("Add", &gap, margin);
        let gap = self.op("Relu", &[&gap]);
        let losses = self.op("Mul", &[&gap, &negatives]);
        let counted = self.with("Greater", &losses, 0.0);
        let (loss, share) = self.mean_of(&losses, &counted);
        let counted = self.float(&counted);
        let counted = self.op("Mul", &[&counted, &share]);
        // By distances: positives' triplets, less those of negatives, which are added up by anchor.
        let pull = self.t.graph.op_with("ReduceSum", &[&counted, &axis], vec![Attribute::int("keepdims", 0)]);
        let nothing = self.with("Mul", &distances, 0.0);
        let pull = self.op("ScatterND", &[&nothing, &pairs, &pull]);
        let rows = self.op("Unsqueeze", &[&numbers, &axis]);
        let own = self.op("Equal", &[&rows, &anchors]);
        let own = self.float(&own);
        let push = self.op("MatMul", &[&own, &counted]);
        let slope = self.op("Sub", &[&push, &pull]);
        // The distance falls by 1 / distance as the similarity rises; at 0 there is no way for it to fall.
        let divisors = self.with("Max", &distances, NEAREST);
        let slope = self.op("Div", &[&slope, &divisors]);
        let apart = self.with("Greater", &distances, 0.0);
        (loss, self.masked(&apart, &slope, 0.0))
    }
}
