#!/usr/bin/env python3
"""One picture from start to finish, the way a person gets it: join, order, watch, fetch.

usage: smoke.py BINARY [--speed N]

Starts its own server on a free port with an empty data folder and rehearsal engines that run N times as fast. The last
line of standard output is one JSON object; everything else goes to standard error. Exit 0 when the picture arrived.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENDINGS = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpg"}
FINAL = {"done", "failed", "cancelled", "refused"}
START_S_MAX = 30
RESULT_S_MAX = 120
ANSWER_S_MAX = 20


class Failure(Exception):
    """What went wrong, as a sentence for the last line."""


def say(words):
    print(words, file=sys.stderr, flush=True)


class Server:
    """`stoker serve` with a folder of its own; stopped and cleaned up on exit."""

    def __init__(self, binary, speed):
        self.folder = tempfile.mkdtemp(prefix="stoker-smoke-")
        self.ready_file = os.path.join(self.folder, "ready.json")
        self.process = subprocess.Popen(
            [binary, "serve", "--data", os.path.join(self.folder, "data"), "--listen", "127.0.0.1:0",
             "--ready-file", self.ready_file, "--speed", str(speed)],
            stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=sys.stderr, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                say("the server did not stop within 10 s and is killed")
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def wait_until_ready(self):
        """The contents of the ready file, once it is complete."""
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failure(f"the server stopped at its start with exit code {self.process.returncode}")
            try:
                with open(self.ready_file, encoding="utf-8") as file:
                    return json.load(file)
            except (FileNotFoundError, json.JSONDecodeError):
                time.sleep(0.02)
        raise Failure(f"the server was not ready after {START_S_MAX} s")


class Api:
    """The native API with one token."""

    def __init__(self, base, token=None):
        self.base = base.rstrip("/")
        self.token = token

    def open(self, method, path, body=None, headers=None):
        request = urllib.request.Request(self.base + path, method=method, headers=dict(headers or {}))
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            return urllib.request.urlopen(request, timeout=ANSWER_S_MAX)
        except urllib.error.HTTPError as error:
            raise Failure(f"{method} {path.split('?')[0]}: {error.code} {error.read(500).decode(errors='replace')}") from error

    def call(self, method, path, body=None, headers=None):
        with self.open(method, "/api/v1" + path, body, headers) as answer:
            return answer.status, json.load(answer)


def events(stream, deadline):
    """The (name, data) pairs of an event stream until the deadline. Comments and unknown fields are skipped."""
    name, data = "message", []
    for raw in stream:
        if time.monotonic() > deadline:
            return
        line = raw.decode().rstrip("\r\n")
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield name, json.loads("\n".join(data))
            name, data = "message", []


def watch(api, order):
    """Opens the participant's stream, places the order once the first snapshot is there, returns the final job."""
    _, ticket = api.call("POST", "/tickets", {})
    deadline = time.monotonic() + RESULT_S_MAX
    job, last = None, None
    with api.open("GET", f"/api/v1/events?topic=me&ticket={ticket['ticket']}") as stream:
        for name, data in events(stream, deadline):
            if name == "snapshot" and job is None:
                job = order()
            seen = None
            if name == "upsert" and data["kind"] == "job" and job and data["id"] == job["id"]:
                seen = data["value"]
            if seen is None:
                continue
            if seen["state"] != last:
                last = seen["state"]
                say(f"{seen['id']}: {last}")
            if last in FINAL:
                return seen
    raise Failure(f"no result after {RESULT_S_MAX} s (last state: {last or 'none'})")


def place_order(api):
    """Orders one picture twice with the same key; the second answer must be the first job."""
    body = {"medium": "image", "prompt": "a lighthouse made of paper in the snow"}
    key = {"Idempotency-Key": uuid.uuid4().hex}
    status, job = api.call("POST", "/jobs", body, key)
    if status != 201:
        raise Failure(f"POST /jobs answered {status} instead of 201")
    status, again = api.call("POST", "/jobs", body, key)
    if status != 200 or again["id"] != job["id"]:
        raise Failure("the same Idempotency-Key made a second job")
    return job


def fetch(api, job):
    """Saves the first result below build/smoke and returns its path."""
    result = job["results"][0]
    with api.open("GET", result["url"]) as answer:
        content = answer.read()
        mime = answer.headers.get_content_type()
    if mime != result["mime"] or len(content) != result["bytes"] or not content:
        raise Failure(f"the result is {len(content)} bytes of {mime}, announced were {result['bytes']} of {result['mime']}")
    folder = os.path.join(ROOT, "build", "smoke")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{job['id']}.{ENDINGS.get(mime, 'bin')}")
    with open(path, "wb") as file:
        file.write(content)
    return path


def smoke(binary, speed):
    with Server(binary, speed) as server:
        ready = server.wait_until_ready()
        say(f"server ready at {ready['http']}")
        _, joined = Api(ready["http"]).call("POST", "/join", {"code": ready["join_code"]})
        api = Api(ready["http"], joined["token"])
        job = watch(api, lambda: place_order(api))
        if job["state"] != "done":
            raise Failure(f"the job ended as {job['state']}: {json.dumps(job['error'])}")
        path = fetch(api, job)
        say(f"saved {path}")
        return {"ok": True, "job": job["id"], "file": path, "queued_ms": job["queued_ms"], "load_ms": job["load_ms"],
                "run_ms": job["run_ms"], "causes": [cause["kind"] for cause in job["causes"]]}


def main():
    parser = argparse.ArgumentParser(description="one picture from start to finish")
    parser.add_argument("binary")
    parser.add_argument("--speed", type=float, default=60)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        result = smoke(options.binary, options.speed)
    except Failure as failure:
        result = {"ok": False, "error": str(failure)}
    except (OSError, KeyError, IndexError, ValueError) as error:
        result = {"ok": False, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(result, ensure_ascii=False, separators=(",", ":")), flush=True)
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
