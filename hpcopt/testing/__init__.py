"""A fake Slurm, for tests of programs that drive one: ``hpcopt.testing.fake_slurm``.

The modules that the fake commands load need nothing but the standard library.
"""
