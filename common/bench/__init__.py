"""`repro bench` measures how fast the suite trains on this machine, as ratios.

The two sides of a ratio of training speeds are measured in turns, by processes that wait while another one works. So a
machine that warms up, slows down or has other work to do favours neither side.
"""
