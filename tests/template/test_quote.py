"""Free text keeps its meaning in every syntax a template file may use.

Each macro of `macros/quote.jinja` is held to a real parser of its language.
"""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import TEMPLATE, prettier
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# What the questions accept: everything but control characters, which they refuse.
CHARACTERS = st.characters(
    exclude_categories=["Cc", "Cs", "Zl", "Zp"],
    exclude_characters="\N{ZERO WIDTH NO-BREAK SPACE}\ufffe\uffff",
)
LINE = st.text(CHARACTERS | st.sampled_from("\"'\\{}$`#:<>"), min_size=1, max_size=100)
TEXT = st.text(CHARACTERS | st.sampled_from("\n\t\"'\\{}$`#:<>"), max_size=300)

HOSTILE_LINES = [
    """He said "it's" \\ 'fine'""",
    "{{ project_name }} {% raw %} ${{ secrets.X }} ${HOME} $(id) `id`",
    "key: value # no comment - [x] </script> --> */",
    "# syntax=docker/dockerfile:1",
    "emoji \N{ROCKET} and \N{RIGHT-TO-LEFT OVERRIDE}",
    "a line that ends in \\",
    "long " * 30,
]
HOSTILE = [*HOSTILE_LINES, "two\nlines\twith a tab", "\n\nblank lines\n\n"]


def quoted(macro: str, *arguments: str) -> str:
    source = (
        f"{{% from 'template/macros/quote.jinja' import {macro} %}}{{{{ {macro}(*arguments) }}}}"
    )
    return TEMPLATE.environment.text(source).render(arguments=arguments)


@given(TEXT)
def test_quoted_reads_the_same_as_json_yaml_and_toml(text: str) -> None:
    word = quoted("quoted", text)
    assert json.loads(word) == text
    assert yaml.safe_load(f"key: {word} # comment")["key"] == text
    assert tomllib.loads(f"key = {word} # comment")["key"] == text


@pytest.mark.slow
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXT, min_size=100, max_size=100))
def test_ts_property_reads_the_same_as_typescript_and_pleases_prettier(
    tmp_path: Path, texts: list[str]
) -> None:
    texts = [*HOSTILE, *texts, *("x" * length for length in range(55, 70))]
    properties = "\n".join(
        quoted("ts_property", f"{'ab' * (i % 4 + 1)}{i}", text) for i, text in enumerate(texts)
    )
    file = tmp_path / "texts.ts"
    file.write_text(f"export const texts: object = {{\n{properties}\n}};\n")
    shown = subprocess.run(
        ["node", "--input-type=module", "--eval",
         f"import {{ texts }} from '{file}'; console.log(JSON.stringify(Object.values(texts)))"],
        check=True, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert json.loads(shown.stdout) == texts
    done = subprocess.run([*prettier(), "--check", str(file)], check=False, capture_output=True)
    assert done.returncode == 0, file.read_text()


@settings(max_examples=5)
@given(st.lists(TEXT, min_size=50, max_size=50))
def test_sh_is_one_word_of_shell(texts: list[str]) -> None:
    texts = [*HOSTILE, *texts]
    script = "printf '%s\\0' " + " ".join(quoted("sh", text) for text in texts)
    shown = subprocess.run(["sh", "-c", script], check=True, capture_output=True, encoding="utf-8")
    assert shown.stdout.split("\0")[:-1] == texts


@pytest.mark.slow
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINE, min_size=100, max_size=100))
def test_label_is_the_value_of_a_dockerfile_label(tmp_path: Path, texts: list[str]) -> None:
    """Built with Buildah, which reads Dockerfiles as Docker does."""
    texts = [*HOSTILE_LINES, *texts]
    labels = "\n".join(f"LABEL l{i}={quoted('label', text)}" for i, text in enumerate(texts))
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\n{labels}\n")

    def buildah(*args: str) -> str:
        return subprocess.check_output(
            ["buildah", *args], cwd=tmp_path, text=True, stderr=subprocess.PIPE,
            env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
        )  # fmt: skip

    image = buildah("build", "--quiet", ".").strip()
    found = json.loads(buildah("inspect", "--type", "image", image))["OCIv1"]["config"]["Labels"]
    buildah("rmi", image)
    assert [found[f"l{i}"] for i in range(len(texts))] == texts


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["A backend service", 'Payments, (some) "refunds": it\'s é!', *HOSTILE]
)
def test_prose_holds_the_text_as_it_is_and_pleases_prettier(text: str, tmp_path: Path) -> None:
    paragraph = quoted("prose", text)
    assert text.strip() in paragraph
    (tmp_path / "page.md").write_text(f"# Title\n\n{paragraph}\n\n## More\n")
    subprocess.run([*prettier(), "--check", str(tmp_path / "page.md")], check=True)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text("abZé 09,.:;!?%()/\"'+-", min_size=1), min_size=100, max_size=100))
def test_prose_that_prettier_may_read_pleases_it(tmp_path: Path, texts: list[str]) -> None:
    texts = [text for text in texts if text.strip()]
    paragraphs = "\n\n".join(quoted("prose", text) for text in texts)
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{paragraphs}\n")
    done = subprocess.run([*prettier(), "--check", str(page)], check=False, capture_output=True)
    assert done.returncode == 0, page.read_text()
