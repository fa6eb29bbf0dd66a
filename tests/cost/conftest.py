"""The campaign, which `cost.requests` runs, changes its process: what others share is put back behind it."""

from tests.campaign.conftest import _put_back  # noqa: F401 - a fixture
