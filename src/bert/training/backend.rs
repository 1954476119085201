//! The [`GraphBackend`](crate::bert::network::GraphBackend) of training: packed rows, and weights
//! that are graph inputs.

use std::collections::HashMap;

use crate::{
    bert::{
        config::BertConfig,
        network::{GraphBackend, LayerNormSite, LinearKind, Pooling},
        optimizer::{GRADIENT, PARAMETERS},
        training::{
            inputs::{
                CELL_ROWS, DROPOUT_FACTORS, FIRST_ROWS, FROZEN, MASK, POSITIONS, ROW_CELLS, TOKENS, dropout_offset,
            },
            options::{StepOptions, frozen_values},
        },
        weights::{self, ParameterSpec},
    },
    onnx::{
        graph::ValueName,
        message::{AttributeProto, Axis, DataType, ModelProto},
        tape::Tape,
    },
};

/// Packed names, and weights that are graph inputs.
pub(super) struct TrainingBackend<'a> {
    pub(super) tape: Tape,
    config: &'a BertConfig,
    /// Value of each parameter by its name, in its shape.
    parameters: HashMap<String, ValueName>,
    /// The parameters whose gradient is an output, in their order.
    trained: Vec<ValueName>,
    cell_rows: ValueName,
    row_cells: ValueName,
    /// Empty with [`Pooling::Mean`], which does not read it.
    first_rows: ValueName,
    /// `[names, tokens, 1]`
    mask: ValueName,
    attention_bias: ValueName,
    /// `None` without dropout.
    dropout_factors: Option<ValueName>,
    /// Dropout sites written so far.
    dropout_sites: usize,
}

impl<'a> TrainingBackend<'a> {
    /// Declares the inputs. `train` requires the gradients of all parameters that are not frozen.
    pub(super) fn new(config: &'a BertConfig, options: &StepOptions, train: bool) -> Self {
        let mut tape = Tape::new(DataType::Float);
        if options.half {
            tape = tape.with_float16_products();
        }
        let (names, tokens) = (Axis::Free("names"), Axis::Free("tokens"));
        let cell_rows = tape.graph.input(CELL_ROWS, DataType::Int64, &[names, tokens]);
        let row_cells = tape.graph.input(ROW_CELLS, DataType::Int64, &[Axis::Free("rows")]);
        let mask = tape.graph.input(MASK, DataType::Float, &[names, tokens]);
        let first_rows = match options.pooling {
            Pooling::Cls => tape.graph.input(FIRST_ROWS, DataType::Int64, &[names]),
            Pooling::Mean => String::new(),
        };
        let dropout_factors =
            options.dropout.then(|| tape.graph.input(DROPOUT_FACTORS, DataType::Float, &[Axis::Free("noise")]));
        let axes = tape.graph.ints(&[1, 2]);
        let row = tape.graph.op("Unsqueeze", &[&mask, &axes]);
        let (one, masked) = (tape.scalar(1.0), tape.scalar(-10_000.0));
        let padding = tape.graph.op("Sub", &[&one, &row]);
        let attention_bias = tape.graph.op("Mul", &[&padding, &masked]);
        let axis = tape.graph.ints(&[2]);
        let mask = tape.graph.op("Unsqueeze", &[&mask, &axis]);
        let (parameters, trained) = declare_parameters(&mut tape, config, options.frozen_layers, train);
        Self {
            tape,
            config,
            parameters,
            trained,
            cell_rows,
            row_cells,
            first_rows,
            mask,
            attention_bias,
            dropout_factors,
            dropout_sites: 0,
        }
    }

    /// Writes the gradients of all trained parameters and ends the graph. The output
    /// [`GRADIENT`] is their concatenation, plus `accumulated` if it is given.
    pub(super) fn finish(mut self, accumulated: Option<ValueName>) -> ModelProto {
        self.tape.backward();
        let unit = split_unit(self.config);
        let g = &mut self.tape;
        let (flat, units) = (g.graph.ints(&[-1]), g.graph.ints(&[-1, unit]));
        let mut parts = vec![];
        for value in &self.trained {
            let gradient = match g.gradient(value).cloned() {
                Some(gradient) => gradient,
                // The loss does not depend on it: zeros of its shape.
                None => g.graph.op("Sub", &[value, value]),
            };
            parts.push(g.graph.op("Reshape", &[&gradient, &units]));
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let gradient = g.graph.op_with("Concat", &parts, vec![AttributeProto::int("axis", 0)]);
        let mut gradient = g.graph.op("Reshape", &[&gradient, &flat]);
        if let Some(accumulated) = accumulated {
            gradient = g.graph.op("Add", &[&accumulated, &gradient]);
        }
        g.graph.output(GRADIENT, &gradient, DataType::Float, &[Axis::Free("parameters")]);
        self.tape.graph.finish("step")
    }

    /// The weight or bias of a linear layer or LayerNorm.
    fn parameter(&self, name: &str, part: &str) -> ValueName {
        self.parameters[&format!("{name}.{part}")].clone()
    }

    /// A linear layer, `[rows, inputs] -> [rows, outputs]`.
    fn product(&mut self, name: &str, rows: &str) -> ValueName {
        let (weight, bias) = (self.parameter(name, "weight"), self.parameter(name, "bias"));
        self.tape.linear(rows, &weight, &bias)
    }

    /// Rows as cells, `[names, tokens, hidden]`. Padding contains any row, but gets no gradient, so
    /// that the gradient of a row is that of its one cell.
    fn cells(&mut self, rows: &str) -> ValueName {
        let cells = self.tape.graph.op("Gather", &[rows, &self.cell_rows]);
        let (input, row_cells, hidden) = (rows.to_owned(), self.row_cells.clone(), self.config.hidden as i64);
        self.tape.record(&[rows], &cells, move |t, g| {
            t.add_gradient(&input, |t| {
                let shape = t.graph.ints(&[-1, hidden]);
                let cells = t.graph.op("Reshape", &[g, &shape]);
                t.graph.op("Gather", &[&cells, &row_cells])
            });
        });
        cells
    }
}

/// The greatest common divisor of all parameter sizes, usually `hidden`. Parameters are split off
/// the flat vector, and gradients concatenated, in units of it: on CUDA, ONNX Runtime builds and
/// copies a table with an entry for each element of the axis in each run of `Split` or `Concat`.
/// With single values as units that took 1.5 of the 1.6 seconds of a step.
fn split_unit(config: &BertConfig) -> i64 {
    fn gcd(a: i64, b: i64) -> i64 {
        if b == 0 { a } else { gcd(b, a % b) }
    }
    weights::parameter_specs(config).iter().fold(0, |unit, spec| gcd(unit, spec.len() as i64)).max(1)
}

/// Declares the flat inputs and splits them. Returns all parameters by name, and those that are
/// trained in their order (none without `train`).
fn declare_parameters(
    tape: &mut Tape,
    config: &BertConfig,
    frozen_layers: Option<usize>,
    train: bool,
) -> (HashMap<String, ValueName>, Vec<ValueName>) {
    let (specs, unit) = (weights::parameter_specs(config), split_unit(config));
    let frozen_values = frozen_values(config, frozen_layers);
    let mut end = 0;
    let (frozen, trained): (Vec<&ParameterSpec>, Vec<&ParameterSpec>) = specs.iter().partition(|spec| {
        end += spec.len();
        end <= frozen_values
    });
    let mut all = HashMap::new();
    let mut required = vec![];
    for (input, specs, is_trained) in [(FROZEN, frozen, false), (PARAMETERS, trained, true)] {
        if specs.is_empty() {
            continue;
        }
        let count = specs.iter().map(|spec| spec.len()).sum();
        let flat = tape.graph.input(input, DataType::Float, &[Axis::Fixed(count)]);
        let units = tape.graph.ints(&[-1, unit]);
        let units = tape.graph.op("Reshape", &[&flat, &units]);
        let sizes: Vec<i64> = specs.iter().map(|spec| spec.len() as i64 / unit).collect();
        for (part, spec) in tape.graph.split(&units, &sizes).into_iter().zip(specs) {
            let shape: Vec<i64> = spec.shape.iter().map(|&n| n as i64).collect();
            let shape = tape.graph.ints(&shape);
            let value = tape.graph.op("Reshape", &[&part, &shape]);
            if is_trained && train {
                tape.require_gradient(&value);
                required.push(value.clone());
            }
            all.insert(spec.name.clone(), value);
        }
    }
    (all, required)
}

impl GraphBackend for TrainingBackend<'_> {
    fn tape(&mut self) -> &mut Tape {
        &mut self.tape
    }

    fn embeddings(&mut self) -> ValueName {
        let axes = [Axis::Free("rows")];
        let tokens = self.tape.graph.input(TOKENS, DataType::Int64, &axes);
        let position_ids = self.tape.graph.input(POSITIONS, DataType::Int64, &axes);
        let [words, positions, types] =
            [weights::WORDS, weights::POSITIONS, weights::TOKEN_TYPES].map(|name| self.parameters[name].clone());
        let words = self.tape.lookup_rows(&words, &tokens);
        let positions = self.tape.lookup_rows(&positions, &position_ids);
        let sum = self.tape.add(&words, &positions);
        // Every token has type 0.
        let first = self.tape.graph.ints(&[0]);
        let type_0 = self.tape.lookup_rows(&types, &first);
        self.tape.add_row(&sum, &type_0)
    }

    fn first_rows(&mut self, rows: &str) -> ValueName {
        let first_rows = self.first_rows.clone();
        self.tape.select_rows(rows, &first_rows)
    }

    fn mean_rows(&mut self, rows: &str) -> ValueName {
        let cells = self.cells(rows);
        let mask = self.mask.clone();
        self.tape.masked_mean(&cells, &mask)
    }

    fn query_key_value(&mut self, layer: usize, query_rows: &str, rows: &str) -> [ValueName; 3] {
        let name = weights::layer_name(layer);
        let queries = self.product(&format!("{name}.{}", weights::QUERY), query_rows);
        let scale = ((self.config.hidden / self.config.heads) as f32).sqrt().recip();
        let scale = self.tape.scalar(scale);
        let queries = self.tape.scale(&queries, &scale);
        let [keys, values] = [weights::KEY, weights::VALUE].map(|part| self.product(&format!("{name}.{part}"), rows));
        [queries, keys, values]
    }

    fn split_heads(&mut self, rows: &str, first_only: bool) -> ValueName {
        let (heads, head_size) = (self.config.heads as i64, (self.config.hidden / self.config.heads) as i64);
        if first_only {
            let shape = self.tape.graph.ints(&[-1, 1, heads, head_size]);
            return self.tape.reshape(rows, &shape);
        }
        let cells = self.cells(rows);
        let shape = self.tape.graph.ints(&[0, 0, heads, head_size]);
        self.tape.reshape(&cells, &shape)
    }

    fn merge_heads(&mut self, heads: &str, first_only: bool) -> ValueName {
        let hidden = self.config.hidden as i64;
        let shape = self.tape.graph.ints(&[-1, hidden]);
        let cells = self.tape.reshape(heads, &shape);
        if first_only {
            return cells;
        }
        let rows = self.tape.graph.op("Gather", &[&cells, &self.row_cells]);
        let (input, cell_rows, mask) = (cells.clone(), self.cell_rows.clone(), self.mask.clone());
        self.tape.record(&[&cells], &rows, move |t, g| {
            t.add_gradient(&input, |t| {
                let gathered = t.graph.op("Gather", &[g, &cell_rows]);
                let masked = t.graph.op("Mul", &[&gathered, &mask]);
                let shape = t.graph.ints(&[-1, hidden]);
                t.graph.op("Reshape", &[&masked, &shape])
            });
        });
        rows
    }

    fn attention_bias(&self) -> ValueName {
        self.attention_bias.clone()
    }

    fn linear(&mut self, layer: usize, kind: LinearKind, rows: &str) -> ValueName {
        let part = match kind {
            LinearKind::AttentionOutput => weights::ATTENTION_OUTPUT,
            LinearKind::Intermediate => weights::INTERMEDIATE,
            LinearKind::Output => weights::OUTPUT,
        };
        self.product(&format!("{}.{part}", weights::layer_name(layer)), rows)
    }

    fn layer_norm(&mut self, site: LayerNormSite, rows: &str) -> ValueName {
        let name = match site {
            LayerNormSite::Embeddings => weights::NORM.to_owned(),
            LayerNormSite::Attention(layer) => format!("{}.{}", weights::layer_name(layer), weights::ATTENTION_NORM),
            LayerNormSite::Output(layer) => format!("{}.{}", weights::layer_name(layer), weights::OUTPUT_NORM),
        };
        let (weight, bias) = (self.parameter(&name, "weight"), self.parameter(&name, "bias"));
        self.tape.layer_norm(rows, &weight, &bias, self.config.layer_norm_eps)
    }

    fn dropout(&mut self, value: ValueName) -> ValueName {
        let Some(all_factors) = &self.dropout_factors else { return value };
        let g = &mut self.tape.graph;
        let begin = g.input(&dropout_offset(self.dropout_sites), DataType::Int64, &[Axis::Fixed(1)]);
        self.dropout_sites += 1;
        let size = g.op("Size", &[&value]);
        let end = g.op("Add", &[&begin, &size]);
        let factors = g.op("Slice", &[all_factors, &begin, &end]);
        let shape = g.op("Shape", &[&value]);
        let factors = g.op("Reshape", &[&factors, &shape]);
        self.tape.scale(&value, &factors)
    }
}
