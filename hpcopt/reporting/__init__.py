"""The report: experiments as one page of HTML, which asks nothing of any network.

Knows experiments, the facts that the verbs print of them, and cards; no files but its
own in ``static``. Owner of these. Not called ``report``: that is what a trial's program
calls, ``hpcopt.report(loss=…)``.
"""
