"""docs/gitops.md and docs/rehearsal.md say what is so."""

from pathlib import Path

from guards.rollout import GATES
from policies.pack import POLICIES
from rollout.comment import LABEL, MARKER
from rollout.drift import REMEDIATE
from tests.rollout import example

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "gitops.md").read_text()


def test_the_guide_shows_the_comment_as_it_is() -> None:
    """Who reads the guide must recognise the comment in the pull request."""
    assert example.text().removeprefix(MARKER).strip() in GUIDE


def test_the_guide_names_the_labels_and_counts_policies_and_gates() -> None:
    assert LABEL in GUIDE
    assert REMEDIATE in GUIDE
    assert f"{len(POLICIES)} policies" in GUIDE
    assert f"{len(GATES)} gates" in (DOCS / "rehearsal.md").read_text()
