//! What the rows of each file say.
//!
//! Invariant: a row has exactly the fields of its file, each ended by `|`, and a well-formed CUI wherever one must stand;
//! else it is bad. No row costs an allocation, but the first of a source.

use std::{collections::HashMap, io::BufRead, str::FromStr};

use crate::domain::{AtomRef, Hierarchy, Statement, Succession};
use crate::terminology::{Lines, Reading, TerminologyError, rrf::RrfFile};

/// The source of what UMLS itself says, such as which concepts are retired.
const METATHESAURUS: &str = "MTH";
/// What stands for a code that a source does not give.
const NO_CODE: &str = "NOCODE";
/// Preferences of one rank: by TS, STT and ISPREF.
const PREFERENCES: u32 = 8;

type Said<'a> = Result<Option<Statement<'a>>, &'static str>;

/// Reads the files of a release, in the order of [`RrfFile::ALL`], and remembers what later ones need.
pub struct UmlsReader<'k> {
    keep: &'k dyn Fn(&str, &str) -> bool,
    places: HashMap<Box<str>, usize>,
    sources: Vec<Source>,
    atoms: Option<Atoms>,
    line: u64,
    unwanted: u64,
}

#[derive(Default)]
struct Source {
    name: Box<str>,
    about: Option<About>,
    /// Ranks by term type and suppressibility.
    ranks: Vec<(Box<str>, Box<str>, u32)>,
    /// The languages of its atoms, and whether these are wanted.
    languages: Vec<(Box<str>, bool)>,
    /// The highest restriction level of its atoms.
    level: Option<u8>,
    /// The line of the first row that speaks for it; 0 until then.
    line: u64,
    told: bool,
}

/// A row of MRSAB.
struct About {
    current: u8,
    name: Box<str>,
    version: Box<str>,
    level: Option<u8>,
}

impl Source {
    fn wants(&mut self, language: &str, keep: &dyn Fn(&str, &str) -> bool) -> bool {
        if let Some((_, wanted)) = self.languages.iter().find(|(l, _)| **l == *language) {
            return *wanted;
        }
        let wanted = keep(language, &self.name);
        self.languages.push((language.into(), wanted));
        wanted
    }

    fn speaks(&mut self, line: u64) {
        if self.line == 0 {
            self.line = line;
        }
    }

    fn is_wanted(&self) -> bool {
        self.languages.iter().any(|(_, wanted)| *wanted)
    }

    /// The rank of a term type; of one that is not ranked with its suppressibility the highest of the others.
    fn rank(&self, term_type: &str, suppress: &str) -> u32 {
        let ranks = self.ranks.iter().filter(|(t, ..)| **t == *term_type);
        ranks.map(|(_, s, rank)| (**s == *suppress, *rank)).max().map_or(0, |(_, rank)| rank)
    }

    fn statement(&self) -> Statement<'_> {
        let (name, version, level) =
            self.about.as_ref().map_or(("", "", None), |about| (&*about.name, &*about.version, about.level));
        Statement::Source { source: &self.name, name, version, restriction_level: level.or(self.level) }
    }
}

impl<'k> UmlsReader<'k> {
    /// A reader that asks `keep`, for a language (LAT) and a source (SAB), whether their atoms are wanted. MRHIER says
    /// nothing unless `hierarchy`.
    pub fn new(keep: &'k dyn Fn(&str, &str) -> bool, hierarchy: bool) -> Self {
        let atoms = hierarchy.then(Atoms::default);
        Self { keep, places: HashMap::new(), sources: vec![], atoms, line: 0, unwanted: 0 }
    }

    /// Reads `file`.
    ///
    /// # Errors
    /// [`TerminologyError`] when reading fails, is interrupted, or nothing more can be taken.
    pub fn read(&mut self, file: RrfFile, input: impl BufRead, reading: &mut Reading) -> Result<(), TerminologyError> {
        match file {
            RrfFile::Mrsab => self.rows(input, reading, Self::mrsab),
            RrfFile::Mrrank => self.rows(input, reading, Self::mrrank),
            RrfFile::Mrconso => {
                self.rows(input, reading, Self::mrconso)?;
                if self.unwanted > 0 {
                    reading.note(format!("names in other languages or from other sources: {}", self.unwanted));
                }
                self.tell(reading)
            }
            RrfFile::Mrsty => self.rows(input, reading, Self::mrsty),
            RrfFile::Mrdef => self.rows(input, reading, Self::mrdef),
            RrfFile::Mrrel => self.rows(input, reading, Self::mrrel),
            RrfFile::Mrhier => {
                if let Some(atoms) = &mut self.atoms {
                    atoms.sort();
                }
                self.rows(input, reading, Self::mrhier)?;
                let unknown = self.atoms.as_ref().map_or(0, |atoms| atoms.unknown);
                if unknown > 0 {
                    reading.note(format!(
                        "rows with a parent atom that {} lacks, or that is not wanted: {unknown}",
                        RrfFile::Mrconso
                    ));
                }
                Ok(())
            }
            RrfFile::Mrcui => {
                self.rows(input, reading, Self::mrcui)?;
                self.tell(reading)
            }
        }
    }

    fn rows<const N: usize>(
        &mut self,
        input: impl BufRead,
        reading: &mut Reading,
        said: for<'r> fn(&'r mut Self, [&'r str; N]) -> Said<'r>,
    ) -> Result<(), TerminologyError> {
        let mut lines = Lines::new(input);
        while let Some((number, line)) = lines.next()? {
            reading.row()?;
            self.line = number;
            let row = match line.map_err(|reason| reason.to_string()).and_then(fields) {
                Ok(row) => row,
                Err(reason) => {
                    if !lines.ended() {
                        return Err(reading.cut_off());
                    }
                    reading.bad(number, reason);
                    continue;
                }
            };
            match said(self, row) {
                Ok(Some(statement)) => _ = reading.say(number, statement)?,
                Ok(None) => {}
                Err(reason) => reading.bad(number, reason),
            }
        }
        Ok(())
    }

    /// Tells what is known of the sources that spoke, of each once.
    fn tell(&mut self, reading: &mut Reading) -> Result<(), TerminologyError> {
        for source in self.sources.iter_mut().filter(|source| !source.told && source.line > 0) {
            source.told = true;
            reading.say(source.line, source.statement())?;
        }
        Ok(())
    }

    fn source(&mut self, name: &str) -> &mut Source {
        let place = match self.places.get(name) {
            Some(&place) => place,
            None => {
                self.sources.push(Source { name: name.into(), ..Source::default() });
                self.places.insert(name.into(), self.sources.len() - 1);
                self.sources.len() - 1
            }
        };
        &mut self.sources[place]
    }

    fn is_wanted(&self, source: &str) -> bool {
        self.places.get(source).is_some_and(|&place| self.sources[place].is_wanted())
    }

    fn mrsab<'r>(&'r mut self, row: [&'r str; 25]) -> Said<'r> {
        let [_vcui, _rcui, vsab, rsab, son, _sf, sver, _vstart, _vend, _imeta, _rmeta, _slc, _scc, srl, ..] = row;
        let [.., curver, sabin, ssn, _scit] = row;
        let current = 2 * u8::from(curver == "Y") + u8::from(sabin == "Y");
        let level = level(srl)?;
        let source = self.source(required(rsab, "RSAB is empty")?);
        // Versions that neither are current nor in the subset tell of the past.
        if current > source.about.as_ref().map_or(0, |about| about.current) {
            let or = |value: &'r str, default| if value.is_empty() { default } else { value };
            source.about = Some(About { current, name: or(son, ssn).into(), version: or(sver, vsab).into(), level });
        }
        Ok(None)
    }

    fn mrrank<'r>(&'r mut self, [rank, sab, tty, suppress]: [&'r str; 4]) -> Said<'r> {
        let most = u32::MAX / PREFERENCES - 1;
        let rank = number(rank).filter(|rank| *rank <= most).ok_or("RANK is not a number, or too large")?;
        required(tty, "TTY is empty")?;
        self.source(required(sab, "SAB is empty")?).ranks.push((tty.into(), suppress.into(), rank));
        Ok(None)
    }

    fn mrconso<'r>(&'r mut self, row: [&'r str; 18]) -> Said<'r> {
        let [cui, lat, ts, _lui, stt, _sui, ispref, aui, ..] = row;
        let [.., sab, tty, code, name, srl, suppress, _cvf] = row;
        // So few that those of a source can be searched one by one.
        if lat.len() != 3 || !lat.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err("LAT is not three capital letters");
        }
        required(sab, "SAB is empty")?;
        let (keep, line) = (self.keep, self.line);
        let source = self.source(sab);
        if !source.wants(lat, keep) {
            self.unwanted += 1;
            return Ok(None);
        }
        let concept = concept(cui)?;
        let name = required(name.trim(), "STR is empty")?;
        required(tty, "TTY is empty")?;
        source.level = source.level.max(level(srl)?);
        source.speaks(line);
        let code = if code == NO_CODE { "" } else { code };
        // What UMLS prefers comes before what other terminologies do, even where its source is not ranked.
        let rank = source.rank(tty, suppress).max(u32::from(ts == "P"));
        let preference =
            rank * PREFERENCES + 4 * u32::from(ts == "P") + 2 * u32::from(stt == "PF") + u32::from(ispref == "Y");
        if let Some(atoms) = &mut self.atoms {
            atoms.add(aui, concept)?;
        }
        Ok(Some(Statement::Atom(AtomRef {
            concept,
            name,
            source: sab,
            code,
            term_type: tty,
            language: lat,
            suppressed: suppress != "N",
            preference,
        })))
    }

    fn mrsty<'r>(&'r mut self, [cui, tui, ..]: [&'r str; 6]) -> Said<'r> {
        let concept = concept(cui)?;
        Ok(Some(Statement::Type { concept, tui: required(tui, "TUI is empty")? }))
    }

    fn mrdef<'r>(&'r mut self, [cui, _aui, _atui, _satui, sab, def, suppress, _cvf]: [&'r str; 8]) -> Said<'r> {
        let source = required(sab, "SAB is empty")?;
        if suppress != "N" || !self.is_wanted(source) {
            return Ok(None);
        }
        let concept = concept(cui)?;
        Ok(Some(Statement::Definition { concept, source, text: required(def.trim(), "DEF is empty")? }))
    }

    fn mrrel<'r>(&'r mut self, row: [&'r str; 16]) -> Said<'r> {
        let [cui1, _aui1, _stype1, rel, cui2, _aui2, _stype2, _rela, _rui, _srui, sab, _sl, _rg, _dir, suppress, _cvf] =
            row;
        // REL says what the second concept is to the first.
        let (narrower, broader, kind) = match rel {
            "PAR" => (cui1, cui2, Hierarchy::Parent),
            "CHD" => (cui2, cui1, Hierarchy::Parent),
            "RB" => (cui1, cui2, Hierarchy::Broader),
            "RN" => (cui2, cui1, Hierarchy::Broader),
            _ => return Ok(None),
        };
        let source = required(sab, "SAB is empty")?;
        if cui1 == cui2 || suppress != "N" || !self.is_wanted(source) {
            return Ok(None);
        }
        concept(cui1)?;
        concept(cui2)?;
        Ok(Some(Statement::Relation { narrower, broader, kind, source }))
    }

    fn mrhier<'r>(&'r mut self, row: [&'r str; 9]) -> Said<'r> {
        let [cui, _aui, _cxn, paui, sab, ..] = row;
        let source = required(sab, "SAB is empty")?;
        // A row without a parent is about a root.
        if paui.is_empty() || !self.is_wanted(source) {
            return Ok(None);
        }
        let Some(atoms) = &mut self.atoms else { return Ok(None) };
        let narrower = concept(cui)?;
        let broader = atoms.concept(atom(paui)?);
        Ok(broader.filter(|broader| *broader != narrower).map(|broader| Statement::Relation {
            narrower,
            broader,
            kind: Hierarchy::Parent,
            source,
        }))
    }

    fn mrcui<'r>(&'r mut self, [cui1, _ver, rel, _rela, _mapreason, cui2, _mapin]: [&'r str; 7]) -> Said<'r> {
        let kind = match rel {
            "SY" => Succession::Same,
            "RB" => Succession::Broader,
            "RN" => Succession::Narrower,
            "DEL" | "SUBX" if cui2.is_empty() => Succession::Deleted,
            "RO" | "DEL" | "SUBX" => Succession::Other,
            _ => return Err("REL is none of SY, RB, RN, RO, DEL and SUBX"),
        };
        let retired = concept(cui1)?;
        let successor = match kind {
            Succession::Deleted => None,
            _ if cui1 == cui2 => return Err("CUI1 succeeds itself"),
            _ => Some(concept(cui2)?),
        };
        let line = self.line;
        self.source(METATHESAURUS).speaks(line);
        Ok(Some(Statement::Successor { retired, successor, kind, source: METATHESAURUS }))
    }
}

fn fields<const N: usize>(line: &str) -> Result<[&str; N], String> {
    let mut fields = [""; N];
    let (mut found, mut start) = (0, 0);
    for end in memchr::memchr_iter(b'|', line.as_bytes()) {
        if let Some(field) = fields.get_mut(found) {
            *field = &line[start..end];
        }
        (found, start) = (found + 1, end + 1);
    }
    match found {
        _ if start < line.len() || line.is_empty() => {
            Err(format!("it does not end with `|`; of {N} fields it has {found}"))
        }
        found if found == N => Ok(fields),
        found => Err(format!("{found} fields where there should be {N}")),
    }
}

fn required<'r>(field: &'r str, reason: &'static str) -> Result<&'r str, &'static str> {
    if field.is_empty() { Err(reason) } else { Ok(field) }
}

/// A CUI.
fn concept(field: &str) -> Result<&str, &'static str> {
    cui_number(field).map(|_| field)
}

fn cui_number(field: &str) -> Result<u32, &'static str> {
    let digits = field.strip_prefix('C').filter(|digits| digits.len() == 7);
    digits.and_then(number).ok_or("a CUI is not `C` and seven digits")
}

/// The number of an AUI: those with eight digits follow those with seven, so that zeros in front tell them apart.
fn atom(field: &str) -> Result<u32, &'static str> {
    let digits = field.strip_prefix('A').filter(|digits| matches!(digits.len(), 7 | 8));
    let number =
        digits.and_then(|digits| number::<u32>(digits).map(|n| if digits.len() == 8 { n + 10_000_000 } else { n }));
    number.ok_or("an AUI is not `A` and seven or eight digits")
}

/// Digits only: no sign.
fn number<T: FromStr>(field: &str) -> Option<T> {
    field.bytes().all(|b| b.is_ascii_digit()).then(|| field.parse().ok()).flatten()
}

/// A restriction level (SRL).
fn level(field: &str) -> Result<Option<u8>, &'static str> {
    match field {
        "" => Ok(None),
        _ => number(field).map(Some).ok_or("SRL is not a number"),
    }
}

/// The concepts of atoms: eight bytes an atom, the number of its AUI and of its CUI.
#[derive(Default)]
struct Atoms {
    concepts: Vec<(u32, u32)>,
    unknown: u64,
    /// The CUI that was asked for last.
    text: String,
}

impl Atoms {
    fn add(&mut self, aui: &str, concept: &str) -> Result<(), &'static str> {
        self.concepts.push((atom(aui)?, cui_number(concept)?));
        Ok(())
    }

    fn sort(&mut self) {
        self.concepts.sort_unstable();
    }

    fn concept(&mut self, atom: u32) -> Option<&str> {
        use std::fmt::Write;

        let Ok(place) = self.concepts.binary_search_by_key(&atom, |(atom, _)| *atom) else {
            self.unknown += 1;
            return None;
        };
        self.text.clear();
        // Writing to memory cannot fail.
        let _ = write!(self.text, "C{:07}", self.concepts[place].1);
        Some(&self.text)
    }
}
