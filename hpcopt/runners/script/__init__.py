"""What a trial's job runs: templates, the wrapper around them, the attempt's folder.

Sole owner of jinja2.
"""
