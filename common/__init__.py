"""What the five reproductions share: data, training, evidence, command line. Names no paper."""
