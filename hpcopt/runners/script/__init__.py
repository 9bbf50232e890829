"""What an attempt runs: templates, the wrapper around them, the attempt's folder.

Sole owner of Jinja2; knows what sbatch reads in a script, and calls no command.
"""
