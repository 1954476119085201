//! The statement of each row of each file.
//!
//! Every method named after a file takes a row as an array of its fields, in the order of the UMLS
//! Reference Manual.
//!
//! Invariant: a row has exactly the fields of its file, each ended by `|`, and a well-formed CUI
//! wherever one is required; otherwise it is bad. Only rows of MRSAB and MRRANK, and the first row
//! of a source or language, allocate memory for themselves.

use std::io::BufRead;

use crate::{
    domain::{AtomRef, RelationKind, Statement, Succession},
    files::input::LineReader,
    terminology::{
        Reading, TerminologyError,
        constants::METATHESAURUS,
        left_out::{BAD_DEFINITIONS, BAD_RELATIONS, BAD_SUCCESSIONS, BAD_TYPES, BAD_XREFS},
        rrf::{
            RrfFile,
            atoms::AtomConcepts,
            fields::{aui_number, cui, number, required, restriction_level, split_row},
            sources::{SourceDescription, SourceTable},
        },
    },
};

/// The code of atoms whose source gives no code.
const UMLS_NO_CODE: &str = "NOCODE";
/// Number of different preferences within one rank: the values of TS, STT and ISPREF.
const PREFERENCES_PER_RANK: u32 = 8;

/// The statement of a row, none, or the fault of the row.
type RowResult<'a> = Result<Option<Statement<'a>>, RowFault>;

/// Why a row gives no statement.
enum RowFault {
    /// It cannot be read, for this reason.
    Bad(&'static str),
    /// It can be read, but lacks a value that the statement needs. Releases have such rows, so they
    /// are counted and do not fail the build.
    Incomplete(&'static str),
}

impl From<&'static str> for RowFault {
    fn from(reason: &'static str) -> Self {
        Self::Bad(reason)
    }
}

/// Emits the statement of a row. A row of names that the sink refuses is bad; another row is a part
/// of its concept, such as a semantic type of a later release.
fn emit(line: u64, statement: Statement, reading: &mut Reading) -> Result<bool, TerminologyError> {
    let parts = match statement {
        Statement::Atom(_) | Statement::Source { .. } => return reading.emit(line, statement),
        Statement::Type { .. } => BAD_TYPES,
        Statement::Code { .. } => BAD_XREFS,
        Statement::Definition { .. } => BAD_DEFINITIONS,
        Statement::Relation { .. } => BAD_RELATIONS,
        Statement::Successor { .. } => BAD_SUCCESSIONS,
    };
    reading.emit_part(parts, line, statement)
}

/// The field; an empty one makes the row one of the incomplete `rows`.
fn present<'r>(field: &'r str, rows: &'static str) -> Result<&'r str, RowFault> {
    if field.is_empty() { Err(RowFault::Incomplete(rows)) } else { Ok(field) }
}

/// Reads the files of a release, in the order of [`RrfFile::ALL`], and stores the facts that later
/// files need.
pub struct UmlsReader<'k> {
    selects: &'k dyn Fn(&str, &str) -> bool,
    sources: SourceTable,
    /// `Some` only when MRHIER is read.
    atoms: Option<AtomConcepts>,
    /// The current line.
    line: u64,
    /// Number of atoms that were not selected.
    unselected: u64,
}

impl<'k> UmlsReader<'k> {
    /// A reader of the atoms that `selects` accepts by language (LAT) and source (SAB). With
    /// `hierarchy` it remembers the concept of each atom, so that MRHIER gives relations.
    pub fn new(selects: &'k dyn Fn(&str, &str) -> bool, hierarchy: bool) -> Self {
        let atoms = hierarchy.then(AtomConcepts::default);
        Self { selects, sources: SourceTable::default(), atoms, line: 0, unselected: 0 }
    }

    /// Reads `file`.
    ///
    /// # Errors
    /// [`TerminologyError`] when reading fails, the caller cancels, or the sink fails.
    pub fn read(&mut self, file: RrfFile, input: impl BufRead, reading: &mut Reading) -> Result<(), TerminologyError> {
        match file {
            RrfFile::Mrsab => self.read_rows(input, reading, Self::mrsab),
            RrfFile::Mrrank => self.read_rows(input, reading, Self::mrrank),
            RrfFile::Mrconso => {
                self.read_rows(input, reading, Self::mrconso)?;
                reading.skip_many("names in other languages or from other sources", self.unselected);
                self.emit_sources(reading)
            }
            RrfFile::Mrsty => self.read_rows(input, reading, Self::mrsty),
            RrfFile::Mrdef => self.read_rows(input, reading, Self::mrdef),
            RrfFile::Mrrel => self.read_rows(input, reading, Self::mrrel),
            RrfFile::Mrhier => {
                if let Some(atoms) = &mut self.atoms {
                    atoms.sort();
                }
                self.read_rows(input, reading, Self::mrhier)?;
                let unknown = self.atoms.as_ref().map_or(0, AtomConcepts::unknown);
                reading.skip_many("places in a hierarchy whose parent atom is not selected", unknown);
                Ok(())
            }
            RrfFile::Mrcui => {
                self.read_rows(input, reading, Self::mrcui)?;
                self.emit_sources(reading)
            }
        }
    }

    fn read_rows<const N: usize>(
        &mut self,
        input: impl BufRead,
        reading: &mut Reading,
        read_row: for<'r> fn(&'r mut Self, [&'r str; N]) -> RowResult<'r>,
    ) -> Result<(), TerminologyError> {
        let mut lines = LineReader::new(input);
        while let Some((number, line)) = lines.next()? {
            if line == Ok("") {
                continue;
            }
            reading.begin_row()?;
            self.line = number;
            let row = match line.map_err(|reason| reason.to_string()).and_then(split_row) {
                Ok(row) => row,
                Err(reason) => {
                    if !lines.ended() {
                        return Err(reading.truncated(number));
                    }
                    reading.bad_row(number, reason);
                    continue;
                }
            };
            match read_row(self, row) {
                Ok(Some(statement)) => _ = emit(number, statement, reading)?,
                Ok(None) => {}
                Err(RowFault::Bad(reason)) => reading.bad_row(number, reason),
                Err(RowFault::Incomplete(rows)) => reading.leave_out(rows, number, rows),
            }
        }
        Ok(())
    }

    /// Emits the facts about each source that gave a statement, once for each source.
    fn emit_sources(&mut self, reading: &mut Reading) -> Result<(), TerminologyError> {
        for source in self.sources.take_unreported() {
            reading.emit(source.first_line(), source.statement())?;
        }
        Ok(())
    }

    fn mrsab<'r>(&'r mut self, row: [&'r str; 25]) -> RowResult<'r> {
        let [_vcui, _rcui, vsab, rsab, son, _sf, sver, _vstart, _vend, _imeta, _rmeta, _slc, _scc, srl, ..] = row;
        let [.., curver, sabin, ssn, _scit] = row;
        let level = restriction_level(srl)?;
        let source = self.sources.get_or_add(required(rsab, "RSAB is empty")?);
        let or = |value: &'r str, default| if value.is_empty() { default } else { value };
        source.describe(SourceDescription {
            currency: 2 * u8::from(curver == "Y") + u8::from(sabin == "Y"),
            name: or(son, ssn).into(),
            version: or(sver, vsab).into(),
            level,
        });
        Ok(None)
    }

    fn mrrank<'r>(&'r mut self, [rank, sab, tty, suppress]: [&'r str; 4]) -> RowResult<'r> {
        let max = u32::MAX / PREFERENCES_PER_RANK - 1;
        let rank = number(rank).filter(|rank| *rank <= max).ok_or("RANK is not a number, or too large")?;
        required(tty, "TTY is empty")?;
        self.sources.get_or_add(required(sab, "SAB is empty")?).add_rank(tty, suppress, rank);
        Ok(None)
    }

    fn mrconso<'r>(&'r mut self, row: [&'r str; 18]) -> RowResult<'r> {
        let [cui_field, lat, ts, _lui, stt, _sui, ispref, aui, ..] = row;
        let [.., sab, tty, code, name, srl, suppress, _cvf] = row;
        if lat.len() != 3 || !lat.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err("LAT is not three capital letters".into());
        }
        required(sab, "SAB is empty")?;
        let source = self.sources.get_or_add(sab);
        if !source.selects_language(lat, self.selects) {
            self.unselected += 1;
            return Ok(None);
        }
        let concept = cui(cui_field)?;
        let name = required(name.trim(), "STR is empty")?;
        required(tty, "TTY is empty")?;
        source.raise_level(restriction_level(srl)?);
        source.mark_used(self.line);
        let code = if code == UMLS_NO_CODE { "" } else { code };
        // At least rank 1 for names that UMLS prefers, so that they come before the names of other
        // terminologies even if their source has no rank.
        let rank = source.rank(tty, suppress).max(u32::from(ts == "P"));
        let preference = rank * PREFERENCES_PER_RANK
            + 4 * u32::from(ts == "P")
            + 2 * u32::from(stt == "PF")
            + u32::from(ispref == "Y");
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

    fn mrsty<'r>(&'r mut self, [cui_field, tui, ..]: [&'r str; 6]) -> RowResult<'r> {
        let concept = cui(present(cui_field, "semantic types without a concept")?)?;
        Ok(Some(Statement::Type { concept, tui: present(tui, "rows of MRSTY without a semantic type")? }))
    }

    fn mrdef<'r>(
        &'r mut self,
        [cui_field, _aui, _atui, _satui, sab, def, suppress, _cvf]: [&'r str; 8],
    ) -> RowResult<'r> {
        let source = present(sab, "definitions without a source")?;
        if suppress != "N" || !self.sources.is_selected(source) {
            return Ok(None);
        }
        let concept = cui(present(cui_field, "definitions without a concept")?)?;
        Ok(Some(Statement::Definition { concept, source, text: present(def.trim(), "definitions without a text")? }))
    }

    fn mrrel<'r>(&'r mut self, row: [&'r str; 16]) -> RowResult<'r> {
        let [cui1, _aui1, _stype1, rel, cui2, _aui2, _stype2, _rela, _rui, _srui, sab, _sl, _rg, _dir, suppress, _cvf] =
            row;
        // REL states what the second concept is to the first.
        let (narrower, broader, kind) = match rel {
            "PAR" => (cui1, cui2, RelationKind::Parent),
            "CHD" => (cui2, cui1, RelationKind::Parent),
            "RB" => (cui1, cui2, RelationKind::Broader),
            "RN" => (cui2, cui1, RelationKind::Broader),
            _ => return Ok(None),
        };
        present(cui1, "relations without a first concept")?;
        present(cui2, "relations without a second concept")?;
        let source = present(sab, "relations without a source")?;
        if cui1 == cui2 || suppress != "N" || !self.sources.is_selected(source) {
            return Ok(None);
        }
        cui(cui1).and(cui(cui2)).map_err(|_| RowFault::Incomplete("relations with an id that is no CUI"))?;
        Ok(Some(Statement::Relation { narrower, broader, kind, source }))
    }

    fn mrhier<'r>(&'r mut self, row: [&'r str; 9]) -> RowResult<'r> {
        let [cui_field, _aui, _cxn, paui, sab, ..] = row;
        let source = present(sab, "places in a hierarchy without a source")?;
        // The row of a root has no parent.
        if paui.is_empty() || !self.sources.is_selected(source) {
            return Ok(None);
        }
        let Some(atoms) = &mut self.atoms else { return Ok(None) };
        let narrower = cui(present(cui_field, "places in a hierarchy without a concept")?)?;
        let broader = atoms.cui_of(aui_number(paui)?);
        Ok(broader.filter(|broader| *broader != narrower).map(|broader| Statement::Relation {
            narrower,
            broader,
            kind: RelationKind::Parent,
            source,
        }))
    }

    fn mrcui<'r>(&'r mut self, [cui1, _ver, rel, _rela, _mapreason, cui2, _mapin]: [&'r str; 7]) -> RowResult<'r> {
        let kind = match rel {
            "SY" => Succession::Same,
            "RB" => Succession::Broader,
            "RN" => Succession::Narrower,
            "DEL" | "SUBX" if cui2.is_empty() => Succession::Deleted,
            "RO" | "DEL" | "SUBX" => Succession::Other,
            _ => return Err("REL is none of SY, RB, RN, RO, DEL and SUBX".into()),
        };
        let retired = cui(present(cui1, "successions without a retired CUI")?)?;
        let successor = match kind {
            Succession::Deleted => None,
            _ if cui1 == cui2 => return Err(RowFault::Incomplete("CUIs that succeed themselves")),
            _ => {
                let successor = cui(present(cui2, "successions without a successor")?);
                Some(successor.map_err(|_| RowFault::Incomplete("successions with a successor that is no CUI"))?)
            }
        };
        self.sources.get_or_add(METATHESAURUS).mark_used(self.line);
        Ok(Some(Statement::Successor { retired, successor, kind, source: METATHESAURUS }))
    }
}
