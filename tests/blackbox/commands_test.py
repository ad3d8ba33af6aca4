#!/usr/bin/env python3
"""The commands beside serve: check, token, backup, restore, version."""

import json
import os
import sqlite3
import stat

from start_test import SMALL
from stoker_process import ROOT, StokerTest, main, run_stoker


class Commands(StokerTest):
    def json_of(self, expected_code, *arguments):
        code, out, err = run_stoker(*arguments)
        self.assertEqual(code, expected_code, err)
        self.assertEqual(len(out.splitlines()), 1, out)
        return json.loads(out)

    def stopped_server_with_a_job(self):
        server = self.server().start()
        person = server.join()
        person.wait_for_job(person.submit("a heron in the reeds")["id"])
        self.assertEqual(server.end(), 0)
        return server

    def test_version(self):
        self.assertEqual(self.json_of(0, "version", "--json")["name"], "stoker")
        code, out, _ = run_stoker("version")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"^stoker \d+\.\d+\.\d+\n$")

    def test_check_of_a_configuration(self):
        good = self.folder.write("good.toml", SMALL)
        self.assertEqual(self.json_of(0, "check", "--config", good, "--json")["config"], {"ok": True, "models": 1})
        bad = self.folder.write("bad.toml", SMALL + "pinned = 1\nsteps = -1\n")
        report = self.json_of(1, "check", "--config", bad, "--json")
        self.assertFalse(report["ok"])
        lines = [(problem["line"], problem["column"]) for problem in report["config"]["problems"]]
        last = SMALL.count("\n") + 1
        self.assertEqual(lines, [(last, 10), (last + 1, 9)])
        self.assertEqual(run_stoker("check")[0], 2)

    def test_the_example_configuration_is_good(self):
        example = os.path.join(ROOT, "packaging", "stoker.toml")
        self.assertTrue(self.json_of(0, "check", "--config", example, "--json")["ok"])

    def test_check_lists_every_key(self):
        keys = {entry["key"] for entry in self.json_of(0, "check", "--list-keys", "--json")["keys"]}
        self.assertTrue({"server.listen", "device[].vram_mib", "backend[].kind", "model[].id", "residency.pins",
                         "key[].token_file"} <= keys)
        self.assertEqual(len(run_stoker("check", "--list-keys")[1].splitlines()), len(keys))

    def test_check_replays_a_journal(self):
        server = self.stopped_server_with_a_job()
        report = self.json_of(0, "check", "--data", server.data, "--json")
        self.assertTrue(report["ok"])
        self.assertGreater(report["journal"]["decisions_compared"], 0)
        self.assertEqual(report["journal"]["epochs"], 1)

    def test_check_finds_a_decision_that_was_changed(self):
        server = self.stopped_server_with_a_job()
        with sqlite3.connect(os.path.join(server.data, "stoker.db")) as database:
            database.execute("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event WHERE type BETWEEN 101 AND 200)")
        report = self.json_of(1, "check", "--data", server.data, "--json")
        self.assertFalse(report["ok"])

    def test_check_does_not_make_data(self):
        code, out, err = run_stoker("check", "--data", self.folder / "nothing")
        self.assertEqual(code, 1)
        self.assertIn("there is no data", out + err)
        self.assertFalse(os.path.exists(self.folder / "nothing"))

    def test_commands_keep_away_from_a_running_server(self):
        server = self.server().start()
        for arguments in (("check",), ("token", "list"), ("backup", "--to", self.folder / "b")):
            code, out, err = run_stoker(*arguments, "--data", server.data)
            self.assertEqual(code, 1)
            self.assertIn("another process uses this data folder", out + err)

    def test_tokens_are_made_listed_and_revoked(self):
        data = self.stopped_server_with_a_job().data
        made = self.json_of(0, "token", "create", "--role", "leader", "--workshop", "w1", "--data", data, "--json")
        self.assertEqual((made["role"], made["workshop"]), ("leader", "w1"))
        listed = self.json_of(0, "token", "list", "--data", data, "--json")["tokens"]
        self.assertIn(made["id"], [token["id"] for token in listed])
        self.assertNotIn(made["token"], json.dumps(listed))
        server = self.server().start()
        self.assertEqual(server.client(made["token"]).must(200, "GET", "/me")["workshop"], "w1")
        server.end()
        self.assertTrue(self.json_of(0, "token", "revoke", made["id"], "--data", data, "--json")["revoked"])
        server.start()
        self.assertEqual(server.client(made["token"]).api("GET", "/me").status, 401)

    def test_tokens_that_make_no_sense(self):
        data = self.folder / "data"
        for wish in (("--role", "participant"), ("--role", "king"), ("--role", "board"), ("--role", "leader", "--workshop", "x")):
            self.assertEqual(run_stoker("token", "create", *wish, "--data", data)[0], 2, wish)
        self.assertEqual(run_stoker("token", "create", "--role", "leader", "--workshop", "w7", "--data", data)[0], 1)
        self.assertEqual(run_stoker("token", "revoke", "nothing", "--data", data)[0], 1)

    def test_a_backup_leaves_texts_and_tokens_out_and_can_be_restored(self):
        server = self.stopped_server_with_a_job()
        file = self.folder / "backup.db"
        self.assertTrue(self.json_of(0, "backup", "--to", file, "--data", server.data, "--json")["ok"])
        with open(file, "rb") as backup:
            self.assertNotIn(b"heron", backup.read())
        self.assertEqual(run_stoker("backup", "--to", file, "--data", server.data)[0], 1)
        self.assertEqual(run_stoker("restore", "--from", file, "--data", server.data)[0], 1)
        again = self.folder / "again"
        self.assertEqual(run_stoker("restore", "--from", file, "--data", again)[0], 0)
        self.assertEqual(stat.S_IMODE(os.stat(again).st_mode), 0o700)
        restored = self.server(data="again").start()
        jobs = restored.leader().must(200, "GET", "/jobs?workshop=w1")["jobs"]
        self.assertEqual([job["state"] for job in jobs], ["done"])
        self.assertNotEqual(restored.ready["leader_token"], server.ready["leader_token"])

    def test_something_else_is_not_restored(self):
        file = self.folder.write("letter", "dear server" * 1000)
        self.assertEqual(run_stoker("restore", "--from", file, "--data", self.folder / "again")[0], 1)
        self.assertFalse(os.path.exists(self.folder / "again/stoker.db"))


if __name__ == "__main__":
    main()
