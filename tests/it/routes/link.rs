//! `POST /link` with JSON: candidates, statuses, filters and order.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Answer, Service, metric, shared, small_index::small_index, succeed};

fn cuis(result: &Value) -> Vec<&str> {
    result["candidates"].as_array().unwrap().iter().map(|c| c["cui"].as_str().unwrap()).collect()
}

fn first(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["results"][0].clone()
}

#[test]
fn a_mention_matches_exactly_after_normalization_or_by_embedding() {
    let answer = shared().link(&json!({"mention": "heart attack"}));
    assert_eq!(answer.content_type, "application/json");
    let result = first(&answer);
    assert_eq!((&result["id"], &result["mention"]), (&json!("m1"), &json!("heart attack")));
    assert_eq!(result["status"], "linked");
    assert_eq!(result["candidates"].as_array().unwrap().len(), 5);
    let best = &result["candidates"][0];
    assert_eq!(best["cui"], "C0027051");
    assert_eq!((&best["name"], &best["matched_name"]), (&json!("myocardial infarction"), &json!("heart attack")));
    assert_eq!((&best["match"], &best["score"]), (&json!("exact"), &json!(1.0)));
    assert_eq!(best["semantic_types"], json!([{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}]));
    assert!(answer.json()["model"].as_str().unwrap().starts_with("saplink-mini@"));
    assert!(answer.json()["index"].as_str().unwrap().starts_with("starter@"));

    let normalized = first(&shared().link(&json!({"mention": "  HEART-attack \n"})));
    assert_eq!(
        (&normalized["candidates"][0]["cui"], &normalized["candidates"][0]["match"]),
        (&json!("C0027051"), &json!("normalized"))
    );
    let embedded = first(&shared().link(&json!({"mention": "an attack of the heart"})));
    assert_eq!(embedded["candidates"][0]["match"], "embedding");
}

#[test]
fn a_bad_mention_of_several_is_an_error_in_its_own_result() {
    let cases = [
        (r#"{"text": "cold", "id": "keep-me", "top_k": -1}"#, "keep-me", "cold", "invalid-request", Some(".top_k")),
        ("null", "m2", "", "invalid-request", Some("")),
        ("7", "m2", "", "invalid-request", Some("")),
        (r#"["a"]"#, "m2", "", "invalid-request", Some("")),
        (r#"{"text": 5}"#, "m2", "", "invalid-request", Some(".text")),
        (r#"{"id": "keep-me"}"#, "keep-me", "", "invalid-request", Some(".text")),
        (r#"{"id": "keep-me", "text": "cold", "txet": 1}"#, "keep-me", "cold", "invalid-request", Some("")),
        (r#"{"id": "keep-me", "id": "b", "text": "cold"}"#, "keep-me", "cold", "invalid-request", Some(".id")),
        (r#"{"id": ["x"], "text": "cold"}"#, "m2", "cold", "invalid-request", Some(".id")),
        (r#"{"id": "keep-me", "text": "\ud800"}"#, "keep-me", "", "invalid-json", None),
        (
            r#"{"id": "keep-me", "text": "cold", "semantic_types": ["T047", 1]}"#,
            "keep-me",
            "cold",
            "invalid-request",
            Some(".semantic_types[1]"),
        ),
        (
            r#"{"id": "keep-me", "text": "cold", "sources": ["NOWHERE"]}"#,
            "keep-me",
            "cold",
            "unknown-source",
            Some(".sources[0]"),
        ),
    ];
    for (mention, id, text, kind, field) in cases {
        let body =
            format!("{{\n  \"mentions\": [\"asthma\",\n    {mention}, {{\"text\": \"cold\", \"id\": \"last\"}}]}}");
        let answer = shared().post("/link", "application/json", body.as_bytes());
        assert_eq!(answer.status, 200, "{mention}: {answer:?}");
        let results = answer.json()["results"].clone();
        assert_eq!((&results[0]["status"], &results[2]["id"]), (&json!("linked"), &json!("last")), "{mention}");
        let (result, field) = (&results[1], field.map(|field| format!("mentions[1]{field}")));
        assert_eq!((&result["id"], &result["mention"]), (&json!(id), &json!(text)), "{mention}: {result}");
        assert_eq!(result["error"]["type"], format!("urn:saplink:problem:{kind}"), "{mention}: {result}");
        assert_eq!(result["error"]["field"].as_str(), field.as_deref(), "{mention}: {result}");
        // The same in a stream.
        let lines = format!("\"asthma\"\n{mention}\n\"cold\"\n");
        let lines = shared().post("/link", "application/x-ndjson", lines.as_bytes()).text;
        let line: Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
        assert_eq!((&line["id"], &line["mention"]), (&json!(id), &json!(text)), "{mention}: {line}");
        assert_eq!(line["error"]["type"], result["error"]["type"], "{mention}: {line}");
        if kind == "invalid-json" {
            assert!(line["error"]["detail"].as_str().unwrap().contains("line 2, column"), "{line}");
            assert!(result["error"]["detail"].as_str().unwrap().contains("line 3, column 38"), "{result}");
        }
    }
    let broken = shared().post("/link", "application/json", b"{\"mentions\": [\"asthma\", {\"text\": }]}");
    assert_eq!((broken.status, broken.problem().as_str()), (400, "invalid-json"));
    let long = format!("{{\"id\": \"keep-me\", \"text\": \"{}\"}}\n", "x".repeat(40_000));
    let long = shared().post("/link", "application/x-ndjson", long.as_bytes()).text;
    assert!(long.contains("\"id\":\"keep-me\"") && long.contains("mention-too-long"), "{long}");
}

#[test]
fn mentions_may_have_options_of_their_own() {
    let answer = shared().link(&json!({
        "mentions": ["heart attack", {"id": "note 7", "text": "asthma", "top_k": 2}, {"text": "", "id": "empty"},
            {"text": "aspirin", "semantic_types": ["T999"]}, {"text": "aspirin", "semantic_groups": ["CHEM"]}],
        "top_k": 3, "semantic_groups": ["DISO"],
    }));
    let results = answer.json()["results"].as_array().unwrap().clone();
    assert_eq!(answer.status, 200);
    assert_eq!(
        results.iter().map(|r| r["id"].as_str().unwrap()).collect::<Vec<_>>(),
        ["m1", "note 7", "empty", "m4", "m5"]
    );
    assert_eq!((cuis(&results[0]).len(), cuis(&results[1]).len()), (3, 2));
    assert_eq!((&results[2]["status"], &results[2]["error"]["field"]), (&json!("error"), &json!("mentions[2].text")));
    assert_eq!(results[2]["error"]["type"], "urn:saplink:problem:blank-mention");
    assert_eq!(results[3]["error"]["field"], "mentions[3].semantic_types[0]");
    assert_eq!(results[4]["candidates"][0]["cui"], "C0004057");
    let request =
        json!({"mentions": [{"text": "aspirin", "semantic_groups": ["CHEM"]}], "semantic_types": ["T184"], "top_k": 9});
    for candidate in first(&shared().link(&request))["candidates"].as_array().unwrap() {
        let groups = candidate["semantic_types"].as_array().unwrap();
        assert!(
            groups.iter().any(|t| t["group"] == "CHEM"),
            "the mention's filter replaces the request's: {candidate}"
        );
    }
}

#[test]
fn options_of_linking_are_taken_for_a_request_and_for_a_mention() {
    let plain = first(&shared().link(&json!({"mention": "heart attack"})));
    for options in [
        json!({"readings": false}),
        json!({"spelling": false}),
        json!({"readings": null, "spelling": true, "explain": false}),
    ] {
        let mut request = options.clone();
        request["mention"] = "heart attack".into();
        assert_eq!(first(&shared().link(&request)), plain, "{options}: an exact name needs no repair and no reading");
        let mut mention = options;
        mention["text"] = "heart attack".into();
        assert_eq!(first(&shared().link(&json!({"mention": mention}))), plain, "{mention}");
    }
    let line = "{\"text\": \"heart attack\", \"readings\": false, \"spelling\": false, \"explain\": false}\n";
    assert_eq!(shared().post("/link", "application/x-ndjson", line.as_bytes()).json(), plain);
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&plain), ["candidates", "id", "mention", "status"], "nothing was left out or cut off");
    for candidate in plain["candidates"].as_array().unwrap() {
        assert!(candidate.get("explain").is_none(), "{candidate}");
    }
}

#[test]
fn top_k_distinct_concepts_pass_the_filter() {
    for (filter, types) in [
        (json!({}), None),
        (json!({"semantic_types": ["T121"]}), Some(vec!["T121"])),
        (json!({"semantic_types": ["T004"]}), Some(vec!["T004"])),
        (
            json!({"semantic_groups": ["ANAT"]}),
            Some(vec!["T017", "T018", "T021", "T022", "T023", "T024", "T025", "T026", "T029", "T030", "T031"]),
        ),
        (
            json!({"semantic_types": ["T004"], "semantic_groups": ["ANAT"]}),
            Some(vec!["T004", "T017", "T022", "T023", "T024", "T025", "T026", "T029", "T030", "T031"]),
        ),
        (json!({"sources": ["SAPLINK"]}), None),
    ] {
        for mention in ["lung", "pain in the chest", "penicillin", "fungus", "wobbly knees after running"] {
            let mut request = filter.clone();
            request["mention"] = mention.into();
            request["top_k"] = 8.into();
            let result = first(&shared().link(&request));
            let found = cuis(&result);
            assert_eq!(found.len(), 8, "{request}");
            assert_eq!(found.iter().collect::<HashSet<_>>().len(), 8, "{request}");
            for candidate in result["candidates"].as_array().unwrap() {
                let tuis = candidate["semantic_types"].as_array().unwrap();
                let passes = |types: &Vec<&str>| tuis.iter().any(|t| types.contains(&t["tui"].as_str().unwrap()));
                assert!(types.as_ref().is_none_or(passes), "{request}: {candidate}");
            }
        }
    }
}

#[test]
fn a_source_filter_matches_names_of_that_source_only() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let names = "cui\tsource\tterm_type\tname\nC0027051\tA\tPT\theart attack\nC0027051\tB\tSY\tHeart Attack\nC0004096\tA\tPT\tasthma\n";
    fs_err::write(at("names.tsv"), names).unwrap();
    succeed(&["index", "build", "--tsv", &at("names.tsv"), "--out", &at("index")]);
    let service = Service::spawn(&["--index", &at("index"), "--model", "models/saplink-mini", "--max-top-k", "3"]);
    service.wait_until_ready();
    let candidates = |request| service.link(&request).json()["results"][0]["candidates"].clone();
    let of_b = candidates(json!({"mention": "heart attack", "sources": ["B"]}));
    assert_eq!(of_b.as_array().unwrap().len(), 1);
    assert_eq!((&of_b[0]["matched_name"], &of_b[0]["match"]), (&json!("Heart Attack"), &json!("normalized")));
    let of_a = candidates(json!({"mention": "heart attack", "sources": ["A"]}));
    assert_eq!((&of_a[0]["matched_name"], &of_a[0]["match"]), (&json!("heart attack"), &json!("exact")));
    assert_eq!(of_a.as_array().unwrap().len(), 2);
    assert_eq!(service.link(&json!({"mention": "asthma"})).status, 200, "the default top_k is at most --max-top-k");
}

#[test]
fn answers_are_ordered_and_repeatable() {
    for mention in ["cold", "swelling of the leg", "MS", "blood thinner"] {
        let request = json!({"mention": mention, "top_k": 30});
        let answer = shared().link(&request);
        let result = first(&answer);
        let kinds = ["exact", "normalized", "variant", "corrected", "embedding"];
        let order: Vec<(i64, usize, String)> = result["candidates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| {
                let kind = kinds.iter().position(|k| c["match"] == *k).unwrap();
                (-(c["score"].as_f64().unwrap() * 1e4) as i64, kind, c["cui"].as_str().unwrap().to_owned())
            })
            .collect();
        assert!(order.is_sorted_by_key(|(score, kind, _)| (*score, *kind)), "{order:?}");
        // Scores are rounded in the answer, so only exact names certainly have equal scores.
        let exact: Vec<_> = order.iter().filter(|(score, ..)| *score == -10_000).collect();
        assert!(exact.is_sorted(), "{exact:?}");
        assert_eq!(shared().link(&request).text, answer.text);
    }
}

#[test]
fn ambiguous_mentions_list_every_owner_in_the_documented_order() {
    let result = first(&shared().link(&json!({"mention": "MS", "top_k": 1})));
    assert_eq!(result["status"], "ambiguous");
    let owners = cuis(&result);
    assert!(owners.len() >= 2 && owners.is_sorted(), "{owners:?}");
    assert!(owners.contains(&"C0026769"), "multiple sclerosis");
    assert!(result["candidates"].as_array().unwrap().iter().all(|c| c["matched_name"] == "MS" && c["score"] == 1.0));
    // A name found by its embedding may have several owners too.
    let one = first(&shared().link(&json!({"mention": "an MS today", "top_k": 1, "min_score": -1.0})));
    let many = first(&shared().link(&json!({"mention": "an MS today", "top_k": 9, "min_score": -1.0})));
    assert_eq!(one["status"], many["status"]);
}

#[test]
fn at_most_1000_owners_of_a_name_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    small_index(dir.path());
    let at = |name: &str| dir.path().join(name).display().to_string();
    let owners: String = (0..20_000).map(|i| format!("C{i:07}\tshared name\n")).collect();
    fs_err::write(at("same.tsv"), format!("cui\tname\n{owners}")).unwrap();
    let paths = ["--tsv", &at("same.tsv"), "--model", &at("tiny"), "--out", &at("same")];
    succeed(&[&["index", "build"], &paths[..]].concat());
    let service = Service::spawn(&["--index", &at("same"), "--model", &at("tiny")]);
    service.wait_until_ready();
    let started = Instant::now();
    for mention in ["shared name", "a shared names"] {
        let answer = service.link(&json!({"mention": mention, "top_k": 1, "min_score": -1.0})).json();
        let candidates = answer["results"][0]["candidates"].as_array().unwrap();
        assert_eq!(candidates.len(), 1000, "{mention}");
        assert_eq!(candidates[0]["cui"], "C0000000");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn misspelled_words_are_repaired_and_medical_affixes_are_not() {
    let result = first(&shared().link(&json!({"mention": "acute pnuemonia"})));
    assert_eq!(result["candidates"][0]["match"], "corrected");
    let score = result["candidates"][0]["score"].as_f64().unwrap();
    assert!(score < 1.0 && score > 0.7, "{score}");
    for (mention, cui) in [("diabetis", "C0011849"), ("leukemai", "C0023418"), ("hyperkalemai", "C0020461")] {
        let result = first(&shared().link(&json!({"mention": mention})));
        assert_eq!(result["candidates"][0]["cui"], cui, "{mention}");
    }
    for mention in ["hypochloremia", "craniectomy", "hyperpituitarism"] {
        let result = first(&shared().link(&json!({"mention": mention})));
        assert_ne!(result["candidates"][0]["match"], "corrected", "{mention}");
    }
}

#[test]
fn distant_mentions_are_nil_and_min_score_is_respected() {
    let result = first(&shared().link(&json!({"mention": "qwrtzpsd 8815"})));
    assert_eq!(result["status"], "nil");
    assert_eq!(result["candidates"].as_array().unwrap().len(), 5, "candidates are listed all the same");
    let result = first(&shared().link(&json!({"mention": "qwrtzpsd 8815", "min_score": 0.95})));
    assert_eq!((&result["status"], &result["candidates"]), (&json!("nil"), &json!([])));
    let result = first(&shared().link(&json!({"mention": "heart attack", "min_score": 1.0, "top_k": 50})));
    assert_eq!(cuis(&result), ["C0027051"]);
}

#[test]
fn unusual_text_is_linked() {
    for mention in [
        "نوبة قلبية",
        "\u{202b}heart attack\u{202c}",
        "he\u{0301}art atta\u{0308}ck",
        "a\u{0300}\u{0301}\u{0302}\u{0303}\u{0304}\u{0305}",
        "心臓発作",
        "🫀 attack",
        "heart\tattack\r\nagain",
        "İ",
        "ﬁbrillation",
        "\u{1d407}eart",
        "\u{feff}asthma",
        "[CLS] [SEP] [MASK]",
    ] {
        let result = first(&shared().link(&json!({"mention": mention})));
        assert_eq!(result["mention"], mention);
        assert!(!cuis(&result).is_empty(), "{mention}");
    }
    let result = first(&shared().link(&json!({"mention": "\u{202b}Heart\u{a0}attack\u{202c}"})));
    assert_eq!(result["candidates"][0]["cui"], "C0027051");
    let longest = "é".repeat(500);
    assert_eq!(shared().link(&json!({"mention": longest})).status, 200);
    assert_eq!(shared().link(&json!({"mention": format!("{longest}a")})).problem(), "mention-too-long");
}

#[test]
fn a_cached_mention_gets_the_same_answer_without_inference() {
    let (service, uncached) = (Service::start(&[]), Service::start(&["--cache", "0"]));
    let request =
        json!({"mentions": ["hurts when i breathe in", "cannot  sleep at nights", "Hurts when I breathe in"]});
    let first = service.link(&request).json()["results"].clone();
    let texts = metric(&service, "saplink_batch_texts_total");
    let again = service.link(&request).json()["results"].clone();
    assert_eq!(again, first);
    assert_eq!(uncached.link(&request).json()["results"], first);
    assert_eq!(metric(&service, "saplink_batch_texts_total"), texts, "nothing is embedded again");
    assert!(metric(&service, "saplink_cache_hits_total") >= 3.0);
    assert_eq!(metric(&uncached, "saplink_cache_misses_total"), 0.0);
}
