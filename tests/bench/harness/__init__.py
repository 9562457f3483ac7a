"""Measures this library beside others, and writes docs/benchmarks.md. tests/bench/README.md says how it works."""
