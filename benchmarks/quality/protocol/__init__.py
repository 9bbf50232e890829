"""The quality benchmark: problems, methods, an asynchronous simulator, statistics.

``problems``, ``methods`` and ``simulate`` run in the environment of the package that is
measured, with torch and BoTorch beside it; ``environments`` and ``report`` run in
hpcopt's own.
"""
