"""The reference says what the rows and the code say."""

from __future__ import annotations

import importlib.util

import pytest
from conftest import ROOT

spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
assert spec is not None
assert spec.loader is not None
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    written = (ROOT / "docs/reference" / name).read_text("utf-8")
    assert written == generate.NOTE + generate.PAGES[name](), "run `python docs/generate.py`"
