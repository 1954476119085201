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
    cancel::CancelToken,
    encoder::{Device, Encoder, EncoderOptions, Runtime},
    index::Index,
    linker::{LinkLimits, LinkService, LinkedMention, Linker, Mention, MentionOptions},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut mentions: Vec<String> = std::env::args().skip(1).collect();
    if mentions.is_empty() {
        mentions = ["heart attack", "diabetis mellitus", "trouble getting to sleep"].map(str::to_owned).to_vec();
    }
    // A process loads the ONNX Runtime library once. `None` looks for it where `saplink serve`
    // does: in .onnxruntime/, beside the executable, in the system.
    let runtime = Runtime::load(None)?;
    let service = open(&runtime, Path::new("models/saplink-mini"), Path::new("index/starter"))?;
    print_candidates(&service, mentions, &mut io::stdout())
}

/// Opens a model directory and an index that was built with this model.
pub(crate) fn open(runtime: &Runtime, model: &Path, index: &Path) -> Result<LinkService, Box<dyn Error>> {
    // `None` chooses the number of sessions and threads by the number of cores.
    let options = EncoderOptions { device: Device::Cpu, sessions: None, threads: None };
    let encoder = Encoder::load(runtime, model, options)?;
    // The files of an index are mapped into memory. Opening compares them with their checksums.
    let index = Index::open(index)?;
    // An index of another model is an error here.
    let linker = Linker::new(encoder, index)?;
    Ok(LinkService::new(linker, LinkLimits::default()))
}

/// Links `mentions` as one batch and prints the candidates of each.
pub(crate) fn print_candidates(
    service: &LinkService,
    mentions: Vec<String>,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    // Options for all mentions; filters by semantic type, group and source stand here too.
    let defaults = service.defaults(MentionOptions { top_k: Some(3), ..MentionOptions::default() })?;
    let mentions = mentions.into_iter().map(|text| Mention { text, ..Mention::default() });
    // Another token would cancel the work from outside.
    let linked = service.link(service.check(mentions, &defaults), &CancelToken::never())?;
    // A candidate has numbers; names and ids are in the concepts of the index.
    let concepts = service.linker().index().concepts();
    for LinkedMention { mention, outcome } in linked.mentions {
        // A mention that is blank or too long has an error of its own; the others are linked.
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => {
                writeln!(out, "{}: {error}", mention.text)?;
                continue;
            }
        };
        writeln!(out, "{}: {:?}", mention.text, answer.status)?;
        // Words that qualify the term, such as "no" or "500 mg", may have been left out.
        if let Some(reading) = &answer.read_as {
            let left_out: Vec<&str> = reading.left_out.iter().map(|part| part.text.as_str()).collect();
            writeln!(out, "  read as {}, without {}", reading.text, left_out.join(", "))?;
        }
        for candidate in answer.candidates {
            let (id, name) = (concepts.id(candidate.concept), concepts.preferred_name(candidate.concept));
            // An index without a calibration gives no probabilities.
            let probability = candidate.probability.map_or("-".into(), |p| format!("{p:.3}"));
            let (kind, score) = (candidate.kind, candidate.score);
            writeln!(out, "  {id}  {name}  ({kind:?}, score {score:.3}, probability {probability})")?;
        }
    }
    Ok(())
}
