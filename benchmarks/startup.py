#!/usr/bin/env python3
"""How long the program takes from its start to its first answer, and how much memory it holds when idle.

usage: startup.py BINARY OUTPUT.json [--rounds N]

Each round starts `stoker serve` on a port chosen beforehand, with an empty data folder and the embedded defaults, and
measures until the port takes a connection and until GET /healthz answers 200. Waiting is done by trying again every
half millisecond, so a time is at most that much too long. Memory is read two seconds after the first answer.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TRY_EVERY_S = 0.0005
START_S_MAX = 30
IDLE_S = 2.0
FIRST_ANSWER_MS = {"must": 200, "goal": 30}
IDLE_RSS_MB = {"must": 40, "goal": 15}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, process, deadline):
    """Calls `what` until it returns something true; returns the instant it did."""
    while True:
        if what():
            return time.perf_counter()
        if process.poll() is not None:
            raise SystemExit(f"the server stopped at its start with exit code {process.returncode}")
        if time.perf_counter() > deadline:
            raise SystemExit(f"no answer after {START_S_MAX} s")
        time.sleep(TRY_EVERY_S)


def takes_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def answers_200(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def memory_mb(pid):
    """Resident and proportional set size in MB (10^6 bytes)."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in file if line.endswith("kB\n")}
    return kib["Rss"] * 1024 / 1e6, kib["Pss"] * 1024 / 1e6


def one_round(binary, measure_memory):
    folder = tempfile.mkdtemp(prefix="stoker-startup-")
    port = free_port()
    with open(os.path.join(folder, "log"), "wb") as log:
        began = time.perf_counter()
        process = subprocess.Popen([binary, "serve", "--data", os.path.join(folder, "data"), "--listen",
                                    f"127.0.0.1:{port}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   start_new_session=True)
    try:
        listening = wait_for(lambda: takes_connections(port), process, began + START_S_MAX)
        answered = wait_for(lambda: answers_200(port), process, began + START_S_MAX)
        round_result = {"listening_ms": (listening - began) * 1000, "first_answer_ms": (answered - began) * 1000}
        if measure_memory:
            time.sleep(IDLE_S)
            round_result["rss_mb"], round_result["pss_mb"] = memory_mb(process.pid)
        return round_result
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def stripped_bytes(binary):
    """The size without line tables, or None where no strip program is at hand."""
    strip = shutil.which("llvm-strip-19") or shutil.which("strip")
    if not strip:
        return None
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "stripped")
        done = subprocess.run([strip, "-o", target, binary], check=False)
        return os.path.getsize(target) if done.returncode == 0 else None


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def word(value, limits):
    if value <= limits["goal"]:
        return "goal reached"
    return "must reached" if value <= limits["must"] else "MUST MISSED"


def print_table(result):
    row = "{:<22}{:>10}{:>10}{:>10}   {}".format
    print(row("", "median", "min", "max", ""))
    for name, key, verdict in (
            ("listening (ms)", "listening_ms", ""),
            ("first answer (ms)", "first_answer_ms", "must 200, goal 30: " + result["verdict"]["first_answer"]),
            ("idle RSS (MB)", "rss_mb", "must 40, goal 15: " + result["verdict"]["idle_rss"]),
            ("idle PSS (MB)", "pss_mb", "")):
        print(row(name, *(f"{result[key][part]:.1f}" for part in ("median", "min", "max")), verdict))
    sizes = f"{result['binary_bytes'] / 1e6:.1f} MB with line tables"
    if result["stripped_bytes"]:
        sizes += f", {result['stripped_bytes'] / 1e6:.1f} MB stripped"
    print(f"program: {sizes}; {result['rounds']} rounds, load average {result['load_average']:.1f}")


def main():
    parser = argparse.ArgumentParser(description="time to the first answer, idle memory")
    parser.add_argument("binary")
    parser.add_argument("output")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()

    load_average = os.getloadavg()[0]
    # Memory hardly varies: three rounds are enough, the last ones, when the program lies in the page cache.
    rounds = [one_round(options.binary, n >= options.rounds - 3) for n in range(options.rounds)]
    result = {"benchmark": "startup", "rounds": options.rounds, "load_average": load_average,
              "kernel": os.uname().release, "cores": os.cpu_count(),
              "binary_bytes": os.path.getsize(options.binary), "stripped_bytes": stripped_bytes(options.binary)}
    for key in ("listening_ms", "first_answer_ms", "rss_mb", "pss_mb"):
        result[key] = spread([r[key] for r in rounds if key in r])
    result["verdict"] = {"first_answer": word(result["first_answer_ms"]["median"], FIRST_ANSWER_MS),
                         "idle_rss": word(result["rss_mb"]["median"], IDLE_RSS_MB)}
    print_table(result)
    with open(options.output, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    print(f"written to {os.path.relpath(options.output)}")
    return 1 if "MUST MISSED" in result["verdict"].values() else 0


if __name__ == "__main__":
    sys.exit(main())
