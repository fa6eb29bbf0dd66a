"""The order of a rollout: waves, hours and freezes, by the repository's own kind of settings."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.faults import InvalidOffices
from rollout.order import closed, rollout
from rollout.settings import MOST_WAVES, Settings

OFFICES = ["eu", "hq", "jp", "us"]
ROOT = Path(__file__).parents[2]
REPOSITORY = {"name": "acme/platform", "subject": "repo:acme@1/platform@2"}
WAVES = [
    {"name": "headquarters", "offices": ["hq"]},
    {"name": "canary", "offices": ["eu"]},
    {"name": "the rest", "offices": ["rest"]},
]
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)  # a Wednesday


def settings(**more: object) -> Settings:
    return Settings.model_validate({"repository": REPOSITORY, "waves": WAVES, **more})


def test_headquarters_goes_first_then_the_canary_then_everybody_else() -> None:
    """A bad change reaches one office, not all of them, and a new office needs no entry."""
    planned = rollout(settings(), OFFICES, OFFICES, NOON)
    assert [step.offices for step in planned.steps] == [("hq",), ("eu",), ("jp", "us")]
    assert planned.waiting == {}


def test_an_untouched_office_is_left_alone() -> None:
    """A change of one office's file does not run in the others' accounts."""
    planned = rollout(settings(), OFFICES, ["us"], NOON)
    assert planned.offices == ("us",)
    assert planned.outputs() == {"wave_1": [], "wave_2": [], "wave_3": ["us"], "wave_4": []}


def test_a_frozen_canary_holds_the_waves_behind_it() -> None:
    """Else the offices behind the canary would take what nobody has tried."""
    freeze = {"from": "2026-11-20", "to": "2026-11-25", "reason": "audit", "offices": ["eu"]}
    planned = rollout(settings(freezes=[freeze]), OFFICES, OFFICES, NOON)
    assert planned.offices == ("hq",)
    assert planned.waiting == {
        "eu": "frozen until 2026-11-25: audit",
        "jp": "waits for eu",
        "us": "waits for eu",
    }


def test_a_frozen_office_that_nothing_touches_holds_nobody() -> None:
    freeze = {"from": "2026-11-20", "to": "2026-11-25", "reason": "audit", "offices": ["eu"]}
    assert rollout(settings(freezes=[freeze]), OFFICES, ["us"], NOON).offices == ("us",)


def test_offices_of_one_wave_do_not_wait_for_each_other() -> None:
    """The sister office in another time zone is no reason to wait."""
    freeze = {"from": "2026-11-25", "to": "2026-11-25", "reason": "move", "offices": ["jp"]}
    planned = rollout(settings(freezes=[freeze]), OFFICES, OFFICES, NOON)
    assert planned.offices == ("hq", "eu", "us")
    assert list(planned.waiting) == ["jp"]


def test_an_override_with_a_reason_goes_through_a_freeze() -> None:
    """A security fix must not wait for the end of the year."""
    freeze = {"from": "2026-11-20", "to": "2026-11-25", "reason": "audit"}
    planned = rollout(settings(freezes=[freeze]), OFFICES, OFFICES, NOON, override="CVE-2026-1")
    assert set(planned.offices) == set(OFFICES)


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-11-25T13:59+00:00", True),  # 08:59 in New York
        ("2026-11-25T12:59+00:00", False),  # 07:59
        ("2026-11-25T22:00+00:00", False),  # 17:00, the end
        ("2026-11-26T14:00+00:00", True),  # Thursday
        ("2026-11-27T14:00+00:00", False),  # Friday
        ("2026-07-01T12:00+00:00", True),  # 08:00 in summer time
    ],
)
def test_hours_are_the_offices_own(moment: str, open_: bool) -> None:
    """A change arrives when somebody of the office is at work, summer time or not."""
    hours = {
        "us": {
            "zone": "America/New_York",
            "days": ["mon", "tue", "wed", "thu"],
            "from": "08:00",
            "to": "17:00",
        }
    }
    reason = closed(settings(hours=hours), "us", datetime.fromisoformat(moment))
    assert (reason is None) == open_, reason


def test_a_freeze_ends_with_its_last_day_in_the_offices_own_zone() -> None:
    """At 16:00 UTC the third of January is over in Seoul."""
    hours = {"hq": {"zone": "Asia/Seoul", "days": ["sun", "mon"], "from": "00:00", "to": "23:59"}}
    made = settings(
        hours=hours, freezes=[{"from": "2026-12-21", "to": "2027-01-03", "reason": "end of the year"}]
    )
    assert closed(made, "hq", datetime(2027, 1, 3, 14, 0, tzinfo=UTC))
    assert closed(made, "hq", datetime(2027, 1, 3, 16, 0, tzinfo=UTC)) is None


def test_the_repositorys_own_file_is_sound() -> None:
    """A fault in it stops every rollout."""
    names = [path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml")]
    assert len(Settings.load(ROOT, names).waves) <= MOST_WAVES


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    """Who mends the file runs the check once, not five times."""
    (tmp_path / "rollout.yaml").write_text(
        """
repository: {name: acme/platform, subject: "repo:acme@1/platform@2"}
waves:
  - {name: one, offices: [hq, hq]}
  - {name: two, offices: [mars]}
hours: {moon: {zone: UTC, days: [mon], from: "09:00", to: "08:00"}}
freezes: [{from: 2026-01-02, to: 2026-01-01, reason: x, offices: [venus]}]
"""
    )
    with pytest.raises(InvalidOffices) as refused:
        Settings.load(tmp_path, OFFICES)
    text = str(refused.value)
    for told in (
        "'hq' 2 times",
        "'mars'",
        "eu, jp, us would never change",
        "hours.moon is no",
        "must be later",
    ):
        assert told in text
    assert "must not be before" in text
    assert "'venus'" in text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"repository": {**REPOSITORY, "subject": "repo:acme/platform"}}, "nobody can take over"),
        ({"hours": {"us": {"zone": "Mars/Base", "days": ["mon"], "from": "08:00", "to": "9"}}}, "time zone"),
        ({"waves": WAVES + [{"name": str(n), "offices": [f"o{n}"]} for n in range(3)]}, "at most 4"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(
    change: dict[str, object], told: str, tmp_path: Path
) -> None:
    """A subject without ids would let in who takes over an abandoned name."""
    import yaml

    document = {"repository": REPOSITORY, "waves": WAVES, **change}
    (tmp_path / "rollout.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(InvalidOffices, match=told):
        Settings.load(tmp_path, OFFICES)
