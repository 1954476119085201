#!/usr/bin/env python3
"""Checks that no line with a comment is wider than 100 columns. Run by `make lint`.

Code may have 120 columns (rustfmt.toml). A line that holds a comment, alone or after code, may have
100. The files are those of src, tests, benches, examples, fuzz and scripts: Rust, Python and shell.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ["src", "tests", "benches", "examples", "fuzz/fuzz_targets", "scripts"]
MAX_WIDTH = 100

# The tokens of a Rust file in which `//` may stand without beginning a comment, then comments.
RUST = re.compile(
    r"""
      r(?P<hashes>\#*)".*?"(?P=hashes)          # raw string
    | "(?:\\.|[^"\\])*"                         # string
    | '(?:\\.[^']*|[^'\\])'                     # character
    | (?P<comment>//[^\n]*|/\*.*?\*/)
    """,
    re.VERBOSE | re.DOTALL,
)
HASH = re.compile(r"^[ \t]*(?P<comment>\#(?!!).*)$", re.MULTILINE)


def wide_lines(path):
    """Yields the number and width of each line that is too wide and has a comment."""
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    found = set()
    for token in (RUST if path.suffix == ".rs" else HASH).finditer(text):
        if token["comment"] is not None:
            first = text.count("\n", 0, token.start())
            found.update(range(first, first + token["comment"].count("\n") + 1))
    for number in sorted(found):
        if len(lines[number]) > MAX_WIDTH:
            yield number + 1, len(lines[number])


def main():
    paths = [p for folder in FOLDERS for p in sorted((ROOT / folder).rglob("*")) if p.suffix in (".rs", ".py", ".sh")]
    wide = [(p.relative_to(ROOT), *line) for p in paths if "golden/work" not in str(p) for line in wide_lines(p)]
    for path, number, width in wide:
        print(f"{path}:{number}: {width} columns")
    if wide:
        sys.exit(f"comment_width: {len(wide)} lines with a comment are wider than {MAX_WIDTH} columns; wrap them")
    print(f"comment_width: {len(paths)} files, no comment wider than {MAX_WIDTH} columns")


if __name__ == "__main__":
    main()
