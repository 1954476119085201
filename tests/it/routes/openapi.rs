//! `openapi/openapi.json` describes the service, and is current.

use serde_json::Value;

use crate::support::{root, shared, succeed};

#[test]
fn the_committed_description_is_current() {
    let committed = fs_err::read_to_string(root().join("openapi/openapi.json")).unwrap();
    assert!(committed == succeed(&["openapi"]), "openapi/openapi.json is out of date: run `make openapi`");
}

#[test]
fn the_served_description_is_the_committed_one() {
    let committed: Value =
        serde_json::from_str(&fs_err::read_to_string(root().join("openapi/openapi.json")).unwrap()).unwrap();
    assert!(shared().get("/openapi.json").json() == committed);
}

#[test]
fn every_operation_has_a_summary_an_example_and_its_errors() {
    let api: Value = serde_json::from_str(&succeed(&["openapi"])).unwrap();
    let schemas = &api["components"]["schemas"];
    let mut operations = 0;
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations += 1;
            let name = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{name}: summary");
            let responses = operation["responses"].as_object().unwrap();
            let content = &responses["200"]["content"];
            let example = |v: &Value| v.get("example").or(v.get("examples")).is_some();
            if path == "/metrics" {
                assert!(example(&content["text/plain"]), "{name}: example");
            } else {
                let content = &content["application/json"];
                let schema = content["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
                assert!(example(content) || example(&schemas[schema]), "{name}: example");
            }
            let errors: Vec<_> = responses.iter().filter(|(status, _)| status.as_str() >= "400").collect();
            assert!(!errors.is_empty(), "{name}: errors");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{name}: {parameter}");
            }
            for (status, response) in errors {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{name} {status}");
            }
        }
    }
    assert_eq!(operations, 14);
    assert!(example_of_problem(schemas), "Problem: example");
}

fn example_of_problem(schemas: &Value) -> bool {
    schemas["Problem"].get("example").is_some()
}

#[test]
fn every_reference_resolves() {
    let text = succeed(&["openapi"]);
    let api: Value = serde_json::from_str(&text).unwrap();
    for reference in text.split("\"$ref\": \"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(api.pointer(reference).is_some(), "{reference}");
    }
}

#[test]
fn the_documentation_needs_no_network() {
    let service = shared();
    assert_eq!(service.get("/").status, 307);
    let page = service.get("/docs/");
    assert_eq!(page.status, 200);
    for reference in page.text.split(['"', '\'']).filter(|s| s.ends_with(".js") || s.ends_with(".css")) {
        assert!(!reference.contains("//"), "{reference} is not served by saplink");
        let file = service.get(&format!("/docs/{}", reference.trim_start_matches("./")));
        assert_eq!(file.status, 200, "{reference}");
        assert!(file.text.len() > 100, "{reference}");
    }
}
