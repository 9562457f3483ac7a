"""Checks of the harness itself, without measuring anything: `make test` runs them by tests/bench.rs."""

import unittest

from . import growth
from .tables import Comparison, compare, number


class Tables(unittest.TestCase):
    def test_numbers_are_short(self):
        texts = {None: "—", 0.0234: "0.0234", 9.876: "9.88", 12.34: "12.3", 1234: "1,234", 12345: "12k", 1234567: "1.23M", 12345678: "12M"}
        for value, text in texts.items():
            self.assertEqual(text, number(value))

    def test_a_rate_is_compared_with_the_highest_peer_and_the_ceiling_is_no_peer(self):
        rows = [("x", {"raw": 900, "a": 100, "b": 200, "ours": 400})]
        text, behind, _ = compare(Comparison("Rate", "case", "more", {"best": 1.5}), ["raw", "a", "b", "ours"], rows)
        self.assertIn("| x | 900 | 100 | **200** | 400 | b | 2.00 | ≥ 1.5 | yes |", text)
        self.assertEqual([], behind)

    def test_a_row_in_which_a_peer_is_ahead_is_said_in_words(self):
        text, behind, _ = compare(Comparison("Cost", "case", "less", {"best": 1}), ["a", "ours"], [("x", {"a": 100, "ours": 101})])
        self.assertIn("**no**", text)
        self.assertEqual(["Cost, x: a is ahead (100 against our 101)."], behind)

    def test_a_goal_that_is_not_reached_is_said_in_words(self):
        names, goal = ["raw", "a", "ours"], {"best": 5, "raw": 0.8}
        _, _, missed = compare(Comparison("Rate", "case", "more", goal), names, [("x", {"raw": 420, "a": 100, "ours": 410})])
        self.assertEqual(["Rate, x: 410, raw 420, a 100. Goal: ≥ 5 and ≥ 0.8 × raw; raw itself has 4.20."], missed)
        _, _, missed = compare(Comparison("Rate", "case", "more", goal), names, [("x", {"raw": 520, "a": 100, "ours": 510})])
        self.assertEqual([], missed)
        _, _, missed = compare(Comparison("Cost", "case", "less", {"ours": 900}), names, [("x", {"ours": 1190})])
        self.assertEqual(["Cost, x: 1,190. Goal: ours ≤ 900."], missed)

    def test_every_part_of_a_goal_counts(self):
        goal = {"best": 1, "raw": 1.2, "ours": 50}
        for ours, verdict in ((60, "**no**"), (50, "yes"), (49, "yes")):
            text, _, _ = compare(Comparison("Cost", "case", "less", goal), ["raw", "a", "ours"], [("x", {"raw": 42, "a": 100, "ours": ours})])
            self.assertIn(f"≤ 1 and ≤ 1.2 × raw and ours ≤ 50 | {verdict} |", text)
        text, _, _ = compare(Comparison("Cost", "case", "less", goal), ["raw", "a", "ours"], [("x", {"raw": 40, "a": 100, "ours": 49})])
        self.assertIn("**no**", text)

    def test_a_row_can_have_a_goal_of_its_own(self):
        rows = [("x", {"a": 100, "ours": 300}), ("y", {"a": 100, "ours": 300}), ("z", {"a": 100, "ours": 300})]
        text, _, _ = compare(Comparison("Rate", "case", "more", {"x": {"best": 5}, "y": {"best": 3}, "z": {}}), ["a", "ours"], rows)
        self.assertIn("| x | **100** | 300 | a | 3.00 | ≥ 5 | **no** |", text)
        self.assertIn("| y | **100** | 300 | a | 3.00 | ≥ 3 | yes |", text)
        self.assertIn("| z | **100** | 300 | a | 3.00 | — | — |", text)

    def test_a_goal_that_raw_does_not_reach_is_said(self):
        text, _, _ = compare(Comparison("Rate", "case", "more", {"best": 5}), ["raw", "a", "ours"], [("x", {"raw": 420, "a": 100, "ours": 410})])
        self.assertIn("| ≥ 5 | **no**; raw itself has 4.20 |", text)

    def test_a_goal_that_the_other_provider_reaches_is_said(self):
        names, goal = ["raw", "a", "ours", "ours-aws-lc"], {"raw": 1.15}
        for other, verdict in ((46, "**no**; with aws-lc-rs yes"), (47, "**no** |")):
            text, behind, _ = compare(Comparison("Cost", "case", "less", goal), names, [("x", {"raw": 40, "a": 48, "ours": 60, "ours-aws-lc": other})])
            self.assertIn(f"| x | 40 | **48** | 60 | {other} | a | 1.25 | ≤ 1.15 × raw | {verdict}", text)
            self.assertEqual(["Cost, x: a is ahead (48 against our 60)."], behind)
        text, _, _ = compare(Comparison("Cost", "case", "less", goal), names, [("x", {"raw": 40, "a": 48, "ours": 60})])
        self.assertIn("| case | raw | a | ours | best peer |", text)

    def test_a_ceiling_with_our_provider_stands_beside_the_other_one(self):
        names = ["raw", "raw-ring", "a", "ours"]
        for ring, verdict in ((53, "**no**; of raw-ring yes |"), (51, "**no** |")):
            text, _, _ = compare(Comparison("Cost", "case", "less", {"raw": 1.15}), names, [("x", {"raw": 40, "raw-ring": ring, "a": 70, "ours": 60})])
            self.assertIn(f"| x | 40 | {ring} | **70** | 60 | a | 0.86 | ≤ 1.15 × raw | {verdict}", text)
        for ring, verdict in ((52, "**no**; raw-ring itself has 1.04 |"), (49, "**no** |")):
            text, _, _ = compare(Comparison("Cost", "case", "less", {"best": 1}), names, [("x", {"raw": 40, "raw-ring": ring, "a": 50, "ours": 60})])
            self.assertIn(verdict, text)

    def test_what_was_not_measured_is_a_dash(self):
        text, behind, _ = compare(Comparison("Cost", "case", "less", {"best": 1}), ["a", "ours"], [("x", {"ours": 60})])
        self.assertIn("| x | — | 60 | — | — | ≤ 1 | — |", text)
        self.assertEqual([], behind)


class Growth(unittest.TestCase):
    def points(self, cost):
        return [{"x": x, "cpu_ns": cost(x)} for x in (1, 10, 100, 1_000, 10_000)]

    def test_constant_linear_and_quadratic_are_told_apart(self):
        for cost, expected in ((lambda x: 7, 0), (lambda x: 50 + x, 1), (lambda x: x * x, 2)):
            self.assertAlmostEqual(expected, growth.exponent(self.points(cost), "cpu_ns"), delta=0.1)

    def test_what_should_be_constant_and_is_linear_is_not_good(self):
        self.assertTrue(growth.verdict("subscriptions", self.points(lambda x: 100))[2])
        self.assertFalse(growth.verdict("subscriptions", self.points(lambda x: 100 + x))[2])
        self.assertTrue(growth.verdict("publish", self.points(lambda x: 100 + x))[2])
        self.assertFalse(growth.verdict("publish", self.points(lambda x: x * x))[2])

    def test_too_few_points_are_no_proof(self):
        self.assertFalse(growth.verdict("publish", [])[2])


if __name__ == "__main__":
    unittest.main()
