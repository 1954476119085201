//! Texts to token ids.
//!
//! Invariant: names and mentions pass through the same tokenizer with the same limit; [CLS] and [SEP] survive truncation.

use std::path::Path;

use serde::Deserialize;
use tokenizers::{
    Tokenizer, TruncationDirection, TruncationParams, TruncationStrategy, models::wordpiece::WordPiece,
    normalizers::BertNormalizer, pre_tokenizers::bert::BertPreTokenizer, processors::bert::BertProcessing,
};

use crate::encoder::EncoderError;

/// A tokenizer that truncates.
pub struct Tokens(Tokenizer);

impl Tokens {
    /// Reads `tokenizer.json` at `path`, limited to `max_tokens`.
    pub fn read(path: &Path, max_tokens: usize) -> Result<Self, EncoderError> {
        Self::parse(path, &fs_err::read(path)?, max_tokens)
    }

    /// That of a checkpoint in `dir` whose embedding table has `vocab` rows, as [`super::import`] would take it.
    ///
    /// # Errors
    /// [`EncoderError::Tokenizer`] when there is none, or none that suits the model.
    pub fn of_checkpoint(dir: &Path, vocab: usize, max_tokens: usize) -> Result<Self, EncoderError> {
        Self::parse(dir, import(dir, Some(vocab))?.as_bytes(), max_tokens)
    }

    fn parse(path: &Path, json: &[u8], max_tokens: usize) -> Result<Self, EncoderError> {
        let tokenizer = Tokenizer::from_bytes(json).map_err(|e| fail(path, e))?;
        limited(tokenizer, max_tokens).map(Self).map_err(|e| fail(path, e))
    }

    /// The largest id that a text can have.
    pub fn largest_id(&self) -> i64 {
        largest(&self.0)
    }

    /// The ids of `text`, at least two.
    pub fn ids(&self, text: &str) -> Result<Vec<i64>, EncoderError> {
        // The library's message may quote the text, so it is not passed on.
        let encoding = self.0.encode_fast(text, true).map_err(|_| EncoderError::Tokenize)?;
        Ok(encoding.get_ids().iter().map(|&id| id.into()).collect())
    }
}

fn largest(tokenizer: &Tokenizer) -> i64 {
    tokenizer.get_vocab(true).into_values().max().unwrap_or(0).into()
}

fn fail(path: &Path, e: impl std::fmt::Display) -> EncoderError {
    EncoderError::Tokenizer { path: path.into(), reason: e.to_string() }
}

fn limited(mut tokenizer: Tokenizer, max_tokens: usize) -> tokenizers::Result<Tokenizer> {
    tokenizer.with_padding(None);
    tokenizer.with_truncation(Some(TruncationParams {
        direction: TruncationDirection::Right,
        max_length: max_tokens,
        strategy: TruncationStrategy::LongestFirst,
        stride: 0,
    }))?;
    Ok(tokenizer)
}

#[derive(Deserialize)]
struct TokenizerConfig {
    #[serde(default = "yes")]
    do_lower_case: bool,
    #[serde(default = "yes")]
    tokenize_chinese_chars: bool,
    strip_accents: Option<bool>,
}

fn yes() -> bool {
    true
}

/// The tokenizer of a checkpoint directory, as `tokenizer.json` text without truncation or padding: its own
/// `tokenizer.json`, or one made of `vocab.txt` and `tokenizer_config.json` as BERT's tokenizer reads them. `vocab` is the number
/// of rows in the model's embedding table, where it is known.
///
/// # Errors
/// [`EncoderError::Tokenizer`] when there is none, it cannot be read, it lacks BERT's special tokens or knows more tokens than the model.
pub(super) fn import(dir: &Path, vocab: Option<usize>) -> Result<String, EncoderError> {
    let (json, txt) = (dir.join("tokenizer.json"), dir.join("vocab.txt"));
    let (path, tokenizer) = if json.is_file() {
        let tokenizer = Tokenizer::from_bytes(fs_err::read(&json)?).map_err(|e| fail(&json, e));
        (json, tokenizer?)
    } else if txt.is_file() {
        let tokenizer = from_vocab(dir, &txt)?;
        (txt, tokenizer)
    } else {
        let reason = "neither tokenizer.json nor vocab.txt is there".into();
        return Err(EncoderError::Tokenizer { path: dir.into(), reason });
    };
    let fail = |reason: String| EncoderError::Tokenizer { path: path.clone(), reason };
    let largest = largest(&tokenizer);
    if let Some(rows) = vocab.filter(|&rows| largest >= rows as i64) {
        return Err(fail(format!("it has ids up to {largest}, the model's embedding table has {rows} rows")));
    }
    if let Some(rows) = vocab.filter(|&rows| (largest + 1) * 10 < rows as i64 * 9) {
        return Err(fail(format!(
            "it ends at id {largest}, the model's embedding table has {rows} rows; it may be truncated"
        )));
    }
    let mut tokenizer = limited(tokenizer, 8).map_err(|e| fail(e.to_string()))?;
    let probe = tokenizer.encode_fast("a", true).map_err(|e| fail(e.to_string()))?;
    let special = |token| tokenizer.token_to_id(token);
    if probe.get_ids().first().copied() != special("[CLS]") || probe.get_ids().last().copied() != special("[SEP]") {
        return Err(fail("it does not put [CLS] before a text and [SEP] after it, as BERT needs".into()));
    }
    tokenizer.with_truncation(None).map_err(|e| fail(e.to_string()))?;
    tokenizer.to_string(false).map_err(|e| fail(e.to_string()))
}

fn from_vocab(dir: &Path, path: &Path) -> Result<Tokenizer, EncoderError> {
    let config = dir.join("tokenizer_config.json");
    let config: TokenizerConfig = match std::fs::read(&config) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| fail(&config, e))?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            TokenizerConfig { do_lower_case: true, tokenize_chinese_chars: true, strip_accents: None }
        }
        Err(e) => return Err(fail(&config, e)),
    };
    let vocab = WordPiece::read_bytes(&fs_err::read(path)?).map_err(|e| fail(path, e))?;
    let special = |token: &str| {
        let reason = format!("it has no {token}");
        let id = vocab.get(token).copied();
        id.map(|id| (token.to_owned(), id)).ok_or(EncoderError::Tokenizer { path: path.into(), reason })
    };
    let processing = BertProcessing::new(special("[SEP]")?, special("[CLS]")?);
    special("[UNK]")?;
    let model = WordPiece::builder().vocab(vocab).unk_token("[UNK]".into()).build().map_err(|e| fail(path, e))?;
    let mut tokenizer = Tokenizer::new(model);
    let (chinese, accents, lower) = (config.tokenize_chinese_chars, config.strip_accents, config.do_lower_case);
    let normalizer = BertNormalizer::new(true, chinese, accents, lower);
    tokenizer.with_normalizer(Some(normalizer)).map_err(|e| fail(path, e))?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer)).with_post_processor(Some(processing));
    Ok(tokenizer)
}
