"""What the functions never do with reads: `docs/residency.md` rests on it."""

from collections import defaultdict
from typing import Any

import pytest

from campaign.account import Account
from campaign.kills import tell


def test_no_function_ever_fetches_an_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions run outside the network; their way out is named with the reason that they read no reads."""
    fetched: dict[str, set[str]] = defaultdict(set)
    call = Account._call

    def noting(self: Account, whole: Any, service: str, quota: Any, operation: str, params: Any) -> Any:
        life = self.lives.get(self.simulation.task)
        if life is not None and "Bucket" in params:
            fetched[f"{life.name.split()[0]} {operation}"].add(params["Bucket"])
        return call(self, whole, service, quota, operation, params)

    monkeypatch.setattr(Account, "_call", noting)
    assert not tell().faults
    assert fetched["intake HeadObject"], "the story must look at uploads at all"
    uploads = {bucket for bucket in fetched["intake HeadObject"] if "uploads" in bucket}
    assert uploads
    for function in ("intake", "progress", "reconcile", "fleet"):
        for operation in ("GetObject", "CopyObject", "SelectObjectContent", "UploadPartCopy"):
            assert not fetched[f"{function} {operation}"] & uploads
