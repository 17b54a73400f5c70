"""Trains a grid of papers, readings, repeats and folds by one command, on this machine or on a cluster."""

import os

# Ray reads these variables when it is imported. The first hides Ray's own messages about workers and nodes that die: a
# sweep itself says which job goes on where. The second sends nobody statistics about the use of Ray.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
