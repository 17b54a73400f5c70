"""Many runs as one: a grid of papers, readings, repeats and folds, expanded into jobs that any engine may train."""
