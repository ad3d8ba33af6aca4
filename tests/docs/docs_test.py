#!/usr/bin/env python3
"""The documents keep up with the program: both languages, every error code, every cause, every link."""

import os
import re
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCS = os.path.join(ROOT, "docs")


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


def without_code_blocks(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def heading_levels(text):
    return [len(match) for match in re.findall(r"^(#+) ", without_code_blocks(text), re.MULTILINE)]


def files_below(folder):
    return sorted(os.path.relpath(os.path.join(where, name), folder)
                  for where, _, names in os.walk(folder) for name in names)


def table_rows(text, columns):
    """The first cells of the table rows whose first cell is `code`, as tuples of `columns` cells."""
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `") and len(cells) >= columns:
            rows.append((cells[0].strip("`"), *cells[1:columns]))
    return rows


class Documents(unittest.TestCase):
    def test_both_languages_have_the_same_files(self):
        self.assertEqual(files_below(os.path.join(DOCS, "de")), files_below(os.path.join(DOCS, "en")))
        self.assertTrue(files_below(os.path.join(DOCS, "en")))

    def test_both_languages_have_the_same_headings_and_code(self):
        for name in files_below(os.path.join(DOCS, "en")):
            with self.subTest(name):
                german, english = read("docs", "de", name), read("docs", "en", name)
                self.assertEqual(heading_levels(german), heading_levels(english))
                self.assertEqual(re.findall(r"^```.*?^```", german, re.MULTILINE | re.DOTALL),
                                 re.findall(r"^```.*?^```", english, re.MULTILINE | re.DOTALL))

    def test_every_error_code_is_documented_with_its_status(self):
        table = re.findall(r'\{ErrorCode::\w+, "(\w+)", (\d+)\}', read("src", "base", "error.cc"))
        self.assertGreaterEqual(len(table), 25)
        self.assertEqual(table_rows(read("docs", "reference", "errors.md"), 2), table)

    def test_every_cause_is_documented(self):
        names = re.search(r"kCauses = \{(.*?)\};", read("src", "domain", "names.cc"), re.DOTALL)
        causes = re.findall(r'"(\w+)"', names.group(1))
        self.assertGreaterEqual(len(causes), 21)
        self.assertEqual([row[0] for row in table_rows(read("docs", "reference", "causes.md"), 2)], causes)

    def test_every_configuration_key_is_documented(self):
        rules = re.findall(r'KeyRule\{"(\w+)", "(\w+)"', read("src", "server", "config", "config_schema.cc"))
        self.assertGreaterEqual(len(rules), 30)
        documented = []
        for section in re.split(r"^## ", read("docs", "reference", "config.md"), flags=re.MULTILINE)[1:]:
            table = re.match(r"\[+(\w+)\]+\n", section).group(1)
            documented += [(table, row[0]) for row in table_rows(section, 3)]
        self.assertEqual(documented, rules)

    def test_every_decision_is_listed(self):
        pages = sorted(name for name in os.listdir(os.path.join(DOCS, "adr")) if re.match(r"\d{4}-", name))
        listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", read("docs", "adr", "README.md"))
        self.assertEqual(listed, pages)
        for name in pages:
            with self.subTest(name):
                text = read("docs", "adr", name)
                self.assertTrue(text.startswith(f"# {name[:4]} "))
                for part in ("Context", "Decision", "Consequences", "Rejected"):
                    self.assertIn(f"\n## {part}\n", text)

    def test_every_local_link_leads_somewhere(self):
        names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT,
                               capture_output=True, text=True, check=True).stdout.split()
        self.assertTrue(names)
        for name in names:
            if not os.path.exists(os.path.join(ROOT, name)):
                continue
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", without_code_blocks(read(name))):
                if "://" in target or target.startswith("mailto:"):
                    continue
                path = os.path.join(ROOT, os.path.dirname(name), target)
                self.assertTrue(os.path.exists(path), f"{name}: {target}")


if __name__ == "__main__":
    unittest.main()
