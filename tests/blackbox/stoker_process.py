"""The real program as a process: start it on a free port with a folder of its own, talk to it, end it.

STOKER_BINARY names the program; build/release/stoker by default.
"""

import http.client
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.abspath(os.environ.get("STOKER_BINARY", os.path.join(ROOT, "build", "release", "stoker")))
PATIENCE_S = 30
FINAL = {"done", "failed", "cancelled", "refused"}
POLL_S = 0.02


class Answer:
    """Status, headers and body of one response."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The error code, or None."""
        try:
            return self.json().get("error", {}).get("code")
        except ValueError:
            return None


class Client:
    """One token's view of a server. Every request has a connection of its own, so that restarts do not matter."""

    def __init__(self, url, token=None):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.url, self.token = url, token

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE_S):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            fields = dict(headers or {})
            if self.token:
                fields.setdefault("Authorization", f"Bearer {self.token}")
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
                fields.setdefault("Content-Type", "application/json")
            connection.request(method, path, body=body.encode() if isinstance(body, str) else body, headers=fields)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def api(self, method, path, body=None, headers=None):
        return self.request(method, "/api/v1" + path, body, headers)

    def must(self, status, method, path, body=None, headers=None):
        """The JSON of an answer that must have this status."""
        answer = self.api(method, path, body, headers)
        if answer.status != status:
            raise AssertionError(f"{method} {path}: {answer.status} instead of {status}: {answer.body[:400]!r}")
        return answer.json() if answer.body else None

    def submit(self, prompt="a lighthouse made of paper", key=None, **what):
        what = what or {"medium": "image"}
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return self.must(201, "POST", "/jobs", {"prompt": prompt, **what}, headers)

    def wait_for_job(self, job, states=FINAL, patience_s=PATIENCE_S):
        return wait_until(lambda: next((view for view in [self.must(200, "GET", f"/jobs/{job}")]
                                        if view["state"] in states), None), f"{job} to be {sorted(states)}", patience_s)


class Events:
    """An event stream, read on a thread of its own."""

    def __init__(self, client, topic="me"):
        ticket = client.must(201, "POST", "/tickets", {})["ticket"]
        self.connection = http.client.HTTPConnection(client.host, client.port, timeout=PATIENCE_S)
        self.connection.request("GET", f"/api/v1/events?topic={topic}&ticket={ticket}")
        self.response = self.connection.getresponse()
        self.seen, self.ended = [], False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        name, data = "message", []
        try:
            for raw in self.response:
                line = raw.decode().rstrip("\r\n")
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    data.append(line[5:].strip())
                elif not line and data:
                    with self.changed:
                        self.seen.append((name, json.loads("\n".join(data))))
                        self.changed.notify_all()
                    name, data = "message", []
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_for(self, wanted, patience_s=PATIENCE_S):
        """The data of the first event for which wanted(name, data) holds."""
        deadline = time.monotonic() + patience_s
        with self.changed:
            looked_at = 0
            while True:
                for name, data in self.seen[looked_at:]:
                    if wanted(name, data):
                        return data
                looked_at = len(self.seen)
                if self.ended or not self.changed.wait(max(0, deadline - time.monotonic())):
                    raise AssertionError(f"the event did not come; {looked_at} events, ended: {self.ended}")

    def wait_for_end(self, patience_s=PATIENCE_S):
        self.thread.join(patience_s)
        return self.ended

    def close(self):
        self.connection.close()
        self.response.close()


def wait_until(condition, what, patience_s=PATIENCE_S):
    """The first true value of the condition."""
    deadline = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s} s for {what}")
        time.sleep(POLL_S)


class Folder:
    """A temporary folder for data, configuration and logs."""

    def __init__(self, parent=None):
        self.path = tempfile.mkdtemp(prefix="stoker-test-", dir=parent)

    def __truediv__(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        path = self / name
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Server:
    """`stoker serve` on a folder; may be ended and started again on the same data."""

    def __init__(self, folder, *options, data="data", env=None, limits=None):
        self.folder, self.options, self.data = folder, list(options), folder / data
        self.env, self.limits = env or {}, limits or {}
        self.log_path, self.out_path, self.ready_path = folder / "log", folder / "out", folder / "ready.json"
        self.process, self.ready = None, None

    def start(self, wait=True, speed="50", listen="127.0.0.1:0"):
        if os.path.exists(self.ready_path):
            os.remove(self.ready_path)
        environment = {**{k: v for k, v in os.environ.items() if not k.startswith("STOKER_ADMIN")}, **self.env}
        command = [BINARY, "serve", "--data", self.data, "--ready-file", self.ready_path, "--speed", speed]
        if listen:
            command += ["--listen", listen]
        with open(self.log_path, "ab") as log, open(self.out_path, "ab") as out:
            self.process = subprocess.Popen(command + self.options, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                                            env=environment, start_new_session=True, preexec_fn=self.set_limits)
        return self.wait_until_ready() if wait else self

    def set_limits(self):
        for what, value in self.limits.items():
            resource.setrlimit(what, (value, value))

    def wait_until_ready(self):
        def look():
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}: {self.log()[-2000:]}")
            try:
                with open(self.ready_path, encoding="utf-8") as file:
                    return json.load(file)
            except FileNotFoundError:
                return None
        self.ready = wait_until(look, "the ready file")
        return self

    def client(self, token=None):
        return Client(self.ready["http"], token)

    def admin(self):
        return self.client(self.ready["admin_token"])

    def leader(self):
        return self.client(self.ready["leader_token"])

    def join(self, code=None, **wishes):
        joined = self.client().must(201, "POST", "/join", {"code": code or self.ready["join_code"], **wishes})
        return self.client(joined["token"])

    def wait_until_warm(self, models=None):
        """Waits until all models in focus (or the named ones) are ready for work."""
        def warm():
            views = self.leader().must(200, "GET", "/models")["models"]
            wanted = [view for view in views if view["in_focus"] and (models is None or view["id"] in models)]
            return wanted and all(view["state"] == "hot" for view in wanted)
        wait_until(warm, "the models to be ready")

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, patience_s=40):
        """SIGTERM and the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(patience_s)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def log_lines(self, event):
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]


def run_stoker(*arguments, env=None):
    """A subcommand to its end: (exit code, standard output, standard error)."""
    done = subprocess.run([BINARY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE_S * 2, check=False, env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr


class StokerTest(unittest.TestCase):
    """A test with a folder; servers that it made are killed at its end."""

    def setUp(self):
        self.folder = Folder()
        self.servers = []
        self.addCleanup(self.clean_up)

    def clean_up(self):
        for server in self.servers:
            server.kill()
        self.folder.remove()

    def server(self, *options, **settings):
        server = Server(self.folder, *options, **settings)
        self.servers.append(server)
        return server

    def assertRefused(self, answer, status, code):
        self.assertEqual((answer.status, answer.code), (status, code), answer.body[:400])


def main():
    """Runs the tests of the calling file; the last line of standard output is the count."""
    program = unittest.main(module="__main__", exit=False, verbosity=1)
    result = program.result
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    skipped = len(result.skipped)
    sys.stderr.flush()
    print(f"{max(0, result.testsRun - failed - skipped)} passed, {failed} failed, {skipped} skipped", flush=True)
    sys.exit(1 if failed else 0)
