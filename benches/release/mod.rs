//! A synthetic UMLS release of any size: its proportions are those of UMLS, its words are random.
//!
//! 100 names have about 34 concepts, and few concepts have very many names. There are 25 languages
//! (two thirds of the names are English) and a hundred sources of very different size.
//!
//! Invariant: equal sizes give equal bytes.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

use saplink::domain::semantic_type::SEMANTIC_TYPES;

/// Half of the CUIs (seven digits). The other half are those of retired concepts.
const MAX_CONCEPTS: u64 = 5_000_000;
/// Maximum number of atoms of a concept.
const MAX_ATOMS: u64 = 400;
/// Exponent of the power law of atoms: with [`MAX_ATOMS`], a concept has 2.94 on average.
const ATOMS_EXPONENT: f64 = 1.385;
const WORDS: usize = 60_000;
/// How many of a hundred names have one word, two words, and so on.
const NAMES_BY_LENGTH: [u64; 8] = [10, 24, 26, 18, 10, 6, 4, 2];

const PREFIXES: &str = "\
    a ab ad amphi ana anti apo auto bi brady cata circum contra de dia dys ecto em endo epi eu ex exo extra hemi \
    hetero homo hyper hypo infra inter intra iso juxta macro mal medi mega meso meta micro mono multi neo nulli \
    oligo ortho pan para per peri poly post pre pro pseudo quadri retro semi sub super supra syn tachy trans tri \
    ultra uni";
const ROOTS: &str = "\
    aden aer alg alve amyl angi ankyl aort append arter arthr articul ather atri audi bacteri blephar bronch \
    burs calc carcin cardi carp caud cephal cerebr cervic cheil chol cholangi cholecyst chondr chrom col colp \
    condyl corne cost crani cutane cyan cyst cyt dactyl dent derm dipl dors duoden encephal enter erythr esophag \
    fasci femor fibr gangli gastr gingiv gloss gluc glyc gonad gynec hem hepat hist hydr hyster ile immun irid \
    kerat ket labyrinth lact lapar laryng leuk lip lith lumb lymph mast melan mening mandibul muc my myc myel \
    myring nas necr nephr neur ocul odont onych oophor ophthalm orchi orth oste ot ovari palat pancreat path \
    pelv phag pharyng phleb phren plant pleur pneum pod proct prostat psych pulm pyel pyr ren retin rhin sacr \
    salping sarc scler scoli sial sinus somat spermat sphygm spin splen spondyl stern stomat synovi tars tendin \
    test thorac thromb thym thyr tibi tonsill trache trich tympan ureter urethr ur uter vagin valvul vas ven \
    ventricul vertebr vesic viscer xanth xer";
const SUFFIXES: &str = "\
    al algia ar asthenia blast cele centesis clasis cyte desis ectasis ectomy edema emia emesis esthesia gen \
    genesis gram graphy ia iasis ic itis lysis logy malacia megaly meter metry oid oma opathy opexy ophilia \
    ophobia oplasty oplegia opsy optysis orrhagia orrhaphy orrhea orrhexis osclerosis oscopy osis ostasis \
    ostenosis ostomy otherapy otomy otoxicity otripsy otrophy ous penia ptosis spasm trophic uria";
const PLAIN: &str = "\
    acute and bilateral blood bone by chronic closed congenital disease disorder distal due drug familial \
    finding first fracture head heart history idiopathic in infection injury joint left level malignant mild \
    moderate multiple nos of oral other pain partial primary procedure product proximal recurrent right \
    screening second secondary severe skin structure syndrome tablet test third to total type unspecified upper \
    lower with without 1 2 3 10 mg ml";

const LANGUAGES: [&str; 25] = [
    "ENG", "SPA", "FRE", "JPN", "POR", "RUS", "ITA", "GER", "CZE", "DUT", "CHI", "KOR", "HUN", "SWE", "NOR", "POL",
    "TUR", "EST", "FIN", "SCR", "LAV", "GRE", "DAN", "UKR", "BAQ",
];
const ENGLISH_SOURCES: &str = "\
    SNOMEDCT_US NCBI NCI RXNORM LNC MSH MTH ICD10PCS ICD10CM MDR OMIM HGNC GO FMA CPT SNMI HPO MEDCIN NDFRT \
    VANDF MMSL GS MMX NDDF DRUGBANK MTHSPL ATC CHV UMD UWDA DXP CSP HCPCS HCPT ICD9CM ICD10AM ICD10 ICF ICPC2P \
    ICPC LCH LCH_NW MEDLINEPLUS NANDA NEU NIC NOC PDQ PSY QMR RCD USPMG";
const TERM_TYPES: [&str; 8] = ["PT", "SY", "FN", "MH", "LN", "AB", "ET", "PN"];
const OBSOLETE: [&str; 2] = ["OAP", "IS"];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// A number above 0 and at most 1.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    /// A number below `n`. The greater `skew`, the more often it is small.
    fn skewed(&mut self, n: usize, skew: i32) -> usize {
        ((self.unit().powi(skew) * n as f64) as usize).min(n - 1)
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }
}

struct Source {
    name: String,
    language: &'static str,
    level: u64,
}

/// The English sources, then two for each other language.
fn sources() -> Vec<Source> {
    let english = ENGLISH_SOURCES.split_whitespace().map(|name| (name.to_owned(), LANGUAGES[0]));
    let other =
        LANGUAGES[1..].iter().flat_map(|language| ["MSH", "MDR"].map(|of| (format!("{of}{language}"), *language)));
    let level = |i: usize| [3, 0, 0, 0, 0, 0, 0, 1, 0, 3, 2, 0][i % 12];
    english.chain(other).enumerate().map(|(i, (name, language))| Source { name, language, level: level(i) }).collect()
}

/// The plain words, then words of medical prefixes, roots and suffixes.
fn vocabulary(random: &mut Random) -> Vec<String> {
    let list = |text: &'static str| text.split_whitespace().collect::<Vec<_>>();
    let (prefixes, roots, suffixes, plain) = (list(PREFIXES), list(ROOTS), list(SUFFIXES), list(PLAIN));
    let mut words: Vec<String> = plain.iter().map(|word| (*word).to_owned()).collect();
    while words.len() < WORDS {
        let prefix = if random.percent(25) { random.pick(&prefixes) } else { "" };
        let second = if random.percent(20) { format!("{}o", random.pick(&roots)) } else { String::new() };
        words.push(format!("{prefix}{second}{}{}", random.pick(&roots), random.pick(&suffixes)));
    }
    words
}

fn phrase(words: &[String], random: &mut Random) -> Vec<usize> {
    let mut rest = random.below(NAMES_BY_LENGTH.iter().sum());
    let mut length = 1;
    for share in NAMES_BY_LENGTH {
        if rest < share {
            break;
        }
        (rest, length) = (rest - share, length + 1);
    }
    if length == 1 {
        // All words with the same probability, because few names have one word.
        return vec![random.below(words.len() as u64) as usize];
    }
    let plain = PLAIN.split_whitespace().count() as u64;
    let mut word = || if random.percent(45) { random.below(plain) as usize } else { random.skewed(words.len(), 3) };
    (0..length).map(|_| word()).collect()
}

/// A letter that looks like one of `language`.
fn letter(language: &str, c: char) -> char {
    let at = |base: u32, step: u32, among: u32| {
        char::from_u32(base + (u32::from(c) - u32::from('a')) % among * step).unwrap_or(c)
    };
    match (language, c) {
        (_, c) if !c.is_ascii_lowercase() => c,
        ("RUS" | "UKR", _) => at(0x430, 1, 26),
        ("GRE", _) => at(0x3b1, 1, 17),
        ("JPN", _) => at(0x30a2, 2, 26),
        ("CHI", _) => at(0x5fc3, 7, 26),
        ("KOR", _) => at(0xac00, 588, 19),
        ("SPA" | "POR" | "HUN" | "CZE", 'o') => 'ó',
        ("FRE" | "ITA", 'e') => 'é',
        ("GER" | "SWE" | "FIN" | "EST" | "TUR", 'u') => 'ü',
        ("POL", 'l') => 'ł',
        ("NOR" | "DAN", 'o') => 'ø',
        _ => c,
    }
}

/// Writes the phrase into `name`, in one of the orders and cases that sources use.
fn spell(name: &mut String, phrase: &[usize], words: &[String], language: &str, random: &mut Random) {
    name.clear();
    // Scripts with a character for each syllable need fewer characters.
    let syllables = matches!(language, "CHI" | "JPN" | "KOR");
    let style = random.below(4);
    for (i, word) in phrase.iter().enumerate() {
        if i > 0 {
            name.push_str(if style == 3 && i == 1 { ", " } else { " " });
        }
        let step = if syllables { 3 } else { 1 };
        name.extend(words[*word].chars().step_by(step).enumerate().map(|(j, c)| match style {
            _ if language != LANGUAGES[0] => letter(language, c),
            1 | 3 if j == 0 => c.to_ascii_uppercase(),
            2 if i + j == 0 => c.to_ascii_uppercase(),
            _ => c,
        }));
    }
}

fn cui(concept: u64) -> u64 {
    2 * concept + 1
}

/// Writes a release with `rows` rows of MRCONSO into `dir/META`.
///
/// # Errors
/// Writing fails, or there would be more concepts than CUIs.
pub(crate) fn generate(dir: &Path, rows: u64) -> io::Result<()> {
    let meta = dir.join("META");
    fs::create_dir_all(&meta)?;
    let create = |name: &str| File::create(meta.join(name)).map(|file| BufWriter::with_capacity(1 << 20, file));
    let [mut conso, mut sty, mut def] = [create("MRCONSO.RRF")?, create("MRSTY.RRF")?, create("MRDEF.RRF")?];
    let [mut rel, mut retired] = [create("MRREL.RRF")?, create("MRCUI.RRF")?];
    let random = &mut Random(1);
    let (sources, words) = (sources(), vocabulary(random));
    write_sources(&mut create("MRSAB.RRF")?, &mut create("MRRANK.RRF")?, &sources)?;

    let english = sources.iter().take_while(|source| source.language == LANGUAGES[0]).count();
    let (mut row, mut concept, mut relation) = (0, 0, 0);
    let (mut name, mut text) = (String::new(), String::new());
    while row < rows {
        if concept == MAX_CONCEPTS {
            return Err(io::Error::other("more concepts than CUIs: generate fewer rows"));
        }
        let c = cui(concept);
        let atoms = (random.unit().powf(-1.0 / ATOMS_EXPONENT) as u64).min(MAX_ATOMS).min(rows - row);
        let mut base = phrase(&words, random);
        for i in 0..atoms {
            // The first name of each concept and half of the others are English: two thirds in all.
            let source = if i == 0 || random.percent(51) {
                &sources[random.skewed(english, 4)]
            } else {
                &sources[english + random.skewed(sources.len() - english, 3)]
            };
            match random.below(10) {
                0..3 if i > 0 => base = phrase(&words, random),
                3..6 if i > 0 => {
                    let position = random.below(base.len() as u64) as usize;
                    base[position] = random.skewed(words.len(), 3);
                }
                6..8 => base.rotate_left(1),
                _ => {}
            }
            spell(&mut name, &base, &words, source.language, random);
            let suppress = match random.below(100) {
                0..8 => 'O',
                8..11 => 'Y',
                11 => 'E',
                _ => 'N',
            };
            let term_type = if suppress == 'O' { random.pick(&OBSOLETE) } else { random.pick(&TERM_TYPES) };
            let (ts, stt, preferred) = match i {
                0 => ('P', "PF", 'Y'),
                _ => (
                    random.pick(&['P', 'S', 'S']),
                    random.pick(&["PF", "PF", "VC", "VO", "VW"]),
                    random.pick(&['Y', 'N']),
                ),
            };
            let (language, sab, level, n) = (source.language, &source.name, source.level, 10_000_000 + row);
            let code = random.below(90_000_000) + 10_000;
            writeln!(
                conso,
                "C{c:07}|{language}|{ts}|L{n}|{stt}|S{n}|{preferred}|A{n}|{code}|{code}||\
                 {sab}|{term_type}|{code}|{name}|{level}|{suppress}|256|"
            )?;
            row += 1;
        }
        for i in 0..1 + u64::from(random.percent(10)) {
            let t = &SEMANTIC_TYPES[(random.skewed(SEMANTIC_TYPES.len(), 2) + i as usize) % SEMANTIC_TYPES.len()];
            writeln!(sty, "C{c:07}|{}|A1.2.3|{}|AT{:09}|256|", t.tui, t.name, 2 * concept + i)?;
        }
        if random.percent(5) {
            text.clear();
            for _ in 0..10 + random.below(50) {
                // Writing to a string cannot fail.
                let _ = write!(text, "{} ", words[random.skewed(words.len(), 3)]);
            }
            let sab = &sources[random.skewed(english, 4)].name;
            writeln!(def, "C{c:07}|A{row:08}|AT{concept:09}||{sab}|{}.|N|256|", text.trim_end())?;
        }
        if concept > 0 {
            // A parent has a lower number than its child, so the hierarchy has no cycle. Concepts
            // with low numbers have many children.
            let parent = cui(random.below(concept / 8 + 1));
            let broader = cui(random.below(concept));
            let sab = &sources[random.skewed(english, 4)].name;
            let third = if random.percent(50) { (c, "RB", broader) } else { (broader, "RN", c) };
            for (one, kind, two) in [(c, "PAR", parent), (parent, "CHD", c), third] {
                writeln!(rel, "C{one:07}||CUI|{kind}|C{two:07}||CUI||R{relation:09}||{sab}|{sab}||N|N||")?;
                relation += 1;
            }
        }
        if random.percent(5) {
            let old = c - 1;
            match random.below(10) {
                0..6 => writeln!(retired, "C{old:07}|2015AA|SY|||C{c:07}|Y|")?,
                6 => writeln!(retired, "C{old:07}|2015AA|RB|||C{c:07}|Y|")?,
                7 => writeln!(retired, "C{old:07}|2015AA|RN|||C{c:07}|Y|")?,
                8 => writeln!(retired, "C{old:07}|2015AA|RO|||C{c:07}|Y|")?,
                _ => writeln!(retired, "C{old:07}|2015AA|DEL|||||")?,
            }
        }
        concept += 1;
    }
    [conso, sty, def, rel, retired].iter_mut().try_for_each(Write::flush)
}

fn write_sources(sab: &mut impl Write, ranks: &mut impl Write, sources: &[Source]) -> io::Result<()> {
    let mut rank = sources.len() * (TERM_TYPES.len() + OBSOLETE.len());
    for (i, Source { name, language, level }) in sources.iter().enumerate() {
        let root = 9_000_001 + 2 * i;
        writeln!(
            sab,
            "C{root}|C{root}|{name}_2024|{name}|Synthetic vocabulary {name}|{name}|2024|||2024AA||||\
             {level}|||FULL|PT,SY||{language}|UTF-8|Y|Y|{name}||"
        )?;
        for (term_type, suppress) in TERM_TYPES.map(|t| (t, 'N')).into_iter().chain(OBSOLETE.map(|t| (t, 'O'))) {
            rank -= 1;
            writeln!(ranks, "{rank:04}|{name}|{term_type}|{suppress}|")?;
        }
    }
    sab.flush()?;
    ranks.flush()
}
