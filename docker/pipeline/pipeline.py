"""An example of a pipeline with saplink: reads a note, writes FHIR resources with UMLS codings.

    SAPLINK_URL=http://localhost:8080 python3 pipeline.py note.txt

The pipeline splits the note into sentences, sends every run of words between stop words to saplink,
and keeps the best mentions that do not overlap. Each becomes a Condition, an Observation, a Procedure
or a MedicationStatement. Negation and doubt are recognized by words before the mention. It needs only
Python; a real pipeline has a better detector of mentions.
"""

import json
import os
import re
import sys
import urllib.request

URL = os.environ.get("SAPLINK_URL", "http://localhost:8080")
TOKEN_FILE = os.environ.get("SAPLINK_TOKEN_FILE")
MAX_WORDS = 5  # words of a mention
MIN_SCORE = 0.9  # probability, or score where the index is not calibrated
BATCH = 500  # mentions of a request
STOP = set(
    "a an and are as at be both but by came came for from had has have he her his in into is it its no not of off on or our out she shows"
    " since takes that the their them they this to was were which with without yesterday today old year woman man mother father".split()
)
NEGATED = re.compile(r"\b(no|denies|denied|without|negative for|ruled out)\b[^.,;]*$", re.I)
DOUBTFUL = re.compile(r"\b(mother|father|sister|brother|family history|rule out|possible|suspected)\b[^.,;]*$", re.I)
RESOURCES = {"CHEM": "MedicationStatement", "DISO": "Condition", "PHYS": "Observation", "PROC": "Procedure"}


def spans(sentence):
    """Runs of at most MAX_WORDS words that neither begin nor end with a stop word, as (start, end)."""
    words = [(m.start(), m.end()) for m in re.finditer(r"[A-Za-z0-9][\w'/-]*", sentence)]
    for first in range(len(words)):
        for last in range(first, min(first + MAX_WORDS, len(words))):
            start, end = words[first][0], words[last][1]
            inner = [sentence[a:b].lower() for a, b in words[first : last + 1]]
            if inner[0] in STOP or inner[-1] in STOP or {"and", "or"} & set(inner) or re.search(r"[.,;:]", sentence[start:end]):
                continue
            yield start, end


def link(texts):
    headers = {"content-type": "application/json"}
    if TOKEN_FILE:
        with open(TOKEN_FILE, encoding="utf-8") as file:
            headers["authorization"] = "Bearer " + next(line.strip() for line in file if line.strip() and line[0] != "#")
    results = []
    for start in range(0, len(texts), BATCH):
        body = {"mentions": texts[start : start + BATCH], "top_k": 1, "semantic_groups": list(RESOURCES)}
        request = urllib.request.Request(URL + "/link", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            results += json.load(response)["results"]
    return results


def resource(sentence, start, end, candidate):
    # A concept may have types of several groups; one of them is in RESOURCES.
    kind = next(RESOURCES[t["group"]] for t in candidate["semantic_types"] if t["group"] in RESOURCES)
    coding = {"system": "http://www.nlm.nih.gov/research/umls", "code": candidate["cui"], "display": candidate["name"]}
    before = sentence[:start]
    field = {"MedicationStatement": "medicationCodeableConcept"}.get(kind, "code")
    result = {"resourceType": kind, field: {"coding": [coding], "text": sentence[start:end]}}
    if kind == "Condition":
        status = "refuted" if NEGATED.search(before) else "unconfirmed" if DOUBTFUL.search(before) else "confirmed"
        result["verificationStatus"] = {"coding": [{"code": status}]}
    return result


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        note = file.read()
    sentences = [s.strip().replace("\n", " ") for s in re.split(r"(?<=[.:])\s+", note) if s.strip()]
    found = [(sentence, start, end) for sentence in sentences for start, end in spans(sentence)]
    results = link([sentence[start:end] for sentence, start, end in found])
    scored = []
    for (sentence, start, end), result in zip(found, results):
        if result["status"] != "error" and result["status"] != "nil" and result["candidates"]:
            best = result["candidates"][0]
            score = best.get("probability", best["score"])
            if score >= MIN_SCORE or best["match"] in ("exact", "normalized"):
                scored.append((end - start, score, sentence, start, end, best))
    # The longest first: "congestive heart failure" wins over "heart".
    scored.sort(key=lambda one: (-one[0], -one[1]))
    taken, entries = [], []
    for _, _, sentence, start, end, best in scored:
        if all(sentence is not other or end <= a or start >= b for other, a, b in taken):
            taken.append((sentence, start, end))
            entries.append((sentences.index(sentence), start, resource(sentence, start, end, best)))
    entries.sort(key=lambda entry: entry[:2])
    json.dump({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for _, _, r in entries]}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
