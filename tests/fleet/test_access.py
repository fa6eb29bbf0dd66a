"""Access: every office by its own account, and never by another's."""

from pathlib import Path

import pytest

from fleet.access import Access, Unreachable
from tests.three_offices import known_fleet


@pytest.fixture
def profiles(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS profiles as people have them; the stand-in takes an account's twelve digits as its key."""
    keys = {"eu": "222222222222", "corp-us": "333333333333", "hq": "999999999999"}
    written = "".join(
        f"[{name}]\naws_access_key_id={key}\naws_secret_access_key=x\n" for name, key in keys.items()
    )
    (tmp_path / "credentials").write_text(written)
    (tmp_path / "config").write_text("")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def account(access: Access, office: str) -> str:
    return str(access.client("sts", access.fleet.office(office)).get_caller_identity()["Account"])


@pytest.mark.usefixtures("profiles")
def test_a_profile_named_as_the_office_is_the_offices() -> None:
    """Nothing to configure where people name their profiles as the offices."""
    assert account(Access(fleet=known_fleet()), "eu") == "222222222222"


@pytest.mark.usefixtures("profiles")
def test_profiles_of_another_pattern_are_found_by_the_template() -> None:
    """A company that has its own names for profiles."""
    assert account(Access(fleet=known_fleet(), profile_template="corp-{office}"), "us") == "333333333333"


@pytest.mark.usefixtures("profiles")
def test_credentials_of_another_account_are_refused() -> None:
    """A command must never act on an account by a mix-up of profiles."""
    with pytest.raises(Unreachable, match="are of account 999999999999, not 111111111111"):
        account(Access(fleet=known_fleet()), "hq")


@pytest.mark.usefixtures("profiles")
def test_without_credentials_the_way_to_some_is_told() -> None:
    """Not a stack trace of botocore."""
    with pytest.raises(Unreachable, match=r"us: no credentials for account 333333333333.*profile named us"):
        account(Access(fleet=known_fleet()), "us")
