"""A release moved in a stack file: nothing else of the file may change."""

import pytest

from rollout.stack_file import CannotMove, move_release

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
FILE = f"""# Ours.
config:
  globalbi:releases:
    amplicon: {{digest: "{OLD}", references: {{}}}}
    metagenome:
      digest: '{OLD}'  # since spring
      references: {{demo-host: "2026.1", demo-kraken2: "2026.1"}}
  globalbi:cidr: 10.0.0.0/16
"""


def test_only_the_release_s_values_change() -> None:
    """Comments, order, and another pipeline at the same digest stay as they are."""
    moved = move_release(FILE, "Pulumi.eu.yaml", "metagenome", NEW, {"demo-host": "2026.10"})
    wanted = FILE.replace(f"'{OLD}'", f'"{NEW}"').replace('demo-host: "2026.1"', 'demo-host: "2026.10"')
    assert moved == wanted


def test_a_value_that_is_shared_is_not_changed_behind_somebody_s_back() -> None:
    """An anchor's other user would get a release that nobody promoted there."""
    shared = FILE.replace(f'amplicon: {{digest: "{OLD}"', f'amplicon: {{digest: &d "{OLD}"').replace(
        f"'{OLD}'", "*d"
    )
    with pytest.raises(CannotMove, match="anchors"):
        move_release(shared, "Pulumi.eu.yaml", "metagenome", NEW, {})


@pytest.mark.parametrize(("pipeline", "references"), [("assembly", {}), ("metagenome", {"other": "1.0"})])
def test_what_is_not_there_is_not_invented(pipeline: str, references: dict[str, str]) -> None:
    """A new pipeline or reference is a decision of its own, with its limits and its place in the file."""
    with pytest.raises(CannotMove, match="by hand"):
        move_release(FILE, "Pulumi.eu.yaml", pipeline, NEW, references)
