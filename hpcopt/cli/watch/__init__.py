"""The live view of an experiment from any login node, which runs nothing.

It reads the journal's end, the lease and one log; it writes nothing but the requests
that ``hpcopt stop``, ``cancel`` and ``retry`` write. Sole owner of textual.
"""
