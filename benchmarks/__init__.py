"""What hpcopt is measured by; `scripts/bench` lists it, docs/benchmarks.md tells it."""
