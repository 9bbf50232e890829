"""Build with the metadata of setup.cfg."""

from setuptools import setup

setup()
