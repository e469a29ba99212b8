"""Real requests on real channels; needs the folder that MINICON_SHARED_DATA names.

Some requests name channels that are not in that folder; those whose answers need them are left
out. One more can only be met when later channels are looked into (its solver did).
"""

from __future__ import annotations

import pytest
from tests.support.checker import problems
from tests.support.real_channels import (
    has_all_records,
    real_request,
    shared_data,
    solved_requests,
)

from minicon.errors import SolveError
from minicon.lean_dataclasses import replace
from minicon.solver.request import ChannelPriority
from minicon.solver.solver import CondaSolver

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shared_data() is None, reason="MINICON_SHARED_DATA is not set"),
]

PARTS = 8
NEEDS_LATER_CHANNELS = "rhysnewell+aviary@6c17137cda:aviary/pixi.lock:comebin-gpu:linux-64"


@pytest.mark.parametrize("part", range(PARTS))
def test_every_real_request_is_solved(part: int) -> None:
    failures = []
    for asked in filter(has_all_records, solved_requests()[part::PARTS]):
        request = real_request(asked["specs"], asked["channels"], asked["platform"])
        if asked["id"] == NEEDS_LATER_CHANNELS:
            request = replace(request, channel_priority=ChannelPriority.FLEXIBLE)
        try:
            solution = CondaSolver().solve(request)
        except SolveError as error:
            failures.append(f"{asked['id']}: {error.message}")
            continue
        failures += [f"{asked['id']}: {text}" for text in problems(request, solution)]
    assert not failures, "\n".join(failures[:20])
