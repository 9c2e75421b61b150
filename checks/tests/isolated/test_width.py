"""How many gradings run side by side: the number follows the processors."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from labcheck.isolated.width import LOOK, ROOM, Width


class Machine:
    """A machine with two processors; `idle` is how much of one processor is not used."""

    def __init__(self) -> None:
        self.now = self.total = 0.0
        self.idle = 0.0
        self.memory = 8 * ROOM

    def go_on(self, seconds: float = LOOK) -> None:
        """Let time pass."""
        self.now += seconds
        self.total += seconds * self.idle


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The machine that `Width` looks at."""
    machine = Machine()
    monkeypatch.setattr("time.monotonic", lambda: machine.now)
    monkeypatch.setattr("psutil.cpu_times", lambda: SimpleNamespace(idle=machine.total))
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=machine.memory))
    return machine


def test_grows_while_processors_are_idle(machine: Machine) -> None:
    """There is one more after each look, up to eight for each processor, and then one fewer after each."""
    found = Width(2)
    machine.idle = 1.5
    numbers = [found.now(2)]
    for _ in range(20):
        machine.go_on()
        numbers.append(found.now(numbers[-1]))
    assert numbers == [min(number, 16) for number in range(2, 23)]
    machine.idle = 0.0
    for _ in range(20):
        machine.go_on()
        numbers.append(found.now(16))
    assert numbers[21:] == [max(number, 2) for number in range(15, -5, -1)]


def test_stays_while_processors_are_almost_busy(machine: Machine) -> None:
    """A grading needs more than what is left."""
    found = Width(2)
    machine.idle = 0.2
    for _ in range(5):
        machine.go_on()
        assert found.now(2) == 2


def test_looks_only_now_and_then(machine: Machine) -> None:
    """Between two looks, the number stays."""
    found = Width(2)
    machine.idle = 2.0
    machine.go_on(LOOK / 2)
    assert found.now(2) == 2
    machine.go_on(LOOK / 2)
    assert found.now(2) == 3


@pytest.mark.parametrize(("memory", "running"), [(ROOM // 2, 2), (8 * ROOM, 1)], ids=["no memory", "nothing to do"])
def test_does_not_grow_in_vain(machine: Machine, memory: int, running: int) -> None:
    """Without memory for one more, or while not even the present number is running, it stays."""
    found = Width(2)
    machine.idle, machine.memory = 2.0, memory
    machine.go_on()
    assert found.now(running) == 2
