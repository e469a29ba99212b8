"""Real requests on real channels; needs the directory in MINICON_SHARED_DATA.

Requests whose solution needs a channel that is not in that directory are skipped. One more can be
satisfied only with packages of later channels (the tool that recorded it did not use strict
priority).
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
    for recorded in filter(has_all_records, solved_requests()[part::PARTS]):
        request = real_request(recorded["specs"], recorded["channels"], recorded["platform"])
        if recorded["id"] == NEEDS_LATER_CHANNELS:
            request = replace(request, channel_priority=ChannelPriority.FLEXIBLE)
        try:
            solution = CondaSolver().solve(request)
        except SolveError as error:
            failures.append(f"{recorded['id']}: {error.message}")
            continue
        failures += [f"{recorded['id']}: {text}" for text in problems(request, solution)]
    assert not failures, "\n".join(failures[:20])
