from typing import Any

import pytest


@pytest.fixture
def office(db: None) -> Any:
    from tests.unit.desk.office import open_office

    return open_office()
