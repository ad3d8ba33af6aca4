#!/usr/bin/env python3
"""Proves that check.py finds what it is there for: each case is a small source tree with one fault, or none."""

import os
import tempfile
import unittest

import check


def findings_of(files):
    """The findings for a tree with these {path below src/: text}; every folder gets its README.md."""
    with tempfile.TemporaryDirectory() as root:
        for folder in {path.split("/", 1)[0] for path in files}:
            os.makedirs(os.path.join(root, "src", folder))
            with open(os.path.join(root, "src", folder, "README.md"), "w", encoding="utf-8") as file:
                file.write(f"# {folder}\n")
        for path, text in files.items():
            full = os.path.join(root, "src", path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        table = check.read_table(os.path.join(check.HERE, "allowed.txt"))
        return check.Checker(root, table).run()


class Layers(unittest.TestCase):
    def assert_found(self, path, text, *words):
        findings = findings_of({path: text})
        self.assertEqual(len(findings), 1, findings)
        for word in words:
            self.assertIn(word, findings[0])

    def assert_fine(self, path, text):
        self.assertEqual(findings_of({path: text}), [])

    def test_an_arrow_in_the_table_passes(self):
        self.assert_fine("scheduler/queue.cc", '#include "domain/job.h"\n#include <vector>\n')

    def test_an_arrow_that_points_up_fails(self):
        self.assert_found("scheduler/queue.cc", '\n#include "controller/loop.h"\n', "queue.cc:2", "controller/loop.h")

    def test_a_port_header_does_not_open_its_folder(self):
        self.assert_fine("controller/effects.cc", '#include "backends/backend.h"\n')
        self.assert_found("controller/effects.cc", '#include "backends/ollama/ollama.h"\n', "backends/ollama/ollama.h")

    def test_a_header_must_name_its_folder(self):
        self.assert_found("scheduler/queue.cc", '#include "queue.h"\n', "must start with a folder")

    def test_the_composition_root_may_include_every_folder(self):
        self.assert_fine("server/main.cc", '#include "backends/ollama/ollama.h"\n#include "storage/sqlite/sqlite_store.h"\n')

    def test_tests_may_include_any_folder(self):
        self.assert_fine("scheduler/queue_test.cc", '#include <gtest/gtest.h>\n#include "simulation/virtual_loop.h"\n')

    def test_only_tests_may_include_what_lies_below_tests(self):
        self.assert_fine("backends/ollama/ollama_test.cc", '#include "tests/engines/ollama_server.h"\n')
        self.assert_found("backends/ollama/ollama.cc", '#include "tests/engines/ollama_server.h"\n', "must start with")

    def test_asio_stays_in_net(self):
        self.assert_fine("net/socket.cc", "#include <boost/asio/ip/tcp.hpp>\n")
        self.assert_found("api/routes.cc", "#include <boost/asio/ip/tcp.hpp>\n", "boost/asio")

    def test_json_stays_at_the_seams(self):
        self.assert_fine("api/job_json.cc", "#include <boost/json.hpp>\n")
        self.assert_found("storage/sqlite/rows.cc", "#include <boost/json.hpp>\n", "boost/json")

    def test_pure_folders_use_the_standard_library_alone(self):
        self.assert_found("workshop/plan.cc", "#include <unistd.h>\n", "unistd.h")
        self.assert_found("domain/job.cc", "#include <fmt/format.h>\n", "fmt/format.h")

    def test_clocks_chance_and_environment_come_in_as_arguments(self):
        for call in ("std::chrono::steady_clock::now();", "Clock::now(); my_clock::now();", "std::time(nullptr);",
                     "::clock_gettime(CLOCK_MONOTONIC, &t);", "std::random_device device;", "int r = rand();",
                     'std::getenv("HOME");', "std::this_thread::sleep_for(1s);"):
            with self.subTest(call):
                self.assert_found("scheduler/queue.cc", f"void f() {{ {call} }}\n", "may not use")
        self.assert_fine("controller/clock.cc", "auto f() { return std::chrono::steady_clock::now(); }\n")

    def test_tests_may_not_read_a_clock(self):
        self.assert_found("scheduler/queue_test.cc", "auto t = std::chrono::steady_clock::now();\n", "clocks")

    def test_words_in_comments_and_strings_are_no_calls(self):
        self.assert_fine("scheduler/queue.cc", '// never std::rand()\n/* getenv */ auto s = "time(nullptr) std::mutex";\n')

    def test_a_member_called_time_is_no_clock(self):
        self.assert_fine("scheduler/queue.cc", "auto t = job.time(0) + plan->time(0) + Row::time(0) + load_time(0);\n")

    def test_threads_stay_where_they_are_listed(self):
        self.assert_fine("storage/writer.h", "#include <thread>\nstd::jthread writer_;\n")
        self.assert_found("pipeline/stage.h", "std::mutex mutex_;\n", "threads")
        self.assert_found("pipeline/stage.h", "#include <mutex>\n", "threads")
        self.assert_fine("pipeline/stage_test.cc", "#include <thread>\nstd::thread t;\n")

    def test_a_path_in_the_table_frees_that_file_alone(self):
        self.assert_fine("backends/rehearsal/virtual_gpu.h", "#include <mutex>\nstd::mutex mutex_;\n")
        self.assert_found("backends/rehearsal/engine.h", "std::mutex mutex_;\n", "threads")

    def test_peers_made_for_tests_count_as_tests(self):
        self.assert_fine("net/test_peers.h", "#include <gtest/gtest.h>\n")
        self.assert_fine("scheduler/machine_for_tests.h", "#include <gtest/gtest.h>\n")
        self.assert_found("net/peers.h", "#include <gtest/gtest.h>\n", "gtest")

    def test_random_secrets_are_made_by_the_edge_alone(self):
        self.assert_fine("api/token.cc", "void f() { randombytes_buf(p, 16); }\n")
        self.assert_found("controller/people.cc", "void f() { randombytes_buf(p, 16); }\n", "secrets")

    def test_names_that_say_nothing_fail(self):
        for name in ("utils.h", "string_helper.cc", "common/queue.h", "job_manager.h", "types.h"):
            with self.subTest(name):
                self.assert_found(f"domain/{name}", "\n", "says nothing")

    def test_left_overs_fail(self):
        self.assert_found("domain/job.h", "// " + "TO" + "DO later\n", "left over")
        self.assert_fine("storage/temp.cc", 'auto name = "resultXXXXXX";\n')

    def test_long_files_fail(self):
        self.assert_fine("domain/job.h", "\n" * 500)
        self.assert_found("domain/job.h", "\n" * 501, "501 lines")

    def test_a_folder_outside_the_table_fails(self):
        self.assert_found("gadgets/gadget.h", "\n", "not in tests/layers/allowed.txt")

    def test_a_long_or_missing_readme_fails(self):
        self.assert_found("domain/README.md", "\n" * 31, "31 lines")
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "src", "domain"))
            table = check.read_table(os.path.join(check.HERE, "allowed.txt"))
            self.assertIn("no README.md", check.Checker(root, table).run()[0])

    def test_every_arrow_of_the_table_points_to_a_folder_of_the_table(self):
        table = check.read_table(os.path.join(check.HERE, "allowed.txt"))
        for section in ("libraries",):
            self.assertLessEqual(set(table[section]), set(table["arrows"]))
        for folder, targets in table["arrows"].items():
            for target in targets:
                self.assertIn(target.split("/", 1)[0], set(table["arrows"]) | {"*"}, folder)

    def test_the_arrows_have_no_circle(self):
        table = check.read_table(os.path.join(check.HERE, "allowed.txt"))["arrows"]
        order = list(table)
        for folder, targets in table.items():
            for target in (t.split("/", 1)[0] for t in targets if t != "*"):
                self.assertLess(order.index(target), order.index(folder), f"{folder} -> {target}")


if __name__ == "__main__":
    unittest.main()
