"""`repro bench`: how fast the suite trains on this machine, as ratios.

Two things are compared only if they are measured in turns, by processes that wait while another works: a machine that
warms up, slows down or has other work to do then favours neither.
"""
