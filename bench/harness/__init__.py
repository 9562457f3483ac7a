"""Measures this library beside others, and writes docs/benchmarks.md. bench/README.md says how it works."""
