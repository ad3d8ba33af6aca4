#!/usr/bin/env python3
"""stoker simulate: scenarios in, tables, metrics and logs out."""

import json
import os
import subprocess

from stoker_process import BINARY, ROOT, StokerTest, main, run_stoker

INSTANCES = os.path.join(ROOT, "tests", "scenarios", "instances")
WORKSHOPS = os.path.join(ROOT, "tests", "scenarios", "workshops")
FIRST = os.path.join(INSTANCES, "I1.json")
FAULTS = os.path.join(WORKSHOPS, "faults.s1.json")


def simulate(*arguments):
    return run_stoker("simulate", *arguments)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Simulate(StokerTest):
    def assertWrong(self, code, words, *arguments):
        got, out, err = simulate(*arguments)
        self.assertEqual((got, out), (code, ""), err)
        self.assertIn(words, err)
        self.assertEqual(len(err.splitlines()), 1, err)

    def test_one_scenario_is_a_table_that_says_what_it_is(self):
        code, out, err = simulate(FAULTS, "--policy", "lru_fifo")
        self.assertEqual((code, err), (0, ""))
        first = out.splitlines()[0]
        self.assertIn("faults.n10.lf1.s1 played by lru_fifo", first)
        self.assertIn("simulated", first)
        self.assertRegex(out, r"\n  results +67 ")
        self.assertRegex(out, r"\n  failures +11 ")

    def test_json_is_one_object_with_the_metrics(self):
        code, out, err = simulate(FIRST, "--policy", "memo", "--json")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(len(out.splitlines()), 1)
        report = json.loads(out)
        self.assertEqual((report["scenario"], report["policy"], report["simulated"]), ("I1", "memo", True))
        self.assertEqual(report["metrics"]["results"], 6)
        self.assertEqual(report["metrics"]["makespan_s"], 90)
        self.assertEqual(report["optimum"]["makespan_s"], 50)
        self.assertGreater(report["events"], 30)
        version = json.loads(run_stoker("version", "--json")[1])["version"]
        self.assertEqual(report["version"], version)

    def test_a_log_holds_every_event_and_is_the_same_twice(self):
        logs = [self.folder / "one.jsonl", self.folder / "two.jsonl"]
        for log in logs:
            code, out, err = simulate(FIRST, "--policy", "lru_fifo", "--log", log, "--json")
            self.assertEqual((code, err), (0, ""))
        lines = [json.loads(line) for line in read(logs[0]).splitlines()]
        self.assertEqual(lines[0]["format"], "stoker-log/1")
        self.assertEqual((lines[0]["scenario"], lines[0]["policy"]), ("I1", "lru_fifo"))
        self.assertEqual(len(lines) - 1, json.loads(out)["events"])
        self.assertEqual([line["t"] for line in lines[1:]], sorted(line["t"] for line in lines[1:]))
        self.assertEqual(read(logs[0]), read(logs[1]))
        self.assertEqual(sorted(os.listdir(self.folder.path)), ["one.jsonl", "two.jsonl"])

    def test_a_folder_is_a_line_for_each_scenario(self):
        names = sorted(name for name in os.listdir(INSTANCES) if name.endswith(".json"))
        code, out, err = simulate(INSTANCES, "--policy", "memo", "--json", "--log", self.folder / "new/logs")
        self.assertEqual((code, err), (0, ""))
        reports = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([os.path.basename(report["file"]) for report in reports], names)
        self.assertEqual(sorted(os.listdir(self.folder / "new/logs")),
                         sorted(f"memo.{name[:-5]}.jsonl" for name in names))
        code, out, err = simulate(INSTANCES, "--policy", "memo")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("simulated", out.splitlines()[0])
        self.assertEqual([line.split()[0] for line in out.splitlines()[2:]], [name[:-5] for name in names])

    def test_several_files_and_one_log_folder(self):
        logs = self.folder / "logs"
        os.mkdir(logs)
        self.assertEqual(simulate(FIRST, "--policy", "memo", "--log", logs)[0], 0)
        self.assertEqual(os.listdir(logs), ["memo.I1.jsonl"])
        self.assertEqual(simulate(FIRST, FAULTS, "--policy", "lru_fifo", "--log", logs)[0], 0)
        self.assertEqual(sorted(os.listdir(logs)),
                         ["lru_fifo.I1.jsonl", "lru_fifo.faults.s1.jsonl", "memo.I1.jsonl"])
        self.assertWrong(2, "two scenarios would be logged to", FIRST, FIRST, "--policy", "memo", "--log", logs)

    def test_wrong_names_are_answered_with_the_right_ones(self):
        self.assertWrong(2, "memo ollama_5m", FIRST, "--policy", "wizard")
        self.assertEqual(simulate("--policy", "memo")[0], 2)
        self.assertWrong(2, "is not there", self.folder / "none.json", "--policy", "memo")
        self.assertWrong(2, "holds no scenario", self.folder.path, "--policy", "memo")

    def test_a_bad_scenario_says_where(self):
        bad = self.folder.write("bad.json", '{"format": "stoker-scenario/1",\n "name": }')
        self.assertWrong(2, f"{bad}: line 2 column 10", bad, "--policy", "memo")
        scenario = json.loads(read(FIRST))
        scenario["participants"][2]["ideas"][0]["steps"][0]["work_s"] = "long"
        bad = self.folder.write("bad.json", json.dumps(scenario))
        self.assertWrong(2, "participants[2].ideas[0].steps[0].work_s: must be a number of seconds",
                         bad, "--policy", "memo")
        with open(bad, "wb") as file:
            file.write(b"\xff\xfe\x00")
        self.assertWrong(2, f"{bad}: line 1 column 1", bad, "--policy", "memo")

    def test_a_log_that_cannot_be_written_is_a_failure(self):
        for log, words in ((self.folder / "none/x.jsonl", "No such file"), ("/dev/full", "No space left")):
            code, out, err = simulate(FIRST, "--policy", "memo", "--log", log)
            self.assertEqual((code, out), (1, ""), err)
            self.assertIn(words, err)

    def test_a_full_disk_leaves_the_old_log(self):
        log = self.folder.write("old.jsonl", "old\n")
        done = subprocess.run(["/bin/sh", "-c", 'ulimit -f 8; exec "$0" "$@"', BINARY, "simulate", FAULTS,
                               "--policy", "memo", "--log", log], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertIn("File too large", done.stderr)
        self.assertEqual(read(log), "old\n")
        self.assertEqual(os.listdir(self.folder.path), ["old.jsonl"])

    def test_nobody_listening_is_no_crash(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([BINARY, "simulate", FIRST, "--policy", "memo"], stdout=writer,
                              stderr=subprocess.PIPE, text=True, check=False)
        os.close(writer)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)


if __name__ == "__main__":
    main()
