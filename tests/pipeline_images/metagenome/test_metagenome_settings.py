"""The pipeline finds its references, or says what is missing."""

from pathlib import Path

import pytest
from metagenome.settings import KRAKEN2_FILES, settings_from
from programs.outcome import Failed


@pytest.fixture
def references(tmp_path: Path) -> Path:
    (tmp_path / "kraken2").mkdir()
    for name in KRAKEN2_FILES:
        (tmp_path / "kraken2" / name).touch()
    return tmp_path


def environ(references: Path, **more: str) -> dict[str, str]:
    return {"REFERENCES": str(references), "SCRATCH": "/tmp", **more}


def test_a_missing_database_is_not_the_samples_fault(tmp_path: Path) -> None:
    """A sample would be rejected for what an engineer forgot."""
    with pytest.raises(Failed, match=r"no Kraken 2 database in .*hash\.k2d.*Mount the references") as failed:
        settings_from(environ(tmp_path))
    assert failed.value.code == 78


def test_roles_without_a_folder_are_left_out(references: Path) -> None:
    """Samples of soil or water have no host, and not everybody has a database of sylph's."""
    found = settings_from(environ(references))
    assert (found.host, found.deacon, found.sylph) == (None, None, None)


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("host", "no reference for the host"),
        ("deacon", "no reference for deacon's index"),
        ("sylph", r"one \.syldb file and taxa\.tsv, but .* has nothing"),
    ],
)
def test_an_empty_role_is_a_fault(references: Path, role: str, words: str) -> None:
    """Human reads would be published because a reference was laid out wrongly."""
    (references / role).mkdir()
    with pytest.raises(Failed, match=words) as failed:
        settings_from(environ(references))
    assert failed.value.code == 78


def test_the_references_of_all_roles_are_found(references: Path) -> None:
    """A tool would start without what it is to look into."""
    for name in ("deacon/host.idx", "sylph/genomes.syldb", "sylph/taxa.tsv"):
        (references / name).parent.mkdir(exist_ok=True)
        (references / name).touch()
    found = settings_from(environ(references))
    assert (found.deacon, found.sylph) == (references / "deacon" / "host.idx", references / "sylph")


def test_an_index_goes_before_the_sequence_and_two_are_a_fault(references: Path) -> None:
    """A host would be indexed again for every sample, or the wrong one of two be used."""
    host = references / "host"
    host.mkdir()
    (host / "host.fa").touch()
    (host / "host.mmi").touch()
    assert settings_from(environ(references)).host == host / "host.mmi"
    (host / "other.mmi").touch()
    with pytest.raises(Failed, match=r"host\.mmi, other\.mmi"):
        settings_from(environ(references))


@pytest.mark.parametrize("threads", ["0", "two", "-1", "²"])
def test_threads_must_be_a_number(references: Path, threads: str) -> None:
    """Tools would start with nonsense and fail in their own words."""
    with pytest.raises(Failed, match="THREADS must be a whole number"):
        settings_from(environ(references, THREADS=threads))
