"""What fits what: prompts (template/macros/catalog.jinja) and the catalogue keep to one rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from conftest import TEMPLATE
from hypothesis import given
from hypothesis import strategies as st

from scaffold.errors import TemplateError
from scaffold.template.catalog import Catalog
from scaffold.template.questions import Question

AXES = list(TEMPLATE.catalog.axes)
#: The rows as they are written, before the catalogue reads them.
ROWS = {(row["axis"], row["id"]): row for row in TEMPLATE.questions["catalog"]["default"]}


def matter(axis: str, other: str) -> bool:
    """Say whether what is chosen on one axis may leave out something on another."""
    pairs = ((axis, other), (other, axis))
    return any(
        its in row.get("needs", {})
        for of, its in pairs
        for (at, _), row in ROWS.items()
        if at == of
    )


def prefixes() -> list[dict[str, str]]:
    """Give the answers that somebody may have given who is asked for the next axis.

    Of those that leave nothing out on it, there is one: all together would be thousands.
    """
    found: list[dict[str, str]] = []
    for at, axis in enumerate(AXES):
        before: list[dict[str, str]] = [{}]
        for asked in AXES[:at]:
            some = None if matter(axis, asked) else 1
            before = [
                {**one, asked: option.id}
                for one in before
                for option in TEMPLATE.catalog.fitting(asked, one)[:some]
            ]
        found += before
    return found


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: f"{row['axis']}-{row['id']}")
def test_a_row_needs_what_there_is(row: dict[str, Any]) -> None:
    for axis, names in row.get("needs", {}).items():
        assert axis in AXES
        assert axis != row["axis"], "options of one axis never meet"
        others = [other for other in ROWS.values() if other["axis"] == axis]
        known = {name for other in others for name in (other["id"], *other.get("traits", ()))}
        assert set(names) <= known


def test_no_trait_is_called_like_an_option_that_could_be_meant() -> None:
    for axis in AXES:
        rows = [row for row in ROWS.values() if row["axis"] == axis]
        traits = {trait for row in rows for trait in row.get("traits", ())}
        assert not traits & {row["id"] for row in rows}


def test_prompts_grey_out_what_the_catalogue_leaves_out() -> None:
    seen = 0
    for before in prefixes():
        axis = AXES[len(before)]
        values = {**TEMPLATE.context, "catalog": list(ROWS.values()), **before}
        question = Question(axis, TEMPLATE.questions[axis], TEMPLATE.environment, values)
        offered = [choice.value for choice in question.choices if not choice.misfit]
        assert offered == [option.id for option in TEMPLATE.catalog.fitting(axis, before)], before
        seen += len(question.choices) - len(offered)
    assert seen, "some are greyed out"


def test_whatever_is_chosen_something_fits_on_the_next_axis() -> None:
    for before in prefixes():
        axis = AXES[len(before)]
        assert TEMPLATE.catalog.fitting(axis, before), f"{before} is a dead end at {axis}"


IDS = {"stack": ["a", "b"], "ci": ["c", "d"], "hosting": ["e", "f"]}
needs = st.dictionaries(
    st.sampled_from(list(IDS)),
    st.lists(st.sampled_from(["x", "y", *"abcdef"]), min_size=1, unique=True),
)
catalogues = st.fixed_dictionaries(
    {
        (axis, id_): st.fixed_dictionaries(
            {"needs": needs, "traits": st.lists(st.sampled_from(["x", "y"]), unique=True)}
        )
        for axis, ids in IDS.items()
        for id_ in ids
    }
)
MACROS = TEMPLATE.environment.text(
    "{% from 'template/macros/catalog.jinja' import choices %}{{ choices(catalog, axis, chosen) }}"
)


@pytest.mark.parametrize("needs", [{"b": ["u"]}, {"a": ["y"]}, {"c": ["x"]}])
def test_what_no_other_option_is_or_has_cannot_be_needed(needs: dict[str, list[str]]) -> None:
    row = {"order": 1, "label": "", "why": ""}
    rows = [{**row, "axis": "a", "id": "x", "needs": needs}, {**row, "axis": "a", "id": "y"}]
    rows += [{**row, "axis": "b", "id": "z", "traits": ["t"]}]
    with pytest.raises(TemplateError, match="a: x needs"):
        Catalog.from_rows(rows, ["a", "b"])


@given(catalogues, st.fixed_dictionaries({axis: st.sampled_from(ids) for axis, ids in IDS.items()}))
def test_the_rule_is_the_same_in_any_catalogue(
    said: dict[tuple[str, str], dict[str, Any]], chosen: dict[str, str]
) -> None:
    has = {(axis, name) for (axis, id_), it in said.items() for name in (id_, *it["traits"])}
    rows = [
        {
            "axis": axis,
            "id": id_,
            "order": order,
            "label": id_.upper(),
            "why": "",
            **more,
            "needs": {
                other: names
                for other, names in more["needs"].items()
                if other != axis and has & {(other, name) for name in names}
            },
        }
        for order, ((axis, id_), more) in enumerate(said.items())
    ]
    catalog = Catalog.from_rows(rows, IDS)
    for axis in IDS:
        others = {name: id_ for name, id_ in chosen.items() if name != axis}
        pairs = yaml.safe_load(
            MACROS.render({**TEMPLATE.context, "catalog": rows, "axis": axis, "chosen": others})
        )
        offered = [value["value"] for _, value in pairs if not value["validator"]]
        assert offered == [option.id for option in catalog.fitting(axis, others)], json.dumps(rows)


def test_a_template_of_before_that_calls_files_so_is_read() -> None:
    """Projects made from it are updated: what is called `requires` now was `needs` then."""
    said = {"needs": {"/.github/workflows/ci.yml": ["/.github/actions/setup/action.yml"]}}
    row = {"axis": "ci", "id": "a", "order": 1, "label": "A", "why": "it is", **said}
    other = {**row, "axis": "stack", "needs": {}}
    catalog = Catalog.from_rows([row, other], ["stack", "ci"])
    assert [option.id for option in catalog.fitting("ci", {"stack": "a"})] == ["a"]
