//! Finds the files of a UMLS release: its folder `META`, with each file plain or `.gz`, in one
//! piece or split into parts.
//!
//! Invariant: each file is read in exactly one form, and no part is missing. The consequence of a
//! missing file is reported.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::{
    files::input::{InputFile, metadata},
    terminology::TerminologyError,
};

/// A file of a release that saplink reads, in the order of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RrfFile {
    /// Source vocabularies.
    Mrsab,
    /// Ranks of sources and term types.
    Mrrank,
    /// Atoms: names and codes of concepts.
    Mrconso,
    /// Semantic types.
    Mrsty,
    /// Definitions.
    Mrdef,
    /// Relations.
    Mrrel,
    /// Hierarchies; read only when MRREL is missing.
    Mrhier,
    /// Retired CUIs.
    Mrcui,
}

impl RrfFile {
    /// All files, in the order of reading.
    pub const ALL: [Self; 8] =
        [Self::Mrsab, Self::Mrrank, Self::Mrconso, Self::Mrsty, Self::Mrdef, Self::Mrrel, Self::Mrhier, Self::Mrcui];

    /// Name of the file, such as `MRCONSO.RRF`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mrsab => "MRSAB.RRF",
            Self::Mrrank => "MRRANK.RRF",
            Self::Mrconso => "MRCONSO.RRF",
            Self::Mrsty => "MRSTY.RRF",
            Self::Mrdef => "MRDEF.RRF",
            Self::Mrrel => "MRREL.RRF",
            Self::Mrhier => "MRHIER.RRF",
            Self::Mrcui => "MRCUI.RRF",
        }
    }

    pub(super) fn is_required(self) -> bool {
        matches!(self, Self::Mrconso | Self::Mrsty)
    }

    /// What an index lacks without this file.
    pub(super) fn consequence(self) -> &'static str {
        match self {
            Self::Mrsab => {
                "sources have no names and no versions, and their restriction levels are those of MRCONSO.RRF"
            }
            Self::Mrrank => "preferred names do not follow the ranks of sources and term types",
            Self::Mrconso => "concepts have no names",
            Self::Mrsty => "concepts have no semantic types",
            Self::Mrdef => "concepts have no definitions",
            Self::Mrrel | Self::Mrhier => "concepts have no broader concepts",
            Self::Mrcui => "retired CUIs have no successors",
        }
    }
}

impl fmt::Display for RrfFile {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The files of a UMLS release that are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UmlsRelease {
    files: Vec<(RrfFile, InputFile)>,
}

impl UmlsRelease {
    /// Finds the files of the release in `dir`, or in its folder `META`.
    ///
    /// # Errors
    /// A required file is missing, a file exists in two forms or lacks a part, or `dir` cannot be
    /// listed.
    pub fn find(dir: &Path) -> Result<Self, TerminologyError> {
        if !metadata(dir)?.is_dir() {
            return Err(file_error(dir, "it is a file; name the directory of the UMLS release, which has MRCONSO.RRF"));
        }
        let meta = dir.join("META");
        for dir in [dir, &meta] {
            if dir.is_dir() {
                let listing = Listing::new(dir)?;
                if let Some(input) = listing.input(RrfFile::Mrconso)? {
                    return Self::with_mrconso(&listing, input);
                }
            }
        }
        Err(file_error(
            dir,
            "it is not a UMLS release: MRCONSO.RRF (or MRCONSO.RRF.gz, or MRCONSO.RRF.aa.gz and so on) is missing, also in META",
        ))
    }

    /// The release whose MRCONSO was found.
    fn with_mrconso(listing: &Listing, mrconso: InputFile) -> Result<Self, TerminologyError> {
        let mut files: Vec<(RrfFile, InputFile)> = vec![];
        for file in RrfFile::ALL {
            let has_mrrel = files.iter().any(|(f, _)| *f == RrfFile::Mrrel);
            match file {
                RrfFile::Mrconso => files.push((file, mrconso.clone())),
                RrfFile::Mrhier if has_mrrel => {}
                _ => match listing.input(file)? {
                    Some(input) => files.push((file, input)),
                    None if file.is_required() => {
                        return Err(file_error(listing.dir, format!("{file} is missing: {}", file.consequence())));
                    }
                    None => {}
                },
            }
        }
        Ok(Self { files })
    }

    /// The files with their inputs, in the order of reading.
    pub fn inputs(&self) -> &[(RrfFile, InputFile)] {
        &self.files
    }

    pub(super) fn has(&self, file: RrfFile) -> bool {
        self.files.iter().any(|(f, _)| *f == file)
    }

    /// A message for each missing file, with the consequence.
    pub fn missing(&self) -> Vec<String> {
        let message = |file: RrfFile| match file {
            _ if self.has(file) => None,
            RrfFile::Mrhier => None,
            RrfFile::Mrrel if self.has(RrfFile::Mrhier) => Some(format!(
                "{file} is missing: concepts have no broader concepts except the parents in {}",
                RrfFile::Mrhier
            )),
            RrfFile::Mrrel => Some(format!("{file} and {} are missing: {}", RrfFile::Mrhier, file.consequence())),
            _ => Some(format!("{file} is missing: {}", file.consequence())),
        };
        RrfFile::ALL.into_iter().filter_map(message).collect()
    }
}

/// The names of the files in a directory, sorted.
struct Listing<'a> {
    dir: &'a Path,
    names: Vec<String>,
}

impl<'a> Listing<'a> {
    fn new(dir: &'a Path) -> Result<Self, TerminologyError> {
        let mut names = vec![];
        for entry in fs_err::read_dir(dir)? {
            // No file of a release has a name that is not UTF-8.
            names.extend(entry?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(Self { dir, names })
    }

    /// The input of a file; `None` when it is missing.
    fn input(&self, file: RrfFile) -> Result<Option<InputFile>, TerminologyError> {
        // Names by form: plain, compressed, plain parts, compressed parts.
        let mut forms: [Vec<&str>; 4] = Default::default();
        for name in &self.names {
            let Some(rest) = name.strip_prefix(file.name()) else { continue };
            let (part, compressed) = rest.strip_suffix(".gz").map_or((rest, 0), |part| (part, 1));
            match part.as_bytes() {
                [] => forms[compressed].push(name),
                [b'.', b'a'..=b'z', b'a'..=b'z'] => forms[2 + compressed].push(name),
                _ => {}
            }
        }
        let mut forms = forms.iter().enumerate().filter(|(_, names)| !names.is_empty());
        let Some((form, names)) = forms.next() else { return Ok(None) };
        if let Some((_, others)) = forms.next() {
            let reason = format!("it has {file} in two forms, {} and {}: remove one of them", names[0], others[0]);
            return Err(file_error(self.dir, reason));
        }
        if form >= 2 {
            let extension = if form == 3 { ".gz" } else { "" };
            let parts =
                (b'a'..=b'z').flat_map(|first| (b'a'..=b'z').map(move |second| [first, second].map(char::from)));
            for (name, [first, second]) in names.iter().zip(parts) {
                let expected = format!("{file}.{first}{second}{extension}");
                if *name != expected {
                    return Err(file_error(self.dir, format!("{expected} is missing, though there is {name}")));
                }
            }
        }
        let parts = names.iter().map(|name| self.dir.join(name)).collect();
        Ok(Some(InputFile { path: self.dir.join(file.name()), parts }))
    }
}

fn file_error(path: &Path, reason: impl Into<String>) -> TerminologyError {
    TerminologyError::File { path: PathBuf::from(path), reason: reason.into() }
}
