#!/usr/bin/env python3
"""A server's life: ended, killed, started again, told to read its configuration anew."""

import signal
import socket

from start_test import SMALL
from stoker_process import FINAL, Events, StokerTest, main, run_stoker, wait_until

SECOND = """
[[model]]
id = "sketch"
title = "Sketch"
backend = "media"
medium = "image"
vram_mib = 4000
load_s = 2
run_s = 1
"""


class Ends(StokerTest):
    def test_sigterm_lets_running_work_end_and_streams_close(self):
        server = self.server().start()
        server.wait_until_warm({"sd3.5_large"})
        person = server.join()
        events = Events(person)
        self.addCleanup(events.close)
        job = person.submit()["id"]
        person.wait_for_job(job, {"running"})
        server.signal(signal.SIGTERM)
        done = events.wait_for(lambda name, data: name == "upsert" and data["kind"] == "job" and
                               data["value"]["state"] in FINAL)
        self.assertEqual(done["value"]["state"], "done")
        self.assertTrue(events.wait_for_end())
        self.assertEqual(server.process.wait(40), 0)
        self.assertEqual(len(server.log_lines("stopped")), 1)

    def test_a_second_signal_ends_at_once(self):
        server = self.server().start(speed="2")
        person = server.join()
        person.wait_for_job(person.submit()["id"], {"running"}, 60)
        server.signal(signal.SIGTERM)
        wait_until(lambda: server.log_lines("draining"), "the drain to begin")
        server.signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(5), 1)


class ServiceManager(StokerTest):
    def test_it_hears_when_the_server_is_ready_alive_reloading_and_stopping(self):
        address = self.folder / "notify"
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(address)
        manager.settimeout(20)
        path = self.folder.write("stoker.toml", SMALL)
        server = self.server("--config", path, env={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "400000",
                                                         "JOURNAL_STREAM": "8:1"})

        def hear(word):
            heard = ""
            while word not in heard:
                heard = manager.recv(4096).decode()
        server.start()
        hear("READY=1")
        with open(server.out_path, encoding="utf-8") as file:
            self.assertNotIn("stk_", file.read())
        hear("WATCHDOG=1")
        server.signal(signal.SIGHUP)
        hear("RELOADING=1")
        hear("READY=1")
        server.signal(signal.SIGTERM)
        hear("STOPPING=1")
        self.assertEqual(server.process.wait(40), 0)


class Restarts(StokerTest):
    def test_queue_results_and_keys_outlive_a_kill(self):
        server = self.server().start()
        person = server.join()
        done = person.wait_for_job(person.submit(key="first")["id"])
        picture = person.request("GET", done["results"][0]["url"]).body
        waiting = [person.submit(f"film {n}", key=f"film {n}", medium="video")["id"] for n in range(3)]
        server.kill()

        server.start()
        person = server.client(person.token)
        self.assertEqual(person.request("GET", done["results"][0]["url"]).body, picture)
        again = person.api("POST", "/jobs", {"prompt": "film 1", "medium": "video"}, {"Idempotency-Key": "film 1"})
        self.assertEqual((again.status, again.json()["id"]), (200, waiting[1]))
        jobs = [job["id"] for job in person.must(200, "GET", "/jobs")["jobs"]]
        self.assertEqual(sorted(jobs), sorted([done["id"], *waiting]))
        for job in waiting:
            view = person.wait_for_job(job)
            self.assertEqual(view["state"], "done", view["error"])
            self.assertEqual(len(view["results"]), 1)
        server.end()
        code, _, err = run_stoker("check", "--data", server.data)
        self.assertEqual(code, 0, err)

    def test_people_come_back_to_their_stream(self):
        server = self.server().start()
        person = server.join()
        events = Events(person)
        first = events.wait_for(lambda name, _: name == "snapshot")
        server.kill()
        self.assertTrue(events.wait_for_end())
        events.close()
        server.start()
        person = server.client(person.token)
        events = Events(person)
        self.addCleanup(events.close)
        second = events.wait_for(lambda name, _: name == "snapshot")
        self.assertEqual(first["build"], second["build"])
        job = person.submit()["id"]
        events.wait_for(lambda name, data: name == "upsert" and data["kind"] == "job" and data["id"] == job and
                        data["value"]["state"] == "done")

    def test_a_stream_pings_while_nothing_happens(self):
        server = self.server().start()
        server.wait_until_warm()
        events = Events(server.join())
        self.addCleanup(events.close)
        ping = events.wait_for(lambda name, _: name == "ping", 15)
        self.assertIn("server_at_ms", ping)


class Reloads(StokerTest):
    def setUp(self):
        super().setUp()
        self.path = self.folder.write("stoker.toml", SMALL)
        self.running = self.server("--config", self.path).start()
        self.leader = self.running.leader()
        made = self.leader.must(201, "POST", "/workshops", {"title": "Monday"})
        self.workshop = made["id"]
        self.leader.must(202, "POST", f"/workshops/{self.workshop}/warm", {})
        self.leader.must(200, "POST", f"/workshops/{self.workshop}/start", {})
        self.code = self.leader.must(200, "GET", f"/workshops/{self.workshop}")["join_code"]
        self.person = self.running.join(self.code)
        self.person.wait_for_job(self.person.submit(model="paint")["id"])

    def models(self):
        return {view["id"]: view for view in self.running.admin().must(200, "GET", "/models")["models"]}

    def reload(self, text, event):
        """Writes the file, sends SIGHUP, waits for the event in the log."""
        before = len(self.running.log_lines(event))
        self.folder.write("stoker.toml", text)
        self.running.signal(signal.SIGHUP)
        return wait_until(lambda: self.running.log_lines(event)[before:], event)

    def reload_with_second_model(self):
        self.reload(SMALL + SECOND, "config_taken")
        wait_until(lambda: "sketch" in self.models(), "the new model")
        return self.models()

    def loads(self):
        entries = self.running.admin().must(200, "GET", "/ledger")["entries"]
        return [entry["model"] for entry in entries if entry["what"] == "load_started"]

    def test_a_new_model_comes_and_the_others_stay_loaded(self):
        self.assertEqual(self.models()["paint"]["state"], "hot")
        models = self.reload_with_second_model()
        self.assertEqual(models["paint"]["state"], "hot")
        self.assertEqual(models["sketch"]["title"], "Sketch")
        job = self.person.wait_for_job(self.person.submit(model="sketch")["id"])
        self.assertEqual(job["state"], "done", job["error"])
        self.assertEqual(self.loads(), ["paint", "sketch"])

    def test_a_wrong_file_leaves_the_old_in_force(self):
        problems = self.reload(SMALL + SECOND + 'colour = "red"\n', "config_refused")
        self.assertRegex(problems[0]["problem"], r'stoker\.toml:\d+:1: unknown key "colour" in \[model\]')
        self.assertEqual(set(self.models()), {"paint"})
        self.assertEqual(self.person.wait_for_job(self.person.submit(model="paint")["id"])["state"], "done")

    def test_another_device_needs_a_restart(self):
        problems = self.reload(SMALL.replace("24576", "49152"), "config_refused")
        self.assertIn("needs a restart", problems[0]["problem"])

    def test_a_model_that_went_is_unloaded_and_no_longer_offered(self):
        self.reload_with_second_model()
        self.person.wait_for_job(self.person.submit(model="sketch")["id"])
        self.reload(SMALL, "config_taken")
        wait_until(lambda: not self.models().get("sketch", {}).get("offered"), "the model to be withdrawn")
        answer = self.person.api("POST", "/jobs", {"prompt": "x", "model": "sketch"})
        self.assertNotEqual(answer.status, 201)
        self.assertEqual(self.models()["paint"]["state"], "hot")

    def test_how_to_plan_is_taken_over_and_the_journal_still_replays(self):
        planning = SMALL.replace("vram_mib = 24576", "vram_mib = 24576\nloads_parallel = 2")
        planning += '\n[residency]\nmisfit = "turns"\n\n[scheduling]\ntext_patience_s = 45\ngeneration_patience_s = 240\n'
        self.assertEqual(self.leader.must(200, "GET", f"/workshops/{self.workshop}")["misfit"], "refuse")
        self.reload(planning, "config_taken")
        made = self.leader.must(201, "POST", "/workshops", {"title": "Tuesday"})
        self.assertEqual(self.leader.must(200, "GET", f"/workshops/{made['id']}")["misfit"], "turns")
        self.assertEqual(self.person.wait_for_job(self.person.submit(model="paint")["id"])["state"], "done")
        self.assertEqual(self.loads(), ["paint"])
        self.running.end()
        self.assertRegex(run_stoker("check", "--data", self.running.data)[1], "no difference")

    def test_numbers_of_models_outlive_another_order(self):
        self.running.end()
        first, rest = SMALL.split("[[model]]", 1)
        self.folder.write("stoker.toml", first + SECOND + "[[model]]" + rest)
        self.running.start()
        jobs = self.running.client(self.person.token).must(200, "GET", "/jobs")["jobs"]
        self.assertEqual([job["model"] for job in jobs], ["paint"])


if __name__ == "__main__":
    main()
