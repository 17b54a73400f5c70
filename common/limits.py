"""How much may be asked for at once. More is a slip of the keyboard, or would fill the memory before any training."""

SEED = 2**32 - 1  # the largest seed: what NumPy, scikit-learn and Keras take, and short enough for the name of a folder
TRAININGS = 1_000  # of one run: its repeats, in a cross-validation each with all folds; a record holds all of them
AT_ONCE = 64  # trainings at a time: each is a process with a backend of its own
EXPERIMENTS = 1_000  # of one sweep: the network of each is built once, in about half a second
JOBS = 100_000  # of one sweep
STEPS = 1_000  # of an epoch that is measured
ROUNDS = 1_000  # of a measurement
JSON = 200_000_000  # bytes of a file of results, which takes some five times as much memory; 1,000 trainings take 40 MB
