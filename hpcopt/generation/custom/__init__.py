"""Generators of a user's own: hpcopt's protocol, and gest-api's."""
