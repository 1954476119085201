//! Links mentions with the library, without a service.
//!
//! ```sh
//! make onnxruntime build index/starter/index.json
//! cargo run --release --example link_mentions
//! cargo run --release --example link_mentions -- "sugar diabetes" "cold"
//! ```
//!
//! The arguments are mentions. The program prints the status and the best candidates of each.

use std::{
    error::Error,
    io::{self, Write},
    path::Path,
};

use saplink::{
    concepts::FilterRequest,
    encoder::{Device, Encoder, EncoderOptions, Runtime},
    index::Index,
    linker::{Linker, Query},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut mentions: Vec<String> = std::env::args().skip(1).collect();
    if mentions.is_empty() {
        mentions = ["heart attack", "diabetis mellitus", "trouble getting to sleep"].map(str::to_owned).to_vec();
    }
    // A process loads the ONNX Runtime library once. `None` looks for it where `saplink serve`
    // does: in .onnxruntime/, beside the executable, in the system.
    let runtime = Runtime::load(None)?;
    let linker = open(&runtime, Path::new("models/saplink-mini"), Path::new("index/starter"))?;
    print_candidates(&linker, &mentions, &mut io::stdout())
}

/// Opens a model directory and an index that was built with this model.
pub(crate) fn open(runtime: &Runtime, model: &Path, index: &Path) -> Result<Linker, Box<dyn Error>> {
    // `None` chooses the number of sessions and threads by the number of cores.
    let options = EncoderOptions { device: Device::Cpu, sessions: None, threads: None };
    let encoder = Encoder::load(runtime, model, options)?;
    // The files of an index are mapped into memory. Opening compares them with their checksums.
    let index = Index::open(index)?;
    // An index of another model is an error here.
    Ok(Linker::new(encoder, index)?)
}

/// Links `mentions` as one batch and prints the candidates of each.
pub(crate) fn print_candidates(
    linker: &Linker,
    mentions: &[String],
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let queries: Vec<Query> = mentions
        .iter()
        .map(|mention| Query {
            text: mention.clone(),
            top_k: 3,
            min_score: None,
            // The filter restricts semantic types, groups and sources; this one lets every concept
            // pass.
            filter: FilterRequest::default(),
        })
        .collect();
    let answers = linker.link(&queries)?;

    // A candidate has numbers; names and ids are in the concepts of the index.
    let concepts = linker.index().concepts();
    for (mention, answer) in mentions.iter().zip(answers) {
        writeln!(out, "{mention}: {:?}", answer.status)?;
        for candidate in answer.candidates {
            let (id, name) = (concepts.id(candidate.concept), concepts.preferred_name(candidate.concept));
            // An index without a calibration gives no probabilities.
            let probability = candidate.probability.map_or("-".into(), |p| format!("{p:.3}"));
            writeln!(
                out,
                "  {id}  {name}  ({:?}, score {:.3}, probability {probability})",
                candidate.kind, candidate.score
            )?;
        }
    }
    Ok(())
}
