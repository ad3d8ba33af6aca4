#!/usr/bin/env python3
"""Nothing that was acknowledged is lost or doubled, whenever the server is killed.

usage: kill_test.py [--kills N] [--seed N]        or the variables KILLS and SEED

Participants order without a pause, each order with its own Idempotency-Key, and repeat an order until it is
acknowledged. Meanwhile the server is killed at random moments and started again on the same data. After each kill
`stoker check --data` must find no difference. At the end every acknowledged order is exactly one job, has ended or
still waits, and each result is there with all its bytes.
"""

import argparse
import http.client
import os
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "blackbox"))

from stoker_process import FINAL, Client, Folder, Server, run_stoker, wait_until  # noqa: E402

PEOPLE = 6
SPEED = "100"
MEDIA = ("image", "image", "image", "text", "audio")
END_S_MAX = 240


class Person(threading.Thread):
    """Orders and remembers what was acknowledged: key → job id."""

    def __init__(self, number, token, seed):
        super().__init__(daemon=True)
        self.number, self.token = number, token
        self.random = random.Random(seed)
        self.url = None          # where the server is now; None while it is away
        self.stopped = threading.Event()
        self.acknowledged, self.bodies, self.wrong = {}, {}, []

    def run(self):
        count = 0
        while not self.stopped.is_set():
            count += 1
            key = f"p{self.number}-{count}"
            body = {"prompt": f"picture {key}", "medium": self.random.choice(MEDIA)}
            self.order(key, body)
            time.sleep(self.random.uniform(0, 0.05))

    def order(self, key, body):
        """Sends until somebody acknowledges; a refusal for a limit is asked again, too."""
        self.bodies[key] = body
        while not self.stopped.is_set():
            answer = self.send(key, body)
            if answer is not None and answer.status in (200, 201):
                self.acknowledged[key] = answer.json()["id"]
                return
            if answer is not None and answer.status not in (429, 503, 507):
                self.wrong.append(f"{key}: {answer.status} {answer.body[:200]!r}")
                return
            time.sleep(0.02)

    def send(self, key, body):
        url = self.url
        if url is None:
            return None
        try:
            return Client(url, self.token).api("POST", "/jobs", body, {"Idempotency-Key": key})
        except (OSError, http.client.HTTPException):
            return None


class Kills(unittest.TestCase):
    kills = 20
    seed = 0

    def setUp(self):
        self.folder = Folder()
        self.server = Server(self.folder)
        self.addCleanup(self.folder.remove)
        self.addCleanup(self.server.kill)

    def start(self):
        self.server.start(speed=SPEED)
        for person in self.people:
            person.url = self.server.ready["http"]

    def kill(self):
        for person in self.people:
            person.url = None
        self.server.kill()
        code, out, err = run_stoker("check", "--data", self.server.data)
        self.assertEqual(code, 0, f"seed {self.seed}: {out}{err}")

    def test_nothing_is_lost_or_doubled(self):
        chance = random.Random(self.seed)
        self.people = []
        self.server.start(speed=SPEED)
        self.server.leader().must(200, "PATCH", "/workshops/w1", {"outstanding_max": 10})
        self.people = [Person(n, self.server.join().token, chance.random()) for n in range(PEOPLE)]
        for person in self.people:
            person.url = self.server.ready["http"]
            person.start()
        for _ in range(self.kills):
            time.sleep(chance.choice((chance.uniform(0, 0.1), chance.uniform(0, 1.5))))
            self.kill()
            self.start()
        for person in self.people:
            person.stopped.set()
        for person in self.people:
            person.join(30)
            self.assertEqual(person.wrong, [], f"seed {self.seed}")
        self.wait_until_done()
        total = sum(self.check_person(person) for person in self.people)
        self.assertGreater(total, self.kills, "too few orders to prove anything")
        self.assertEqual(self.server.end(), 0)
        code, out, err = run_stoker("check", "--data", self.server.data)
        self.assertEqual(code, 0, f"seed {self.seed}: {out}{err}")
        print(f"{self.kills} kills, {total} acknowledged orders, seed {self.seed}; {out.strip()}", file=sys.stderr)

    def jobs_of(self, person):
        return self.server.client(person.token).must(200, "GET", "/jobs?limit=1000")["jobs"]

    def wait_until_done(self):
        def all_ended():
            return all(job["state"] in FINAL for person in self.people for job in self.jobs_of(person))
        wait_until(all_ended, f"all work to end (seed {self.seed})", END_S_MAX)

    def check_person(self, person):
        client = self.server.client(person.token)
        jobs = {job["id"]: job for job in self.jobs_of(person)}
        ids = list(person.acknowledged.values())
        self.assertEqual(len(ids), len(set(ids)), f"seed {self.seed}: two keys, one job")
        prompts = [job["prompt"] for job in jobs.values()]
        self.assertEqual(len(prompts), len(set(prompts)), f"seed {self.seed}: one order, two jobs")
        for key, job_id in person.acknowledged.items():
            with self.subTest(key=key, seed=self.seed):
                self.assertIn(job_id, jobs, "an acknowledged order is gone")
                job = jobs[job_id]
                self.assertEqual((job["prompt"], job["medium"]), (person.bodies[key]["prompt"], person.bodies[key]["medium"]))
                self.assertEqual(job["state"], "done", job["error"])
                self.check_results(client, job)
        # An order in flight at the very end may have become a job without its sender's knowing.
        self.assertLessEqual(len(jobs) - len(ids), 1)
        return len(ids)

    def check_results(self, client, job):
        self.assertEqual([result["n"] for result in job["results"]], list(range(len(job["results"]))))
        self.assertTrue(job["results"])
        for result in job["results"]:
            answer = client.request("GET", result["url"])
            self.assertEqual((answer.status, len(answer.body)), (200, result["bytes"]))


def main():
    parser = argparse.ArgumentParser(description="kills the server at random moments and looks for losses")
    parser.add_argument("--kills", type=int, default=int(os.environ.get("KILLS", "20")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", str(random.randrange(1_000_000)))))
    options = parser.parse_args()
    Kills.kills, Kills.seed = options.kills, options.seed
    print(f"seed {options.seed}", file=sys.stderr)
    result = unittest.main(argv=sys.argv[:1], exit=False).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - min(failed, result.testsRun)} passed, {failed} failed, {len(result.skipped)} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
