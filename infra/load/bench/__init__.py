"""What the benchmarks share: a database of their own, contenders that are measured in turns, figures."""
