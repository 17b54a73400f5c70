"""The most that may be asked for at once. More is a typing error, or would fill the memory before any training."""

SEED = 2**32 - 1  # the largest seed that NumPy, scikit-learn and Keras all take
TRAININGS = 1_000  # of one run: its repeats or, in a cross-validation, the folds of all; one record holds all of them
AT_ONCE = 64  # trainings at a time: each is a process with a backend of its own
EXPERIMENTS = 1_000  # of one sweep: the network of each is built once, in about half a second
JOBS = 100_000  # of one sweep
SIDE = 10_000  # pixels, of the images that a network is given; no square image that is read is larger
BATCH = 10_000  # images of one training step; the largest data set that a paper names has fewer
STEPS = 1_000  # of an epoch whose time is measured
ROUNDS = 1_000  # of a measurement
JSON = 200_000_000  # bytes of a JSON file; reading it takes some five times the memory; 1,000 trainings take 40 MB
