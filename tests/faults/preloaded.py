"""What the server of commands (commands.py) does once for all of them, after its imports."""

import gc

from common import papers
from common.evidence.trivial import distributions_of_cells

# Every comparison needs what predictors score that have learned nothing, and keeps it in memory.
for name in papers.names():
    distributions_of_cells(papers.load(name))

gc.freeze()  # or each command would look through all that is loaded whenever it collects garbage
