//! Converts texts to token ids, and reads the tokenizer of a checkpoint.
//!
//! Invariant: names and mentions pass through the same tokenizer with the same limit; truncation
//! keeps [CLS] and [SEP].

use std::path::Path;

use serde::Deserialize;
use tokenizers::{
    Tokenizer, TruncationDirection, TruncationParams, TruncationStrategy, models::wordpiece::WordPiece,
    normalizers::BertNormalizer, pre_tokenizers::bert::BertPreTokenizer, processors::bert::BertProcessing,
};

use crate::encoder::error::EncoderError;

/// A BERT tokenizer (WordPiece) that truncates and does not pad.
pub struct BertTokenizer(Tokenizer);

impl BertTokenizer {
    /// Reads the `tokenizer.json` at `path`; texts are truncated to `max_tokens`.
    ///
    /// # Errors
    /// [`EncoderError::Tokenizer`] if the file is damaged.
    pub fn read(path: &Path, max_tokens: usize) -> Result<Self, EncoderError> {
        Self::parse(path, &fs_err::read(path)?, max_tokens)
    }

    /// Reads the tokenizer of the checkpoint in `dir` as [`super::import`] does. `vocab` is the
    /// number of rows of the embedding table.
    ///
    /// # Errors
    /// [`EncoderError::Tokenizer`] if there is none, or it does not suit the model.
    pub fn of_checkpoint(dir: &Path, vocab: usize, max_tokens: usize) -> Result<Self, EncoderError> {
        Self::parse(dir, import_tokenizer(dir, Some(vocab), None)?.as_bytes(), max_tokens)
    }

    fn parse(path: &Path, json: &[u8], max_tokens: usize) -> Result<Self, EncoderError> {
        let tokenizer = Tokenizer::from_bytes(json).map_err(|e| fail(path, e))?;
        with_limit(tokenizer, max_tokens).map(Self).map_err(|e| fail(path, e))
    }

    /// The largest token id that a text can have.
    pub fn max_id(&self) -> i64 {
        max_id(&self.0)
    }

    /// The token ids of `text`, at least two (`[CLS]` and `[SEP]`).
    ///
    /// # Errors
    /// [`EncoderError::Tokenize`] if the tokenizer refuses the text.
    pub fn ids(&self, text: &str) -> Result<Vec<i64>, EncoderError> {
        self.tokenize(text).map(|tokens| tokens.ids)
    }

    /// As [`BertTokenizer::ids`]; also says whether the text was truncated.
    ///
    /// # Errors
    /// As [`BertTokenizer::ids`].
    pub fn tokenize(&self, text: &str) -> Result<TokenizedText, EncoderError> {
        // The message of the library may quote the text, so the error does not contain it.
        let encoding = self.0.encode_fast(text, true).map_err(|_| EncoderError::Tokenize)?;
        let ids = encoding.get_ids().iter().map(|&id| id.into()).collect();
        Ok(TokenizedText { ids, truncated: !encoding.get_overflowing().is_empty() })
    }

    /// Whether a whole word is one token: the training texts of the model had it often.
    pub fn has_word(&self, word: &str) -> bool {
        self.0.token_to_id(word).is_some()
    }
}

/// The tokens of a text.
pub struct TokenizedText {
    /// Token ids.
    pub ids: Vec<i64>,
    /// Whether tokens at the end of the text are left out because it has too many.
    pub truncated: bool,
}

fn max_id(tokenizer: &Tokenizer) -> i64 {
    tokenizer.get_vocab(true).into_values().max().unwrap_or(0).into()
}

fn fail(path: &Path, e: impl std::fmt::Display) -> EncoderError {
    EncoderError::Tokenizer { path: path.into(), reason: e.to_string() }
}

/// Truncates at `max_tokens` and removes padding.
fn with_limit(mut tokenizer: Tokenizer, max_tokens: usize) -> tokenizers::Result<Tokenizer> {
    tokenizer.with_padding(None);
    tokenizer.with_truncation(Some(TruncationParams {
        direction: TruncationDirection::Right,
        max_length: max_tokens,
        strategy: TruncationStrategy::LongestFirst,
        stride: 0,
    }))?;
    Ok(tokenizer)
}

/// Whether a vocabulary has capital letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterCase {
    /// It has; texts are tokenized as they are.
    Cased,
    /// It has none; texts are tokenized in lower case.
    Uncased,
}

/// The fields of `tokenizer_config.json` that BERT's tokenizer reads.
#[derive(Deserialize)]
struct TokenizerConfig {
    do_lower_case: Option<bool>,
    #[serde(default = "default_true")]
    tokenize_chinese_chars: bool,
    strip_accents: Option<bool>,
}

fn default_true() -> bool {
    true
}

/// Reads the tokenizer of the checkpoint in `dir` and returns the text of a `tokenizer.json`
/// without truncation and padding. Reads `tokenizer.json`, else `vocab.txt` with
/// `tokenizer_config.json`. `vocab` is the number of rows of the embedding table, if it is known.
///
/// # Errors
/// [`EncoderError::Tokenizer`] if there is none, it is damaged, it lacks the special tokens of
/// BERT, or its number of tokens does not suit the embedding table.
pub(super) fn import_tokenizer(
    dir: &Path,
    vocab: Option<usize>,
    letter_case: Option<LetterCase>,
) -> Result<String, EncoderError> {
    let (json, txt) = (dir.join("tokenizer.json"), dir.join("vocab.txt"));
    let (path, tokenizer) = if json.is_file() {
        if letter_case.is_some() {
            return Err(fail(&json, "it states the case of letters itself: --cased and --uncased are for vocab.txt"));
        }
        let tokenizer = Tokenizer::from_bytes(fs_err::read(&json)?).map_err(|e| fail(&json, e));
        (json, tokenizer?)
    } else if txt.is_file() {
        let tokenizer = from_vocab(dir, &txt, letter_case)?;
        (txt, tokenizer)
    } else {
        let reason = "it has neither tokenizer.json nor vocab.txt".into();
        return Err(EncoderError::Tokenizer { path: dir.into(), reason });
    };
    let fail = |reason: String| EncoderError::Tokenizer { path: path.clone(), reason };
    let max_id = max_id(&tokenizer);
    if let Some(rows) = vocab.filter(|&rows| max_id >= rows as i64) {
        return Err(fail(format!("it has ids up to {max_id}, the model's embedding table has {rows} rows")));
    }
    if let Some(rows) = vocab.filter(|&rows| (max_id + 1) * 10 < rows as i64 * 9) {
        return Err(fail(format!(
            "its last id is {max_id}, the model's embedding table has {rows} rows; it may be truncated"
        )));
    }
    let mut tokenizer = with_limit(tokenizer, 8).map_err(|e| fail(e.to_string()))?;
    let probe = tokenizer.encode_fast("a", true).map_err(|e| fail(e.to_string()))?;
    let special = |token| tokenizer.token_to_id(token);
    if probe.get_ids().first().copied() != special("[CLS]") || probe.get_ids().last().copied() != special("[SEP]") {
        return Err(fail("it does not put [CLS] before a text and [SEP] after it, as BERT needs".into()));
    }
    tokenizer.with_truncation(None).map_err(|e| fail(e.to_string()))?;
    tokenizer.to_string(false).map_err(|e| fail(e.to_string()))
}

/// Whether words of a vocabulary have capital letters, apart from special tokens such as `[CLS]`.
fn has_capitals<'v>(mut words: impl Iterator<Item = &'v String>) -> bool {
    words.any(|word| !word.starts_with('[') && word.chars().any(char::is_uppercase))
}

/// Builds the tokenizer that BERT builds from a `vocab.txt`, one token a line.
fn from_vocab(dir: &Path, path: &Path, letter_case: Option<LetterCase>) -> Result<Tokenizer, EncoderError> {
    let config = dir.join("tokenizer_config.json");
    let config: TokenizerConfig = match std::fs::read(&config) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| fail(&config, e))?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            TokenizerConfig { do_lower_case: None, tokenize_chinese_chars: true, strip_accents: None }
        }
        Err(e) => return Err(fail(&config, e)),
    };
    let vocab = WordPiece::read_bytes(&fs_err::read(path)?).map_err(|e| fail(path, e))?;
    let special = |token: &str| {
        let reason = format!("it has no {token}");
        let id = vocab.get(token).copied();
        id.map(|id| (token.to_owned(), id)).ok_or(EncoderError::Tokenizer { path: path.into(), reason })
    };
    let lower = match letter_case {
        Some(letter_case) => letter_case == LetterCase::Uncased,
        None => match config.do_lower_case {
            Some(lower) => lower,
            None if has_capitals(vocab.keys()) => {
                let reason = "it has words with capital letters, and no tokenizer_config.json states `do_lower_case`: \
                              write that file, or import with --cased or --uncased";
                return Err(fail(path, reason));
            }
            None => true,
        },
    };
    let processing = BertProcessing::new(special("[SEP]")?, special("[CLS]")?);
    special("[UNK]")?;
    let model = WordPiece::builder().vocab(vocab).unk_token("[UNK]".into()).build().map_err(|e| fail(path, e))?;
    let mut tokenizer = Tokenizer::new(model);
    let (chinese, accents) = (config.tokenize_chinese_chars, config.strip_accents);
    let normalizer = BertNormalizer::new(true, chinese, accents, lower);
    tokenizer.with_normalizer(Some(normalizer)).map_err(|e| fail(path, e))?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer)).with_post_processor(Some(processing));
    Ok(tokenizer)
}
