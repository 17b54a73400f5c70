"""Many trainings by one command: a grid of papers, readings, repeats and folds, on this machine or on a cluster."""

import os

# Ray reads these when it is imported. What Ray prints of its own about workers and nodes that die is not shown: a sweep
# says itself which job goes on where. And nobody is told what is run.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
