"""How much processor time parts of a run cost: what limits a figure, beside the figure."""

import contextlib
from collections.abc import Callable, Iterable

import psutil


def seconds(processes: Iterable[psutil.Process]) -> float:
    """Processor seconds that these processes have used so far."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            used = process.cpu_times()
            total += used.user + used.system
    return total


def family(pid: int) -> Callable[[], list[psutil.Process]]:
    """A process and its descendants, whoever they are at the moment."""

    def members() -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(pid)
            return [first, *first.children(recursive=True)]
        return []

    return members


class Meter:
    """Processor seconds of named groups of processes since it was made."""

    def __init__(self, groups: dict[str, Callable[[], list[psutil.Process]]]) -> None:
        self._groups = groups
        self._before = {name: seconds(members()) for name, members in groups.items()}

    def since(self) -> dict[str, float]:
        return {name: seconds(members()) - self._before[name] for name, members in self._groups.items()}
