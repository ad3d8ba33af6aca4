#!/usr/bin/env python3
"""Engines that are down, models that do not load, disks that are full."""

import os
import resource
import subprocess
import threading
import unittest

from stoker_process import Folder, Server, StokerTest, main, run_stoker, wait_until


class Engines(StokerTest):
    def test_work_waits_for_an_engine_that_is_down_at_the_start(self):
        server = self.server("--fault", "backend_down:media:100").start()
        person = server.join()
        def down():
            return [view for view in server.admin().must(200, "GET", "/backends")["backends"] if not view["reachable"]]
        self.assertEqual([view["id"] for view in wait_until(down, "the engine to be missed")], ["media"])
        answer = person.api("POST", "/jobs", {"prompt": "x", "medium": "image"})
        self.assertIn((answer.status, answer.code), ((201, None), (503, "backend_down")))
        wait_until(lambda: not down(), "the engine to come back")
        if answer.status == 201:
            self.assertEqual(person.wait_for_job(answer.json()["id"])["state"], "done")
        job = person.wait_for_job(person.submit()["id"])
        self.assertEqual(job["state"], "done", job["error"])

    def test_text_works_while_pictures_do_not(self):
        server = self.server("--fault", "backend_down:media").start()
        person = server.join()
        self.assertEqual(person.wait_for_job(person.submit(medium="text")["id"])["state"], "done")
        self.assertEqual(server.client().request("GET", "/healthz").status, 200)

    def test_a_load_that_fails_is_tried_again_or_told(self):
        server = self.server("--fault", "load_failed:sd3.5_large").start()
        person = server.join()
        job = person.wait_for_job(person.submit()["id"])
        self.assertIn(job["state"], ("done", "failed"))
        if job["state"] == "failed":
            self.assertEqual(job["error"]["code"], "load_failed")
        entries = server.admin().must(200, "GET", "/ledger")["entries"]
        self.assertIn("load_failed", [entry["what"] for entry in entries])

    def test_a_run_that_fails_is_tried_again(self):
        server = self.server("--fault", "run_failed:sd3.5_large").start()
        person = server.join()
        job = person.wait_for_job(person.submit()["id"])
        self.assertEqual((job["state"], job["attempt"]), ("done", 2), job["error"])
        self.assertIn("run_failed", [cause["kind"] for cause in job["causes"]])


class FullDisk(StokerTest):
    def test_a_disk_that_takes_nothing_for_a_while_loses_nothing(self):
        server = self.server().start()
        server.wait_until_warm({"sd3.5_large"})
        person = server.join()
        # No file may grow beyond this any more: neither the journal nor a picture.
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (16 * 1024, resource.RLIM_INFINITY))
        order = {"prompt": "a heron", "medium": "image"}
        answers = []
        sender = threading.Thread(target=lambda: answers.append(person.api("POST", "/jobs", order, {"Idempotency-Key": "k"})))
        sender.start()
        nobody = server.client()
        wait_until(lambda: nobody.request("GET", "/readyz").json()["reasons"] == ["store"], "the full disk to be noticed")
        self.assertRefused(person.api("POST", "/jobs", {"prompt": "another", "medium": "image"}), 507, "disk_full")
        self.assertEqual(nobody.request("GET", "/healthz").status, 200)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        wait_until(lambda: nobody.request("GET", "/readyz").status == 200, "the room to be noticed")
        sender.join()
        again = person.api("POST", "/jobs", order, {"Idempotency-Key": "k"})
        self.assertIn(answers[0].status, (201, 507))
        self.assertEqual(again.status, 200 if answers[0].status == 201 else 201)
        self.assertEqual(person.wait_for_job(again.json()["id"])["state"], "done")
        self.assertEqual(len(person.must(200, "GET", "/jobs")["jobs"]), 1)
        self.assertGreaterEqual(len(server.log_lines("store_failed")), 1)
        self.assertIn("stoker_store_failures_total 1", nobody.request("GET", "/metrics").body.decode())
        server.end()
        self.assertEqual(run_stoker("check", "--data", server.data)[0], 0)

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small file system needs root")
    def test_a_small_disk_refuses_new_work_and_says_why(self):
        mounted = Folder()
        self.addCleanup(mounted.remove)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", mounted.path], check=False, capture_output=True)
        if done.returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", mounted.path], check=False)
        server = Server(mounted)
        self.servers.append(server)
        server.start()
        person = server.join()
        answer = wait_until(lambda: self.refused(person), "the small disk to be noticed")
        self.assertRefused(answer, 507, "disk_full")
        self.assertIn("disk_full", person.must(200, "GET", "/me")["why_not"])
        self.assertEqual(server.end(), 0)

    @staticmethod
    def refused(person):
        answer = person.api("POST", "/jobs", {"prompt": "x", "medium": "text"})
        return None if answer.status == 201 else answer


class Folders(StokerTest):
    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_a_folder_that_cannot_be_written(self):
        os.chmod(self.folder.path, 0o500)
        self.addCleanup(os.chmod, self.folder.path, 0o700)
        code, _, err = run_stoker("serve", "--data", self.folder / "data", "--listen", "127.0.0.1:0")
        self.assertEqual(code, 1)
        self.assertIn("Permission denied", err)

    def test_a_data_folder_that_is_a_file(self):
        path = self.folder.write("data", "not a folder")
        code, _, err = run_stoker("serve", "--data", path, "--listen", "127.0.0.1:0")
        self.assertEqual(code, 1)
        self.assertIn(path, err)

    def test_a_database_that_is_none(self):
        os.mkdir(self.folder / "data")
        self.folder.write("data/stoker.db", "these are not the pages of a database" * 100)
        code, _, err = run_stoker("serve", "--data", self.folder / "data", "--listen", "127.0.0.1:0")
        self.assertEqual(code, 1)
        self.assertEqual(len([line for line in err.splitlines() if line.startswith("stoker: ")]), 1, err)


if __name__ == "__main__":
    main()
