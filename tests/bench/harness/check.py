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
        text, behind = compare(Comparison("Rate", "case", "more", 1.5), ["raw", "a", "b", "ours"], [("x", {"raw": 900, "a": 100, "b": 200, "ours": 400})])
        self.assertIn("| x | 900 | 100 | **200** | 400 | b | 2.00 | ≥ 1.5 | yes |", text)
        self.assertEqual([], behind)

    def test_a_row_in_which_a_peer_is_ahead_is_said_in_words(self):
        text, behind = compare(Comparison("Cost", "case", "less", 1), ["a", "ours"], [("x", {"a": 100, "ours": 101})])
        self.assertIn("**no**", text)
        self.assertEqual(["Cost, x: a is ahead (100 against our 101)."], behind)

    def test_an_absolute_goal_counts_as_well(self):
        text, _ = compare(Comparison("Cost", "case", "less", 1), ["a", "ours"], [("x", {"a": 100, "ours": 60})], {"x": 50})
        self.assertIn("≤ 1 and ours ≤ 50 | **no** |", text)

    def test_a_row_can_have_a_goal_of_its_own(self):
        rows = [("x", {"a": 100, "ours": 300}), ("y", {"a": 100, "ours": 300})]
        text, _ = compare(Comparison("Rate", "case", "more", {"x": 5, "y": 3}), ["a", "ours"], rows)
        self.assertIn("| x | **100** | 300 | a | 3.00 | ≥ 5 | **no** |", text)
        self.assertIn("| y | **100** | 300 | a | 3.00 | ≥ 3 | yes |", text)

    def test_what_was_not_measured_is_a_dash(self):
        text, behind = compare(Comparison("Cost", "case", "less", 1), ["a", "ours"], [("x", {"ours": 60})])
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
