"""A simulated gateway with an empty record."""

from contextlib import closing

import pytest

from adapters.gateways.simulated import SimulatedGateway
from tests.adapters.gateways.asking import BUDGET


@pytest.fixture
def record(tmp_path):
    return tmp_path / "money.db"


@pytest.fixture
def gateway(record):
    with closing(SimulatedGateway(record, seed=1, budget=BUDGET)) as gateway:
        yield gateway
