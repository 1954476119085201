//! Tests of readings: tables of mentions, and properties of all mentions.

use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::text::clean;

/// Mentions, the reading that leaves out most, and what it leaves out.
#[rustfmt::skip]
const READINGS: &[(&str, &str, &str)] = &[
    ("Hx of CHF", "CHF", "historical Hx of"),
    ("hx asthma", "asthma", "historical hx"),
    ("PMHx: COPD", "COPD", "historical PMHx"),
    ("PMH of gout", "gout", "historical PMH of"),
    ("past medical history of hypertension", "hypertension", "historical past medical history of"),
    ("personal history of melanoma", "melanoma", "historical personal history of"),
    ("prior stroke", "stroke", "historical prior"),
    ("previous TIA", "TIA", "historical previous"),
    ("status post appendectomy", "appendectomy", "historical status post"),
    ("S/P fall", "fall", "historical S/P"),
    ("s/p left TKR", "TKR", "historical s/p; laterality left"),
    ("s/p L THA in 2015", "THA", "historical s/p; laterality L; time in 2015"),
    ("resolved pneumonia", "pneumonia", "historical resolved"),
    ("UTI, resolved", "UTI", "historical resolved"),
    ("eczema as a child", "eczema", "historical as a child"),
    ("complains of dizziness", "dizziness", "reported complains of"),
    ("Complaining of blurry vision", "blurry vision", "reported Complaining of"),
    ("chief complaint: abdominal pain", "abdominal pain", "reported chief complaint"),
    ("CC: SOB", "SOB", "reported CC"),
    ("presents with a rash", "rash", "reported presents with a"),
    ("presented with syncope", "syncope", "reported presented with"),
    ("p/w hematemesis", "hematemesis", "reported p/w"),
    ("reports nausea", "nausea", "reported reports"),
    ("endorses fatigue", "fatigue", "reported endorses"),
    ("admits to alcohol abuse", "alcohol abuse", "reported admits to"),
    ("pt with fever", "fever", "reported pt with"),
    ("Pt c/o SOB", "SOB", "reported Pt c/o"),
    ("patient reports insomnia", "insomnia", "reported patient reports"),
    ("she has a cough", "cough", "reported she has a"),
    ("he had a seizure", "seizure", "reported he had a"),
    ("I have a headache", "headache", "reported I have a"),
    ("i've had diarrhoea for a week", "diarrhoea", "reported i've had; time for a week"),
    ("suffering from migraine", "migraine", "reported suffering from"),
    ("k/c/o hypothyroidism", "hypothyroidism", "reported k/c/o"),
    ("known case of epilepsy", "epilepsy", "reported known case of"),
    ("known CAD", "CAD", "reported known"),
    ("dx: psoriasis", "psoriasis", "reported dx"),
    ("diagnosed with lupus in 2010", "lupus", "reported diagnosed with; time in 2010"),
    ("found to have anaemia", "anaemia", "reported found to have"),
    ("positive for influenza A", "influenza A", "reported positive for"),
    ("on warfarin", "warfarin", "reported on"),
    ("currently taking lisinopril 10 mg daily", "lisinopril", "reported currently taking; dose 10 mg; frequency daily"),
    ("feels weak", "weak", "reported feels"),
    ("78 y/o F with hip fracture", "hip fracture", "reported 78 y/o F with"),
    ("45yo male c/o chest pain", "chest pain", "reported 45yo male c/o"),
    ("a 30 year old woman with asthma", "asthma", "reported a 30 year old woman with"),
    ("NHL, NOS", "NHL", "unspecified NOS"),
    ("pneumonia, unspecified", "pneumonia", "unspecified unspecified"),
    ("Unspecified asthma", "asthma", "unspecified Unspecified"),
    ("arthritis of unspecified site", "arthritis", "unspecified of unspecified site"),
    ("Sepsis, not otherwise specified", "Sepsis", "unspecified not otherwise specified"),
    ("severe left-sided headache", "headache", "degree severe; laterality left-sided"),
    ("no fever", "fever", "negated no"),
    ("No chest pain.", "chest pain", "negated No"),
    ("NO EDEMA", "EDEMA", "negated NO"),
    ("denies SOB", "SOB", "negated denies"),
    ("denied alcohol use", "alcohol use", "negated denied"),
    ("denies any history of seizures", "seizures", "negated denies any; historical history of"),
    ("without nausea", "nausea", "negated without"),
    ("w/o rash", "rash", "negated w/o"),
    ("without evidence of metastasis", "metastasis", "negated without evidence of"),
    ("negative for malignancy", "malignancy", "negated negative for"),
    ("neg for blood", "blood", "negated neg for"),
    ("no signs of infection", "infection", "negated no signs of"),
    ("no e/o pneumothorax", "pneumothorax", "negated no e/o"),
    ("no complaints of pain", "pain", "negated no complaints of"),
    ("no c/o dyspnoea", "dyspnoea", "negated no; reported c/o"),
    ("does not have diabetes", "diabetes", "negated does not have"),
    ("doesn't have asthma", "asthma", "negated doesn't have"),
    ("free of pain", "pain", "negated free of"),
    ("absence of bowel sounds", "bowel sounds", "negated absence of"),
    ("never had surgery", "surgery", "negated never had"),
    ("nil fever", "fever", "negated nil"),
    ("not pregnant", "pregnant", "negated not"),
    ("patient denies headache", "headache", "negated patient denies"),
    ("MI was ruled out", "MI", "negated was ruled out"),
    ("fracture excluded", "fracture", "negated excluded"),
    ("PE unlikely", "PE", "negated unlikely"),
    ("stroke is unlikely", "stroke", "negated is unlikely"),
    ("chest pain denied", "chest pain", "negated denied"),
    ("mass not seen", "mass", "negated not seen"),
    ("ascites not present", "ascites", "negated not present"),
    ("no acute distress", "acute distress", "negated no"),
    ("no known drug allergies", "drug allergies", "negated no known"),
    ("no significant weight loss", "weight loss", "negated no significant"),
    ("no new lesions", "lesions", "negated no new"),
    ("no family history of diabetes", "diabetes", "negated no; family family history of"),
    ("possible sepsis", "sepsis", "possible possible"),
    ("probable UTI", "UTI", "possible probable"),
    ("suspected appendicitis", "appendicitis", "possible suspected"),
    ("likely viral gastroenteritis", "viral gastroenteritis", "possible likely"),
    ("query appendicitis", "appendicitis", "possible query"),
    ("rule out MI", "MI", "possible rule out"),
    ("R/O DVT", "DVT", "possible R/O"),
    ("cannot exclude malignancy", "malignancy", "possible cannot exclude"),
    ("c/w pneumonia", "pneumonia", "possible c/w"),
    ("consistent with cellulitis", "cellulitis", "possible consistent with"),
    ("suggestive of tuberculosis", "tuberculosis", "possible suggestive of"),
    ("concern for meningitis", "meningitis", "possible concern for"),
    ("pneumonia likely", "pneumonia", "possible likely"),
    ("?fracture", "fracture", "possible ?"),
    ("?? TIA", "TIA", "possible ??"),
    ("sepsis?", "sepsis", "possible ?"),
    ("? acute cholecystitis", "acute cholecystitis", "possible ?"),
    ("fracture (?)", "fracture", "possible (?)"),
    ("pneumonia (possible)", "pneumonia", "possible (possible)"),
    ("(possible) gastritis", "gastritis", "possible (possible)"),
    ("FH of ovarian cancer", "ovarian cancer", "family FH of"),
    ("family hx of stroke", "stroke", "family family hx of"),
    ("FHx: HTN", "HTN", "family FHx"),
    ("father with MI", "MI", "family father with"),
    ("mom has diabetes", "diabetes", "family mom has"),
    ("sister w/ breast ca", "breast ca", "family sister w/"),
    ("maternal grandmother had dementia", "dementia", "family maternal grandmother had"),
    ("brother died of leukemia", "leukemia", "family brother died of"),
    ("schizophrenia in brother", "schizophrenia", "family in brother"),
    ("diabetes (mother)", "diabetes", "family (mother)"),
    ("alcoholism runs in the family", "alcoholism", "family runs in the family"),
    ("vomiting for two days", "vomiting", "time for two days"),
    ("pain for the past 3 weeks", "pain", "time for the past 3 weeks"),
    ("diarrhea x 1 week", "diarrhea", "time x 1 week"),
    ("cough × 2 wks", "cough", "time × 2 wks"),
    ("rash x5d", "rash", "time x5d"),
    ("fatigue for several months", "fatigue", "time for several months"),
    ("back pain for years", "back pain", "time for years"),
    ("palpitations over the last month", "palpitations", "time over the last month"),
    ("fever 3 days", "fever", "time 3 days"),
    ("stroke 2 years ago", "stroke", "time 2 years ago"),
    ("falls a few weeks ago", "falls", "time a few weeks ago"),
    ("seizures since childhood", "seizures", "time since childhood"),
    ("tremor since last year", "tremor", "time since last year"),
    ("insomnia since March 2020", "insomnia", "time since March 2020"),
    ("cholecystectomy in 03/2018", "cholecystectomy", "time in 03/2018"),
    ("PCI on 3/4/2019", "PCI", "time on 3/4/2019"),
    ("MI in early 2018", "MI", "time in early 2018"),
    ("dyspnea on exam", "dyspnea", "time on exam"),
    ("rash today", "rash", "time today"),
    ("syncope this morning", "syncope", "time this morning"),
    ("recent surgery", "surgery", "time recent"),
    ("recent fall", "fall", "time recent"),
    ("2 week history of jaundice", "jaundice", "time 2 week history of"),
    ("3-day hx of fever", "fever", "time 3-day hx of"),
    ("2 days of vomiting", "vomiting", "time 2 days of"),
    ("severe headache", "headache", "degree severe"),
    ("mild to moderate aortic stenosis", "aortic stenosis", "degree mild to moderate"),
    ("moderate-severe depression", "depression", "degree moderate-severe"),
    ("worsening dyspnea", "dyspnea", "degree worsening"),
    ("worsening of asthma", "asthma", "degree worsening of"),
    ("stable CAD", "CAD", "degree stable"),
    ("resolving hematoma", "hematoma", "degree resolving"),
    ("uncontrolled diabetes", "diabetes", "degree uncontrolled"),
    ("new-onset seizures", "seizures", "degree new-onset"),
    ("newly diagnosed multiple myeloma", "multiple myeloma", "degree newly diagnosed"),
    ("marked swelling", "swelling", "degree marked"),
    ("slightly elevated troponin", "elevated troponin", "degree slightly"),
    ("headache, worsening", "headache", "degree worsening"),
    ("asthma, well controlled", "asthma", "degree well controlled"),
    ("few crackles", "crackles", "degree few"),
    ("episodes of vomiting", "vomiting", "degree episodes of"),
    ("acute on chronic pancreatitis", "chronic pancreatitis", "acute acute on"),
    ("left shoulder dislocation", "shoulder dislocation", "laterality left"),
    ("right-sided headache", "headache", "laterality right-sided"),
    ("bilateral knee OA", "knee OA", "laterality bilateral"),
    ("b/l leg swelling", "leg swelling", "laterality b/l"),
    ("pain on the left", "pain", "laterality on the left"),
    ("swelling of both legs", "swelling of legs", "laterality both"),
    ("R ankle sprain", "ankle sprain", "laterality R"),
    ("rt hip fracture", "hip fracture", "laterality rt"),
    ("Lt breast mass", "breast mass", "laterality Lt"),
    ("cataract (L)", "cataract", "laterality (L)"),
    ("left and right knee pain", "knee pain", "laterality left and right"),
    ("hearing loss bilaterally", "hearing loss", "laterality bilaterally"),
    ("pneumothorax on the right side", "pneumothorax", "laterality on the right side"),
    ("pain in the left arm", "pain in the arm", "laterality left"),
    ("lisinopril 20mg PO QD", "lisinopril", "dose 20mg; route PO; frequency QD"),
    ("Tylenol 500 mg tabs q6h prn", "Tylenol", "dose 500 mg tabs; frequency q6h prn"),
    ("atorvastatin 40 mg nocte", "atorvastatin", "dose 40 mg; frequency nocte"),
    ("co-amoxiclav 625mg TDS", "co-amoxiclav", "dose 625mg; frequency TDS"),
    ("prednisolone 5mg od", "prednisolone", "dose 5mg; frequency od"),
    ("morphine 10mg im stat", "morphine", "dose 10mg; route im; frequency stat"),
    ("furosemide 40 mg IV", "furosemide", "dose 40 mg; route IV"),
    ("heparin 5000 units sc bid", "heparin", "dose 5000 units; route sc; frequency bid"),
    ("enoxaparin 1 mg/kg q12h", "enoxaparin", "dose 1 mg/kg; frequency q12h"),
    ("levothyroxine 75 mcg po qam", "levothyroxine", "dose 75 mcg; route po; frequency qam"),
    ("GTN spray 2 puffs prn", "GTN", "dose spray 2 puffs; frequency prn"),
    ("Lantus 20 units at bedtime", "Lantus", "dose 20 units; frequency at bedtime"),
    ("500 mg metformin", "metformin", "dose 500 mg"),
    ("2 tabs of aspirin", "aspirin", "dose 2 tabs of"),
    ("ceftriaxone 1g IV daily x 5 days", "ceftriaxone", "dose 1g; route IV; frequency daily; time x 5 days"),
    ("gentamicin 0.3% eye drops qid", "gentamicin", "dose 0.3% eye drops; frequency qid"),
    ("hydrocortisone 1% cream bd", "hydrocortisone", "dose 1% cream; frequency bd"),
    ("methotrexate 15 mg once weekly", "methotrexate", "dose 15 mg; frequency once weekly"),
    ("insulin 5 units with meals", "insulin", "dose 5 units; frequency with meals"),
    ("B12 injections 1 mg every 3 months", "B12", "dose injections 1 mg; frequency every 3 months"),
    ("paracetamol tablets", "paracetamol", "dose tablets"),
    ("amlodipine 5 mg p.o. b.i.d.", "amlodipine", "dose 5 mg; route p.o.; frequency b.i.d."),
    ("prn ibuprofen", "ibuprofen", "frequency prn"),
    ("creatinine 2.3", "creatinine", "value 2.3"),
    ("Cr 1.8 mg/dL", "Cr", "value 1.8 mg/dL"),
    ("WBC 15.2", "WBC", "value 15.2"),
    ("glucose 320", "glucose", "value 320"),
    ("HR 120 bpm", "HR", "value 120 bpm"),
    ("RR 24", "RR", "value 24"),
    ("SpO2 92%", "SpO2", "value 92%"),
    ("temp of 101.5", "temp", "value of 101.5"),
    ("T 38.5", "T", "value 38.5"),
    ("fever of 39", "fever", "value of 39"),
    ("Temp 98.6°F", "Temp", "value 98.6°F"),
    ("BP: 180/110", "BP", "value 180/110"),
    ("INR is 4.2", "INR", "value is 4.2"),
    ("platelets < 50", "platelets", "value < 50"),
    ("troponin >0.04", "troponin", "value >0.04"),
    ("potassium = 6.0", "potassium", "value = 6.0"),
    ("LVEF of 25%", "LVEF", "value of 25%"),
    ("BMI 32", "BMI", "value 32"),
    ("GCS 15", "GCS", "value 15"),
    ("3 cm lung nodule", "lung nodule", "value 3 cm"),
    ("5 lb weight loss", "weight loss", "value 5 lb"),
    ("pain 10/10", "pain", "value 10/10"),
    ("QTc 520 ms", "QTc", "value 520 ms"),
    ("furosemide (Lasix)", "furosemide", "parenthesis (Lasix)"),
    ("HTN (hypertension)", "hypertension", "parenthesis HTN"),
    ("myocardial infarction (MI)", "myocardial infarction", "parenthesis (MI)"),
    ("T2DM (type 2 diabetes mellitus)", "type 2 diabetes mellitus", "parenthesis T2DM"),
    ("Asthma (disorder)", "Asthma", "parenthesis (disorder)"),
    ("severe chest pain radiating to left arm", "chest pain radiating to arm", "degree severe; laterality left"),
    ("no severe chest pain", "chest pain", "negated no; degree severe"),
    ("h/o bilateral PE x 2", "PE", "historical h/o; laterality bilateral; frequency x 2"),
    ("pt with worsening left leg swelling since Monday", "leg swelling", "reported pt with; degree worsening; laterality left; time since Monday"),
    ("denies severe right flank pain", "flank pain", "negated denies; degree severe; laterality right"),
    ("?severe left hip OA", "hip OA", "possible ?; degree severe; laterality left"),
    ("s/p MI 3 weeks ago", "MI", "historical s/p; time 3 weeks ago"),
    ("vomiting x3", "vomiting", "frequency x3"),
    ("MS, stable", "MS", "degree stable"),
    ("wound on left heel for 2 weeks", "wound on heel", "laterality left; time for 2 weeks"),
    ("chest pain x2 days", "chest pain", "time x2 days"),
    ("pain in both knees for years", "pain in knees", "laterality both; time for years"),
    ("no edema b/l", "edema", "negated no; laterality b/l"),
    ("FH negative for colon cancer", "colon cancer", "family FH; negated negative for"),
    ("vitamin B 12 1000 mcg im monthly", "vitamin B 12", "dose 1000 mcg; route im; frequency monthly"),
    ("vitamin D 1000 units daily", "vitamin D", "dose 1000 units; frequency daily"),
    ("Humulin 70/30 20 units bid", "Humulin 70/30", "dose 20 units; frequency bid"),
    ("metformin ER 500 mg bid", "metformin", "dose ER 500 mg; frequency bid"),
    ("influenza A, resolved", "influenza A", "historical resolved"),
    ("h/o hepatitis A in 2019", "hepatitis A", "historical h/o; time in 2019"),
    ("low cholesterol since 2010", "low cholesterol", "time since 2010"),
    ("h/o HIV -", "HIV -", "historical h/o"),
    ("severe AS", "AS", "degree severe"),
    ("plt count 50", "plt count", "value 50"),
    ("ferritin <5", "ferritin", "value <5"),
    ("polyuria q2h", "polyuria", "frequency q2h"),
    ("COPD (chronic obstructive pulmonary disease) exacerbation", "COPD exacerbation", "parenthesis (chronic obstructive pulmonary disease)"),
    ("HIV (human immunodeficiency virus) negative", "HIV negative", "parenthesis (human immunodeficiency virus)"),
    ("edema L>R", "edema", "laterality L>R"),
    ("migraine 2x/week", "migraine", "frequency 2x/week"),
    ("cannot rule out PE", "PE", "possible cannot rule out"),
    ("w/fever", "fever", "reported w/"),
    ("fluticasone 50 mcg nasal spray daily", "fluticasone", "dose 50 mcg nasal spray; frequency daily"),
    ("h/o C. diff.", "C. diff", "historical h/o"),
    ("left ventricular ejection fraction 35%", "ventricular ejection fraction", "laterality left; value 35%"),
    ("COPD (chronic obstructive pulmonary disease)", "chronic obstructive pulmonary disease", "parenthesis COPD"),
    ("severe left arm pain x 3 days", "arm pain", "degree severe; laterality left; time x 3 days"),
    ("IV vancomycin", "vancomycin", "route IV"),
    ("sodium chloride 0.9%", "sodium chloride", "value 0.9%"),
    ("no light perception", "light perception", "negated no"),
    ("h/o low back pain", "low back pain", "historical h/o"),
    ("?left PE", "PE", "possible ?; laterality left"),
    ("no h/o DVT", "DVT", "negated no; historical h/o"),
    ("INR>5", "INR", "value >5"),
    ("ibuprofen 400 mg every 8 hours", "ibuprofen", "dose 400 mg; frequency every 8 hours"),
    ("headaches 3 times a week", "headaches", "frequency 3 times a week"),
    ("presents with a fib", "a fib", "reported presents with"),
    ("SOB x 2/52", "SOB", "time x 2/52"),
    ("pain 3/7", "pain", "time 3/7"),
    ("3/12 h/o cough", "cough", "time 3/12 h/o"),
    ("BP 110/52", "BP", "value 110/52"),
    ("albuterol neb q4h", "albuterol", "route neb; frequency q4h"),
    ("calcium 600 mg daily", "calcium", "dose 600 mg; frequency daily"),
    ("Hb 12 g", "Hb", "value 12 g"),
    ("r/o ?PE", "PE", "possible r/o ?"),
    ("neg. for DVT", "DVT", "negated neg. for"),
    ("Augmentin 875-125 mg po bid x10d", "Augmentin", "dose 875-125 mg; route po; frequency bid; time x10d"),
    ("mom reports vomiting", "vomiting", "family mom reports"),
    ("HbA1c 9.1% in 2020", "HbA1c", "value 9.1%; time in 2020"),
    ("EF 30-35%", "EF", "value 30-35%"),
    ("aspirin 75mg o.d.", "aspirin", "dose 75mg; frequency o.d."),
    ("(R) hip pain", "hip pain", "laterality (R)"),
    ("hx: MI (2015)", "MI (2015)", "historical hx"),
    ("DM since age 12", "DM", "time since age 12"),
    ("asthma absent", "asthma", "negated absent"),
    ("chest pain is absent", "chest pain", "negated is absent"),
    ("MI: no", "MI", "negated no"),
    ("pneumonia: No", "pneumonia", "negated No"),
    ("gout - no", "gout", "negated - no"),
    ("metformin = no", "metformin", "negated = no"),
    ("psoriasis (no)", "psoriasis", "negated (no)"),
    ("sepsis no", "sepsis", "negated no"),
    ("asthma, no", "asthma", "negated no"),
    ("chest pain none", "chest pain", "negated none"),
    ("MI: none", "MI", "negated none"),
    ("pneumonia (none)", "pneumonia", "negated (none)"),
    ("gout nil", "gout", "negated nil"),
    ("metformin: nil", "metformin", "negated nil"),
    ("psoriasis: neg", "psoriasis", "negated neg"),
    ("sepsis: negative", "sepsis", "negated negative"),
    ("asthma - negative", "asthma", "negated - negative"),
    ("chest pain (negative)", "chest pain", "negated (negative)"),
    ("MI (absent)", "MI", "negated (absent)"),
    ("pneumonia: 0", "pneumonia", "negated 0"),
    ("gout: denies", "gout", "negated denies"),
    ("metformin - denied", "metformin", "negated - denied"),
    ("psoriasis: pt denies", "psoriasis", "negated pt denies"),
    ("sepsis: not seen", "sepsis", "negated not seen"),
    ("asthma doubtful", "asthma", "negated doubtful"),
    ("chest pain highly unlikely", "chest pain", "negated highly unlikely"),
    ("MI r/o'd", "MI", "negated r/o'd"),
    ("pneumonia not observed", "pneumonia", "negated not observed"),
    ("gout free", "gout", "negated free"),
    ("neg metformin", "metformin", "negated neg"),
    ("negative psoriasis", "psoriasis", "negated negative"),
    ("w/out sepsis", "sepsis", "negated w/out"),
    ("w/o: asthma", "asthma", "negated w/o"),
    ("without obvious chest pain", "chest pain", "negated without obvious"),
    ("never had MI", "MI", "negated never had"),
    ("never has had pneumonia", "pneumonia", "negated never has had"),
    ("doubt gout", "gout", "negated doubt"),
    ("doubtful metformin", "metformin", "negated doubtful"),
    ("no hx of psoriasis", "psoriasis", "negated no; historical hx of"),
    ("no suspicion for sepsis", "sepsis", "negated no suspicion for"),
    ("no concern for asthma", "asthma", "negated no concern for"),
    ("no clinical evidence of chest pain", "chest pain", "negated no clinical evidence of"),
    ("no apparent MI", "MI", "negated no apparent"),
    ("lacks pneumonia", "pneumonia", "negated lacks"),
    ("neither gout", "gout", "negated neither"),
    ("nor metformin", "metformin", "negated nor"),
    ("cannot be psoriasis", "psoriasis", "negated cannot be"),
    ("does not appear to have sepsis", "sepsis", "negated does not appear to have"),
    ("not consistent with asthma", "asthma", "negated not consistent with"),
    ("rather than chest pain", "chest pain", "negated rather than"),
    ("zero MI", "MI", "negated zero"),
    ("0 pneumonia", "pneumonia", "negated 0"),
    ("ø gout", "gout", "negated ø"),
    ("refuses metformin", "metformin", "negated refuses"),
    ("not on aspirin", "aspirin", "negated not on"),
    ("pt without asthma", "asthma", "negated pt without"),
    ("chest pain - none today", "chest pain", "negated - none; time today"),
    ("sister: MI", "MI", "family sister"),
    ("mother: pneumonia", "pneumonia", "family mother"),
    ("mother, gout", "gout", "family mother"),
    ("Father - metformin", "metformin", "family Father -"),
    ("mother's psoriasis", "psoriasis", "family mother's"),
    ("grandmother’s sepsis", "sepsis", "family grandmother’s"),
    ("MGM asthma", "asthma", "family MGM"),
    ("PGF had chest pain", "chest pain", "family PGF had"),
    ("brother MI", "MI", "family brother"),
    ("maternal aunt pneumonia", "pneumonia", "family maternal aunt"),
    ("both parents gout", "gout", "family both parents"),
    ("mother and father with metformin", "metformin", "family mother and father with"),
    ("son with psoriasis", "psoriasis", "family son with"),
    ("daughter: sepsis", "sepsis", "family daughter"),
    ("cousin w/ asthma", "asthma", "family cousin w/"),
    ("half-sister has chest pain", "chest pain", "family half-sister has"),
    ("her husband MI", "MI", "family her husband"),
    ("roommate has pneumonia", "pneumonia", "family roommate has"),
    ("family: gout", "gout", "family family"),
    ("father died of metformin", "metformin", "family father died of"),
    ("FHx psoriasis", "psoriasis", "family FHx"),
    ("Fam hx: sepsis", "sepsis", "family Fam hx"),
    ("strong family hx of asthma", "asthma", "family strong family hx of"),
    ("sibling: h/o chest pain", "chest pain", "family sibling: h/o"),
    ("MI - mother", "MI", "family - mother"),
    ("pneumonia: father", "pneumonia", "family father"),
    ("gout, brother", "gout", "family brother"),
    ("metformin - mother and sister", "metformin", "family - mother and sister"),
    ("psoriasis in father and uncle", "psoriasis", "family in father and uncle"),
    ("sepsis (father)", "sepsis", "family (father)"),
    ("asthma (maternal aunt)", "asthma", "family (maternal aunt)"),
    ("chest pain (in mother)", "chest pain", "family (in mother)"),
    ("MI on mother's side", "MI", "family on mother's side"),
    ("risk of pneumonia", "pneumonia", "possible risk of"),
    ("risk for gout", "gout", "possible risk for"),
    ("at risk for metformin", "metformin", "possible at risk for"),
    ("at high risk for psoriasis", "psoriasis", "possible at high risk for"),
    ("sepsis risk", "sepsis", "possible risk"),
    ("asthma prophylaxis", "asthma", "possible prophylaxis"),
    ("chest pain ppx", "chest pain", "possible ppx"),
    ("ppx for MI", "MI", "possible ppx for"),
    ("pneumonia precautions", "pneumonia", "possible precautions"),
    ("gout screening", "gout", "possible screening"),
    ("screening for metformin", "metformin", "possible screening for"),
    ("screen for psoriasis", "psoriasis", "possible screen for"),
    ("eval for sepsis", "sepsis", "possible eval for"),
    ("watch for asthma", "asthma", "possible watch for"),
    ("monitor for chest pain", "chest pain", "possible monitor for"),
    ("workup for MI", "MI", "possible workup for"),
    ("if pneumonia", "pneumonia", "possible if"),
    ("return if gout", "gout", "possible return if"),
    ("vs metformin", "metformin", "possible vs"),
    ("vs. psoriasis", "psoriasis", "possible vs."),
    ("sepsis - possible", "sepsis", "possible - possible"),
    ("asthma (questionable)", "asthma", "possible (questionable)"),
    ("?PE", "PE", "possible ?"),
    ("PE?", "PE", "possible ?"),
    ("d/c aspirin", "aspirin", "historical d/c"),
    ("d/c'd penicillin", "penicillin", "historical d/c'd"),
    ("dc'd codeine", "codeine", "historical dc'd"),
    ("warfarin stopped", "warfarin", "historical stopped"),
    ("lisinopril was stopped", "lisinopril", "historical was stopped"),
    ("metformin discontinued", "metformin", "historical discontinued"),
    ("aspirin - discontinued", "aspirin", "historical - discontinued"),
    ("off penicillin", "penicillin", "historical off"),
    ("hold codeine", "codeine", "historical hold"),
    ("holding warfarin", "warfarin", "historical holding"),
    ("lisinopril held", "lisinopril", "historical held"),
    ("metformin on hold", "metformin", "historical on hold"),
    ("aspirin (stopped)", "aspirin", "historical (stopped)"),
    ("no longer asthma", "asthma", "historical no longer"),
    ("no longer taking codeine", "codeine", "historical no longer taking"),
    ("former MI", "MI", "historical former"),
    ("pneumonia - resolved", "pneumonia", "historical - resolved"),
    ("allergic to metformin", "metformin", "allergy allergic to"),
    ("pt allergic to aspirin", "aspirin", "allergy pt allergic to"),
    ("allergy to penicillin", "penicillin", "allergy allergy to"),
    ("allergy: codeine", "codeine", "allergy allergy"),
    ("Allergies: warfarin", "warfarin", "allergy Allergies"),
    ("Allergies - lisinopril", "lisinopril", "allergy Allergies -"),
    ("metformin allergy", "metformin", "allergy allergy"),
    ("aspirin allergies", "aspirin", "allergy allergies"),
    ("intolerant of penicillin", "penicillin", "allergy intolerant of"),
    ("codeine intolerance", "codeine", "allergy intolerance"),
    ("warfarin intolerant", "warfarin", "allergy intolerant"),
    ("intolerance: lisinopril", "lisinopril", "allergy intolerance"),
    ("adverse reaction to metformin", "metformin", "allergy adverse reaction to"),
    ("hypersensitivity to aspirin", "aspirin", "allergy hypersensitivity to"),
    ("not tolerating penicillin", "penicillin", "allergy not tolerating"),
    ("does not tolerate codeine", "codeine", "allergy does not tolerate"),
    ("mother allergic to gout", "gout", "family mother allergic to"),
    ("no allergy to lisinopril", "lisinopril", "negated no; allergy allergy to"),
    ("denies change in psoriasis", "change in psoriasis", "negated denies"),
    ("no sepsis changes", "sepsis changes", "negated no"),
    ("severe asthma toxicity", "asthma toxicity", "degree severe"),
    ("risk of falls", "falls", "possible risk of"),
    ("at risk for stroke", "stroke", "possible at risk for"),
    ("screening for colon cancer", "colon cancer", "possible screening for"),
    ("allergic to penicillin", "penicillin", "allergy allergic to"),
    ("COVID: negative", "COVID", "negated negative"),
    ("hepatitis - neg", "hepatitis", "negated - neg"),
    ("HIV (neg)", "HIV", "negated (neg)"),
];

/// Mentions that have no reading.
#[rustfmt::skip]
const NO_READING: &[&str] = &[
    "left-sided weakness", "Right sided numbness",
    "history of present illness", "S.P. fall", "Family Hx - CAD", "MI", "diabetes mellitus", "acute MI",
    "chronic kidney disease", "late menopause", "early puberty", "low cholesterol", "high cholesterol",
    "low back pain", "HIV positive", "HIV negative", "HIV -", "HIV (-)", "MRSA (+)", "MRSA -ve", "ER neg",
    "PR pos", "Rh negative", "type 2 diabetes", "DM 1", "diabetes type 2", "CKD 3", "stage 3", "stage IV",
    "glycogen storage disease IV", "factor VIII deficiency", "factor 8 deficiency", "vitamin B 12", "vitamin D",
    "hepatitis 2", "hepatitis B", "hepatitis (B)", "T 12", "L 5", "L5 fracture", "trisomy 21", "COVID 19",
    "HPV 16", "HPV 16/18", "CA 125", "CA 19-9", "CD 34", "omega 3", "phase 2", "grade 3", "class 4", "NYHA 3",
    "interleukin 6", "influenza A", "coronavirus disease 2019", "0.9% saline", "0.9 % saline", "5% dextrose",
    "(R)-warfarin", "L carnitine", "L dopa", "iron (III)", "iron(III)", "non-small cell lung cancer",
    "non small cell carcinoma", "non-smoker", "failure to thrive", "absence seizure", "a fib",
    "atrial fibrillation", "right to left shunt", "left to right shunt", "left handed", "iv drug abuse",
    "intravenous drug user", "IV line", "oral thrush", "oral cancer", "rectal bleeding", "nasal polyps",
    "vaginal discharge", "subcutaneous emphysema", "eye drops", "joint capsule", "joint injection",
    "topical corticosteroid", "severe acute respiratory syndrome", "severe combined immunodeficiency",
    "mild cognitive impairment", "minimal change disease", "current smoker", "no", "denies", "h/o", "left",
    "severe", "2 puffs prn", "500 mg po bid", "IV", "x 3 days", "?", "(MI)", "pneumonia (acute)",
    "anemia (chronic)", "pneumonia (not confirmed)", "cancer (non-small cell)", "no pain but fever",
    "no symptoms except cough", "denies no pain", "not without pain", "headache without aura", "pain and swelling",
    "severe and persistent pain", "breast cancer", "RT PCR", "rt-PA", "NO synthase",
    "fear of falling",
    "histiocytosis X", "fragile X syndrome", "46,XX", "t(9;22)", "c.76A>T", "unstable angina", "right now",
    "headache - severe", "HIV - in 2019", "factor 8 500", "old age", "chromosome 22", "5 year survival",
    "PMH - MI", "K+ 6.1 (H)", "Hgb 7.2 low", "no abdominal pain, has nausea", "DM (not type 2)",
    "MI (no mitral insufficiency)", "RT for breast cancer", "CK 20", "old MI", "CABG (2019)", "ER 2", "vitamin C",
    "LDL 190 mg/dL (high)", "hydrocephalus, normal pressure, 1", "olfaction (absence)", "factor (viii)", "22q 11.2", "HR in 120s", "not sure if MI", "chest pain, no fever", "No. 5", "HPV 16/52", "ICD 10.1",
    "digoxin toxicity", "acetaminophen overdose", "lithium toxicity", "no improvement in asthma",
    "no significant improvement in mood", "no change in asthma", "no relief of pain", "no response to metformin",
    "without improvement of pain", "no recurrence of stroke", "no worsening dyspnea", "no progression of lymphoma",
    "patient has no improvement in pain", "food allergy", "seasonal allergies", "exercise intolerance",
    "lactose intolerance", "rhinitis (allergic)", "rhinitis, allergic", "family planning", "family conflict",
    "partner abuse", "maternal death", "negative pregnancy test", "HIV test: negative", "gram stain: negative",
    "grade: 0", "grade 0", "T4 free", "testosterone, free", "free T4", "gluten free diet", "HIV neg", "MRSA (-)",
    "(-) asthma", "asthma (-)", "appendicitis -", "[-] asthma", "- asthma", "[+] asthma", "old asthma",
    "pneumonia vs bronchitis", "asthma rather than COPD", "off balance", "high risk pregnancy", "risk factors",
    "low risk", "vaginal d/c", "no fever: none", "mother", "sister", "brother:", "allergies:", "- no", ": none",
    "HIV - today", "motherhood", "non asthma", "if not", "absent reflexes", "macrocephaly, relative",
];

/// "negated no; time for 3 days" for the parts that a reading leaves out.
fn described(reading: &Reading) -> String {
    let parts = reading.left_out.iter().map(|part| format!("{} {}", part.kind.as_str(), part.text));
    parts.collect::<Vec<_>>().join("; ")
}

fn texts(mention: &str) -> Vec<String> {
    readings(mention).into_iter().map(|reading| reading.text).collect()
}

#[test]
fn the_first_reading_leaves_out_all_that_qualifies_the_term() {
    for (mention, text, left_out) in READINGS {
        let readings = readings(mention);
        let first = readings.first().unwrap_or_else(|| panic!("{mention}: no reading"));
        assert_eq!((first.text.as_str(), described(first).as_str()), (*text, *left_out), "{mention}");
    }
}

#[test]
fn terms_and_bare_qualifiers_have_no_reading() {
    for mention in NO_READING {
        assert_eq!(texts(mention), Vec::<String>::new(), "{mention}");
    }
}

/// Terms without any qualifier.
#[rustfmt::skip]
const TERMS: [&str; 30] = [
    "asthma", "chest pain", "MI", "pneumonia", "appendicitis", "metformin", "lymphoma", "HIV", "type 2 diabetes",
    "low back pain", "acute kidney injury", "chronic cough", "COPD", "vitamin D deficiency", "DVT", "psoriasis",
    "K+ deficit", "hip fracture", "Crohn's disease", "sickle cell anemia", "fever", "hepatitis B", "SOB", "CLL",
    "penicillin", "non-small cell lung cancer", "gout", "schizophrenia", "late menopause", "HER2 amplification",
];

/// Checks that the first reading of each mention is the term, without a part of a kind.
fn check_terms(kind: LeftOutKind, mention: impl Fn(&str) -> String) {
    for term in TERMS {
        let mention = mention(term);
        let first = readings(&mention).into_iter().next().unwrap_or_else(|| panic!("{mention}: no reading"));
        assert_eq!(first.text, term, "{mention}");
        assert!(first.left_out.iter().any(|part| part.kind == kind), "{mention}: {}", described(&first));
    }
}

#[test]
fn each_denial_and_relative_of_the_tables_is_read_with_each_term() {
    use table::{AFTER, ANSWERS, BEFORE, Condition::BeforeMark};
    let each = |table: table::Phrases, check: &dyn Fn(LeftOutKind, &str)| {
        for &(kind, _, phrases) in
            table.iter().filter(|(kind, condition, _)| kind.denies_term() && *condition != BeforeMark)
        {
            phrases.iter().for_each(|phrase| check(kind, phrase));
        }
    };
    each(BEFORE, &|kind, phrase| {
        check_terms(kind, |term| format!("{phrase} {term}"));
        check_terms(kind, |term| format!("{phrase}: {term}"));
    });
    each(AFTER, &|kind, phrase| {
        check_terms(kind, |term| format!("{term} {phrase}"));
        check_terms(kind, |term| format!("{term}, {phrase}"));
        check_terms(kind, |term| format!("{term} - {phrase}"));
    });
    each(ANSWERS, &|kind, phrase| {
        check_terms(kind, |term| format!("{term}: {phrase}"));
        check_terms(kind, |term| format!("{term} - {phrase}"));
        check_terms(kind, |term| format!("{term} ({phrase})"));
    });
}

#[test]
fn each_relative_is_read_with_each_term() {
    for relative in table::RELATIVES {
        for pattern in
            ["R: X", "R, X", "R - X", "R's X", "R with X", "R had X", "his R has X", "X in R", "X - R", "X: R", "X (R)"]
        {
            check_terms(LeftOutKind::Family, |term| pattern.replace('R', relative).replace('X', term));
        }
    }
}

#[test]
fn case_does_not_matter() {
    // "AS" beside lower case is an abbreviation, and so is "COPD" of a long form.
    let is_alike = |mention: &str| mention != "severe AS" && !mention.contains('(');
    for (mention, text, _) in READINGS.iter().filter(|(mention, _, _)| is_alike(mention)) {
        assert_eq!(texts(&mention.to_uppercase()).first(), Some(&text.to_uppercase()), "{mention}");
    }
}

#[test]
fn later_readings_keep_the_side_then_the_degree() {
    for (mention, expected) in [
        ("left ventricular failure", &["ventricular failure"][..]),
        ("h/o left ventricular failure", &["ventricular failure", "left ventricular failure"]),
        ("no severe left arm pain", &["arm pain", "left arm pain", "severe left arm pain"]),
        ("no mild fever", &["fever", "mild fever"]),
        ("RA (right atrium)", &["right atrium", "RA"]),
        ("s/p MI (myocardial infarction)", &["myocardial infarction", "MI"]),
    ] {
        assert_eq!(texts(mention), expected, "{mention}");
    }
}

#[test]
fn a_reading_is_not_cut_from_the_middle_of_a_phrase() {
    for (mention, expected) in [
        ("no severe and persistent pain", &["severe and persistent pain"][..]),
        ("pain worse than yesterday", &[]),
        ("severe but stable angina", &[]),
        ("h/o AS", &["AS"]),
        ("H/O AS NEEDED", &[]),
    ] {
        assert_eq!(texts(mention), expected, "{mention}");
    }
}

#[test]
fn long_mentions_take_little_time() {
    for unit in [
        "no ",
        "bid ",
        "x ",
        "(left) ",
        "left ",
        "a:",
        "?",
        ",a",
        "1 ",
        "for 3 days ",
        "the ",
        "mother with ",
        "<5",
        "((a) ",
        "a.",
    ] {
        let mention = clean(&format!("pain {}", unit.repeat(1000 / unit.len())));
        let start = Instant::now();
        readings(&mention);
        assert!(start.elapsed().as_millis() < 200, "{unit:?}: {:?}", start.elapsed());
    }
}

/// The visible characters of a text in a fixed order, without separators, full stops and
/// parentheses.
fn characters<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<char> {
    let all = texts.into_iter().flat_map(str::chars);
    let mut visible: Vec<char> = all.filter(|&c| !c.is_whitespace() && !",;:.()".contains(c)).collect();
    visible.sort_unstable();
    visible
}

fn is_subsequence(short: &str, long: &str) -> bool {
    let mut rest =
        long.split_whitespace().flat_map(|word| word.split_inclusive(['?', '<', '>', '=', ',', ';', ':', '/']));
    let mut words = short.split_whitespace();
    let strip = |word: &str| word.trim_matches([',', ';', ':', '.', '?', '(', ')']).to_owned();
    words.all(|word| rest.any(|other| strip(word).starts_with(&strip(other)) || strip(other).starts_with(&strip(word))))
}

/// Signs and the words for them.
const SIGNS: [&str; 12] = ["+", "-", "(+)", "(-)", "neg", "pos", "+ve", "-ve", "high", "low", "late", "chronic"];

fn check(mention: &str) -> Result<(), TestCaseError> {
    let readings = readings(mention);
    prop_assert!(readings.len() <= 3);
    for (i, reading) in readings.iter().enumerate() {
        let all: Vec<&str> = std::iter::once(reading.text.as_str())
            .chain(reading.left_out.iter().map(|part| part.text.as_str()))
            .collect();
        prop_assert_eq!(characters(all.iter().copied()), characters([mention]));
        prop_assert!(
            all.iter().all(|text| !text.trim().is_empty() && mention.contains(text.trim()) || *text == all[0])
        );
        prop_assert!(is_subsequence(&reading.text, mention), "{:?} of {:?}", reading.text, mention);
        prop_assert_ne!(reading.text.as_str(), mention.trim());
        prop_assert!(!reading.left_out.is_empty());
        prop_assert!(readings[..i].iter().all(|other| other.text != reading.text));
        let neighbors = reading.left_out.windows(2);
        prop_assert!(neighbors.into_iter().all(|pair| mention.find(&pair[0].text) <= mention.rfind(&pair[1].text)));
        for part in reading.left_out.iter().filter(|part| part.kind != LeftOutKind::Parenthesis) {
            // "neg for" and "mother neg for" deny the term, "high risk for" and "since late 2019"
            // say nothing of it, and a dash parts "mother - MI".
            let is_time = part.kind == LeftOutKind::Time;
            let is_other = is_time || part.kind.denies_term() || part.text.to_lowercase().contains("high risk");
            let is_dash = |word: &str| word == "-" && part.text != "-";
            for word in part.text.split(' ').filter(|word| !is_other && !is_dash(word)) {
                prop_assert!(!SIGNS.contains(&word) && !word.starts_with("non"), "{:?} of {:?}", part, mention);
            }
        }
    }
    Ok(())
}

#[test]
fn tables_keep_the_properties() -> Result<(), TestCaseError> {
    READINGS.iter().map(|(mention, _, _)| *mention).chain(NO_READING.iter().copied()).try_for_each(check)
}

/// Words of mentions: qualifiers, terms and what looks like either.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "no", "denies", "without", "h/o", "s/p", "?", "?PE", "PE?", "possible", "r/o", "FH", "of", "mother", "with", "had", "the",
    "a", "left", "R", "(L)", "severe", "mild", "acute", "on", "chronic", "500", "mg", "81mg", "5 mg/kg", "po", "IV", "bid",
    "q6h", "every", "8", "hours", "x", "3", "days", "x3d", "for", "since", "2019", "yesterday", "6.1", "%", ">", "<5", "=",
    "150/90", "K+", "HIV", "-", "+", "(-)", "(+)", "neg", "non-small", "type", "2", "factor", "pain", "MI", "arm", "COPD",
    "(chronic disease)", "(MI)", "(acute)", "and", "but", "ruled", "out", "unlikely", "tablets", "late", "low", "high", ",",
    "45yo", "M", "fever.", "in", "C", "B", "12", "ago", "\u{3b2}", "\u{d7}", "\u{2265}", "\u{130}", "(", ")", "w/o", "w/x",
    "no:", "none", "absent", "(no)", "0", "w/out", "sister:", "mother's", "aunt", "his", "risk", "off", "stopped", "allergy", "allergies:",
    "negative", "improvement", "free",
];

proptest! {
    #[test]
    fn any_text_keeps_the_properties(text in "\\PC{0,40}|[\\x20-\\x7f]{0,40}|\\p{any}{0,30}|[a?x3(),:.<>=\u{301}\u{130} /-]{0,30}") {
        check(&clean(&text))?;
    }

    #[test]
    fn any_words_keep_the_properties(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..10)) {
        check(&clean(&words.join(" ")))?;
    }

    #[test]
    fn a_reading_has_no_part_of_the_kinds_it_leaves_out(
        mention in proptest::sample::select(READINGS),
        prefix in proptest::sample::select(&["", "h/o ", "no ", "possible ", "severe ", "left ", "pt with "][..]),
        suffix in proptest::sample::select(&["", " for 3 days", " in 2019", "?", ", resolved", " 500 mg", " bid"][..]),
    ) {
        if let Some(reading) = readings(&format!("{prefix}{}{suffix}", mention.0)).first() {
            for again in readings(&reading.text) {
                let kinds: Vec<_> = reading.left_out.iter().map(|part| part.kind).collect();
                prop_assert!(again.left_out.iter().all(|part| !kinds.contains(&part.kind)), "{reading:?} {again:?}");
            }
        }
    }

    #[test]
    fn numbers_of_names_and_signs_stay(
        name in proptest::sample::select(&["type 2 diabetes", "vitamin B 12", "factor 8", "HIV -", "HIV (+)", "ER neg", "CKD 3", "non-small cell cancer", "late menopause", "low cholesterol", "HPV 16"][..]),
        prefix in proptest::sample::select(&["h/o ", "no ", "?", "possible ", "severe ", "left ", "pt with ", "mother with "][..]),
        suffix in proptest::sample::select(&["", " for 3 days", " in 2019", " today", " since last year"][..]),
    ) {
        let texts = texts(&format!("{prefix}{name}{suffix}"));
        // A sign before a time may be a dash: such a mention has no reading.
        prop_assert!(!texts.is_empty() || name.ends_with('-'));
        prop_assert!(texts.iter().all(|text| text.contains(name)), "{texts:?}");
    }
}
