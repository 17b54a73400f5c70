"""`repro bench`: ratios that say how fast the suite trains here, and against what.

Two things are only compared where they are measured in turns, by processes that wait while another works, so that a
machine that warms up, slows down or has other work to do favours neither.
"""
