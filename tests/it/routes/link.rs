//! The HTTP surface on a real socket: the contract, and every kind of bad input.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};

use crate::support::{Answer, shared};

fn cuis(result: &Value) -> Vec<&str> {
    result["candidates"].as_array().unwrap().iter().map(|c| c["cui"].as_str().unwrap()).collect()
}

fn first(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["results"][0].clone()
}

#[test]
fn a_mention_that_is_a_name() {
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
fn many_mentions_each_with_settings_of_its_own() {
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
fn k_distinct_concepts_that_pass_the_filter() {
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
fn answers_are_ordered_and_repeatable() {
    for mention in ["cold", "swelling of the leg", "MS", "blood thinner"] {
        let request = json!({"mention": mention, "top_k": 30});
        let answer = shared().link(&request);
        let result = first(&answer);
        let kinds = ["exact", "normalized", "corrected", "embedding"];
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
        // Scores are rounded in the answer, so that only names, which all score 1, tie for certain.
        let named: Vec<_> = order.iter().filter(|(score, ..)| *score == -10_000).collect();
        assert!(named.is_sorted(), "{named:?}");
        assert_eq!(shared().link(&request).text, answer.text);
    }
}

#[test]
fn ambiguous_lists_every_owner_in_a_documented_order() {
    let result = first(&shared().link(&json!({"mention": "MS", "top_k": 1})));
    assert_eq!(result["status"], "ambiguous");
    let owners = cuis(&result);
    assert!(owners.len() >= 2 && owners.is_sorted(), "{owners:?}");
    assert!(owners.contains(&"C0026769"), "multiple sclerosis");
    assert!(result["candidates"].as_array().unwrap().iter().all(|c| c["matched_name"] == "MS" && c["score"] == 1.0));
    // A name found by its embedding may be owned by several as well.
    let one = first(&shared().link(&json!({"mention": "an MS today", "top_k": 1, "min_score": -1.0})));
    let many = first(&shared().link(&json!({"mention": "an MS today", "top_k": 9, "min_score": -1.0})));
    assert_eq!(one["status"], many["status"]);
}

#[test]
fn misspelled_words_are_repaired_and_others_are_not() {
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
fn nothing_near_is_nil_and_min_score_holds() {
    let result = first(&shared().link(&json!({"mention": "qwrtzpsd 8815"})));
    assert_eq!(result["status"], "nil");
    assert_eq!(result["candidates"].as_array().unwrap().len(), 5, "still listed");
    let result = first(&shared().link(&json!({"mention": "qwrtzpsd 8815", "min_score": 0.95})));
    assert_eq!((&result["status"], &result["candidates"]), (&json!("nil"), &json!([])));
    let result = first(&shared().link(&json!({"mention": "heart attack", "min_score": 1.0, "top_k": 50})));
    assert_eq!(cuis(&result), ["C0027051"]);
}

#[test]
fn a_concept_with_its_names() {
    let concept = shared().get("/concepts/C0027051").json();
    assert_eq!((&concept["cui"], &concept["name"]), (&json!("C0027051"), &json!("myocardial infarction")));
    let names = concept["names"].as_array().unwrap();
    assert_eq!(
        names[0],
        json!({"name": "myocardial infarction", "source": "SAPLINK", "term_type": "PT", "language": "ENG"})
    );
    assert!(names.iter().any(|n| n["name"] == "heart attack"));
    assert_eq!(concept["semantic_types"][0]["tui"], "T047");
}

#[test]
fn probes_and_info() {
    assert_eq!(shared().get("/healthz").json(), json!({"status": "ok"}));
    assert_eq!(shared().get("/readyz").json(), json!({"status": "ready"}));
    let info = shared().get("/info").json();
    assert_eq!(info["index"]["sources"][0]["source"], "SAPLINK");
    assert!(info["index"]["concepts"].as_u64().unwrap() >= 2000);
    assert_eq!(info["model"]["dimensions"], 384);
}

/// Each bad request body, the status and type of its answer, and the field that it blames.
#[test]
fn bad_bodies_are_4xx_with_a_stable_type() {
    let mentions = |n: usize| json!({"mentions": vec!["a"; n]}).to_string();
    let long = json!({"mention": "a".repeat(1 << 20)}).to_string();
    let nested = "[".repeat(100_000);
    let many_types = json!({"mention": "a", "semantic_types": vec!["T047"; 300]}).to_string();
    let cases: Vec<(&[u8], u16, &str, Option<&str>)> = vec![
        (b"", 400, "invalid-json", None),
        (b"{", 400, "invalid-json", None),
        (b"heart attack", 400, "invalid-json", None),
        (b"{\"mention\": \"a\"} {}", 400, "invalid-json", None),
        (b"{\"mention\": \"a\xff\"}", 400, "invalid-json", None),
        (b"{\"mention\": \"a\nb\"}", 400, "invalid-json", None),
        (br#"{"mention": "\ud800"}"#, 400, "invalid-json", None),
        (br#"{"mention": "\udc00 a"}"#, 400, "invalid-json", None),
        (nested.as_bytes(), 400, "invalid-json", None),
        (b"null", 422, "invalid-request", None),
        (b"[]", 422, "invalid-request", None),
        (br#"["heart attack"]"#, 422, "invalid-request", None),
        (b"{}", 422, "invalid-request", Some("mention")),
        (br#"{"mention": "a", "mentions": ["a"]}"#, 422, "invalid-request", Some("mention")),
        (br#"{"mention": null}"#, 422, "invalid-request", Some("mention")),
        (br#"{"mention": 5}"#, 422, "invalid-request", Some("mention")),
        (br#"{"mention": ["a"]}"#, 422, "invalid-request", Some("mention")),
        (br#"{"mention": {"id": "x"}}"#, 422, "invalid-request", Some("mention")),
        (br#"{"mention": {"text": "a", "txet": 1}}"#, 422, "invalid-request", None),
        (br#"{"mention": "a", "topk": 3}"#, 422, "invalid-request", None),
        (br#"{"mentions": "a"}"#, 422, "invalid-request", Some("mentions")),
        (br#"{"mentions": []}"#, 422, "invalid-request", Some("mentions")),
        (br#"{"mentions": ["a", 5]}"#, 422, "invalid-request", Some("mentions[1]")),
        (br#"{"mention": "a", "top_k": 0}"#, 422, "invalid-request", Some("top_k")),
        (br#"{"mention": "a", "top_k": 101}"#, 422, "invalid-request", Some("top_k")),
        (br#"{"mention": "a", "top_k": -1}"#, 422, "invalid-request", Some("top_k")),
        (br#"{"mention": "a", "top_k": 1.5}"#, 422, "invalid-request", Some("top_k")),
        (br#"{"mention": "a", "top_k": 99999999999999999999}"#, 422, "invalid-request", Some("top_k")),
        (br#"{"mention": "a", "min_score": 2}"#, 422, "invalid-request", Some("min_score")),
        (br#"{"mention": "a", "min_score": "x"}"#, 422, "invalid-request", Some("min_score")),
        (br#"{"mention": "a", "min_score": 1e999}"#, 400, "invalid-json", None),
        (br#"{"mention": "a", "semantic_types": "T047"}"#, 422, "invalid-request", Some("semantic_types")),
        (br#"{"mention": "a", "semantic_types": ["T999"]}"#, 422, "unknown-semantic-type", Some("semantic_types[0]")),
        (
            br#"{"mention": "a", "semantic_groups": ["DISO", "diso"]}"#,
            422,
            "unknown-semantic-group",
            Some("semantic_groups[1]"),
        ),
        (br#"{"mention": "a", "sources": ["NOWHERE"]}"#, 422, "unknown-source", Some("sources[0]")),
        (many_types.as_bytes(), 422, "invalid-request", Some("semantic_types")),
        (br#"{"mention": ""}"#, 422, "blank-mention", Some("mention")),
        (br#"{"mention": " \t\n "}"#, 422, "blank-mention", Some("mention")),
        (br#"{"mention": "?!"}"#, 422, "blank-mention", Some("mention")),
        (br#"{"mention": {"text": "\u200b\u202e"}}"#, 422, "blank-mention", Some("mention.text")),
        (br#"{"mention": "\u0301\u0302"}"#, 422, "blank-mention", Some("mention")),
        (br#"{"mention": "a\u0000b"}"#, 422, "control-characters", Some("mention")),
        (br#"{"mention": "a\u001b[31mb"}"#, 422, "control-characters", Some("mention")),
        (br#"{"mention": "a\u0085\u009fb"}"#, 422, "control-characters", Some("mention")),
        (long.as_bytes(), 422, "mention-too-long", Some("mention")),
    ];
    for (body, status, kind, field) in &cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = shared().post("/link", "application/json", body);
        assert_eq!((answer.status, answer.problem().as_str()), (*status, *kind), "{shown}");
        assert_eq!(answer.json()["field"].as_str(), *field, "{shown}: {}", answer.text);
    }
    // Refused by what it announces: a client that goes on sending might not read the answer.
    let larger =
        b"POST /link HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 3000000\r\n\r\n{";
    let answer = shared().raw(larger, Duration::from_secs(2));
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("urn:saplink:problem:body-too-large"), "{answer}");
    let answer = shared().post("/link", "application/json", mentions(10_000).as_bytes());
    assert_eq!((answer.status, answer.problem().as_str()), (422, "too-many-mentions"));
    assert_eq!(shared().post("/link", "application/json", mentions(1000).as_bytes()).status, 200);
    let answer = shared().link(&json!({"mentions": vec!["a"; 201], "top_k": 100}));
    assert_eq!((answer.status, answer.problem().as_str()), (422, "too-many-candidates"));
}

#[test]
fn unusual_text_is_text() {
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
fn bad_paths_methods_and_types() {
    for (path, status, kind) in [
        ("/concepts/C9999999", 404, "unknown-concept"),
        ("/concepts/HP:0001250", 404, "unknown-concept"),
        ("/concepts/C002705", 400, "invalid-concept-id"),
        ("/concepts/c0027051", 400, "invalid-concept-id"),
        ("/concepts/heart%20attack", 400, "invalid-concept-id"),
        ("/concepts/%ff", 400, "invalid-concept-id"),
        ("/concepts/..%2f..%2fetc", 400, "invalid-concept-id"),
        ("/concepts/", 404, "not-found"),
        ("/nothing", 404, "not-found"),
        ("/link", 405, "method-not-allowed"),
    ] {
        let answer = shared().get(path);
        assert_eq!((answer.status, answer.problem().as_str()), (status, kind), "{path}");
    }
    assert_eq!(shared().post("/healthz", "text/plain", b"").problem(), "method-not-allowed");
    for content_type in ["text/plain", "application/jsonx", "application/x-www-form-urlencoded", ""] {
        let answer = shared().post("/link", content_type, br#"{"mention": "a"}"#);
        assert_eq!((answer.status, answer.problem().as_str()), (415, "unsupported-media-type"), "{content_type}");
    }
    let answer = shared().post("/link", "Application/JSON; charset=utf-8", br#"{"mention": "asthma"}"#);
    assert_eq!(answer.status, 200);
}

#[test]
fn what_is_no_http_is_refused_and_harms_nobody() {
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"POST /link HTTP/1.1\r\ncontent-length: x\r\n\r\n",
    ] {
        let answer = shared().raw(bytes, Duration::from_millis(500));
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert_eq!(shared().get("/healthz").status, 200);
}
