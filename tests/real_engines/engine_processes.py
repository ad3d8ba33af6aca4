"""The llama.cpp servers that run now, as the process table and they themselves tell it. Standard library only."""

import glob
import http.client
import json
import os

LAUNCHER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "serve_llama.py")
ASK_S = 30


class Engine:
    """A living server; its file, port and model are what it was started with."""

    def __init__(self, pid, file, port, model):
        self.pid, self.file, self.port, self.model = pid, file, int(port), model

    def __eq__(self, other):
        return (self.pid, self.port, self.model) == (other.pid, other.port, other.model)

    def __repr__(self):
        return f"{self.model} as process {self.pid} at port {self.port}"

    def busy_slots(self):
        """For each slot of the server whether it is at work; empty as long as the server does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ASK_S)
        try:
            connection.request("GET", "/slots")
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            return []
        finally:
            connection.close()
        return [slot["is_processing"] for slot in json.loads(body)] if answer.status == 200 else []


def read_text(path):
    """Empty when it has gone meanwhile."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def is_alive(pid):
    state = read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return bool(state) and state[0] not in "ZX"


def engine_of(pid):
    """The engine that this process is; a shell that only waits for one is none."""
    words = read_text(f"/proc/{pid}/cmdline").split("\0")
    if len(words) < 2 or words[1] != LAUNCHER or not is_alive(pid):
        return None
    return Engine(pid, *words[2:5])


def living_engines(folder):
    """The servers of weight files below this folder, by number."""
    pids = sorted(int(path.split("/")[2]) for path in glob.glob("/proc/[0-9]*/cmdline"))
    engines = [engine for engine in map(engine_of, pids) if engine]
    return [engine for engine in engines if engine.file.startswith(folder)]
