#!/usr/bin/env python3
"""What strangers, clumsy clients and full queues are told."""

import concurrent.futures
import socket
import time

from stoker_process import Client, StokerTest, main


class Refusals(StokerTest):
    def setUp(self):
        super().setUp()
        self.running = self.server().start()

    def raw(self, text):
        """The first line of the answer to these bytes."""
        parts = self.running.ready["http"].removeprefix("http://").split(":")
        with socket.create_connection((parts[0], int(parts[1])), timeout=10) as connection:
            connection.sendall(text)
            return connection.makefile("rb").readline().decode().strip()

    def test_requests_that_are_none(self):
        self.assertIn(" 400 ", self.raw(b"nonsense\r\n\r\n"))
        self.assertIn(" 400 ", self.raw(b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                                        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
        self.assertIn(" 431 ", self.raw(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n"))
        self.assertIn(" 414 ", self.raw(b"GET /" + b"x" * 12_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"))

    def test_bodies_that_are_no_orders(self):
        person = self.running.join()
        for body in ("", "{", "[]", "null", '{"prompt":5,"medium":"image"}', '{"medium":"image"}',
                     '{"prompt":"x","medium":"smell"}', '{"prompt":"\\ud800","medium":"image"}',
                     '{"prompt":"","medium":"image"}', '{"prompt":"x","medium":"image","seed":-1}'):
            with self.subTest(body):
                answer = person.api("POST", "/jobs", body, {"Content-Type": "application/json"})
                self.assertRefused(answer, 400, "bad_request")
        self.assertRefused(person.api("POST", "/jobs", {"prompt": "x", "model": "no-such"}), 404, "unknown_model")

    def test_a_text_that_is_too_long_and_a_body_that_is_too_large(self):
        person = self.running.join()
        answer = person.api("POST", "/jobs", {"prompt": "x" * 4001, "medium": "image"})
        self.assertIn((answer.status, answer.code), ((413, "too_large"), (400, "bad_request")))
        huge = person.api("POST", "/jobs", {"prompt": "x" * 5_000_000, "medium": "image"})
        self.assertRefused(huge, 413, "too_large")
        self.assertEqual(person.submit("x" * 4000)["state"] in ("queued", "loading", "running"), True)

    def test_wrong_tokens_and_wrong_codes(self):
        nobody = self.running.client()
        self.assertRefused(nobody.api("GET", "/me"), 401, "unauthorised")
        self.assertRefused(self.running.client("stk_" + "A" * 43).api("GET", "/me"), 401, "unauthorised")
        self.assertRefused(nobody.api("GET", "/me", headers={"Authorization": "Basic YTpi"}), 401, "unauthorised")
        self.assertRefused(nobody.api("POST", "/join", {"code": "WRONG2"}), 403, "wrong_code")
        self.assertRefused(nobody.api("GET", "/events?topic=me&ticket=nothing"), 401, "unauthorised")

    def test_a_ticket_is_good_for_one_use(self):
        person = self.running.join()
        job = person.wait_for_job(person.submit()["id"])
        ticket = person.must(201, "POST", "/tickets", {})["ticket"]
        url = f"{job['results'][0]['url']}?ticket={ticket}"
        nobody = self.running.client()
        self.assertEqual(nobody.request("GET", url).status, 200)
        self.assertRefused(nobody.request("GET", url), 401, "unauthorised")

    def test_people_may_not_lead_and_boards_may_not_order(self):
        person = self.running.join()
        self.assertRefused(person.api("POST", "/workshops/w1/pause", {}), 403, "forbidden")
        self.assertRefused(person.api("PUT", "/residency/preload", {"models": []}), 403, "forbidden")
        board = self.running.client(self.running.ready["board_token"])
        self.assertRefused(board.api("POST", "/jobs", {"prompt": "x", "medium": "image"}), 403, "forbidden")

    def test_addresses_that_lead_nowhere(self):
        nobody = self.running.client()
        self.assertRefused(nobody.api("GET", "/nothing"), 404, "not_found")
        self.assertEqual(nobody.request("GET", "/wp-login.php").status, 404)
        self.assertEqual(nobody.request("GET", "/../../etc/passwd").status, 404)
        self.assertEqual(nobody.request("GET", "/%2e%2e/etc/passwd").status, 404)
        self.assertEqual(nobody.api("DELETE", "/meta").status, 405)
        person = self.running.join()
        self.assertRefused(person.api("GET", "/jobs/j999"), 404, "not_found")
        self.assertRefused(person.api("GET", "/jobs/j1%2f..%2fj2"), 404, "not_found")

    def test_pages_of_other_sites_are_kept_out(self):
        nobody = self.running.client()
        self.assertRefused(nobody.request("GET", "/api/v1/meta", headers={"Host": "evil.example"}), 403, "forbidden")
        self.assertRefused(nobody.request("GET", "/", headers={"Host": "evil.example"}), 403, "forbidden")
        self.assertRefused(nobody.request("GET", "/api/v1/meta", headers={"Origin": "https://evil.example"}), 403,
                           "forbidden")

    def test_one_person_may_have_so_many_jobs_and_a_closed_intake_takes_none(self):
        leader = self.running.leader()
        leader.must(200, "PATCH", "/workshops/w1", {"outstanding_max": 2})
        person = self.running.join()
        for _ in range(2):
            person.submit(medium="video")
        answer = person.api("POST", "/jobs", {"prompt": "x", "medium": "video"})
        self.assertRefused(answer, 429, "limit_reached")
        leader.must(200, "PATCH", "/workshops/w1", {"intake_open": False})
        self.assertNotEqual(self.running.join().api("POST", "/jobs", {"prompt": "x", "medium": "image"}).status, 201)

    def test_logs_hold_no_words_tokens_and_codes(self):
        person = self.running.join()
        person.wait_for_job(person.submit("a very private sentence about a heron")["id"])
        log = self.running.log()
        self.assertIn("/api/v1/jobs", log)
        for secret in ("heron", person.token, self.running.ready["leader_token"], self.running.ready["admin_token"],
                       self.running.ready["join_code"]):
            self.assertNotIn(secret, log)
        self.assertNotIn("heron", person.request("GET", "/metrics").body.decode())


class FullQueue(StokerTest):
    def test_a_full_queue_says_so(self):
        server = self.server().start(speed="1")
        server.leader().must(200, "PATCH", "/workshops/w1", {"outstanding_max": 50, "head_count": 200})
        people = [server.join() for _ in range(11)]
        with concurrent.futures.ThreadPoolExecutor(len(people)) as pool:
            answers = [answer for answers in pool.map(self.fifty_orders, people) for answer in answers]
        taken = [answer for answer in answers if answer.status == 201]
        refused = [answer for answer in answers if answer.status != 201]
        # One or two are no longer waiting but loading or running.
        self.assertTrue(500 <= len(taken) <= 502, len(taken))
        for answer in refused:
            self.assertRefused(answer, 429, "queue_full")

    def fifty_orders(self, person):
        return [self.patiently(person, number) for number in range(50)]

    @staticmethod
    def patiently(person: Client, number):
        """Sends one order; waits where the rate limit asks for it."""
        while True:
            answer = person.api("POST", "/jobs", {"prompt": f"picture {number}", "medium": "video"})
            if answer.status != 429 or answer.code == "queue_full":
                return answer
            time.sleep(float(answer.headers.get("Retry-After", "1")) / 5)


if __name__ == "__main__":
    main()
