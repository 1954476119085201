//! The files of a UMLS release: its folder `META` in Rich Release Format, plain or `.gz`, whole or in parts.
//!
//! Invariant: of each file exactly one form is read, and without a gap; what a missing one costs is said.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::{
    files::input::metadata,
    terminology::{Input, TerminologyError},
};

/// A file of a release that saplink reads, in the order of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RrfFile {
    Mrsab,
    Mrrank,
    Mrconso,
    Mrsty,
    Mrdef,
    Mrrel,
    Mrhier,
    Mrcui,
}

impl RrfFile {
    pub const ALL: [Self; 8] =
        [Self::Mrsab, Self::Mrrank, Self::Mrconso, Self::Mrsty, Self::Mrdef, Self::Mrrel, Self::Mrhier, Self::Mrcui];

    /// Its name in a release, such as `MRCONSO.RRF`.
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

    /// What goes without saying once this file has nothing to say.
    pub(super) fn cost(self) -> &'static str {
        match self {
            Self::Mrsab => {
                "sources have no names and no versions, and their restriction levels are those of MRCONSO.RRF"
            }
            Self::Mrrank => "preferred names do not follow the ranks of sources and term types",
            Self::Mrconso => "concepts have no names",
            Self::Mrsty => "concepts have no semantic types",
            Self::Mrdef => "concepts have no definitions",
            Self::Mrrel | Self::Mrhier => "concepts have no broader concepts",
            Self::Mrcui => "retired concepts lead nowhere",
        }
    }
}

impl fmt::Display for RrfFile {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A UMLS release on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    files: Vec<(RrfFile, Input)>,
}

impl Release {
    /// Finds the files of the release in `dir`, or in its folder `META`.
    ///
    /// # Errors
    /// What is missing, what there is more than once, or that `dir` cannot be listed.
    pub fn find(dir: &Path) -> Result<Self, TerminologyError> {
        if !metadata(dir)?.is_dir() {
            return Err(broken(dir, "it is a file; name the directory of the UMLS release, which has MRCONSO.RRF"));
        }
        let meta = dir.join("META");
        for dir in [dir, &meta] {
            if dir.is_dir() {
                let listing = Listing::of(dir)?;
                if let Some(input) = listing.input(RrfFile::Mrconso)? {
                    return Self::with_names(&listing, input);
                }
            }
        }
        Err(broken(
            dir,
            "it is no UMLS release: MRCONSO.RRF (or MRCONSO.RRF.gz, or MRCONSO.RRF.aa.gz and so on) is missing, also in META",
        ))
    }

    fn with_names(listing: &Listing, names: Input) -> Result<Self, TerminologyError> {
        let mut files: Vec<(RrfFile, Input)> = vec![];
        for file in RrfFile::ALL {
            let relations = files.iter().any(|(f, _)| *f == RrfFile::Mrrel);
            match file {
                RrfFile::Mrconso => files.push((file, names.clone())),
                RrfFile::Mrhier if relations => {}
                _ => match listing.input(file)? {
                    Some(input) => files.push((file, input)),
                    None if file.is_required() => {
                        return Err(broken(listing.dir, format!("{file} is missing: {}", file.cost())));
                    }
                    None => {}
                },
            }
        }
        Ok(Self { files })
    }

    /// The files that are read, in this order.
    pub fn inputs(&self) -> &[(RrfFile, Input)] {
        &self.files
    }

    pub(super) fn has(&self, file: RrfFile) -> bool {
        self.files.iter().any(|(f, _)| *f == file)
    }

    /// What each missing file costs.
    pub fn missing(&self) -> Vec<String> {
        let tell = |file: RrfFile| match file {
            _ if self.has(file) => None,
            RrfFile::Mrhier => None,
            RrfFile::Mrrel if self.has(RrfFile::Mrhier) => Some(format!(
                "{file} is missing: of broader concepts there are only the parents of {}",
                RrfFile::Mrhier
            )),
            RrfFile::Mrrel => Some(format!("{file} and {} are missing: {}", RrfFile::Mrhier, file.cost())),
            _ => Some(format!("{file} is missing: {}", file.cost())),
        };
        RrfFile::ALL.into_iter().filter_map(tell).collect()
    }
}

/// The names in a directory, sorted.
struct Listing<'a> {
    dir: &'a Path,
    names: Vec<String>,
}

impl<'a> Listing<'a> {
    fn of(dir: &'a Path) -> Result<Self, TerminologyError> {
        let mut names = vec![];
        for entry in fs_err::read_dir(dir)? {
            // A name that is not UTF-8 is none of a release's.
            names.extend(entry?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(Self { dir, names })
    }

    fn input(&self, file: RrfFile) -> Result<Option<Input>, TerminologyError> {
        // Whole or in parts, plain or compressed.
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
            return Err(broken(self.dir, reason));
        }
        if form >= 2 {
            let extension = if form == 3 { ".gz" } else { "" };
            let parts =
                (b'a'..=b'z').flat_map(|first| (b'a'..=b'z').map(move |second| [first, second].map(char::from)));
            for (name, [first, second]) in names.iter().zip(parts) {
                let expected = format!("{file}.{first}{second}{extension}");
                if *name != expected {
                    return Err(broken(self.dir, format!("{expected} is missing, though there is {name}")));
                }
            }
        }
        let parts = names.iter().map(|name| self.dir.join(name)).collect();
        Ok(Some(Input { path: self.dir.join(file.name()), parts }))
    }
}

fn broken(path: &Path, reason: impl Into<String>) -> TerminologyError {
    TerminologyError::File { path: PathBuf::from(path), reason: reason.into() }
}
