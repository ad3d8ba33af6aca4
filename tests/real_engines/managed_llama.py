"""What the tests of real engines share: a Stoker that manages llama.cpp servers, and what can be seen of them."""

import functools
import glob
import json
import os
import shlex
import signal
import subprocess
import sys

from engine_processes import LAUNCHER, living_engines, read_text

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "blackbox"))

from stoker_process import FINAL, ROOT, StokerTest, wait_until  # noqa: E402

PATIENCE_S = 120  # a bound for a busy machine; nothing waits for it to pass
LONG_TOKENS = 200
PROMPT = "Write two sentences about a lighthouse that is made of zzyzx paper."
PROMPT_WORD = "zzyzx"

MACHINE = """
[[device]]
id = "memory"
kind = "{kind}"
vram_mib = {memory_mib}

[[backend]]
id = "texts"
kind = "openai"
process_per = "model"
command = {command}

[residency]
reserve_mib = 0
"""

MODEL = """
[[model]]
id = "{name}"
backend = "texts"
medium = "text"
files = ["{file}"]
run_options = {options}
"""


@functools.cache
def installed():
    """The folder that scripts/setup --test has made; the one place that knows its name is scripts/shell.sh."""
    words = 'source scripts/shell.sh && cmp -s "$llama_list" "$llama_home/complete" && printf %s "$llama_home"'
    home = subprocess.run(["bash", "-c", words], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    if not home:
        raise AssertionError("the engine of these tests is not installed: scripts/setup --test")
    return home


def toml(options):
    return "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in options.items()) + " }"


def model(name, vram_mib=None, **options):
    """A model of the configuration; without a size, its file says it."""
    return {"name": name, "vram_mib": vram_mib, "options": {"max_tokens": 24, **options}}


def talkative(name):
    """One whose every answer is long: there is time to disturb it."""
    return model(name, max_tokens=LONG_TOKENS, ignore_eos=True)


class LlamaTest(StokerTest):
    """A test whose server manages llama.cpp; what it leaves behind is killed, and no log may have a prompt."""

    def setUp(self):
        super().setUp()
        self.home = installed()

    def clean_up(self):
        for server in self.servers:
            server.kill()
        for engine in self.engines():
            os.kill(engine.pid, signal.SIGKILL)
        super().clean_up()

    def tearDown(self):
        for path in [self.stoker.log_path, self.stoker.out_path, *self.engine_logs()]:
            self.assertNotIn(PROMPT_WORD, read_text(path), path)

    # --- the configuration

    def configure(self, models, kind="host", memory_mib=1_000_000, wrapper=()):
        """Writes it and returns its path. The memory is more than any machine has, unless told: what others use of it
        does not matter then."""
        python = os.path.join(self.home, "bin", "python")
        command = [*wrapper, python, LAUNCHER, "{file}", "{port}", "{model}"]
        text = MACHINE.format(kind=kind, memory_mib=memory_mib, command=json.dumps(command))
        for one in models:
            text += MODEL.format(name=one["name"], file=self.weights(one["name"]), options=toml(one["options"]))
            text += f"vram_mib = {one['vram_mib']}\n" if one["vram_mib"] else ""
        return self.folder.write("stoker.toml", text)

    def weights(self, name):
        """Every model has a file of its own name; all are the same."""
        path = self.folder / f"{name}.gguf"
        if not os.path.lexists(path):
            os.symlink(os.path.join(self.home, "model.gguf"), path)
        return path

    def play_card(self, total_mib, engine_mib):
        """The environment in which an NVIDIA card is found, on which each engine holds so much."""
        folder = self.folder / "bin"
        os.mkdir(folder)
        command = [sys.executable, os.path.join(HERE, "played_card.py"), self.folder.path, str(total_mib), str(engine_mib)]
        path = self.folder.write("bin/nvidia-smi", f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        os.chmod(path, 0o755)
        return {"PATH": folder + ":" + os.environ["PATH"], "STOKER_NVML_LIBRARY": self.folder / "no-such-library"}

    # --- the server

    def serve(self, *models, env=None, **machine):
        self.stoker = self.server("--config", self.configure(models, **machine), env=env)
        self.start()

    def start(self):
        self.stoker.start(speed="1")
        self.admin = self.stoker.admin()

    def join(self):
        workshop = self.admin.must(201, "POST", "/workshops", {"title": "Letters", "focus": []})
        self.admin.must(200, "POST", f"/workshops/{workshop['id']}/start", {})
        return self.stoker.join(workshop["join_code"])

    # --- work

    def order(self, person, name):
        return person.submit(PROMPT, model=name)["id"]

    def end_of(self, person, job, states=FINAL):
        return person.wait_for_job(job, states, PATIENCE_S)

    def text_of(self, person, view):
        """The text of a job that is done."""
        self.assertEqual(view["state"], "done", view["error"])
        [result] = view["results"]
        answer = person.request("GET", result["url"])
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, result["mime"]))
        return answer.body.decode()

    def ask(self, person, name):
        """The text that the model answers with."""
        return self.text_of(person, self.end_of(person, self.order(person, name)))

    # --- what can be seen

    def engines(self):
        return living_engines(self.folder.path)

    def the_engine(self):
        [engine] = self.engines()
        return engine

    def await_work_on(self, person, job):
        """The engine that is at work on the job; its first word while it loads does not count."""
        self.end_of(person, job, {"running", *FINAL})
        return wait_until(lambda: next((engine for engine in self.engines() if any(engine.busy_slots())), None),
                          "an engine to be at work", PATIENCE_S)

    def ledger(self, *whats):
        return [entry for entry in self.admin.must(200, "GET", "/ledger")["entries"] if entry["what"] in whats]

    def await_ledger(self, what):
        """The first entry of this kind."""
        return wait_until(lambda: self.ledger(what), what, PATIENCE_S)[0]

    def loads(self):
        return [entry["model"] for entry in self.ledger("load_finished")]

    def backend(self):
        [backend] = self.admin.must(200, "GET", "/backends")["backends"]
        return backend

    def engine_logs(self):
        return sorted(glob.glob(os.path.join(self.stoker.data, "engines", "*.log")))

    def engines_said(self):
        """What the engines have printed."""
        return "".join(read_text(path) for path in self.engine_logs())
