"""A network that every backend trains in seconds."""

# Cheng's with two levels of four. The tests train it on 21 images, in one size of batch: XLA compiles the network for
# each size.
CHENG = {"side": 32, "filters": [2, 2], "bottleneck": 2, "epochs": 1, "batch_size": 7}
CHENG |= {"encoder_dropout": [0.1, 0.2], "decoder_dropout": [0.2, 0.1]}
