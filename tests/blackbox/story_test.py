#!/usr/bin/env python3
"""A workshop as people live it: join, order, watch, fetch; leader and board beside."""

import time

from stoker_process import Events, StokerTest, main, wait_until


class Story(StokerTest):
    def test_a_person_orders_a_picture_watches_it_and_fetches_it(self):
        server = self.server().start()
        person = server.join()
        events = Events(person)
        self.addCleanup(events.close)
        snapshot = events.wait_for(lambda name, _: name == "snapshot")
        self.assertEqual(snapshot["topic"], "me")
        job = person.submit()
        done = events.wait_for(lambda name, data: name == "upsert" and data["kind"] == "job" and
                               data["id"] == job["id"] and data["value"]["state"] == "done")["value"]
        self.assertTrue(done["simulated"])
        result = done["results"][0]
        answer = person.request("GET", result["url"])
        self.assertEqual((answer.status, answer.headers["Content-Type"], len(answer.body)),
                         (200, result["mime"], result["bytes"]))
        self.assertTrue(answer.body.startswith(b"\x89PNG"))

    def test_every_medium_gives_a_result_of_its_kind(self):
        server = self.server().start(speed="200")
        kinds = {"text": "text/", "image": "image/", "video": "", "audio": "audio/"}
        jobs = {}
        for medium in kinds:
            person = server.join()
            jobs[medium] = (person, person.submit(medium=medium)["id"])
        for medium, (person, job) in jobs.items():
            with self.subTest(medium):
                view = person.wait_for_job(job)
                self.assertEqual((view["state"], view["medium"]), ("done", medium), view["error"])
                self.assertTrue(view["results"][0]["mime"].startswith(kinds[medium]))
                self.assertEqual(len(person.request("GET", view["results"][0]["url"]).body), view["results"][0]["bytes"])

    def test_the_same_key_makes_one_job(self):
        person = self.server().start().join()
        first = person.submit(key="once")
        again = person.api("POST", "/jobs", {"prompt": "a lighthouse made of paper", "medium": "image"},
                           {"Idempotency-Key": "once"})
        self.assertEqual((again.status, again.json()["id"]), (200, first["id"]))
        other = person.api("POST", "/jobs", {"prompt": "another", "medium": "image"}, {"Idempotency-Key": "once"})
        self.assertRefused(other, 409, "conflict")

    def test_nobody_sees_the_work_of_others_until_it_is_released(self):
        server = self.server().start()
        maker, other, board = server.join(), server.join(), server.client(server.ready["board_token"])
        job = maker.wait_for_job(maker.submit()["id"])
        url = job["results"][0]["url"]
        self.assertIn(other.api("GET", f"/jobs/{job['id']}").status, (403, 404))
        self.assertIn(other.request("GET", url).status, (403, 404))
        self.assertIn(board.request("GET", url).status, (403, 404))
        server.leader().must(200, "POST", f"/jobs/{job['id']}/release", {"released": True})
        self.assertEqual(board.request("GET", url).status, 200)

    def test_a_planned_workshop_is_warm_before_it_starts_though_nobody_presses_a_button(self):
        server = self.server().start(speed="60")
        admin = server.admin()
        soon = round(time.time() * 1000) + 20_000
        made = admin.must(201, "POST", "/workshops", {"title": "Monday", "focus": ["sd3.5_large", "stableaudio"],
                                                      "starts_at_ms": soon, "ends_at_ms": soon + 3_600_000})
        state = lambda: admin.must(200, "GET", f"/workshops/{made['id']}")["state"]
        self.assertEqual(state(), "planned")
        wait_until(lambda: state() == "ready", "the warm-up", 40)
        self.assertLess(time.time() * 1000, soon)
        models = {view["id"]: view for view in admin.must(200, "GET", "/models")["models"]}
        self.assertEqual([models[name]["state"] for name in ("sd3.5_large", "stableaudio")], ["hot", "hot"])

    def test_a_pause_keeps_the_order_and_a_cancelled_job_ends(self):
        server = self.server().start(speed="10")
        server.wait_until_warm({"sd3.5_large"})
        leader = server.leader()
        leader.must(200, "POST", "/workshops/w1/pause", {})
        person = server.join()
        self.assertRefused(person.api("POST", "/jobs", {"prompt": "x", "medium": "image"}), 409, "paused")
        leader.must(200, "POST", "/workshops/w1/resume", {})
        jobs = [person.submit()["id"] for _ in range(3)]
        self.assertEqual(person.must(200, "DELETE", f"/jobs/{jobs[1]}")["state"], "cancelled")
        states = [person.wait_for_job(job)["state"] for job in jobs]
        self.assertEqual(states, ["done", "cancelled", "done"])

    def test_the_polled_state_is_what_the_stream_begins_with(self):
        server = self.server().start()
        person = server.join()
        job = person.wait_for_job(person.submit()["id"])
        state = person.must(200, "GET", "/state?topic=me")
        self.assertEqual(state["entities"]["job"][job["id"]]["state"], "done")
        events = Events(person)
        self.addCleanup(events.close)
        snapshot = events.wait_for(lambda name, _: name == "snapshot")
        self.assertEqual(snapshot["entities"]["job"][job["id"]]["state"], "done")


if __name__ == "__main__":
    main()
