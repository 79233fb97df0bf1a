"""The gateways that the contract holds for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.gateways import Gateway
from tests.services.programs import EmbeddedGateway, Pushgateway


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedGateway]:
    program = EmbeddedGateway(tmp_path_factory.mktemp("hub"))
    try:
        program.start()
        yield program
    finally:
        program.stop()


@pytest.fixture(params=["pushgateway", "embedded"])
def gateway(request: pytest.FixtureRequest) -> Gateway:
    program: Pushgateway | EmbeddedGateway = request.getfixturevalue(request.param)
    return Gateway(program.url, embedded=request.param == "embedded")


@pytest.fixture
def ours(embedded: EmbeddedGateway) -> Gateway:
    return Gateway(embedded.url, embedded=True)
