from hypothesis import settings

# The first call of a Keras function takes longer than the rest, which hypothesis would take for an unsteady test.
settings.register_profile("evidence", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("evidence")
