#!/usr/bin/env python3
"""The pages and the numbers as browsers and monitors get them."""

import gzip
import re

from stoker_process import StokerTest, main

POLICY = ("default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; frame-ancestors 'none'; "
          "base-uri 'none'; form-action 'self'")


class Pages(StokerTest):
    def setUp(self):
        super().setUp()
        self.running = self.server().start()
        self.nobody = self.running.client()

    def test_each_role_has_its_page(self):
        for path in ("/", "/join/K7M4PQ", "/board", "/leader", "/admin"):
            with self.subTest(path):
                answer = self.nobody.request("GET", path)
                self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
                self.assertEqual(answer.headers["Content-Security-Policy"], POLICY)
                self.assertEqual(answer.headers["Cache-Control"], "no-cache")
                self.assertIn(b"<html", answer.body)

    def test_pages_are_packed_and_not_sent_twice(self):
        plain = self.nobody.request("GET", "/")
        packed = self.nobody.request("GET", "/", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        again = self.nobody.request("GET", "/", headers={"If-None-Match": plain.headers["ETag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        head = self.nobody.request("HEAD", "/")
        self.assertEqual((head.status, head.body, head.headers["Content-Length"]), (200, b"", str(len(plain.body))))

    def test_files_with_a_hash_in_their_name_never_change(self):
        files = re.findall(r'(?:src|href)="(/assets/[^"]+)"', self.nobody.request("GET", "/").body.decode())
        if not files:
            self.skipTest("this program was built without its pages")
        for path in files:
            answer = self.nobody.request("GET", path)
            self.assertEqual((answer.status, answer.headers["Cache-Control"]),
                             (200, "public, max-age=31536000, immutable"), path)

    def test_pages_hold_no_script_of_their_own(self):
        for path in ("/", "/board", "/leader", "/admin"):
            text = self.nobody.request("GET", path).body.decode()
            self.assertEqual(re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|\son\w+=|<style", text), [], path)

    def test_the_texts_come_in_both_languages(self):
        for language in ("de", "en"):
            self.assertTrue(self.nobody.must(200, "GET", f"/messages/{language}"))
        self.assertEqual(self.nobody.api("GET", "/messages/xx").status, 404)

    def test_the_numbers_are_those_of_the_day(self):
        person = self.running.join()
        person.wait_for_job(person.submit()["id"])
        answer = self.nobody.request("GET", "/metrics")
        self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        text = answer.body.decode()
        self.assertIn('stoker_jobs{state="done"} 1\n', text)
        self.assertIn('stoker_jobs_ended_total{state="done"} 1\n', text)
        self.assertRegex(text, r'stoker_loads_total\{cause="warm_up"\} \d')
        self.assertRegex(text, r'stoker_run_seconds_count\{model="sd3.5_large"\} 1')
        self.assertRegex(text, r'stoker_http_requests_total\{route="/api/v1/jobs/:id",status="200"\} \d')
        for line in text.splitlines():
            self.assertRegex(line, r'^(#.*|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [-+0-9.eInfNa]+)$')


if __name__ == "__main__":
    main()
