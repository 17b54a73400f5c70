"""What every comparison computes of the papers alone and keeps in memory: what predictors score that have learned
nothing. The server of commands imports it once for all of them (commands.py)."""

from common import paper
from common.evidence.trivial import distributions_of_cells

for name in paper.names():
    distributions_of_cells(paper.load(name))
