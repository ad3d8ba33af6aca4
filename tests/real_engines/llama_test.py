#!/usr/bin/env python3
"""Stoker starts, uses and ends a real engine with a real small model: llama.cpp's server, a process for each model."""

import os
import signal

from engine_processes import is_alive
from managed_llama import PATIENCE_S, LlamaTest, model, talkative
from stoker_process import main, wait_until

# A launcher that does not become the engine: the engine is the child of a shell.
SHELL = ["sh", "-c", '"$@"; exit $?', "sh"]


class Residency(LlamaTest):
    def test_the_first_job_loads_the_model_and_the_second_finds_it(self):
        self.serve(model("small"))
        self.assertEqual(self.engines(), [])
        person = self.join()

        view = self.end_of(person, self.order(person, "small"))
        self.assertRegex(self.text_of(person, view), r"[A-Za-z]{2,}.* [A-Za-z]{2,}")
        self.assertFalse(view["simulated"] or view["results"][0]["simulated"])
        [started], [finished] = self.ledger("load_started"), self.ledger("load_finished")
        self.assertEqual((started["model"], started["cause"]["kind"]), ("small", "request"))
        self.assertGreater(started["predicted_mib"], 50)
        self.assertGreater(finished["measured_mib"], 50)
        self.assertGreater(finished["took_s"], 0)
        engine = self.the_engine()
        self.assertIn("listening on", self.engines_said())

        self.assertTrue(self.ask(person, "small"))
        self.assertEqual(self.the_engine(), engine)
        self.assertEqual(self.loads(), ["small"])
        wait_until(lambda: self.backend()["loaded"] == ["small"], "the engine to say what it holds", PATIENCE_S)
        self.assertEqual((self.backend()["trouble"], self.backend()["simulated"]), (None, False))

    def test_a_model_that_leaves_the_configuration_is_unloaded_and_its_memory_is_seen_free(self):
        self.serve(model("small"), model("other"))
        person = self.join()
        self.assertTrue(self.ask(person, "small"))
        engine = self.the_engine()
        self.configure([model("other")])
        self.stoker.signal(signal.SIGHUP)
        unload = self.await_ledger("unload_finished")
        self.assertFalse(is_alive(engine.pid))
        self.assertEqual(unload["model"], "small")
        self.assertGreater(unload["measured_mib"], 50)
        self.assertEqual(self.ledger("unload_failed"), [])

    def test_models_that_do_not_fit_together_take_turns(self):
        self.serve(model("left", 600), model("right", 600), kind="nvidia", memory_mib=1000,
                   env=self.play_card(total_mib=1000, engine_mib=600))
        person = self.join()
        processes = []
        for name in ("left", "right", "left"):
            self.assertTrue(self.ask(person, name))
            self.assertEqual(self.the_engine().model, name)
            processes.append(self.the_engine().pid)
        self.assertEqual(len(set(processes)), 3)
        moves = [(entry["what"], entry["model"], entry["measured_mib"])
                 for entry in self.ledger("load_finished", "unload_finished")]
        self.assertEqual(moves, [("load_finished", "left", 600), ("unload_finished", "left", 600),
                                 ("load_finished", "right", 600), ("unload_finished", "right", 600),
                                 ("load_finished", "left", 600)])


class Disturbed(LlamaTest):
    def test_a_cancelled_job_ends_at_the_engine_and_the_next_one_runs(self):
        self.serve(talkative("small"))
        person = self.join()
        job = self.order(person, "small")
        engine = self.await_work_on(person, job)
        person.must(200, "DELETE", f"/jobs/{job}")
        self.assertEqual(self.end_of(person, job)["state"], "cancelled")
        wait_until(lambda: engine.busy_slots() == [False], "the engine to stop", PATIENCE_S)
        self.assertIn("cancel task", self.engines_said())
        self.assertTrue(self.ask(person, "small"))
        self.assertEqual(self.the_engine(), engine)

    def test_an_engine_that_dies_at_work_is_started_again_and_takes_no_other_model_along(self):
        self.serve(talkative("first"), model("second"))
        person = self.join()
        self.assertTrue(self.ask(person, "second"))
        second = self.the_engine()
        job = self.order(person, "first")
        first = self.await_work_on(person, job)
        os.kill(first.pid, signal.SIGKILL)
        view = self.end_of(person, job)
        self.assertTrue(self.text_of(person, view))
        self.assertIn("backend_down", [cause["kind"] for cause in view["causes"]])
        self.assertTrue(self.ask(person, "second"))
        self.assertFalse(is_alive(first.pid))
        self.assertIn(second, self.engines())
        self.assertEqual(self.loads(), ["second", "first", "first"])
        self.assertEqual(self.ledger("external_load"), [])

    def test_a_damaged_weight_file_is_told_to_operators_and_the_mended_one_is_loaded(self):
        self.serve(model("small"))
        person = self.join()
        weights = self.weights("small")
        with open(weights, "rb") as file:
            beginning = file.read(8 * 1024 * 1024)
        os.remove(weights)
        with open(weights, "wb") as file:
            file.write(beginning)
        job = self.order(person, "small")
        self.assertEqual(self.await_ledger("load_failed")["model"], "small")
        self.assertRegex(self.backend()["trouble"], "not within the file bounds|failed to load")
        os.remove(weights)
        self.weights("small")
        self.assertTrue(self.text_of(person, self.end_of(person, job)))
        self.assertIsNone(self.backend()["trouble"])


class Ends(LlamaTest):
    def test_stoker_ends_its_engines_with_itself(self):
        self.serve(talkative("small"), model("other"))
        person = self.join()
        self.assertTrue(self.ask(person, "other"))
        self.await_work_on(person, self.order(person, "small"))
        self.assertEqual(len(self.engines()), 2)
        self.assertEqual(self.stoker.end(PATIENCE_S), 0)
        self.assertEqual(self.engines(), [])

    def test_a_killed_stoker_takes_its_engines_along_and_the_next_does_the_work(self):
        self.serve(talkative("small"))
        person = self.join()
        job = self.order(person, "small")
        self.await_work_on(person, job)
        self.stoker.kill()
        wait_until(lambda: not self.engines(), "the engine to be gone", PATIENCE_S)
        self.start()
        person = self.stoker.client(person.token)
        self.assertTrue(self.text_of(person, self.end_of(person, job)))
        self.assertEqual(len(self.engines()), 1)

    def test_what_a_killed_stoker_leaves_behind_is_ended_by_the_next(self):
        self.serve(model("small"), wrapper=SHELL)
        person = self.join()
        self.assertTrue(self.ask(person, "small"))
        left = self.the_engine()
        self.stoker.kill()
        self.assertTrue(is_alive(left.pid))
        self.start()
        self.assertFalse(is_alive(left.pid))
        self.assertEqual(len(self.stoker.log_lines("leftovers_ended")), 1)
        person = self.stoker.client(person.token)
        self.assertTrue(self.ask(person, "small"))
        self.assertNotEqual(self.the_engine().pid, left.pid)


if __name__ == "__main__":
    main()
