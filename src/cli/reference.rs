//! Writes docs/configuration.md from the definition of the command line.
//!
//! Invariant: the page does not depend on the features of the build.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};

use crate::cli::command::Cli;

/// The text before the sections of the commands.
const INTRODUCTION: &str = "\
# Configuration

This page answers: which commands and options does saplink have, and what are their environment variables and
defaults?

<!-- `saplink cli-reference` writes this page (`make docs`). Change the help texts in src/cli, not this page. -->

An option on the command line wins over its environment variable, and the variable wins over the default. An
empty variable counts as not set. The variable of an option without a value turns the option on with `1`,
`true`, `yes` or `on`. Relative paths, also those of the defaults, start from the working directory.

Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted.

A binary that was built with `--features otlp` has one more option of `saplink serve`: `--otlp-endpoint <URL>`
(`SAPLINK_OTLP_ENDPOINT`) sends a span of each request to an OpenTelemetry collector; see
[operations.md](operations.md#traces).

";

/// Options that exist only with a feature; the introduction describes them.
const FEATURE_OPTIONS: [&str; 1] = ["otlp_endpoint"];

/// The Markdown of docs/configuration.md: one section per command, one table row per option.
pub fn cli_reference() -> String {
    let (mut contents, mut sections) = (String::new(), String::new());
    for command in Cli::command().get_subcommands() {
        write_command(&mut contents, &mut sections, "saplink", command);
    }
    format!("{INTRODUCTION}{contents}{sections}")
}

/// Writes the section of `command`, then those of its subcommands.
fn write_command(contents: &mut String, sections: &mut String, parent: &str, command: &Command) {
    if command.is_hide_set() {
        return;
    }
    let name = format!("{parent} {}", command.get_name());
    let args: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && !FEATURE_OPTIONS.contains(&arg.get_id().as_str()))
        .collect();
    if !args.is_empty() || !command.has_subcommands() {
        let _ = writeln!(contents, "- [{name}](#{})", name.replace(' ', "-"));
        let _ = writeln!(sections, "\n## {name}\n\n{}", sentence(command.get_about()));
        write_tables(sections, &args);
        if let Some(text) = command.get_after_help() {
            let _ = writeln!(sections, "\n```text\n{text}\n```");
        }
    }
    for subcommand in command.get_subcommands() {
        write_command(contents, sections, &name, subcommand);
    }
}

/// Writes a table of the options without a help heading, then one for each heading.
fn write_tables(sections: &mut String, args: &[&Arg]) {
    let mut headings: Vec<Option<&str>> = vec![];
    for arg in args {
        if !headings.contains(&arg.get_help_heading()) {
            headings.push(arg.get_help_heading());
        }
    }
    headings.sort_by_key(Option::is_some);
    for heading in headings {
        if let Some(heading) = heading {
            let _ = write!(sections, "\n**{}**\n", escaped(heading));
        }
        sections.push_str("\n| option | environment | default | meaning |\n| --- | --- | --- | --- |\n");
        for arg in args.iter().filter(|arg| arg.get_help_heading() == heading) {
            let environment = arg.get_env().map_or(String::new(), |name| code(&name.to_string_lossy()) + " ");
            let (meaning, default) = meaning_and_default(arg);
            let _ = writeln!(sections, "| {} | {environment}| {default} | {meaning} |", code(&usage(arg)));
        }
    }
}

/// `--option <VALUE>`, `--flag` or `<POSITIONAL>`.
fn usage(arg: &Arg) -> String {
    let option = arg.get_long().map(|long| format!("--{long}"));
    let values = if arg.get_action().takes_values() { arg.get_value_names().unwrap_or_default() } else { &[] };
    let values = values.iter().map(|value| format!("<{value}>"));
    option.into_iter().chain(values).collect::<Vec<_>>().join(" ")
}

/// Help text and default of an argument. A default that clap does not know ends the help text as
/// `[default: ..]`.
fn meaning_and_default(arg: &Arg) -> (String, String) {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let (meaning, described) = match help.strip_suffix(']').and_then(|help| help.split_once(" [default: ")) {
        Some((meaning, default)) => (meaning, Some(default)),
        None => (help.as_str(), None),
    };
    let mut meaning = sentence(Some(meaning));
    if arg.get_action().takes_values() && !arg.get_possible_values().is_empty() {
        let values = arg.get_possible_values();
        let values: Vec<String> = values.iter().map(|value| code(value.get_name())).collect();
        let _ = write!(meaning, " Values: {}.", values.join(", "));
    }
    let defaults: Vec<String> = arg.get_default_values().iter().map(|value| code(&value.to_string_lossy())).collect();
    let default = match described {
        Some(text) => escaped(text),
        None if !arg.get_action().takes_values() => "off".into(),
        None if !defaults.is_empty() => defaults.join(", "),
        None if arg.is_required_set() => "required".into(),
        None => "none".into(),
    };
    (meaning, default)
}

/// A help text as a sentence of Markdown with its full stop, which clap cuts off.
fn sentence(text: Option<impl ToString>) -> String {
    let text = text.map(|text| escaped(text.to_string().trim_end_matches('.'))).unwrap_or_default();
    if text.is_empty() { text } else { text + "." }
}

/// Text as Markdown within a table. Text between backticks stays code.
fn escaped(text: &str) -> String {
    let mut markdown = String::with_capacity(text.len());
    for (i, piece) in text.split('`').enumerate() {
        if i % 2 == 1 {
            markdown += &code(piece);
            continue;
        }
        for c in piece.chars() {
            if "\\*_[]<>|&".contains(c) {
                markdown.push('\\');
            }
            markdown.push(c);
        }
    }
    markdown
}

/// Text without backticks as a code span within a table, where `|` alone ends a cell.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_in_help_texts_is_escaped() {
        assert_eq!(escaped("a_b <c> | [d] `e|f_g` *"), "a\\_b \\<c\\> \\| \\[d\\] `e\\|f_g` \\*");
        assert_eq!(code("N|N%"), "`N\\|N%`");
        assert_eq!(sentence(Some("Print JSON")), "Print JSON.");
    }

    #[test]
    fn defaults_come_from_clap_or_from_the_end_of_the_help_text() {
        let arg = Arg::new("top").long("top").value_name("N").help("Candidates [default: 5]");
        assert_eq!(meaning_and_default(&arg), ("Candidates.".into(), "5".into()));
        let arg = Arg::new("top").long("top").value_name("N").default_value("7").help("Candidates");
        assert_eq!(meaning_and_default(&arg), ("Candidates.".into(), "`7`".into()));
        let arg = Arg::new("dry").long("dry").action(clap::ArgAction::SetTrue).help("Measure only");
        assert_eq!((usage(&arg), meaning_and_default(&arg)), ("--dry".into(), ("Measure only.".into(), "off".into())));
    }

    #[test]
    fn every_visible_command_has_a_section() {
        let page = cli_reference();
        for name in ["serve", "index build", "eval", "eval compare", "openapi"] {
            assert!(page.contains(&format!("\n## saplink {name}\n")), "{name}");
        }
        assert!(!page.contains("\n## saplink index\n") && !page.contains("\n## saplink cli-reference\n"));
    }
}
