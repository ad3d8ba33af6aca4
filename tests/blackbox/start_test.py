#!/usr/bin/env python3
"""Starts that must not succeed, and what they say; and the start that must."""

import os
import socket
import stat

from stoker_process import BINARY, StokerTest, main, run_stoker

SMALL = """
[[device]]
id = "gpu0"
vram_mib = 24576

[[backend]]
id = "media"
kind = "rehearsal"

[[model]]
id = "paint"
backend = "media"
medium = "image"
vram_mib = 8000
load_s = 2
run_s = 1
"""


class FailedStarts(StokerTest):
    def serve(self, *arguments, listen="127.0.0.1:0", env=None):
        code, out, err = run_stoker("serve", "--data", self.folder / "data", "--listen", listen, *arguments, env=env)
        self.assertNotIn("Traceback", err)
        return code, out, [line for line in err.splitlines() if not line.startswith("{")]

    def test_a_wrong_configuration_is_told_with_line_and_column(self):
        path = self.folder.write("stoker.toml", '[server]\nlisten = "127.0.0.1:0"\nhostname = "a"\n' + SMALL +
                                 'pinned = "yes"\n')
        code, _, said = self.serve("--config", path)
        self.assertEqual(code, 1)
        self.assertEqual(len(said), 2, said)
        self.assertIn(f'{path}:3:1: unknown key "hostname" in [server]; did you mean "hostnames"?', said[0])
        self.assertRegex(said[1], r":\d+:10: pinned must be true or false, not a text$")

    def test_an_engine_of_another_kind_is_not_pretended(self):
        path = self.folder.write("stoker.toml", SMALL.replace('"rehearsal"', '"mistral"'))
        code, _, said = self.serve("--config", path)
        self.assertEqual(code, 1)
        self.assertIn('kind "mistral" is not available in this version', said[0])
        path = self.folder.write("stoker.toml", SMALL.replace('"rehearsal"', '"comfyui"'))
        code, _, said = self.serve("--config", path)
        self.assertEqual(code, 1)
        self.assertIn("a backend needs the url of a running engine, or a command", "\n".join(said))

    def test_a_folder_that_is_in_use(self):
        self.server().start()
        code, _, said = self.serve()
        self.assertEqual(code, 1)
        self.assertEqual(len(said), 1, said)
        self.assertIn("another process uses this data folder", said[0])

    def test_a_port_that_is_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            code, _, said = self.serve(listen=f"127.0.0.1:{port}")
        self.assertEqual(code, 1)
        self.assertEqual(len(said), 1, said)
        self.assertIn(str(port), said[0])

    def test_doors_that_are_not_there_are_refused(self):
        for door in ("--ollama-listen", "--comfyui-listen", "--swarmui-listen"):
            code, _, said = self.serve(door, "127.0.0.1:0")
            self.assertEqual(code, 2)
            self.assertIn("not available in this version", said[0])

    def test_wrong_use(self):
        for arguments in (("--speed", "0"), ("--speed", "1001"), ("--what",), ("--fault", "fire"), ("--log-level", "loud")):
            with self.subTest(arguments):
                self.assertEqual(self.serve(*arguments)[0], 2)
        self.assertEqual(run_stoker()[0], 2)
        self.assertEqual(run_stoker("serve", "--listen", "8420", "--data", self.folder / "d")[0], 2)

    def test_a_fault_for_a_model_that_is_not_there(self):
        code, _, said = self.serve("--fault", "load_failed:flux9")
        self.assertEqual(code, 1)
        self.assertIn('no model has the id "flux9"', said[0])

    def test_the_network_is_refused_without_an_admin_token(self):
        code, _, said = self.serve(listen="0.0.0.0:0")
        self.assertEqual(code, 1)
        self.assertIn("no admin token was set", said[0])
        self.assertIn("STOKER_ADMIN_TOKEN", said[0])
        short = self.serve(listen="0.0.0.0:0", env={"STOKER_ADMIN_TOKEN": "short"})
        self.assertEqual(short[0], 1)
        self.assertIn("16 to 256 visible characters", short[2][0])


class Starts(StokerTest):
    def test_the_network_is_allowed_with_a_token_from_the_environment(self):
        server = self.server(env={"STOKER_ADMIN_TOKEN": "a-token-for-this-test-only"}).start(listen="0.0.0.0:0")
        port = server.ready["http"].rsplit(":", 1)[1]
        server.ready["http"] = f"http://127.0.0.1:{port}"
        self.assertEqual(server.client("a-token-for-this-test-only").must(200, "GET", "/me")["role"], "admin")

    def test_the_network_is_allowed_with_a_token_made_by_hand(self):
        code, token, _ = run_stoker("token", "create", "--role", "admin", "--data", self.folder / "data")
        self.assertEqual(code, 0)
        server = self.server().start(listen="0.0.0.0:0")
        port = server.ready["http"].rsplit(":", 1)[1]
        server.ready["http"] = f"http://127.0.0.1:{port}"
        self.assertEqual(server.client(token.strip()).must(200, "GET", "/me")["role"], "admin")

    def test_the_ready_file_is_private_and_complete(self):
        server = self.server().start()
        self.assertEqual(stat.S_IMODE(os.stat(server.ready_path).st_mode), 0o600)
        self.assertEqual(set(server.ready), {"http", "ollama", "comfyui", "swarmui", "leader_token", "admin_token",
                                             "board_token", "join_code"})
        self.assertEqual([server.ready[door] for door in ("ollama", "comfyui", "swarmui")], [None] * 3)
        self.assertEqual(server.leader().must(200, "GET", "/me")["role"], "leader")
        self.assertEqual(server.admin().must(200, "GET", "/me")["role"], "admin")

    def test_the_links_are_printed_and_stay_the_same(self):
        server = self.server().start()
        with open(server.out_path, encoding="utf-8") as file:
            words = file.read()
        for link in (f"/?code={server.ready['join_code']}", f"/leader#t={server.ready['leader_token']}",
                     f"/board#t={server.ready['board_token']}", f"/admin#t={server.ready['admin_token']}"):
            self.assertIn(server.ready["http"] + link, words)
        before = server.ready
        self.assertEqual(server.end(), 0)
        server.start()
        for name in ("leader_token", "admin_token", "board_token", "join_code"):
            self.assertEqual(server.ready[name], before[name])

    def test_a_revoked_link_is_made_anew(self):
        server = self.server().start()
        old = server.ready["admin_token"]
        server.end()
        listed = run_stoker("token", "list", "--data", server.data)[1]
        admin = next(line.split()[0] for line in listed.splitlines() if " admin " in line)
        self.assertEqual(run_stoker("token", "revoke", admin, "--data", server.data)[0], 0)
        server.start()
        self.assertNotEqual(server.ready["admin_token"], old)
        self.assertEqual(server.client(old).api("GET", "/me").status, 401)

    def test_a_configuration_brings_its_own_models_and_no_demo(self):
        path = self.folder.write("stoker.toml", SMALL + '[[key]]\nrole = "leader"\nenv = "LEADER"\n')
        server = self.server("--config", path, env={"LEADER": "a-leader-token-for-this-test"}).start()
        self.assertIsNone(server.ready["join_code"])
        self.assertIsNone(server.ready["board_token"])
        leader = server.client("a-leader-token-for-this-test")
        made = leader.must(201, "POST", "/workshops", {"title": "Monday", "focus": ["paint"]})
        leader.must(202, "POST", f"/workshops/{made['id']}/warm", {})
        leader.must(200, "POST", f"/workshops/{made['id']}/start", {})
        code = leader.must(200, "GET", f"/workshops/{made['id']}")["join_code"]
        person = server.join(code)
        self.assertEqual(person.wait_for_job(person.submit(model="paint")["id"])["state"], "done")

    def test_health_and_readiness(self):
        server = self.server().start()
        nobody = server.client()
        self.assertEqual(nobody.request("GET", "/healthz").status, 200)
        answer = nobody.request("GET", "/readyz")
        self.assertEqual((answer.status, answer.json()), (200, {"ready": True, "reasons": []}))

    def test_the_program_exists(self):
        self.assertTrue(os.access(BINARY, os.X_OK), BINARY)


if __name__ == "__main__":
    main()
