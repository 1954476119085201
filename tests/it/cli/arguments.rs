//! Help, version and wrong arguments.

use std::process::Stdio;

use crate::support::{root, run, saplink, succeed};

#[test]
fn help_lists_the_commands_and_version_prints_the_version() {
    let help = succeed(&["--help"]);
    for command in ["serve", "index", "model", "openapi"] {
        assert!(help.contains(command), "{help}");
    }
    assert_eq!(succeed(&["--version"]).trim(), format!("saplink {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_closed_output_pipe_is_no_error() {
    let mut child = saplink(&["openapi"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn wrong_arguments_exit_with_2_and_name_the_argument() {
    for (args, named) in [
        (&["serve", "--listen", "nowhere"][..], "--listen"),
        (&["serve", "--queue", "0"], "--queue"),
        (&["index", "build"], "--tsv"),
        (&["index", "build", "--tsv", "a", "--out", "b", "--nil-threshold", "2"], "--nil-threshold"),
        (&["model", "import", "a", "--out", "b", "--precision", "int4"], "--precision"),
        (&["nothing"], "nothing"),
    ] {
        let output = run(args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(named), "{args:?}: {error}");
    }
}

#[test]
fn the_page_of_all_options_is_current() {
    let committed = fs_err::read_to_string(root().join("docs/configuration.md")).unwrap();
    assert!(succeed(&["cli-reference"]) == committed, "help texts have changed: run `make docs`");
}
