"""The comment's chapter on cost: what it says, and that no job can make it say more."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollout.comment import code, comment
from rollout.cost_change import MOST_PIPELINES, CostChange, Month, Replayed
from rollout.cost_comment import cost_lines
from rollout.summary import Summary, read
from tests.rollout.test_comment import HOSTILE

RUNS = Replayed(pipeline="metagenome", runs=10, before=1.0, after=0.5)
COST = CostChange(prices_of="2026-11-25", month=Month(before=100.0, after=107.3), replays=(RUNS,))


def told(cost: CostChange | None) -> str:
    return "\n".join(cost_lines([("eu", cost)], code))


def test_a_saving_and_a_dearer_month_are_told_with_their_difference() -> None:
    text = told(COST)
    assert "100.00 → **107.30** (+7.30)" in text
    assert "| 10 of <code>metagenome</code> | 1.0000 | **0.5000** (-50%) | 0.1000 → 0.0500 |" in text


def test_no_change_is_told_as_none() -> None:
    """Two equal numbers would be compared digit by digit."""
    same = replace(COST, month=Month(before=5, after=5), replays=(replace(RUNS, after=1.0),))
    assert "5.00, as before" in told(same)
    assert "| 1.0000 | as before | 0.1000 |" in told(same)


def test_a_total_is_of_the_pipelines_that_go_on() -> None:
    """With the one that leaves, the saving would be all that it ever cost."""
    both = replace(COST, replays=(RUNS, replace(RUNS, pipeline="gone", after=None)))
    assert "| 10 in all | 1.0000 | **0.5000** (-50%) |" in told(both)
    assert "no longer analysed" in told(both)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unpriced": 1}, "1 run more in neither sum"),
        ({"less": 2}, "2 runs succeeded with more memory than they would be given now"),
        ({"spared": 3}, "3 attempts that wanted memory or disk would not have been made"),
        ({"unfinished": 4}, "4 runs would not have been tried again to their end"),
        ({"runs": 0, "before": 0, "after": 0, "unpriced": 5}, "5 runs more in neither sum"),
    ],
)
def test_what_makes_a_figure_doubtful_is_told_beside_it(changes: dict[str, Any], words: str) -> None:
    assert words in told(replace(COST, replays=(replace(RUNS, **changes),)))


def test_what_is_not_known_is_said() -> None:
    text = told(
        CostChange(month=Month(before=1, after=1, unknown=("the price of keys there",)), missing="no")
    )
    assert "not in the month's sum: <code>the price of keys there</code>" in text
    assert "nothing is said of its last runs" in text
    assert "not known" in told(CostChange())
    assert told(None) == ""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_name(name: str) -> None:
    """A branch may call a pipeline as it likes, and its job may write any words."""

    def made(word: str) -> str:
        return told(
            CostChange(
                prices_of=word,
                month=Month(before=1, after=2, parts=((word, 1, 2),), unknown=(word,)),
                replays=(replace(RUNS, pipeline=word, unpriced=1), replace(RUNS, pipeline=word)),
                missing=word,
            )
        )

    bare = re.compile(r"<code>.*?</code>")
    assert bare.sub("", made(name)) == bare.sub("", made("plain"))
    assert made(name).count("\n") == made("plain").count("\n")


def test_a_cost_survives_its_file(tmp_path: Path) -> None:
    summary = Summary(
        office="eu", cost=replace(COST, month=Month(before=1, after=2, parts=(("keys", 1, 2),)))
    )
    (tmp_path / "eu.json").write_text(summary.to_json())
    assert read(tmp_path / "eu.json") == summary


def test_a_summary_without_a_cost_is_read(tmp_path: Path) -> None:
    """Of a branch that began before costs were told."""
    document = json.loads(Summary(office="eu").to_json())
    del document["cost"]
    (tmp_path / "eu.json").write_text(json.dumps(document))
    assert "What it costs" not in comment([read(tmp_path / "eu.json")], [], "c")


@pytest.mark.parametrize(
    "broken",
    [
        [],
        {"month": 5},
        {"month": {"before": "1", "after": 2, "parts": [], "unknown": []}},
        {"month": {"before": float("nan"), "after": 2, "parts": [], "unknown": []}},
        {"month": {"before": float("inf"), "after": 2, "parts": [], "unknown": []}},
        {"month": {"before": -1, "after": 2, "parts": [], "unknown": []}},
        {"month": {"before": True, "after": 2, "parts": [], "unknown": []}},
        {"month": {"before": 1, "after": 2, "parts": [["x"]], "unknown": []}},
        {"month": {"before": 1, "after": 2, "parts": [["x", 1.5, 2]], "unknown": []}},
        {"replays": [{"pipeline": "x"}]},
        {"missing": 3},
        {"prices_of": ["x"]},
    ],
)
def test_a_forged_cost_is_refused(broken: Any, tmp_path: Path) -> None:
    """The file comes from a job that ran a pull request's code."""
    document = json.loads(Summary(office="eu", cost=COST).to_json())
    document["cost"] = {**document["cost"], **broken} if isinstance(broken, dict) else broken
    (tmp_path / "eu.json").write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"eu\.json: is no summary"):
        read(tmp_path / "eu.json")


def test_endless_pipelines_are_cut(tmp_path: Path) -> None:
    many = replace(COST, replays=tuple(replace(RUNS, pipeline="x" * 5000) for _ in range(500)))
    (tmp_path / "eu.json").write_text(Summary(office="eu", cost=many).to_json())
    cost = read(tmp_path / "eu.json").cost
    assert cost is not None
    assert len(cost.replays) == MOST_PIPELINES
    assert all(len(each.pipeline) <= 200 for each in cost.replays)
