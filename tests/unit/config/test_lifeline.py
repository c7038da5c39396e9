"""Where the kernel does not tell children of their parent's death, a pipe does."""

import os
import signal
import subprocess
import sys

WATCHED = """
import os, sys, time
from firstline.config import lifeline
lifeline.follow_parent()
print("watching", flush=True)
time.sleep(600)
"""


def test_a_supervised_process_ends_when_the_other_end_of_its_pipe_closes() -> None:
    reading, writing = os.pipe()
    environment = {**os.environ, "FIRSTLINE_LIFELINE": str(reading)}
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHED],
        env=environment,
        pass_fds=(reading,),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "watching\n"
    os.close(reading)
    assert process.poll() is None
    os.close(writing)
    assert process.wait(30) == -signal.SIGTERM


def test_a_program_that_cannot_watch_is_stopped_by_its_watcher() -> None:
    # whoever runs the tests in the background has SIGINT ignored, and children inherit that
    code = "import signal, time; signal.signal(2, signal.SIG_DFL); print('runs', flush=True); time.sleep(600)"
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    command = [sys.executable, "-m", "firstline.config.lifeline", str(program.pid)]
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert program.stdout is not None
    assert program.stdout.readline() == "runs\n"
    assert watcher.stdin is not None
    watcher.stdin.close()
    assert program.wait(30) == -signal.SIGINT
    assert watcher.wait(30) == 0
