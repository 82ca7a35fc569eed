"""Scenarios: cocotb tests that write down what they saw, for the report of the run."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any, Protocol, TypeVar

import cocotb

from golden.files import write_json

from .job import FOLDER, OUTCOME
from .streams import Bench, Violation

_outcome: dict[str, Any] = {}


class Session(Protocol):
    """A unit under test with its beats, at the start of a scenario."""

    bench: Bench
    report: dict[str, Any]
    """What the outcome says of the scenario."""

    def tally(self) -> dict[str, Any]:
        """What the report says at the end: ``beats`` compared so far, and more."""


S = TypeVar("S", bound=Session)


def scenarios(
    begin: Callable[[Any], S],
) -> Callable[[Callable[[S], Awaitable[None]]], Any]:
    """A decorator that makes a cocotb test of a function of the session that ``begin(dut)`` gives.

    The outcome has the cycles, what :meth:`Session.tally` says, and the rule that was broken.
    """

    def scenario(body: Callable[[S], Awaitable[None]]) -> Any:
        @wraps(body)
        async def test(dut: Any) -> None:
            session = begin(dut)
            report = session.report
            _outcome[body.__name__] = report
            await session.bench.start()
            try:
                await body(session)
                report["status"] = "pass"
            except Violation as broken:
                report |= {"status": "fail", "kind": broken.kind, "message": str(broken)}
                report |= broken.where
                raise
            finally:
                session.bench.stop()
                report |= {"cycles": session.bench.cycle} | session.tally()
                write_json(Path(os.environ[FOLDER]) / OUTCOME, _outcome)

        return cocotb.test()(test)

    return scenario
