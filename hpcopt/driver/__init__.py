"""The driver is the loop: collect, decide, plan, submit. It knows only protocols."""
