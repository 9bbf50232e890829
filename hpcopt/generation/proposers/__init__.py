"""The methods that ask models: what is modelled, maximised and proposed, and when.

Knows models, acquisitions, their maximisation and the design, and no process.
"""
