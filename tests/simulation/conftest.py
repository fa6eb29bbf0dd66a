"""The campaign, by which `simulation.stages` counts requests, changes its process: that is put back here."""

from tests.campaign.conftest import _put_back  # noqa: F401 - a fixture
